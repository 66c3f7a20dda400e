"""Detect the layout of a text file: its delimiter, and the row of its header."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from tables.columns import count_known_names
from tables.errors import TableError
from tables.rows import Dialect, fills, plain_rows, quoted_rows

DELIMITERS = ",;\t|"
NONE = "\x1f"  # an unused character as the delimiter of a single column
SPELLED = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
SEP = re.compile(r'^"?sep=(.)"?[,;\s]*$', re.IGNORECASE)  # Excel's way to name the delimiter on the first line
SAMPLE = 2_000
MAX_ABOVE_HEADER = 30  # rows
MAX_NAME_LENGTH = 60  # characters
# Share of the rows that must be as wide as the header, unless the header contains known names.
FITTING = 0.5

Source = Literal["given", "sep line", "rows"]


class Header(NamedTuple):
    """The row of the header (from 0), and whether it is certain."""

    row: int
    certain: bool


class Layout(NamedTuple):
    """The layout of a text file.

    Attributes:
        dialect: the delimiter.
        source: how it was determined: "given" by the caller, by a "sep line", or from the "rows".
        skipped: the number of lines at the start that only name the delimiter: 0 or 1.
        width: the number of fields per row.
    """

    dialect: Dialect
    source: Source
    skipped: int
    width: int


def find(lines: Sequence[str], delimiter: str | None = None, *, prefer: str = "") -> Layout:
    """Find the delimiter: the one with which most rows have as many fields as the header.

    Args:
        lines: the first lines of the file, at least.
        delimiter: one character, or its name ("tab"); None detects it.
        prefer: the preferred delimiter if several fit equally well.

    Raises:
        TableError: "bad_delimiter".
    """
    source: Source
    hint = SEP.match(lines[0].rstrip("\r\n")) if lines else None
    sample = lines[1 if hint else 0 :][:SAMPLE]
    if delimiter is not None:
        separator, source = _spelled(delimiter), "given"
    elif hint:
        separator, source = hint[1], "sep line"
    else:
        return _best(sample, prefer)
    dialect = Dialect(separator, _spaced(sample, separator))
    return Layout(dialect, source, 1 if hint else 0, max(1, _rate(sample, dialect).width))


def find_header(rows: Sequence[Sequence[str]]) -> Header:
    """Find the header: the first row that is not blank, unless there is a preamble above another row.

    Such a row is certain to be the header if it contains known column names of tweets, or names above columns of
    numbers or times. It is likely to be if it is the first row after a blank line, or after lines of one field, that
    is as wide as the rows below it.
    """
    filled = [index for index, row in enumerate(rows) if any(cell.strip() for cell in row)]
    if not filled:
        return Header(0, True)
    first, widths = filled[0], {index: _width(rows[index]) for index in filled}
    width = Counter(widths[index] for index in filled[1:] or filled).most_common(1)[0][0]
    likely = None
    for position, index in enumerate(filled[:MAX_ABOVE_HEADER]):
        row, above = rows[index], filled[:position]
        wide = widths[index] == width or (widths[index] > width and count_known_names(row) > 1)
        narrower = all(widths[other] < width for other in above)
        apart = position > 0 and index - above[-1] > 1
        unlike = apart or all(widths[other] != width for other in above)
        if wide and _is_known(row, [rows[other] for other in above], narrower=narrower, unlike=unlike):
            return Header(index, True)
        if position and narrower and widths[index] == width and _are_names(row):
            below = filled[position + 1 : position + 200]
            if _contrasts(row, [rows[other] for other in below]):
                return Header(index, True)
            after_title = widths[first] == 1 and len(below) > 1 and all(widths[other] == width for other in below)
            if likely is None and width > 1 and (apart or after_title):
                likely = index
    return Header(first, True) if likely is None or count_known_names(rows[first]) > 1 else Header(likely, False)


def _is_known(row: Sequence[str], above: Sequence[Sequence[str]], *, narrower: bool, unlike: bool) -> bool:
    """Return whether a row contains known names, rather than values that happen to be names.

    It must be the first row, or all rows above must be narrower. Otherwise it must contain several known names, and the
    rows above must be `unlike` it (another width, or separated by a blank line), or pairs of a name with a colon and a
    value.
    """
    names = count_known_names(row)
    pairs = bool(above) and all(cells[0].rstrip().endswith(":") for cells in above)
    return names > 0 and (narrower or (unlike and (names > 1 or len(row) == 1)) or (names > 1 and pairs))


def _width(row: Sequence[str]) -> int:
    """Return the width of a row without empty fields at its end."""
    return max((position for position, cell in enumerate(row, start=1) if cell.strip()), default=0)


def _are_names(row: Sequence[str]) -> bool:
    """Return whether fields may be column names: short, distinct, not empty, and not only numbers."""
    names = row[: _width(row)]
    return len(set(names)) == len(names) and all(
        0 < len(name) <= MAX_NAME_LENGTH and name[0] != " " and "://" not in name and re.search(r"[^\W\d_]", name)
        for name in names
    )


def _contrasts(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Return whether a row has a name where most rows below it have a number or a time."""
    for column, name in enumerate(row):
        values = [cells[column] for cells in below if column < len(cells) and cells[column].strip()]
        numeric = sum(re.fullmatch(r"[\d\W]+", value) is not None for value in values)
        if len(values) > 1 and numeric > 0.8 * len(values) and not any(digit.isdigit() for digit in name):
            return True
    return False


