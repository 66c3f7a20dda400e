"""Read a sheet of an Excel workbook (.xlsx) as rows of text, and write one."""

import re
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils.escape import unescape
from openpyxl.utils.exceptions import InvalidFileException

from tables.errors import TableError
from tables.writing import guard

# Raised by openpyxl for a workbook that is truncated or corrupt, or a ZIP archive that is not a workbook.
DAMAGED = (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, SyntaxError, TypeError)

# Rows of a sheet, the header among them.
# Source: https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
MOST_ROWS = 1_048_576
# What XML cannot hold, a carriage return, which it would change, and what looks like one of these escapes.
ESCAPED = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


class Sheet(NamedTuple):
    """A sheet: its rows from the first on, all of one width, its name, and the names of all sheets."""

    rows: list[list[str]]
    name: str
    names: tuple[str, ...]


def size(content: bytes) -> int:
    """Return the size of a workbook in bytes, decompressed.

    Raises:
        TableError: "damaged".
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            return sum(member.file_size for member in archive.infolist())  # `zipfile` never reads more of a member
    except DAMAGED as error:
        raise TableError("damaged", f"The file is damaged, or not a workbook: {error}") from error


def read_sheet(content: bytes, name: str | None = None) -> Sheet:
    """Read a sheet: the named one, or the first visible one with content.

    Raises:
        TableError: "damaged", "unknown_sheet", or "empty_file" if no sheet has content.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about parts that openpyxl ignores: styles, validation, pictures
            book = load_workbook(BytesIO(content), read_only=True, data_only=True)
            names = tuple(sheet.title for sheet in book.worksheets)
            if name is not None and name not in names:
                raise TableError(
                    "unknown_sheet",
                    f"The workbook has no sheet {name!r}; its sheets are {', '.join(names)}.",
                    found=name,
                    offered=names,
                )
            for sheet in book.worksheets:
                if name in (None, sheet.title) and (name or sheet.sheet_state == "visible") and (rows := _rows(sheet)):
                    return Sheet(rows, sheet.title, names)
    except TableError:
        raise
    except DAMAGED as error:
        raise TableError("damaged", f"The file is damaged, or not a workbook: {error}") from error
    raise TableError("empty_file", "The workbook has no rows.")


def _rows(sheet: Any) -> list[list[str]]:
    sheet.reset_dimensions()  # some writers store a wrong size, which openpyxl would trust
    rows = [[_text(cell) for cell in row] for row in sheet.iter_rows()]
    width = max((len(row) for row in rows), default=0)
    filled = any(any(row) for row in rows)
    return [row + [""] * (width - len(row)) for row in rows] if filled else []


def write_sheet(file: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write rows as a workbook with one sheet, one row at a time; return their number.

    Texts are cells of text with the guard that `tables.writing` describes, so that they are no formulas either once the
    sheet is saved as CSV.

    Args:
        file: the file to create.
        columns: the names of the columns.
        rows: the values of each row; None becomes empty.

    Raises:
        TableError: "too_many_rows" for a sheet.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    try:
        sheet.append([_cell(sheet, name) for name in columns])
        count = 0
        for count, row in enumerate(rows, start=1):
            if count >= MOST_ROWS:
                raise TableError("too_many_rows", f"A sheet cannot hold more than {MOST_ROWS - 1:,} rows; write CSV.")
            sheet.append([_cell(sheet, value) for value in row])
    finally:
        sheet.close()
    book.save(file)
    return count


def _cell(sheet: Any, value: object) -> Any:
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", str(guard(value))))
    cell.data_type = "s"  # openpyxl would take "#N/A" for an error
    return cell


def _text(cell: Any) -> str:
    value = cell.value
    if isinstance(value, str):
        return str(unescape(value))
    return "" if value is None else as_text(value, cell.number_format or "")


def as_text(value: object, number_format: str = "") -> str:
    """Return a value as displayed: 1.0 as "1", a day without its midnight, 7 in the format 000 as "007"."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        value = (value + timedelta(milliseconds=0.5)).replace(microsecond=0) if value.microsecond else value
        midnight = value.time() == time() and "h" not in number_format.lower()
        return value.date().isoformat() if midnight else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, int | float):
        whole = float(value).is_integer()
        zeros = len(number_format) if re.fullmatch("0+", number_format) else 0
        return f"{int(value):0{zeros}d}" if whole else format(value, ".15g")
    return str(value)
