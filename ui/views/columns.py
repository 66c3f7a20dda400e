"""Which columns of a table hold the texts, their times and their authors, and what is in them."""

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

NO_COLUMN = "\0"  # no column is called that
CONTINENTS = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")


class Source(NamedTuple):
    """What a table is read from, and how the reader has chosen to read it; None is for what was not chosen.

    Attributes:
        file: names the upload.
        encoding: of a text file.
        sheet: of a workbook.
        header: whether the first row holds names.
    """

    file: str
    encoding: str | None = None
    sheet: str | None = None
    header: bool | None = None


class Columns(NamedTuple):
    """Which columns hold the texts, their times and their authors."""

    text: str
    times: TimeColumns | None
    author: str | None


def choose_columns(frame: pd.DataFrame, source: Source, say: Language) -> Columns:
    """Return which columns hold the texts, their times and their authors."""
    names = list(frame.columns)
    if len(names) == 1:
        return Columns(names[0], None, None)
    guessed = remember("guessed", (source,), lambda: guess_date(frame))
    likely = columns.guess(names, "text")
    texts, dates, authors = st.columns(3)
    text = texts.selectbox(say("watch.text"), names, index=names.index(likely) if likely else 0)
    date = optional(dates, say("watch.time"), names, guessed, say)
    author = optional(authors, say("watch.author"), names, columns.guess(names, "author"), say)
    if date is None:
        return Columns(text, None, author)
    belonging = remember("belonging", (source, date), lambda: guess_times(frame, date))
    _, clock, zone = belonging or TimeColumns(date)
    if zone is not None:  # it matters only where times name no zone themselves
        alone = remember("alone", (source, date, clock), lambda: times(frame, date, clock))
        zone = zone if alone.zoneless else None
    if clock is not None:
        clock = optional(dates, say("watch.clock"), names, clock, say, f"clock {date} {source.file}")
    if zone is not None:
        zone = optional(dates, say("watch.zone_column"), names, zone, say, f"zone column {date} {source.file}")
    return Columns(text, TimeColumns(date, clock, zone), author)


def guess_date(frame: pd.DataFrame) -> str | None:
    """Return the column that likely holds dates; one that is called so, if none can be read as dates."""
    if guessed := guess_times(frame):
        return guessed.date
    named = columns.candidates(list(frame.columns), "date")
    return next((name for name in named if as_texts(frame[name]).str.strip().any()), None)


def optional(
    place: Any, label: str, names: list[str], guessed: str | None, say: Language, key: str | None = None
) -> str | None:
    """Return a column that may be missing."""
    options = [NO_COLUMN, *names]
    chosen = place.selectbox(
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
    """Return the tweets that can be scored, how their times were read, and how many rows cannot be scored."""
    tweets = pd.DataFrame({"text": as_texts(frame[chosen.text])}, index=frame.index)
    found = read_times(frame, chosen.times, source, say) if chosen.times else None
    tweets["time"] = pd.NaT if found is None else found.moments.dt.tz_convert(found.zone)
    tweets["author"] = as_texts(frame[chosen.author]).replace("", None) if chosen.author else None
    fit = (tweets["text"].str.strip() != "") & (tweets["text"].str.len() <= MOST_CHARACTERS)
    return tweets[fit], found, int((~fit).sum())


def as_texts(column: pd.Series) -> pd.Series:
    """Return values as texts; missing ones are empty."""
    return column.astype(object).where(column.notna(), "").map(str)


def read_times(frame: pd.DataFrame, chosen: TimeColumns, source: Source, say: Language) -> Times:
    """Read times as the reader has chosen to.

    The zone of those that name none is the one in which all are shown. Where none names one, all stay as they are.
    """
    day_first = st.session_state.get(f"order {say.code} {source.file}", say.day_first)
    zone = st.session_state.get(f"zone {say.code} {source.file}", say("watch.zone"))

    def as_given() -> Times:
        found = times(frame, *chosen, assume_day_first=day_first)
        if found.zoneless == found.moments.notna().sum():
            return found
        return times(frame, *chosen, zone=zone, assume_day_first=day_first)

    return remember("times", (source, chosen, day_first, zone), as_given)


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
