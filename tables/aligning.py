"""Match rows to their header: find it, name the columns, and handle rows that do not fit it."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tables.errors import TableError
from tables.layout import SAMPLE, find_header
from tables.report import Seen
from tables.rows import fills
from tables.writing import unguard

INVISIBLE = "\ufeff\u200b\u2060"


class Aligned(NamedTuple):
    """Rows with their header; `tables.report.Report` explains the other attributes."""

    names: list[str]
    rows: list[list[str]]
    header_row: int | None
    skipped: int
    blank: int
    short: Seen
    long: Seen
    renamed: tuple[str, ...]


def align(
    rows: Sequence[list[str]], numbers: Sequence[int], *, header: bool, strict: bool, cut_off: bool = False
) -> Aligned:
    """Match rows to their header. Ignores empty fields beyond it, and drops blank rows.

    Args:
        rows: the fields of each row, as in the file; a blank line has none.
        numbers: the number of each row in the file.
        header: whether there is a header; otherwise columns are called "column 1" and so on.
        strict: whether an uncertain header, duplicate names and rows that do not fit are errors.
        cut_off: whether the file ends in the middle of its last row, which may then be short.

    Raises:
        TableError: "empty_file", "empty_table", "long_row" (no row fits, or strict) and, if strict, "preamble",
            "duplicate_column" or "short_row".
    """
    if not any(any(row) for row in rows):
        raise TableError("empty_file", "The file is empty.")
    top, skipped = _header(rows, numbers, strict) if header else (-1, 0)
    below = rows[top + 1 :]
    width = Counter(map(len, filter(None, rows))).most_common(1)[0][0]
    names = [_clean(name) for name in rows[top]] if header else [""] * width
    names, renamed = _unique(names[: _width(names, below)], strict, numbers[top])
    aligned = fit_rows(names, below, numbers[top + 1 :], header=header, strict=strict, cut_off=cut_off)
    if not aligned.rows:
        raise TableError("empty_table", "The table has a header, but no rows.", columns=names)
    if not header:
        return aligned._replace(header_row=None)
    return aligned._replace(header_row=numbers[top], skipped=skipped, renamed=renamed)


def _header(rows: Sequence[list[str]], numbers: Sequence[int], strict: bool) -> tuple[int, int]:
    """Return the index of the header row, and the number of rows above it that are not blank."""
    top, certain = find_header(rows[:SAMPLE])
    if strict and not certain:
        first = next(number for row, number in zip(rows, numbers, strict=False) if any(row))
        raise TableError(
            "preamble",
            f"Line {first} does not look like a header, but line {numbers[top]} does. Remove the lines above the "
            "header.",
            row=first,
            found=numbers[top],
        )
    return top, sum(any(row) for row in rows[:top])


def _clean(name: str) -> str:
    return unguard(name).strip().strip(INVISIBLE).strip()


def _width(names: Sequence[str], rows: Sequence[list[str]]) -> int:
    """Return the number of columns: unnamed ones at the end count only if they contain something."""
    width = len(names)
    while width > 1 and not names[width - 1] and not any(len(row) >= width and row[width - 1] for row in rows):
        width -= 1
    return width


def _unique(names: Sequence[str], strict: bool, row: int) -> tuple[list[str], tuple[str, ...]]:
    """Return unique names, and those of them that are not in the file: "column 3", or "text (2)"."""
    taken, result = set(names), []
    for column, name in enumerate(names, start=1):
        if strict and name and name in result:
            raise TableError(
                "duplicate_column",
                f"Line {row}: several columns are called {name!r}. Rename them so that each name is unique.",
                row=row,
                column=column,
                found=name,
            )
        unique, number = name or f"column {column}", 2
        while unique in result or (unique != name and unique in taken):
            unique, number = f"{name or f'column {column}'} ({number})", number + 1
        result.append(unique)
    return result, tuple(new for new, name in zip(result, names, strict=True) if new != name)


def fit_rows(
    names: list[str],
    rows: Sequence[list[str]],
    numbers: Sequence[int],
    *,
    header: bool,
    strict: bool,
    cut_off: bool = False,
) -> Aligned:
    """Match rows to known names: keep those that fit, fill up short rows, and drop long and blank ones.

    The arguments are those of `align`; `numbers` has at least as many items as `rows`.

    Raises:
        TableError: "long_row" (no row fits, or strict) and, if strict, "short_row".
    """
    kept, short, long, width = [], [], [], len(names)
    blank, last = 0, rows[-1] if cut_off and rows else None
    for row, number in zip(rows, numbers, strict=False):
        if not "".join(row).strip():
            blank += 1
        elif len(row) == width:
            kept.append(row)
        elif fills(row, width):
            kept.append(row[:width])
        elif len(row) > width or (strict and row is not last):
            if strict:
                raise _unfit(row, number, width, header)
            long.append(number)
        else:
            short.append(number)
            kept.append(row + [""] * (width - len(row)))
    if not kept and long:
        raise _unfit(next(row for row in rows if not fills(row, width) and len(row) > width), long[0], width, header)
    return Aligned(names, kept, None, 0, blank, _seen(short), _seen(long), ())


def _seen(numbers: Sequence[int]) -> Seen:
    return Seen(len(numbers), numbers[0]) if numbers else Seen()


def _unfit(row: Sequence[str], number: int, width: int, header: bool) -> TableError:
    fields, reference = len(row), "the header has" if header else "most rows have"
    hint = (
        "Put quotation marks around fields that contain the delimiter"
        if fields > width
        else "Complete it, or put quotation marks around fields that contain a line break"
    )
    return TableError(
        "long_row" if fields > width else "short_row",
        f"The row on line {number} has {fields} field{'s' * (fields != 1)}, but {reference} {width}. {hint}.",
        row=number,
        found=fields,
        expected=width,
    )
