"""Decide whether quotation marks enclose the fields of a file, or were typed by people.

A writer of CSV encloses what holds a delimiter, a quotation mark or a line end, and doubles the marks within (RFC
4180); many writers of TSV enclose nothing. A mark that was typed then takes row after row into one field, until a mark
far below closes it. Each of the two readings may be without fault: only the file as a whole tells.
"""

import re
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from tables.errors import TableError
from tables.fitting import fit, looks
from tables.rows import Dialect, Rows, ends_within_row, fills, plain_fields, plain_rows, quoted_rows

SEARCHED = 20_000  # rows with marks that are searched for evidence
LONGEST = 5  # lines of a field of a table of one column that need no further evidence
LIKELY, UNLIKELY = 0.7, 0.3  # shares of values that look like those of their columns


class Cut(NamedTuple):
    """How the lines of a file were cut into rows.

    Attributes:
        rows: the rows.
        quoted: whether quotation marks enclose fields.
        typed: the lines, from 0, on which a mark that seemed to open a field was read as one that a person typed.
    """

    rows: Rows
    quoted: bool
    typed: tuple[int, ...]


def cut(lines: list[str], dialect: Dialect, width: int, *, quoted: bool | None, strict: bool) -> Cut:
    """Cut lines into rows, and decide whether quotation marks enclose fields.

    They do, unless the file speaks against it: hardly a field needs its marks, and some stand within fields, are never
    closed, or enclose lines each of which is a row like the others.

    Args:
        lines: with their ends.
        dialect: what separates fields.
        width: how many fields a row has.
        quoted: whether marks enclose fields; None decides it.
        strict: whether what cannot be decided is an error.

    Raises:
        TableError: "ambiguous_quotes" or "broken_quotes" (strict), with `row` and `column`.
    """
    if quoted is False or not any('"' in line for line in lines):
        return Cut(plain_rows(lines, dialect), False, ())
    lines, rows = _quoted(lines, dialect)
    spans = [index for index, (start, end) in enumerate(pairwise(rows.starts)) if end - start > 1]
    swallowed = [index for index in spans if all(fills(row, width) for row in _plain(lines, rows, index, dialect))]
    fits = _fits(lines, rows, dialect, width, [*swallowed, *rows.faults])
    if quoted is None and _is_plain(lines, rows, dialect, fits, len(spans) - len(swallowed)):
        undecided = [index for index in fits if (share := fits[index]) is None or share < LIKELY]
        if strict and undecided:
            raise _ambiguous(rows, undecided[0], dialect, lines)
        if width > 1 or not undecided or max(rows.starts[i + 1] - rows.starts[i] for i in undecided) > LONGEST:
            return Cut(plain_rows(lines, dialect), False, tuple(rows.starts[index] for index in fits))
    if strict and rows.faults:
        raise _broken(rows, rows.faults[0], dialect, lines)
    apart = [] if quoted else [index for index in swallowed if (fits[index] or 0) >= LIKELY]
    if strict and apart:
        raise _ambiguous(rows, apart[0], dialect, lines)
    typed = tuple(rows.starts[index] for index in sorted([*apart, *rows.faults]))
    return Cut(_taken_apart(lines, rows, dialect, set(apart)), True, typed)


def _quoted(lines: list[str], dialect: Dialect) -> tuple[list[str], Rows]:
    r"""Return lines and their rows; marks within fields may be written \" where that makes fewer faults."""
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
    """Return how much the lines of doubtful rows look like rows of their own, 0 to 1; None if nothing tells."""
    fits: dict[int, float | None] = {}
    columns = looks(rows.cells, width) if doubtful else []
    for index in sorted(doubtful):
        block = _plain(lines, rows, index, dialect)
        share = fit(block, columns, _opened(block[0])) if all(fills(row, width) for row in block) else 0.0
        if dialect.delimiter == "\t" and width > 1 and (share is None or share > UNLIKELY):
            share = 1.0  # nobody types a tab within a tweet
        fits[index] = share
    return fits


def _opened(cells: Sequence[str]) -> int:
    """Return which field of a line opens with a mark that the line does not close: the last one, if any."""
    return max((column for column, cell in enumerate(cells) if _is_open(cell)), default=0)


def _is_open(cell: str) -> bool:
    return cell.startswith('"') and (len(cell) == 1 or not cell.endswith('"'))


def _is_plain(lines: Sequence[str], rows: Rows, dialect: Dialect, fits: dict[int, float | None], needed: int) -> bool:
    """Tell whether there is (nearly) no sign that marks enclose fields, and some that they do not.

    Signs for it are fields that need their marks, of which `needed` are known. Signs against it are doubtful rows,
    unless they cannot be read in another way, and marks within fields that have none around them.
    """
    if any(share is not None and share <= UNLIKELY for share in fits.values()):
        return False
    delimiter, space = re.escape(dialect.delimiter), " *" if dialect.spaced else ""
    enclosed = re.compile(rf'(?:^|{delimiter}){space}"((?:[^"]|"")*)"(?=\r?\n?$|{delimiter})')
    against = len(fits)
    starts = (
        start for index, (start, end) in enumerate(pairwise(rows.starts)) if end - start == 1 and index not in fits
    )
    for line in islice((line for start in starts if '"' in (line := lines[start])), SEARCHED):
        needed += any(dialect.delimiter in field or '""' in field for field in enclosed.findall(line))
        against += '"' in enclosed.sub("", line)
    return 10 * needed < against


def _taken_apart(lines: Sequence[str], rows: Rows, dialect: Dialect, apart: set[int]) -> Rows:
    """Return rows, some of them replaced by their lines."""
    if not apart:
        return rows
    result = Rows([], [], [])
    for index, cells in enumerate(rows.cells):
        block = _plain(lines, rows, index, dialect) if index in apart else [cells]
        result.cells.extend(block)
        result.starts.extend(range(rows.starts[index], rows.starts[index] + len(block)))
    result.starts.append(len(lines))
    return result


def _ambiguous(rows: Rows, index: int, dialect: Dialect, lines: Sequence[str]) -> TableError:
    row, column = rows.starts[index] + 1, _opened(plain_fields(lines[rows.starts[index]], dialect)) + 1
    last = rows.starts[index + 1]
    return TableError(
        "ambiguous_quotes",
        f"Line {row}, field {column}: a quotation mark may enclose what follows up to line {last}, or may be one that "
        "a person typed. Remove it, double the marks within quoted fields, or state whether fields are quoted.",
        row=row,
        column=column,
        last=last,
    )


def _broken(rows: Rows, index: int, dialect: Dialect, lines: Sequence[str]) -> TableError:
    cells = plain_fields(lines[rows.starts[index]], dialect)
    cut_short = rows.starts[index] == len(lines) - 1 and ends_within_row(lines)
    hint = "the file may be cut short. If not, remove the mark" if cut_short else "remove it"
    row, column = rows.starts[index] + 1, next((at for at, cell in enumerate(cells, start=1) if _is_open(cell)), 1)
    return TableError(
        "broken_quotes",
        f"Line {row}, field {column}: a quotation mark opens a field and is not closed before the next delimiter: "
        f"{hint}, double the marks within quoted fields, or state that fields are not quoted.",
        row=row,
        column=column,
    )
