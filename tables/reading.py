"""Read a table as it is in its file: text (CSV, TSV), Parquet or Excel, and say what was assumed."""

import gzip
import zlib
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from tables import layout, workbooks
from tables.aligning import Aligned, align
from tables.encoding import decode
from tables.errors import TableError
from tables.quoting import cut
from tables.report import Report, Seen
from tables.rows import Rows, ends_within_row, lines_of
from tables.writing import GUARD, unguard

TEXT_FILES = (".csv", ".tsv", ".txt", ".tab")
ENDINGS = (*TEXT_FILES, *(f"{ending}.gz" for ending in TEXT_FILES), ".parquet", ".pq", ".xlsx", ".xlsm")
# Files that are refused, by their first bytes: what they are, and what to do.
REFUSED = {
    b"\xd0\xcf\x11\xe0": ("old_excel", "an old (.xls) or a protected workbook. Save it as .xlsx without password"),
    b"<": ("html", "a web page or XML, whatever its name. Save it as CSV"),
    b"{": ("json", "JSON. Save it as CSV"),
    b"[{": ("json", "JSON. Save it as CSV"),
}


@dataclass(frozen=True)
class Table:
    """A table, and what was assumed to read it."""

    frame: pd.DataFrame
    report: Report


def read(
    source: bytes | Path,
    name: str = "",
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    quoted: bool | None = None,
    header: bool = True,
    sheet: str | None = None,
    strict: bool = False,
    most_bytes: int | None = None,
) -> Table:
    """Read a table; every value of a text file stays the text that it is ("NA", "007" and "1.0" included).

    What the file is its content says, not its name. A workbook yields text too; Parquet keeps its types.

    Args:
        source: the content, or the path of the file.
        name: the name of the file that the content comes from; its ending must be known if it is given.
        encoding: of a text file, any name that Python or people have for it; None recognises it.
        delimiter: of a text file; None finds it.
        quoted: whether quotation marks enclose fields; None decides it.
        header: whether the first row names the columns; else they are called "column 1" and so on.
        sheet: of a workbook; None takes the first visible one that holds something.
        strict: whether what is ambiguous is an error (the pipeline); else it is read as well as possible, and reported.
        most_bytes: how large the content may be, decompressed; None for no limit.

    Raises:
        TableError: the file cannot be read as a table; see its `code`.
        FileNotFoundError: there is no such file.
    """
    if isinstance(source, Path):
        name = name or source.name
        source = source.read_bytes()
    if name and not name.lower().endswith((*ENDINGS, ".xls")):
        raise TableError(
            "unknown_ending", f"{name}: known endings are {', '.join(ENDINGS)}.", found=name, offered=ENDINGS
        )
    content = uncompressed(source, most_bytes)
    del source  # large files would be kept in memory twice
    if content.startswith(b"PAR1") or name.lower().endswith((".parquet", ".pq")):
        return _read_parquet(content, most_bytes)
    if content.startswith(b"PK\x03\x04"):
        _check_size(workbooks.size(content), most_bytes)
        rows, title, names = workbooks.read_sheet(content, sheet)
        aligned = align(rows, range(1, len(rows) + 1), header=header, strict=strict)
        return _table(aligned, Report(kind="xlsx", sheet=title, sheets=names))
    text = _text(content, name, encoding, strict=strict)
    del content
    return _read_text(text, name, delimiter, quoted, header=header, strict=strict)


