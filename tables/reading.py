"""Read a table from text (CSV, TSV), Parquet or Excel, unchanged, and report all assumptions."""

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
from tables.quoting import split_rows
from tables.report import Report, Seen
from tables.rows import Rows, ends_within_row, lines_of
from tables.writing import GUARD, unguard

TEXT_FILES = (".csv", ".tsv", ".txt", ".tab")
ENDINGS = (*TEXT_FILES, *(f"{ending}.gz" for ending in TEXT_FILES), ".parquet", ".pq", ".xlsx", ".xlsm")
# Rejected files, by their first bytes: the error code, what they are, and what to do.
REFUSED = {
    b"\xd0\xcf\x11\xe0": ("old_excel", "an old (.xls) or protected workbook. Save it as .xlsx without a password"),
    b"<": ("html", "a web page or XML. Save the table as CSV"),
    b"{": ("json", "JSON. Save the table as CSV"),
    b"[{": ("json", "JSON. Save the table as CSV"),
}


@dataclass(frozen=True)
class Table:
    """A table, and the assumptions made to read it."""

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
    """Read a table; values of a text file stay text ("NA", "007" and "1.0" included).

    The content determines the type of file, not the name. Values of a workbook become text, too; Parquet keeps types.

    Args:
        source: the content, or the path of the file.
        name: the file name of the content, if any; its ending must be a known one.
        encoding: the encoding of a text file, by any Python name or common name; None detects it.
        delimiter: the delimiter of a text file; None detects it.
        quoted: whether quotation marks enclose fields; None detects it.
        header: whether the first row names the columns; otherwise they are called "column 1" and so on.
        sheet: the sheet of a workbook; None takes the first visible one with content.
        strict: whether ambiguities are errors (as in the pipeline); otherwise they are resolved and reported.
        most_bytes: the largest allowed size of the content, decompressed; None for no limit.

    Raises:
        TableError: the file cannot be read as a table; see its `code`.
        FileNotFoundError: the file does not exist.
    """
    if isinstance(source, Path):
        name = name or source.name
        source = source.read_bytes()
    if name and not name.lower().endswith((*ENDINGS, ".xls")):
        raise TableError(
            "unknown_ending",
            f"{name}: unknown file ending. Use one of {', '.join(ENDINGS)}.",
            found=name,
            offered=ENDINGS,
        )
    content = uncompressed(source, most_bytes)
    del source  # otherwise large files would be in memory twice
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
    """Return the content of a file, decompressed if necessary.

    Raises:
        TableError: "damaged", or "too_large" if the content exceeds the limit.
    """
    if content.startswith(b"\x1f\x8b"):
        try:
            with gzip.GzipFile(fileobj=BytesIO(content)) as file:
                content = file.read(-1 if most_bytes is None else most_bytes + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise TableError("damaged", f"The compressed file is truncated or corrupt: {error}") from error
    _check_size(len(content), most_bytes)
    return content


def _check_size(size: int, most_bytes: int | None) -> None:
    if most_bytes is not None and size > most_bytes:
        raise TableError(
            "too_large", f"The file has more than {most_bytes:,} bytes, decompressed. Split it.", expected=most_bytes
        )


def _read_parquet(content: bytes, most_bytes: int | None) -> Table:
    try:
        file = parquet.ParquetFile(BytesIO(content))
        groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
        # Recurring values are stored once, but in memory each takes a pointer of at least 8 bytes.
        pointers = 8 * file.metadata.num_rows * file.metadata.num_columns
        _check_size(max(pointers, sum(group.total_byte_size for group in groups)), most_bytes)
        frame = pd.read_parquet(BytesIO(content))
    except TableError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError("damaged", f"The Parquet file is truncated or corrupt: {error}") from error
    if frame.empty:
        raise TableError("empty_table", "The table has no rows.", columns=list(map(str, frame.columns)))
    if not isinstance(frame.index, pd.RangeIndex):  # a named index is a column; an unnamed one may have duplicates
        frame = frame.reset_index(drop=frame.index.name is None or frame.index.name in frame.columns)
    frame.columns = pd.Index(list(map(str, frame.columns)))
    return Table(frame, Report(kind="parquet", rows=len(frame)))


def refuse_other_kinds(content: bytes, name: str) -> None:
    """Refuse what is text, but no table.

    Raises:
        TableError: a code of REFUSED.
    """
    start = content[:100].lstrip(b"\xef\xbb\xbf \t\r\n")
    for prefix, (code, reason) in REFUSED.items():
        if start.startswith(prefix):
            raise TableError(code, f"The file is {reason}.", found=name)


class _Text(NamedTuple):
    """The lines of a text file, the placeholder for carriage returns within fields, and the report so far."""

    lines: list[str]
    placeholder: str | None
    guarded: bool
    report: Report


def _text(content: bytes, name: str, encoding: str | None, *, strict: bool) -> _Text:
    refuse_other_kinds(content, name)
    decoded = decode(content, encoding, strict=strict)
    lines, placeholder = lines_of(decoded.text)
    if not any(line.strip() for line in lines):
        raise TableError("empty_file", "The file is empty.")
    report = Report(kind="text", encoding=decoded.encoding, encoding_source=decoded.source, damaged=decoded.damaged)
    return _Text(lines, placeholder, GUARD in decoded.text, report)


def _read_text(
    text: _Text, name: str, delimiter: str | None, quoted: bool | None, *, header: bool, strict: bool
) -> Table:
    lines = text.lines
    prefer = "\t" if ".tsv" in name.lower() or ".tab" in name.lower() else ""
    detected = layout.find(lines, delimiter, prefer=prefer)
    if detected.skipped:
        lines[0] = "\n"
    rows, is_quoted, typed = split_rows(lines, detected.dialect, detected.width, quoted=quoted, strict=strict)
    cut_off = ends_within_row(lines)
    lines.clear()  # frees as much memory as the file
    numbers = [start + 1 for start in rows.starts]
    if placeholder := text.placeholder:
        rows = rows._replace(cells=[[cell.replace(placeholder, "\r") for cell in row] for row in rows.cells])
    aligned = align(rows.cells, numbers, header=header, strict=strict, cut_off=cut_off)
    report = replace(
        text.report,
        delimiter=None if len(aligned.names) == 1 else detected.dialect.delimiter,
        delimiter_source=detected.source,
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
        unguarded = frame.map(unguard)
        count, frame = int((unguarded != frame).to_numpy().sum()), unguarded
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
