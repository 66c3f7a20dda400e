"""The assumptions made to read a table, for the page to show and the pipeline to log."""

from dataclasses import dataclass
from typing import Literal

from tables.encoding import Source as EncodingSource
from tables.encoding import label
from tables.layout import Source as DelimiterSource

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "space"}
ENCODING_SOURCES = {
    "given": "as given",
    "mark": "from the byte order mark",
    "content": "detected",
    "assumed": "assumed",
}
DELIMITER_SOURCES = {"given": "as given", "sep line": "from the first line", "rows": "detected"}


@dataclass(frozen=True)
class Seen:
    """The number of affected rows, and the number of the first one in the file, if any."""

    count: int = 0
    first: int | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """The assumptions made to read a table.

    Rows are numbered from 1, as the lines of the file or as the rows of the sheet.

    Attributes:
        kind: the type of file, whatever its name.
        rows: the number of rows.
        header_row: the row of the header; None if there is none.
        skipped: the number of skipped rows above the header, without blank ones.
        blank: the number of blank rows below it, which were dropped.
        short: rows with fewer fields than the header; the missing fields are empty.
        long: rows with more fields than the header; they were dropped, because nothing shows which field is extra.
        renamed: the new names of columns without a name or with a duplicate one.
        guarded: the number of values from which the formula guard of `tables.writing` was removed.
        encoding: the Python name of the encoding of a text file.
        encoding_source: "given", by a byte order "mark", by the "content", or "assumed".
        damaged: the number of undecodable or NUL characters, replaced by U+FFFD.
        delimiter: the delimiter of a text file; None for a single column.
        delimiter_source: "given", by a "sep line" at the start, or from the "rows".
        quoted: whether quotation marks enclose fields.
        typed_quotes: rows with a mark that seemed to open a field and was read as part of the text.
        spanning: rows that span several lines.
        sheet: the sheet of a workbook.
        sheets: the names of all sheets of the workbook.
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
        """Whether the table may differ from what its author wrote."""
        return bool(self.damaged or self.short.count or self.long.count or self.typed_quotes.count)

    def __str__(self) -> str:
        """Return the assumptions as one line of English."""
        return "; ".join([f"rows: {self.rows:,}", *self._format(), *self._repairs()])

    def _format(self) -> list[str]:
        assumptions = ["Parquet"] if self.kind == "parquet" else []
        if self.sheet is not None:
            assumptions.append(f"sheet {self.sheet!r}" + f" of {len(self.sheets)}" * (len(self.sheets) > 1))
        if self.encoding is not None and self.encoding_source is not None:
            assumptions.append(f"encoding {label(self.encoding)} ({ENCODING_SOURCES[self.encoding_source]})")
        if self.delimiter is not None and self.delimiter_source is not None:
            name = DELIMITERS.get(self.delimiter, repr(self.delimiter))
            assumptions.append(f"delimiter {name} ({DELIMITER_SOURCES[self.delimiter_source]})")
        return assumptions

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
            *(f"{repair}: {count:,}" for repair, count in counts.items() if count),
            *(f"{repair}: {seen.count:,} (first: line {seen.first})" for repair, seen in rows.items() if seen.count),
            *([f"columns renamed: {', '.join(self.renamed)}"] if self.renamed else []),
        ]
