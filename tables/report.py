"""What was assumed to read a table, for the page to show and for the pipeline to log."""

from dataclasses import dataclass
from typing import Literal

from tables.encoding import Source as EncodingSource
from tables.encoding import label
from tables.layout import Source as DelimiterSource

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "space"}
ENCODING_SOURCES = {
    "given": "as given",
    "mark": "named by the file's byte order mark",
    "content": "recognised",
    "assumed": "assumed",
}
DELIMITER_SOURCES = {"given": "as given", "sep line": "named by the file's first line", "rows": "recognised"}


@dataclass(frozen=True)
class Seen:
    """How many rows are of a kind, and the number of the first one in the file, if there is any."""

    count: int = 0
    first: int | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was assumed to read a table.

    Rows are numbered as the lines of the file, or as the rows of the sheet, from 1.

    Attributes:
        kind: what the file is, whatever its name.
        rows: how many rows were read.
        header_row: the row of the header; None if there is none.
        skipped: how many rows above the header were skipped, those that are blank left out.
        blank: how many rows below it hold nothing, and were left out.
        short: rows with fewer fields than the header; the others are empty.
        long: rows with more fields than the header; they were left out, for no one knows which field is which.
        renamed: names given to columns that had none, or that of another column.
        guarded: how many values had the mark of `tables.writing` before what a spreadsheet takes for a formula.
        encoding: of a text file, a name that Python knows.
        encoding_source: "given", told by a byte order "mark", by the "content", or "assumed".
        damaged: characters that could not be decoded, or are NUL, and are now U+FFFD.
        delimiter: of a text file; None for one column.
        delimiter_source: "given", named by a "sep line" at the start, or found in the "rows".
        quoted: whether quotation marks enclose fields.
        typed_quotes: rows with a mark that seemed to open a field and was read as one that a person typed.
        spanning: rows that span lines.
        sheet: of a workbook.
        sheets: all sheets of the workbook.
    """

    kind: Literal["text", "parquet", "xlsx"]
    rows: int = 0
    header_row: int | None = None
    skipped: int = 0
    blank: int = 0
    short: Seen = Seen()
    long: Seen = Seen()
    renamed: tuple[str, ...] = ()
    guarded: int = 0
    encoding: str | None = None
    encoding_source: EncodingSource | None = None
    damaged: int = 0
    delimiter: str | None = None
    delimiter_source: DelimiterSource | None = None
    quoted: bool | None = None
    typed_quotes: Seen = Seen()
    spanning: Seen = Seen()
    sheet: str | None = None
    sheets: tuple[str, ...] = ()

    @property
    def doubtful(self) -> bool:
        """Whether the table may not be what its author wrote."""
        return bool(self.damaged or self.short.count or self.long.count or self.typed_quotes.count)

    def __str__(self) -> str:
        """Return what was assumed as one line of English."""
        return "; ".join([f"rows: {self.rows:,}", *self._format(), *self._repairs()])

    def _format(self) -> list[str]:
        parts = ["Parquet"] if self.kind == "parquet" else []
        if self.sheet is not None:
            parts.append(f"sheet {self.sheet!r}" + f" of {len(self.sheets)}" * (len(self.sheets) > 1))
        if self.encoding is not None and self.encoding_source is not None:
            parts.append(f"encoding {label(self.encoding)} ({ENCODING_SOURCES[self.encoding_source]})")
        if self.delimiter is not None and self.delimiter_source is not None:
            name = DELIMITERS.get(self.delimiter, repr(self.delimiter))
            parts.append(f"delimiter {name} ({DELIMITER_SOURCES[self.delimiter_source]})")
        return parts

    def _repairs(self) -> list[str]:
        counts = {
            "rows above the header skipped": self.skipped,
            "blank rows dropped": self.blank,
            "damaged characters replaced": self.damaged,
            "guards against formulas removed": self.guarded,
        }
        rows = {
            "short rows filled with empty values": self.short,
            "long rows dropped": self.long,
            "rows with a quotation mark that is part of the text": self.typed_quotes,
        }
        return [
            *(f"{what}: {count:,}" for what, count in counts.items() if count),
            *(f"{what}: {seen.count:,} (first: line {seen.first})" for what, seen in rows.items() if seen.count),
            *([f"columns renamed: {', '.join(self.renamed)}"] if self.renamed else []),
        ]
