"""Split the lines of a text file into rows and fields, with or without quotation marks."""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# Code points that occur in no text: placeholders for characters at which csv.reader would split.
NONCHARACTERS = range(0xFDD0, 0xFDF0)


class Dialect(NamedTuple):
    """The delimiter, and whether spaces follow it that belong to no field."""

    delimiter: str
    spaced: bool = False


class Rows(NamedTuple):
    """The rows of a file.

    Attributes:
        cells: the fields of each row; a blank line has none.
        starts: the line on which each row begins, from 0, and finally the number of lines.
        faults: indices of rows with quotation marks that RFC 4180 does not allow; their line was read on its own.
    """

    cells: list[list[str]]
    starts: list[int]
    faults: list[int]

    def span(self, index: int) -> slice:
        """Return the lines of a row."""
        return slice(self.starts[index], self.starts[index + 1])


def lines_of(text: str) -> tuple[list[str], str | None]:
    r"""Return the lines of a text, with their ends, and the placeholder for carriage returns within fields, if any.

    Lines end with \n, \r\n or \r\r\n (Windows, converted twice); with \r (old Macs) if there is no \n at all.
    """
    if "\n" not in text:
        return re.findall(r"[^\r]*\r|[^\r]+", text), None
    if text[: text.index("\n")].endswith("\r\r"):
        text = text.replace("\r\r\n", "\r\n")
    lone, placeholder = re.compile(r"\r(?!\n)"), None
    if lone.search(text):
        placeholder = next(chr(point) for point in NONCHARACTERS if chr(point) not in text)
        text = lone.sub(placeholder, text)
    return re.findall(r"[^\n]*\n|[^\n]+", text), placeholder


def ends_within_row(lines: Sequence[str]) -> bool:
    """Return whether the last line has no end, as in a truncated file."""
    return bool(lines) and not lines[-1].endswith(("\n", "\r"))


def plain_fields(line: str, dialect: Dialect) -> list[str]:
    """Split a line at its delimiters; quotation marks are ordinary characters."""
    line = line.removesuffix("\n").removesuffix("\r")
    if not line:
        return []
    fields = line.split(dialect.delimiter)
    return [field.lstrip(" ") for field in fields] if dialect.spaced else fields


def plain_rows(lines: Sequence[str], dialect: Dialect) -> Rows:
    """Take each line as a row, ignoring quotation marks."""
    return Rows([plain_fields(line, dialect) for line in lines], list(range(len(lines) + 1)), [])


def loose_fields(line: str, dialect: Dialect) -> list[str]:
    """Split a line that breaks RFC 4180: a quoted field ends at a mark before a delimiter; all others are plain."""
    delimiter, space = re.escape(dialect.delimiter), " *" if dialect.spaced else ""
    field = re.compile(rf'{space}(?:"((?:[^"]|"(?!{delimiter}|\Z))*)"|([^{delimiter}]*))({delimiter}|\Z)')
    line = line.removesuffix("\n").removesuffix("\r")
    cells: list[str] = []
    position, more = 0, True
    while more and (match := field.match(line, position)):
        cells.append(match[2] if match[1] is None else match[1].replace('""', '"'))
        position, more = match.end(), bool(match[3])
    return cells


def quoted_rows(lines: Sequence[str], dialect: Dialect) -> Rows:
    """Split lines as in RFC 4180; if a row breaks it, read its first line loosely and continue below it."""
    rows = Rows([], [], [])
    position = 0

    def feed() -> Iterator[str]:
        nonlocal position
        while position < len(lines):
            position += 1
            yield lines[position - 1]

    while position < len(lines):
        start = position
        reader = csv.reader(feed(), delimiter=dialect.delimiter, strict=True, skipinitialspace=dialect.spaced)
        try:
            for cells in reader:
                rows.cells.append(cells)
                rows.starts.append(start)
                start = position
        except csv.Error:  # also for a field of more than 131,072 characters, which no tweet has
            rows.faults.append(len(rows.cells))
            rows.cells.append(loose_fields(lines[start], dialect))
            rows.starts.append(start)
            position = start + 1
    rows.starts.append(len(lines))
    return rows


def fills(cells: Sequence[str], width: int) -> bool:
    """Return whether a row has as many fields as the header; empty fields beyond it do not count."""
    return len(cells) >= width and not any(cells[width:])
