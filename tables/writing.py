"""Write tables as CSV that is safe to open in Excel, and that `tables.reading` restores exactly. Imports no pandas."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import TextIO

BYTE_ORDER_MARK = "\ufeff"
# An apostrophe turns a formula into text. The word joiner, which nobody types after an apostrophe, tells this one from
# apostrophes in the text, so that it can be removed again.
GUARD = "'\u2060"
# What a spreadsheet takes for a formula, also in full-width characters. A mention also begins with @, but is a formula
# only if it calls a function ("("), another program ("|") or another file ("[", "'").
FORMULA = re.compile(r"(?:'\u2060)*(?:[\t\r\n]| *(?:[=+\-\uff1d\uff0b\uff0d\uff20]|@(?:\W|\w+.*?[(|\['])))", re.DOTALL)


def guard(value: object) -> object:
    """Return a value with a guard if a spreadsheet would take it for a formula; numbers need none.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    return GUARD + value if isinstance(value, str) and FORMULA.match(value) else value


def unguard(value: str) -> str:
    """Return a value without its guard: for every text, `unguard(guard(text)) == text`."""
    return value[len(GUARD) :] if value.startswith(GUARD) and FORMULA.match(value) else value


def write(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]], *, delimiter: str = ",") -> int:
    """Write rows as CSV for Excel: with a byte order mark, all fields in quotation marks, and formulas guarded.

    Args:
        file: opened with `encoding="utf-8"` and `newline=""`.
        columns: the names of the columns.
        rows: the values of each row; None becomes empty.
        delimiter: the delimiter; French versions of Excel expect a semicolon.

    Returns the number of rows.
    """
    file.write(BYTE_ORDER_MARK)
    write_rows(file, [columns], delimiter=delimiter)
    return write_rows(file, rows, delimiter=delimiter)


def write_rows(file: TextIO, rows: Iterable[Sequence[object]], *, delimiter: str = ",") -> int:
    """Write rows as `write` does, without byte order mark and header; return their number."""
    table = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007
        table.writerow(map(guard, row))
    return count


def to_bytes(columns: Sequence[str], rows: Iterable[Sequence[object]], *, delimiter: str = ",") -> bytes:
    """Return rows as the content of a CSV file for Excel; see `write`."""
    file = io.StringIO(newline="")
    write(file, columns, rows, delimiter=delimiter)
    return file.getvalue().encode()
