"""Choose the columns of a table with texts, times and authors, and read them."""

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
    text = texts.selectbox(say("watch.text"), names, index=names.index(guessed_text) if guessed_text else 0)
    date = optional(dates, say("watch.time"), names, guessed_date, say)
    author = optional(authors, say("watch.author"), names, columns.guess(names, "author"), say)
    if date is None:
        return Columns(text, None, author)
    time_columns = remember("time_columns", (source, date), lambda: guess_times(frame, date))
    _, clock, zone = time_columns or TimeColumns(date)
    if zone is not None:  # a zone column matters only if some times have no zone of their own
        without_zone_column = remember("without_zone_column", (source, date, clock), lambda: times(frame, date, clock))
        zone = zone if without_zone_column.zoneless else None
    if clock is not None:
        clock = optional(dates, say("watch.clock"), names, clock, say, f"clock {date} {source.file}")
    if zone is not None:
        zone = optional(dates, say("watch.zone_column"), names, zone, say, f"zone column {date} {source.file}")
    return Columns(text, TimeColumns(date, clock, zone), author)


def guess_date(frame: pd.DataFrame) -> str | None:
    """Return the column that most likely contains dates, by content or else by name."""
    if time_columns := guess_times(frame):
        return time_columns.date
    candidates = columns.candidates(list(frame.columns), "date")
    return next((name for name in candidates if as_texts(frame[name]).str.strip().any()), None)


def optional(
    container: Any, label: str, names: list[str], guessed: str | None, say: Language, key: str | None = None
) -> str | None:
    """Let the reader choose a column or none."""
    options = [NO_COLUMN, *names]
    chosen = container.selectbox(
        label,
        options,
        index=options.index(guessed or NO_COLUMN),
        format_func=lambda name: say("watch.none") if name == NO_COLUMN else name,
        key=key,
    )
    return None if chosen == NO_COLUMN else chosen


def usable(
    frame: pd.DataFrame, chosen: Columns, source: Source, say: Language
) -> tuple[pd.DataFrame, Times | None, int]:
    """Return the tweets that can be scored, their times as read, and the number of rows that cannot be scored."""
    tweets = pd.DataFrame({"text": as_texts(frame[chosen.text])}, index=frame.index)
    parsed = read_times(frame, chosen.times, source, say) if chosen.times else None
    tweets["time"] = pd.NaT if parsed is None else parsed.moments.dt.tz_convert(parsed.zone)
    tweets["author"] = as_texts(frame[chosen.author]).replace("", None) if chosen.author else None
    scorable = (tweets["text"].str.strip() != "") & (tweets["text"].str.len() <= MOST_CHARACTERS)
    return tweets[scorable], parsed, int((~scorable).sum())


def as_texts(column: pd.Series) -> pd.Series:
    """Convert values to strings; missing ones become empty."""
    return column.astype(object).where(column.notna(), "").map(str)


def read_times(frame: pd.DataFrame, chosen: TimeColumns, source: Source, say: Language) -> Times:
    """Read times with the reader's choices.

    Times without a zone are read in the zone in which all are shown. If no time has a zone, all are shown as they are.
    """
    day_first = st.session_state.get(f"order {say.code} {source.file}", say.day_first)
    zone = st.session_state.get(f"zone {say.code} {source.file}", say("watch.zone"))

    def parse() -> Times:
        parsed = times(frame, *chosen, assume_day_first=day_first)
        if parsed.zoneless == parsed.moments.notna().sum():
            return parsed
        return times(frame, *chosen, zone=zone, assume_day_first=day_first)

    return remember("times", (source, chosen, day_first, zone), parse)


def choose_zone(file: str, say: Language) -> None:
    """Let the reader choose the time zone in which times are shown."""
    zones = ["UTC", *sorted(zone for zone in available_timezones() if zone.startswith(CONTINENTS))]
    st.selectbox(
        say("watch.zone_label"),
        zones,
        index=zones.index(say("watch.zone")),
        format_func=notes.zone_name,
        key=f"zone {say.code} {file}",
    )
