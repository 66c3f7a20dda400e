"""Choose the columns of a table with texts, times and authors, and read them."""

import hashlib
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import available_timezones

import pandas as pd
import streamlit as st

from tables import columns
from tables.guessing import TimeColumns, guess_times
from tables.times import Times, times
from ui import notes
from ui.client import MOST_CHARACTERS
from ui.language import Language
from ui.memory import remember

NO_COLUMN = "\0"  # cannot be the name of a column
CONTINENTS = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")


class Source(NamedTuple):
    """The source of a table and the reader's choices; None means no choice.

    Attributes:
        file: id of the upload.
        encoding: encoding of a text file.
        sheet: sheet of a workbook.
        header: whether the first row contains column names.
    """

    file: str
    encoding: str | None = None
    sheet: str | None = None
    header: bool | None = None


class Columns(NamedTuple):
    """The names of the columns with texts, times and authors."""

    text: str
    times: TimeColumns | None
    author: str | None


def choose_columns(frame: pd.DataFrame, source: Source, say: Language) -> Columns:
    """Let the reader choose the columns with texts, times and authors, and return them."""
    names = list(frame.columns)
    if len(names) == 1:
        return Columns(names[0], None, None)
    guessed_date = remember("guessed", (source,), lambda: guess_date(frame))
    guessed_text = columns.guess(names, "text")
    texts, dates, authors = st.columns(3)
    text = texts.selectbox(
        say("watch.text"),
        names,
        index=names.index(guessed_text) if guessed_text else 0,
        key=f"text {source}",
        persist_state="session",
    )
    date = optional(dates, say("watch.time"), names, guessed_date, say, f"date {source}")
    author = optional(authors, say("watch.author"), names, columns.guess(names, "author"), say, f"author {source}")
    if date is None:
        return Columns(text, None, author)
    time_columns = remember("time_columns", (source, date), lambda: guess_times(frame, date))
    _, clock, zone = time_columns or TimeColumns(date)
    if zone is not None:  # a zone column matters only if some times have no zone of their own
        without_zone_column = remember("without_zone_column", (source, date, clock), lambda: times(frame, date, clock))
        zone = zone if without_zone_column.zoneless else None
    if clock is not None:
        clock = optional(dates, say("watch.clock"), names, clock, say, f"clock {date} {source}")
    if zone is not None:
        zone = optional(dates, say("watch.zone_column"), names, zone, say, f"zone column {date} {source}")
    return Columns(text, TimeColumns(date, clock, zone), author)


def guess_date(frame: pd.DataFrame) -> str | None:
    """Return the column that most likely contains dates, by content or else by name."""
    if time_columns := guess_times(frame):
        return time_columns.date
    candidates = columns.candidates(list(frame.columns), "date")
    return next((name for name in candidates if as_texts(frame[name]).str.strip().any()), None)


def optional(container: Any, label: str, names: list[str], guessed: str | None, say: Language, key: str) -> str | None:
    """Let the reader choose a column or none."""
    options = [NO_COLUMN, *names]
    chosen = container.selectbox(
        label,
        options,
        index=options.index(guessed or NO_COLUMN),
        format_func=lambda name: say("watch.none") if name == NO_COLUMN else name,
        key=key,
        persist_state="session",
    )
    return None if chosen == NO_COLUMN else chosen


class Usable(NamedTuple):
    """The tweets that can be scored.

    Attributes:
        tweets: columns `text`, `time`, `author`.
        times: the times as read; None without a column of times.
        left_out: number of rows that cannot be scored.
        digest: fingerprint of the texts.
    """

    tweets: pd.DataFrame
    times: Times | None
    left_out: int
    digest: str


def usable(frame: pd.DataFrame, chosen: Columns, source: Source, say: Language) -> Usable:
    """Return the tweets of a table that can be scored."""
    order = st.session_state.setdefault(f"order {source.file}", say.day_first)
    zone = st.session_state.setdefault(f"zone {source.file}", say("watch.zone"))

    def read() -> Usable:
        parsed = read_times(frame, chosen.times, order, zone) if chosen.times else None
        tweets = pd.DataFrame({"text": as_texts(frame[chosen.text])}, index=frame.index)
        tweets["time"] = pd.NaT if parsed is None else parsed.moments.dt.tz_convert(parsed.zone)
        tweets["author"] = as_texts(frame[chosen.author]).replace("", None) if chosen.author else None
        scorable = (tweets["text"].str.strip() != "") & (tweets["text"].str.len() <= MOST_CHARACTERS)
        kept = tweets[scorable]
        digest = hashlib.sha256("\0".join(kept["text"]).encode(errors="surrogatepass")).hexdigest()
        return Usable(kept, parsed, int((~scorable).sum()), digest)

    return remember("usable", (source, chosen, order, zone), read)


def as_texts(column: pd.Series) -> pd.Series:
    """Convert values to strings; missing ones become empty."""
    return column.astype(object).where(column.notna(), "").map(str)


def read_times(frame: pd.DataFrame, chosen: TimeColumns, day_first: bool, zone: str) -> Times:
    """Read times with the reader's choices.

    Times without a zone are read in the zone in which all are shown. If no time has a zone, all are shown as they are.
    """
    parsed = times(frame, *chosen, assume_day_first=day_first)
    if parsed.zoneless == parsed.moments.notna().sum():
        return parsed
    return times(frame, *chosen, zone=zone, assume_day_first=day_first)


def choose_zone(file: str, say: Language) -> None:
    """Let the reader choose the time zone in which times are shown."""
    st.selectbox(
        say("watch.zone_label"), zones(), format_func=notes.zone_name, key=f"zone {file}", persist_state="session"
    )


@cache
def zones() -> list[str]:
    """Return the time zones that are offered."""
    return ["UTC", *sorted(zone for zone in available_timezones() if zone.startswith(CONTINENTS))]
