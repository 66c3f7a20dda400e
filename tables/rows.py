"""Cut the lines of a text file into rows and fields, with or without quotation marks."""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

NONCHARACTERS = range(0xFDD0, 0xFDF0)  # code points that no text holds: they stand in for what csv.reader would cut at


class Dialect(NamedTuple):
    """What separates the fields: the delimiter, and whether spaces follow it that belong to no field."""

    delimiter: str
    spaced: bool = False


class Rows(NamedTuple):
    """The rows of a file.

    Attributes:
        cells: their fields; a blank line has none.
        starts: the line that each begins on, from 0, and at last the number of lines.
        faults: rows (indices) with quotation marks that RFC 4180 does not allow; their line was read by itself.
    """

    cells: list[list[str]]
    starts: list[int]
    faults: list[int]

    def span(self, index: int) -> slice:
        """Return the lines of a row."""
        return slice(self.starts[index], self.starts[index + 1])


def lines_of(text: str) -> tuple[list[str], str | None]:
    r"""Return the lines of a text, with their ends, and what stands in for carriage returns within fields, if any do.

    Lines end with \n, \r\n or \r\r\n (Windows, twice translated); with \r (old Macs) where there is no \n at all.
    """
    if "\n" not in text:
        return re.findall(r"[^\r]*\r|[^\r]+", text), None
    if text[: text.index("\n")].endswith("\r\r"):
        text = text.replace("\r\r\n", "\r\n")
    lone, stand_in = re.compile(r"\r(?!\n)"), None
    if lone.search(text):
        stand_in = next(chr(point) for point in NONCHARACTERS if chr(point) not in text)
        text = lone.sub(stand_in, text)
    return re.findall(r"[^\n]*\n|[^\n]+", text), stand_in


def ends_within_row(lines: Sequence[str]) -> bool:
    """Tell whether the last line has no end, as where a file was cut off."""
    return bool(lines) and not lines[-1].endswith(("\n", "\r"))


def plain_fields(line: str, dialect: Dialect) -> list[str]:
    """Cut a line at its delimiters; quotation marks are characters like others."""
    line = line.removesuffix("\n").removesuffix("\r")
    if not line:
        return []
    fields = line.split(dialect.delimiter)
    return [field.lstrip(" ") for field in fields] if dialect.spaced else fields


def plain_rows(lines: Sequence[str], dialect: Dialect) -> Rows:
    """Take each line as a row, without regard to quotation marks."""
    return Rows([plain_fields(line, dialect) for line in lines], list(range(len(lines) + 1)), [])


def loose_fields(line: str, dialect: Dialect) -> list[str]:
    """Cut a line that breaks the rules: a field ends at a mark before a delimiter; one that has none is plain."""
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
    """Cut lines as RFC 4180 has it; where a row breaks its rules, read its first line loosely and go on below it."""
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
        except csv.Error:  # also a field of more than 131,072 characters: nobody tweets that
            rows.faults.append(len(rows.cells))
            rows.cells.append(loose_fields(lines[start], dialect))
            rows.starts.append(start)
            position = start + 1
    rows.starts.append(len(lines))
    return rows


def fills(cells: Sequence[str], width: int) -> bool:
    """Tell whether a row has as many fields as the header; empty ones beyond it do not count."""
    return len(cells) >= width and not any(cells[width:])
