"""Tables of tweets that people bring along."""

import csv
import re
import warnings
from io import BytesIO
from typing import Literal

import pandas as pd

TEXT = ("text", "tweet", "message", "texte", "contenu", "content")
TIME = ("time", "date", "tweet_created", "created", "created_at", "timestamp", "heure", "moment")
AUTHOR = ("author", "user", "name", "auteur", "utilisateur", "screen_name", "username")
NAMES = {"text": TEXT, "time": TIME, "author": AUTHOR}
DELIMITERS = ",;\t|"
NONE = "\x1f"  # a delimiter that nobody uses: one column may hold all the others
# A day before its month, as it shows where it is after the 12th.
DAY_FIRST = r"^\s*(?:1[3-9]|2\d|3[01])[./-]\d{1,2}[./-]"
# How a formula begins; mentions, which begin with @ as well, are none.
FORMULA = re.compile(r"^([=+\-\t\r]|@\w*\()")


class TableError(ValueError):
    """A file that is no table of tweets; the message is the name of a sentence of the page."""


def read(content: bytes) -> tuple[pd.DataFrame, str]:
    """Read CSV with a header; return its columns as text, and the encoding that it turned out to have.

    Excel writes CSV as UTF-8 or, under "CSV" alone, as Windows-1252, and with semicolons in French.

    Raises:
        TableError: it is empty, or no CSV.
    """
    try:
        text, encoding = content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        text, encoding = content.decode("cp1252", errors="replace"), "Windows-1252"
    header = text.partition("\n")[0]
    if not header.strip() or "\0" in text:
        raise TableError("watch.no_table")
    delimiter = max(DELIMITERS, key=header.count)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows are longer than the header
            frame = pd.read_csv(
                BytesIO(text.encode()),
                sep=delimiter if delimiter in header else NONE,
                dtype=str,
                index_col=False,
                keep_default_na=False,
                quoting=csv.QUOTE_MINIMAL,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError) as error:
        raise TableError("watch.no_table") from error
    if frame.empty:
        raise TableError("watch.empty_table")
    return frame, encoding


def from_lines(pasted: str) -> pd.DataFrame:
    """Return pasted tweets, one a line, as a table."""
    return pd.DataFrame({"text": [line.strip() for line in pasted.splitlines() if line.strip()]})


def guess(columns: list[str], what: Literal["text", "time", "author"]) -> str | None:
    """Return the column that by its name holds texts, times or authors, if one does."""
    lower = {column.lower().strip(): column for column in columns}
    return next((lower[name] for name in NAMES[what] if name in lower), None)


def times(column: pd.Series) -> pd.Series:
    """Return times in UTC; those that cannot be read are missing (NaT)."""
    day_first = bool(column.str.contains(DAY_FIRST).any())
    return pd.to_datetime(column, utc=True, errors="coerce", format="mixed", dayfirst=day_first)


def to_csv(frame: pd.DataFrame) -> bytes:
    """Return a table as CSV for Excel: as UTF-8 with a mark, and with a quote before what it would take for a formula.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    safe = frame.map(lambda cell: FORMULA.sub(r"'\1", cell) if isinstance(cell, str) else cell)
    return safe.to_csv(index=False).encode("utf-8-sig")
