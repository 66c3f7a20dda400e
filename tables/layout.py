"""Find out how a text file is laid out: what separates its fields, and on which row its header is."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from tables.columns import known
from tables.errors import TableError
from tables.rows import Dialect, fills, plain_rows, quoted_rows

DELIMITERS = ",;\t|"
NONE = "\x1f"  # a delimiter that nobody uses: one column may hold all the others
SPELLED = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
SEP = re.compile(r'^"?sep=(.)"?[,;\s]*$', re.IGNORECASE)  # how Excel names the delimiter on the first line
SAMPLE = 2_000
DEEPEST = 30  # rows above a header
LONGEST = 60  # characters of a name
FITTING = 0.5  # share of the rows that must be as wide as the header, unless the header holds names that are known

Source = Literal["given", "sep line", "rows"]


class Header(NamedTuple):
    """Which row is the header (from 0), and whether it is unmistakable."""

    place: int
    certain: bool


class Layout(NamedTuple):
    """How a text file is laid out.

    Attributes:
        dialect: what separates fields.
        source: whether that was "given", named by a "sep line", or found in the "rows".
        skipped: how many lines at the start name the delimiter and are no row: 0 or 1.
        width: how many fields a row has.
    """

    dialect: Dialect
    source: Source
    skipped: int
    width: int


def find(lines: Sequence[str], delimiter: str | None = None, *, prefer: str = "") -> Layout:
    """Find the delimiter: the one that cuts most rows into as many fields as the header has.

    Args:
        lines: the first lines of the file suffice.
        delimiter: one character, or its name ("tab"); None finds it.
        prefer: the delimiter to take where several fit equally well.

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
    return Layout(dialect, source, 1 if hint else 0, max(1, _judge(sample, dialect).width))


def find_header(rows: Sequence[Sequence[str]]) -> Header:
    """Find the header: the first row that is not blank, unless what stands above another row is a preamble.

    That other row is unmistakable if it holds names that columns of tweets have, or names above columns of numbers or
    times; it is likely if it is the first row after a blank line, or after lines of one field, that is as wide as those
    below it.
    """
    filled = [index for index, row in enumerate(rows) if any(cell.strip() for cell in row)]
    if not filled:
        return Header(0, True)
    first, widths = filled[0], {index: _width(rows[index]) for index in filled}
    width = Counter(widths[index] for index in filled[1:] or filled).most_common(1)[0][0]
    likely = None
    for place, index in enumerate(filled[:DEEPEST]):
        row, above = rows[index], filled[:place]
        wide = widths[index] == width or (widths[index] > width and known(row) > 1)
        narrower = all(widths[each] < width for each in above)
        apart = place > 0 and index - above[-1] > 1
        unlike = apart or all(widths[each] != width for each in above)
        if wide and _is_known(row, [rows[each] for each in above], narrower=narrower, unlike=unlike):
            return Header(index, True)
        if place and narrower and widths[index] == width and _are_names(row):
            below = filled[place + 1 : place + 200]
            if _contrasts(row, [rows[each] for each in below]):
                return Header(index, True)
            after_title = widths[first] == 1 and len(below) > 1 and all(widths[each] == width for each in below)
            if likely is None and width > 1 and (apart or after_title):
                likely = index
    return Header(first, True) if likely is None or known(rows[first]) > 1 else Header(likely, False)


def _is_known(row: Sequence[str], above: Sequence[Sequence[str]], *, narrower: bool, unlike: bool) -> bool:
    """Tell whether a row holds names that are known, and is no row of values that happen to be names.

    It is the first row, or all above are narrower; or it holds several such names, and what is above it is `unlike` (of
    another width, or beyond a blank line), or pairs of a name with a colon and a value.
    """
    names = known(row)
    pairs = bool(above) and all(cells[0].rstrip().endswith(":") for cells in above)
    return names > 0 and (narrower or (unlike and (names > 1 or len(row) == 1)) or (names > 1 and pairs))


def _width(row: Sequence[str]) -> int:
    """Return the width of a row without empty fields at its end."""
    return max((place for place, cell in enumerate(row, start=1) if cell.strip()), default=0)


def _are_names(row: Sequence[str]) -> bool:
    """Tell whether fields may be the names of columns: short, different, none empty, none of numbers alone."""
    names = row[: _width(row)]
    return len(set(names)) == len(names) and all(
        0 < len(name) <= LONGEST and name[0] != " " and "://" not in name and re.search(r"[^\W\d_]", name)
        for name in names
    )


def _contrasts(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Tell whether a row has a name where most rows below it have a number or a time."""
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
            "bad_delimiter", f"A delimiter is one character, such as ; or a tab, not {delimiter!r}.", found=delimiter
        )
    return separator


def _spaced(lines: Sequence[str], delimiter: str) -> bool:
    """Tell whether a space follows each delimiter of the first row; it then belongs to no field."""
    first = next((line for line in lines if line.strip()), "").rstrip("\r\n").split(delimiter)
    return (
        delimiter not in (" ", "\t") and len(first) > 1 and all(cell[:1] == " " and cell.strip() for cell in first[1:])
    )


def _best(lines: Sequence[str], prefer: str) -> Layout:
    fits = {d: _judge(lines, Dialect(d, _spaced(lines, d))) for d in DELIMITERS}
    best = max(fits, key=lambda d: (fits[d].width > 1 and fits[d].share >= FITTING, fits[d][:3], d == prefer, fits[d]))
    if fits[best].width > 1 and fits[best].share >= FITTING:
        return Layout(Dialect(best, _spaced(lines, best)), "rows", 0, fits[best].width)
    # Fields of one column may be enclosed for the commas in them.
    one = all(len(row) <= 1 for row in quoted_rows(lines, Dialect(",")).cells)
    return Layout(Dialect("," if one else NONE), "rows", 0, 1)


class _Fit(NamedTuple):
    """How a delimiter fits: whether the header is certain, the share of rows as wide, and whether it is on top."""

    certain: bool = False
    share: float = 0.0
    on_top: bool = False
    width: int = 0


def _judge(lines: Sequence[str], dialect: Dialect) -> _Fit:
    """Return how a delimiter fits; marks are read as in CSV, or as characters like others, whichever fits better."""
    best = _Fit()
    for cut in (quoted_rows, plain_rows) if any('"' in line for line in lines) else (plain_rows,):
        rows = cut(lines, dialect).cells
        header = find_header(rows)
        punctuation = not header.certain and dialect.delimiter == "," and "," not in lines[0]
        if punctuation or header.place >= len(rows):
            continue
        names, on_top = rows[header.place], not any(map(any, rows[: header.place]))
        below = [row for row in rows[header.place + 1 :] if any(row)]
        for width in {len(names), _width(names)}:
            share = sum(fills(row, width) for row in below) / len(below) if below else FITTING
            least = FITTING if known(names) > 1 else 0.0
            best = max(best, _Fit(header.certain, max(round(share, 2), least), on_top, width))
    return best
