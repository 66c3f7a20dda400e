"""Decide whether quotation marks enclose the fields of a file, or are part of the text.

CSV writers enclose fields that contain a delimiter, a quotation mark or a line break, and double the marks inside (RFC
4180); many TSV writers enclose nothing. If such a file is read as CSV, a mark in a text merges row after row into one
field, until another mark far below closes it. Both readings may be valid: only the file as a whole decides.
"""

import re
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from tables.errors import TableError
from tables.fitting import column_matchers, share_matching
from tables.rows import Dialect, Rows, ends_within_row, fills, plain_fields, plain_rows, quoted_rows

MAX_SEARCHED = 20_000  # rows with marks that are searched for evidence
MAX_LINES = 5  # lines of a field, in a table of one column, that need no further evidence
LIKELY, UNLIKELY = 0.7, 0.3  # shares of values that match their columns


class SplitRows(NamedTuple):
    """The rows of a file.

    Attributes:
        rows: the rows.
        quoted: whether quotation marks enclose fields.
        typed: the lines, from 0, with a mark that seemed to open a field and was read as part of the text.
    """

    rows: Rows
    quoted: bool
    typed: tuple[int, ...]


def split_rows(
    lines: list[str], dialect: Dialect, width: int, *, quoted: bool | None, strict: bool, above: int = 0
) -> SplitRows:
    """Split lines into rows, and decide whether quotation marks enclose fields.

    They do, unless the file shows otherwise: hardly any field needs its marks, and some marks are inside fields, are
    never closed, or enclose several lines that each look like a row.

    Args:
        lines: the lines, with their line ends.
        dialect: the delimiter.
        width: the number of fields per row.
        quoted: whether marks enclose fields; None detects it.
        strict: whether an undecidable case is an error.
        above: the number of lines of the file above these, for messages.

    Raises:
        TableError: "ambiguous_quotes" or "broken_quotes" (strict), with `row` and `column`.
    """
    if quoted is False or not any('"' in line for line in lines):
        return SplitRows(plain_rows(lines, dialect), False, ())
    lines, rows = _quoted(lines, dialect)
    spans = [index for index, (start, end) in enumerate(pairwise(rows.starts)) if end - start > 1]
    merged = [index for index in spans if all(fills(row, width) for row in _plain(lines, rows, index, dialect))]
    fits = _fits(lines, rows, dialect, width, [*merged, *rows.faults])
    if quoted is None and _is_plain(lines, rows, dialect, fits, len(spans) - len(merged)):
        undecided = [index for index in fits if (share := fits[index]) is None or share < LIKELY]
        if strict and undecided:
            raise _ambiguous(rows, undecided[0], dialect, lines, above)
        if width > 1 or not undecided or max(rows.starts[i + 1] - rows.starts[i] for i in undecided) > MAX_LINES:
            return SplitRows(plain_rows(lines, dialect), False, tuple(rows.starts[index] for index in fits))
    if strict and rows.faults:
        raise _broken(rows, rows.faults[0], dialect, lines, above)
    separate = [] if quoted else [index for index in merged if (fits[index] or 0) >= LIKELY]
    if strict and separate:
        raise _ambiguous(rows, separate[0], dialect, lines, above)
    typed = tuple(rows.starts[index] for index in sorted([*separate, *rows.faults]))
    return SplitRows(_separated(lines, rows, dialect, set(separate)), True, typed)


def _quoted(lines: list[str], dialect: Dialect) -> tuple[list[str], Rows]:
    r"""Return lines and their rows; marks inside fields may be written \" if that results in fewer faults."""
    rows = quoted_rows(lines, dialect)
    if rows.faults and any('\\"' in line for line in lines):
        doubled = [line.replace('\\"', '""') for line in lines]
        if len((other := quoted_rows(doubled, dialect)).faults) < len(rows.faults):
            return doubled, other
    return lines, rows


def _plain(lines: Sequence[str], rows: Rows, index: int, dialect: Dialect) -> list[list[str]]:
    return [plain_fields(line, dialect) for line in lines[rows.span(index)]]