def _spelled(delimiter: str) -> str:
    separator = SPELLED.get(delimiter.lower(), delimiter)
    if len(separator) != 1 or separator in '"\r\n':
        raise TableError(
            "bad_delimiter",
            f"A delimiter must be one character, such as ; or a tab, not {delimiter!r}.",
            found=delimiter,
        )
    return separator


def _spaced(lines: Sequence[str], delimiter: str) -> bool:
    """Return whether a space follows each delimiter in the first row; such spaces belong to no field."""
    first = next((line for line in lines if line.strip()), "").rstrip("\r\n").split(delimiter)
    return (
        delimiter not in (" ", "\t") and len(first) > 1 and all(cell[:1] == " " and cell.strip() for cell in first[1:])
    )


def _best(lines: Sequence[str], prefer: str) -> Layout:
    fits = {d: _rate(lines, Dialect(d, _spaced(lines, d))) for d in DELIMITERS}
    best = max(fits, key=lambda d: (fits[d].width > 1 and fits[d].share >= FITTING, fits[d][:3], d == prefer, fits[d]))
    if fits[best].width > 1 and fits[best].share >= FITTING:
        return Layout(Dialect(best, _spaced(lines, best)), "rows", 0, fits[best].width)
    # The fields of a single column may be enclosed because they contain commas.
    enclosed = all(len(row) <= 1 for row in quoted_rows(lines, Dialect(",")).cells)
    return Layout(Dialect("," if enclosed else NONE), "rows", 0, 1)


class _Fit(NamedTuple):
    """How well a delimiter fits: whether the header is certain, the share of rows as wide, whether it is at the top."""

    certain: bool = False
    share: float = 0.0
    on_top: bool = False
    width: int = 0


def _rate(lines: Sequence[str], dialect: Dialect) -> _Fit:
    """Rate a delimiter, with quotation marks read as in CSV or as ordinary characters, whichever fits better."""
    best = _Fit()
    for split in (quoted_rows, plain_rows) if any('"' in line for line in lines) else (plain_rows,):
        rows = split(lines, dialect).cells
        header = find_header(rows)
        punctuation = not header.certain and dialect.delimiter == "," and "," not in lines[0]
        if punctuation or header.row >= len(rows):
            continue
        names, on_top = rows[header.row], not any(map(any, rows[: header.row]))
        below = [row for row in rows[header.row + 1 :] if any(row)]
        for width in {len(names), _width(names)}:
            share = sum(fills(row, width) for row in below) / len(below) if below else FITTING
            minimum = FITTING if count_known_names(names) > 1 else 0.0
            best = max(best, _Fit(header.certain, max(round(share, 2), minimum), on_top, width))
    return best
