"""Read tables of any size in chunks of rows: CSV, TSV, NDJSON or Parquet. Memory does not grow with the file."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pyarrow import parquet

from tables import streamed_records, streamed_text
from tables.errors import TableError
from tables.streamed_text import TextLayout
from tables.texts import choose

Kind = Literal["text", "records", "parquet"]

COMPRESSIBLE: dict[str, Kind] = {
    ".csv": "text",
    ".tsv": "text",
    ".jsonl": "records",
    ".ndjson": "records",
}
ENDINGS: dict[str, Kind] = {
    **COMPRESSIBLE,
    **{f"{ending}.gz": kind for ending, kind in COMPRESSIBLE.items()},
    ".parquet": "parquet",
    ".pq": "parquet",
}
BUFFER = 1 << 20  # bytes of a Parquet column that are read at a time


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """A table that can be read, and the assumptions made to read it.

    Attributes:
        path: the file.
        digest: its sha256.
        stamp: its `stamp` before it was read.
        kind: its format.
        rows: the number of its rows.
        schema: its columns.
        text: the layout of a text file.
        assumptions: one line of English.
        doubtful: whether the table may differ from what its author wrote.
    """

    path: Path
    digest: str
    stamp: tuple[int, ...]
    kind: Kind
    rows: int
    schema: pa.Schema
    text: TextLayout | None
    assumptions: str
    doubtful: bool


def kind_of(path: Path) -> Kind:
    """Return the format of a file by its name.

    Raises:
        TableError: "unknown_ending".
    """
    for ending, kind in ENDINGS.items():
        if path.name.lower().endswith(ending):
            return kind
    raise TableError(
        "unknown_ending",
        f"{path.name}: unknown file ending. Use one of {', '.join(ENDINGS)}.",
        found=path.name,
        offered=tuple(ENDINGS),
    )


def stamp(path: Path) -> tuple[int, ...]:
    """Return what changes whenever a file is replaced or written."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def inspect(
    path: Path, *, encoding: str | None = None, delimiter: str | None = None, quoted: bool | None = None
) -> Inspected:
    """Check a table: all rows of a text file, all lines of NDJSON, the columns of Parquet.

    Args:
        path: the file.
        encoding: see `tables.reading.read`, as for the following; for CSV and TSV only.
        delimiter: the delimiter.
        quoted: whether quotation marks enclose fields.

    Raises:
        TableError: the file cannot be read as a table; see its `code`.
        OSError: the file cannot be read.
    """
    kind, before = kind_of(path), stamp(path)
    text, doubtful = None, False
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if kind == "text":
        text, report = streamed_text.inspect(path, encoding=encoding, delimiter=delimiter, quoted=quoted)
        schema, rows = pa.schema([(name, pa.string()) for name in text.names]), report.rows
        assumptions, doubtful = str(report), report.doubtful
    elif kind == "records":
        schema, rows = streamed_records.inspect(path)
        assumptions = f"rows: {rows:,}; NDJSON"
    else:
        schema, rows = _inspect_parquet(path)
        assumptions = f"rows: {rows:,}; Parquet"
    return Inspected(
        path=path,
        digest=digest,
        stamp=before,
        kind=kind,
        rows=rows,
        schema=schema,
        text=text,
        assumptions=assumptions,
        doubtful=doubtful,
    )


def _inspect_parquet(path: Path) -> tuple[pa.Schema, int]:
    try:
        with parquet.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, ValueError) as error:
        raise _damaged(error) from error
    repeated = [name for name in schema.names if schema.names.count(name) > 1]
    if repeated:
        raise TableError("duplicate_column", f"Several columns are called {repeated[0]!r}. Rename them.")
    if not rows:
        raise TableError("empty_table", "The table has no rows.", columns=schema.names)
    return schema, rows


def _damaged(error: Exception) -> TableError:
    return TableError("damaged", f"The Parquet file is truncated or corrupt: {error}")


def text_column(schema: pa.Schema, column: str | None) -> str:
    """Return the column of the texts; None takes the only one, or one with a likely name.

    Raises:
        TableError: "unknown_column", or "not_texts" if it contains something other than text.
    """
    chosen = choose(schema.names, column)
    field = schema.field(chosen)
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if field.metadata == streamed_records.AS_JSON or not (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    ):
        raise TableError("not_texts", f"Column {chosen!r} contains something other than text.", column=chosen)
    return chosen


def chunks(table: Inspected, size: int) -> Iterator[pa.Table]:
    """Yield the rows of a table in their order, in chunks of this size; the last one may be smaller.

    Raises:
        TableError: the file is damaged, or has changed.
    """
    waiting: list[pa.Table] = []
    count = 0
    for piece in _pieces(table, size):
        waiting.append(piece)
        count += len(piece)
        if count >= size:
            joined, start = pa.concat_tables(waiting), 0
            while count - start >= size:
                yield joined.slice(start, size)
                start += size
            waiting, count = [joined.slice(start)], count - start
    if count:
        yield pa.concat_tables(waiting)


def _pieces(table: Inspected, size: int) -> Iterator[pa.Table]:
    if table.text is not None:
        yield from streamed_text.read(table.path, table.text)
    elif table.kind == "records":
        yield from streamed_records.read(table.path, table.schema)
    else:
        try:
            with parquet.ParquetFile(table.path, buffer_size=BUFFER, pre_buffer=False) as file:
                for batch in file.iter_batches(batch_size=size):
                    yield pa.Table.from_batches([batch])
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _damaged(error) from error
