"""Tables of tweets that people bring along."""

import csv
from io import BytesIO
from typing import Literal

import pandas as pd

TEXT = ("text", "tweet", "message", "texte", "contenu", "content")
TIME = ("time", "date", "tweet_created", "created", "created_at", "timestamp", "heure", "moment")
AUTHOR = ("author", "user", "name", "auteur", "utilisateur", "screen_name", "username")
NAMES = {"text": TEXT, "time": TIME, "author": AUTHOR}
DELIMITERS = ",;\t|"


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
        frame = pd.read_csv(
            BytesIO(text.encode()), sep=delimiter, dtype=str, keep_default_na=False, quoting=csv.QUOTE_MINIMAL
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
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
    return pd.to_datetime(column, utc=True, errors="coerce", format="mixed")
