"""Write a table as parts, one file per chunk of rows, and join them: as CSV, TSV, NDJSON or Parquet.

The joined file depends on the rows and the size of the chunks only, not on who wrote which part when.
"""

import datetime
import gzip
import io
import json
import math
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import parquet

from tables.streamed import Kind, kind_of
from tables.streamed_records import AS_JSON
from tables.writing import write, write_rows

# Rows and bytes of a row group of Parquet; the first limit that is reached ends the group.
GROUP_ROWS, GROUP_BYTES = 1 << 16, 64 << 20


@dataclass(frozen=True, kw_only=True)
class Form:
    """The format of an output.

    Attributes:
        kind: the format.
        compressed: whether it is compressed with gzip.
        delimiter: the delimiter of a text file.
    """

    kind: Kind
    compressed: bool
    delimiter: str


def form_of(path: Path, delimiter: str) -> Form:
    """Return the format of an output by its name.

    Args:
        path: the output.
        delimiter: the delimiter of a CSV file; that of a TSV file is a tab.

    Raises:
        TableError: "unknown_ending".
    """
    name = path.name.lower()
    tabs = name.endswith((".tsv", ".tsv.gz"))
    return Form(kind=kind_of(path), compressed=name.endswith(".gz"), delimiter="\t" if tabs else delimiter)


def write_part(table: pa.Table, path: Path, form: Form) -> None:
    """Write some rows, without the header of a text file."""
    if form.kind == "parquet":
        parquet.write_table(table, path, compression="zstd")
        return
    rows = zip(*map(_values, table.columns, table.schema), strict=True)
    if form.kind == "text":
        text = io.StringIO(newline="")
        write_rows(text, ([_cell(value) for value in row] for row in rows), delimiter=form.delimiter)
        content = text.getvalue()
    else:
        names = table.schema.names
        content = "".join(
            f"{json.dumps(dict(zip(names, map(_json, row), strict=True)), ensure_ascii=False, default=str)}\n"
            for row in rows
        )
    path.write_bytes(_compressed(content.encode(), form))


def join(parts: Iterable[Path], schema: pa.Schema, path: Path, form: Form) -> None:
    """Join parts in their order.

    Args:
        parts: the files written by `write_part`.
        schema: the columns.
        path: the joined file.
        form: its format, and that of the parts.
    """
    with path.open("wb") as file:
        if form.kind == "parquet":
            _join_parquet(parts, schema, file)
            return
        if form.kind == "text":
            header = io.StringIO(newline="")
            write(header, schema.names, [], delimiter=form.delimiter)
            file.write(_compressed(header.getvalue().encode(), form))
        for part in parts:
            with part.open("rb") as content:
                shutil.copyfileobj(content, file)


def _join_parquet(parts: Iterable[Path], schema: pa.Schema, file: BinaryIO) -> None:
    waiting: list[pa.Table] = []
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:

        def write_group() -> None:
            writer.write_table(pa.concat_tables(waiting).unify_dictionaries(), row_group_size=GROUP_ROWS)
            waiting.clear()

        for part in parts:
            waiting.append(parquet.read_table(part, memory_map=False, partitioning=None).cast(schema))
            if sum(map(len, waiting)) >= GROUP_ROWS or sum(table.nbytes for table in waiting) >= GROUP_BYTES:
                write_group()
        if waiting:
            write_group()


def _compressed(content: bytes, form: Form) -> bytes:
    """Compress content if its format asks for it: a file of several gzip members is one file.

    Source: RFC 1952, 2.2.
    """
    return gzip.compress(content, mtime=0) if form.compressed else content


def _values(column: pa.ChunkedArray, field: pa.Field) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if field.metadata != AS_JSON:
        return values
    return [None if value is None else _Text(value) for value in values]


class _Text(str):
    """A text of JSON."""


def _cell(value: Any) -> Any:
    """Return a value for CSV: missing ones are empty, times as in ISO 8601, nested ones JSON."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return None if isinstance(value, float) and math.isnan(value) else value


def _json(value: Any) -> Any:
    """Return a value for JSON: numbers that JSON does not have are null, times as in ISO 8601."""
    if isinstance(value, _Text):
        return json.loads(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else value