def _fits(
    lines: Sequence[str], rows: Rows, dialect: Dialect, width: int, doubtful: Sequence[int]
) -> dict[int, float | None]:
    """Return how much the lines of doubtful rows look like separate rows, 0 to 1; None if there is no evidence."""
    fits: dict[int, float | None] = {}
    columns = column_matchers(rows.cells, width) if doubtful else []
    for index in sorted(doubtful):
        block = _plain(lines, rows, index, dialect)
        share = share_matching(block, columns, _opened(block[0])) if all(fills(row, width) for row in block) else 0.0
        if dialect.delimiter == "\t" and width > 1 and (share is None or share > UNLIKELY):
            share = 1.0  # nobody types a tab in a tweet
        fits[index] = share
    return fits


def _opened(cells: Sequence[str]) -> int:
    """Return the last field of a line that opens with a mark and is not closed; 0 if there is none."""
    return max((column for column, cell in enumerate(cells) if _is_open(cell)), default=0)


def _is_open(cell: str) -> bool:
    return cell.startswith('"') and (len(cell) == 1 or not cell.endswith('"'))


def _is_plain(lines: Sequence[str], rows: Rows, dialect: Dialect, fits: dict[int, float | None], needed: int) -> bool:
    """Return whether there is (almost) no evidence that marks enclose fields, and some that they do not.

    Evidence for it: fields that need their marks, of which `needed` are known. Evidence against it: doubtful rows,
    unless there is no other way to read them, and marks inside fields that are not enclosed. A header of two or more
    fields that are all enclosed is proof.
    """
    if any(share is not None and share <= UNLIKELY for share in fits.values()):
        return False
    delimiter, space = re.escape(dialect.delimiter), " *" if dialect.spaced else ""
    enclosed = re.compile(rf'(?:^|{delimiter}){space}"((?:[^"]|"")*)"(?=\r?\n?$|{delimiter})')
    if len(enclosed.findall(lines[0])) > 1 and not enclosed.sub("", lines[0]).strip():
        return False
    against = len(fits)
    starts = (
        start for index, (start, end) in enumerate(pairwise(rows.starts)) if end - start == 1 and index not in fits
    )
    for line in islice((line for start in starts if '"' in (line := lines[start])), MAX_SEARCHED):
        needed += any(dialect.delimiter in field or '""' in field for field in enclosed.findall(line))
        against += '"' in enclosed.sub("", line)
    return 10 * needed < against


def _separated(lines: Sequence[str], rows: Rows, dialect: Dialect, separate: set[int]) -> Rows:
    """Return rows, with some of them replaced by their separate lines."""
    if not separate:
        return rows
    result = Rows([], [], [])
    for index, cells in enumerate(rows.cells):
        block = _plain(lines, rows, index, dialect) if index in separate else [cells]
        result.cells.extend(block)
        result.starts.extend(range(rows.starts[index], rows.starts[index] + len(block)))
    result.starts.append(len(lines))
    return result


def _ambiguous(rows: Rows, index: int, dialect: Dialect, lines: Sequence[str], above: int) -> TableError:
    row, column = above + rows.starts[index] + 1, _opened(plain_fields(lines[rows.starts[index]], dialect)) + 1
    last = above + rows.starts[index + 1]
    return TableError(
        "ambiguous_quotes",
        f"Line {row}, field {column}: a quotation mark may enclose the text up to line {last}, or may be part of it. "
        "Remove it, double the marks inside quoted fields, or specify whether fields are quoted.",
        row=row,
        column=column,
        last=last,
    )


def _broken(rows: Rows, index: int, dialect: Dialect, lines: Sequence[str], above: int) -> TableError:
    cells = plain_fields(lines[rows.starts[index]], dialect)
    cut_short = rows.starts[index] == len(lines) - 1 and ends_within_row(lines)
    hint = "the file may be truncated. If not, remove the mark" if cut_short else "remove it"
    row = above + rows.starts[index] + 1
    column = next((number for number, cell in enumerate(cells, start=1) if _is_open(cell)), 1)
    return TableError(
        "broken_quotes",
        f"Line {row}, field {column}: a quotation mark opens a field and is not closed before the next delimiter: "
        f"{hint}, double the marks inside quoted fields, or specify that fields are not quoted.",
        row=row,
        column=column,
    )