def uncompressed(content: bytes, most_bytes: int | None = None) -> bytes:
    """Return the content of a file, without its compression if it has one.

    Raises:
        TableError: "damaged", or "too_large" if it holds more bytes than it may.
    """
    if content.startswith(b"\x1f\x8b"):
        try:
            with gzip.GzipFile(fileobj=BytesIO(content)) as file:
                content = file.read(-1 if most_bytes is None else most_bytes + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise TableError("damaged", f"The compressed file is cut short or damaged: {error}") from error
    _check_size(len(content), most_bytes)
    return content


def _check_size(size: int, most_bytes: int | None) -> None:
    if most_bytes is not None and size > most_bytes:
        raise TableError(
            "too_large", f"The file holds more than {most_bytes:,} bytes, decompressed. Split it.", expected=most_bytes
        )


def _read_parquet(content: bytes, most_bytes: int | None) -> Table:
    try:
        file = parquet.ParquetFile(BytesIO(content))
        groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
        # Values that recur are stored once: in memory, each takes a pointer of 8 bytes at least.
        pointers = 8 * file.metadata.num_rows * file.metadata.num_columns
        _check_size(max(pointers, sum(group.total_byte_size for group in groups)), most_bytes)
        frame = pd.read_parquet(BytesIO(content))
    except TableError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError("damaged", f"The Parquet file is cut short or damaged: {error}") from error
    if frame.empty:
        raise TableError("empty_table", "The table has no rows.", columns=list(map(str, frame.columns)))
    if not isinstance(frame.index, pd.RangeIndex):  # rows of a name are those of a column; numbers may be there twice
        frame = frame.reset_index(drop=frame.index.name is None or frame.index.name in frame.columns)
    frame.columns = pd.Index(list(map(str, frame.columns)))
    return Table(frame, Report(kind="parquet", rows=len(frame)))


class _Text(NamedTuple):
    """The lines of a text file, what stands in for carriage returns within fields, and what the report says so far."""

    lines: list[str]
    stand_in: str | None
    guarded: bool
    report: Report


def _text(content: bytes, name: str, encoding: str | None, *, strict: bool) -> _Text:
    start = content[:100].lstrip(b"\xef\xbb\xbf \t\r\n")
    for mark, (code, what) in REFUSED.items():
        if start.startswith(mark):
            raise TableError(code, f"The file is {what}.", found=name)
    decoded = decode(content, encoding, strict=strict)
    lines, stand_in = lines_of(decoded.text)
    if not any(line.strip() for line in lines):
        raise TableError("empty_file", "The file is empty.")
    report = Report(kind="text", encoding=decoded.encoding, encoding_source=decoded.source, damaged=decoded.damaged)
    return _Text(lines, stand_in, GUARD in decoded.text, report)


def _read_text(
    text: _Text, name: str, delimiter: str | None, quoted: bool | None, *, header: bool, strict: bool
) -> Table:
    lines = text.lines
    prefer = "\t" if ".tsv" in name.lower() or ".tab" in name.lower() else ""
    found = layout.find(lines, delimiter, prefer=prefer)
    if found.skipped:
        lines[0] = "\n"
    rows, is_quoted, typed = cut(lines, found.dialect, found.width, quoted=quoted, strict=strict)
    cut_off = ends_within_row(lines)
    lines.clear()  # they are as large as the file
    numbers = [start + 1 for start in rows.starts]
    if stand_in := text.stand_in:
        rows = rows._replace(cells=[[cell.replace(stand_in, "\r") for cell in row] for row in rows.cells])
    aligned = align(rows.cells, numbers, header=header, strict=strict, cut_off=cut_off)
    report = replace(
        text.report,
        delimiter=None if len(aligned.names) == 1 else found.dialect.delimiter,
        delimiter_source=found.source,
        quoted=is_quoted,
        typed_quotes=Seen(len(typed), typed[0] + 1) if typed else Seen(),
        spanning=_spanning(rows),
    )
    return _table(aligned, report, guarded=text.guarded)


def _spanning(rows: Rows) -> Seen:
    spans = [start for start, end in zip(rows.starts, rows.starts[1:], strict=False) if end - start > 1]
    return Seen(len(spans), spans[0] + 1) if spans else Seen()


def _table(aligned: Aligned, report: Report, *, guarded: bool = True) -> Table:
    frame = pd.DataFrame(aligned.rows, columns=pd.Index(aligned.names), dtype=object)
    count = 0
    if guarded:
        bare = frame.map(unguard)
        count, frame = int((bare != frame).to_numpy().sum()), bare
    return Table(
        frame,
        replace(
            report,
            rows=len(frame),
            header_row=aligned.header_row,
            skipped=aligned.skipped,
            blank=aligned.blank,
            short=aligned.short,
            long=aligned.long,
            renamed=aligned.renamed,
            guarded=count,
        ),
    )
