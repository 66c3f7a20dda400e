"""Read CSV and TSV files of any size, piece by piece, by the rules of `tables.reading.read(strict=True)`.

A file is read twice: once to determine its layout and to check every row, once for its content.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from tables import layout
from tables.aligning import Aligned, align, fit_rows
from tables.encoding import decode
from tables.errors import TableError
from tables.pieces import Piece, content, encoding_of, pieces
from tables.quoting import split_rows
from tables.reading import refuse_other_kinds
from tables.report import Report, Seen
from tables.rows import Dialect, Rows, ends_within_row
from tables.writing import unguard


@dataclass(frozen=True, kw_only=True)
class TextLayout:
    """The layout of a text file, as determined by `inspect`.

    Attributes:
        encoding: the Python name of its encoding.
        strict: whether it was given, so that undecodable bytes are an error.
        dialect: the delimiter.
        quoted: whether quotation marks enclose fields.
        names: the names of the columns.
        top: the number of lines above the first row, header included.
    """

    encoding: str
    strict: bool
    dialect: Dialect
    quoted: bool
    names: tuple[str, ...]
    top: int

    @property
    def delimiter(self) -> str:
        """The delimiter; a comma for a single column."""
        return self.dialect.delimiter if len(self.names) > 1 else ","


def inspect(
    path: Path, *, encoding: str | None, delimiter: str | None, quoted: bool | None
) -> tuple[TextLayout, Report]:
    """Determine the layout of a text file, and check all its rows.

    The first piece decides on the delimiter and the header, the first one with quotation marks on their meaning, and
    all on the encoding: what contradicts that decision further down is an error.

    Args:
        path: the file.
        encoding: see `tables.reading.read`, as for the following.
        delimiter: the delimiter.
        quoted: whether quotation marks enclose fields.

    Raises:
        TableError: as `tables.reading.read` with `strict`.
    """
    start = next(content(path), b"")
    refuse_other_kinds(start, path.name)
    if not start:
        raise TableError("empty_file", "The file is empty.")
    known = encoding_of(path, encoding)
    refuse_other_kinds(decode(start[:1000], known.encoding).text.encode(), path.name)  # UTF-16
    found: TextLayout | None = None
    decided, width = quoted, 1
    report = Report(kind="text", encoding=known.encoding, encoding_source=known.source, damaged=known.damaged)
    for piece in pieces(path, known.encoding, strict=encoding is not None, quoted=quoted is not False):
        lines, marked = list(piece.lines), any('"' in line for line in piece.lines)
        if found is None and not any(line.strip() for line in lines):
            raise TableError("empty_file", "The file is empty.")
        if found is None:
            name = path.name.lower()
            detected = layout.find(lines, delimiter, prefer="\t" if ".tsv" in name or ".tab" in name else "")
            dialect, width = detected.dialect, detected.width
            if detected.skipped:
                lines[0] = "\n"
        rows, enclosed, typed = split_rows(lines, dialect, width, quoted=quoted, strict=True, above=piece.above)
        if marked and decided is not None and decided != enclosed:
            raise _undecided(piece)
        decided = enclosed if marked else decided
        cells, numbers = _cells(rows, piece), [piece.above + line + 1 for line in rows.starts]
        if found is None:
            aligned = align(cells, numbers, header=True, strict=True, cut_off=piece.last and ends_within_row(lines))
            top = rows.starts[numbers.index(aligned.header_row or 1) + 1]
            found = TextLayout(
                encoding=known.encoding,
                strict=encoding is not None,
                dialect=dialect,
                quoted=False,
                names=tuple(aligned.names),
                top=top,
            )
            report = replace(
                report,
                header_row=aligned.header_row,
                renamed=aligned.renamed,
                delimiter=None if len(found.names) == 1 else dialect.delimiter,
                delimiter_source=detected.source,
            )
        else:
            aligned = _fitted(found, cells, numbers, piece)
        report = replace(
            report,
            rows=report.rows + len(aligned.rows),
            blank=report.blank + aligned.blank,
            short=_added(report.short, aligned.short),
            damaged=report.damaged + piece.damaged,
            typed_quotes=_added(report.typed_quotes, _seen(typed, piece.above)),
        )
    assert found is not None  # there is at least one piece
    return replace(found, quoted=bool(decided)), replace(report, quoted=bool(decided))


def read(path: Path, text: TextLayout) -> Iterator[pa.Table]:
    """Yield the rows of a text file with a known layout, as text, in tables of any size.

    Raises:
        TableError: as `inspect`, if the file has changed.
    """
    schema = pa.schema([(name, pa.string()) for name in text.names])
    for piece in pieces(path, text.encoding, strict=text.strict, quoted=text.quoted):
        skipped = min(len(piece.lines), max(0, text.top - piece.above))
        piece = piece._replace(lines=piece.lines[skipped:], above=piece.above + skipped)
        if not piece.lines:
            continue
        rows, *_ = split_rows(
            piece.lines, text.dialect, len(text.names), quoted=text.quoted, strict=True, above=piece.above
        )
        numbers = [piece.above + line + 1 for line in rows.starts]
        fitted = _fitted(text, _cells(rows, piece), numbers, piece).rows
        columns = zip(*fitted, strict=True) if fitted else [()] * len(text.names)
        arrays = [pa.array(list(map(unguard, column)), pa.string()) for column in columns]
        yield pa.Table.from_arrays(arrays, schema=schema)


def _cells(rows: Rows, piece: Piece) -> list[list[str]]:
    if piece.placeholder is None:
        return rows.cells
    return [[cell.replace(piece.placeholder, "\r") for cell in row] for row in rows.cells]


def _fitted(text: TextLayout, cells: list[list[str]], numbers: list[int], piece: Piece) -> Aligned:
    cut_off = piece.last and ends_within_row(piece.lines)
    return fit_rows(list(text.names), cells, numbers, header=True, strict=True, cut_off=cut_off)


def _undecided(piece: Piece) -> TableError:
    first, last = piece.above + 1, piece.above + len(piece.lines)
    return TableError(
        "ambiguous_quotes",
        f"Lines {first} to {last}: quotation marks seem to enclose fields in one part of the file, and to be part of "
        "the text in another. Specify whether fields are quoted.",
        row=first,
        column=1,
        last=last,
    )


def _seen(lines: tuple[int, ...], above: int) -> Seen:
    return Seen(len(lines), above + lines[0] + 1) if lines else Seen()


def _added(one: Seen, other: Seen) -> Seen:
    return Seen(one.count + other.count, other.first if one.first is None else one.first)
