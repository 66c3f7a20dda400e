"""Read unlabelled texts: one per line, or a column of a table."""

from dataclasses import dataclass
from pathlib import Path

from tables import columns
from tables.encoding import LINE_END, decode
from tables.errors import TableError
from tables.reading import read, uncompressed
from tables.report import Report
from tables.rows import lines_of


@dataclass(frozen=True)
class Texts:
    """Texts, the number of dropped empty ones, and the assumptions made to read them."""

    texts: list[str]
    empty: int
    report: Report


def from_lines(pasted: str) -> list[str]:
    """Return the non-empty lines of a text, without surrounding spaces."""
    return [line.strip() for line in LINE_END.split(pasted) if line.strip()]


def read_texts(
    source: bytes | Path,
    name: str = "",
    *,
    column: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    quoted: bool | None = None,
    sheet: str | None = None,
    strict: bool = False,
) -> Texts:
    """Read unlabelled texts from a column of a table, or from a .txt file with one per line; drop empty ones.

    Args:
        source: the content, or the path of the file.
        name: the file name of the content.
        column: the column of a table; None takes the only one, or one with a likely name.
        encoding: see `tables.reading.read`, as for the following.
        delimiter: the delimiter of a text file.
        quoted: whether quotation marks enclose fields.
        sheet: the sheet of a workbook.
        strict: whether ambiguities are errors.

    Raises:
        TableError: as `tables.reading.read`, and "unknown_column", "not_texts" or "no_texts".
        FileNotFoundError: the file does not exist.
    """
    if isinstance(source, Path):
        name = name or source.name
        source = source.read_bytes()
    if name.lower().removesuffix(".gz").endswith(".txt"):
        decoded = decode(uncompressed(source), encoding, strict=strict)
        lines, placeholder = lines_of(decoded.text)
        texts = [line.removesuffix("\n").removesuffix("\r") for line in lines]
        texts = [text.replace(placeholder, "\r") for text in texts] if placeholder else texts
        report = Report(
            kind="text",
            rows=len(texts),
            encoding=decoded.encoding,
            encoding_source=decoded.source,
            damaged=decoded.damaged,
        )
    else:
        table = read(source, name, encoding=encoding, delimiter=delimiter, quoted=quoted, sheet=sheet, strict=strict)
        frame, report = table.frame, table.report
        chosen = choose(list(frame.columns), column)
        values = frame[chosen].dropna().tolist()
        if not all(isinstance(value, str) for value in values):
            raise TableError("not_texts", f"Column {chosen!r} contains something other than text.", column=chosen)
        texts = values + [""] * (len(frame) - len(values))
    kept = [text for text in texts if text.strip()]
    if not kept:
        raise TableError("no_texts", "The file contains no text.")
    return Texts(kept, len(texts) - len(kept), report)


def choose(names: list[str], column: str | None) -> str:
    """Return the column of the texts: the given one, the only one, or one with a likely name.

    Raises:
        TableError: "unknown_column".
    """
    chosen = column or (names[0] if len(names) == 1 else columns.guess(names, "text"))
    if chosen is None or chosen not in names:
        missing = f"no column {column!r}" if column else "no column with a known name for texts"
        raise TableError(
            "unknown_column",
            f"The table has {missing}; its columns are {', '.join(names)}.",
            found=column,
            offered=names,
        )
    return chosen
