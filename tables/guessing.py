"""Guess which columns together hold times: by their names, and by what they hold."""

import re
from typing import Literal, NamedTuple

import pandas as pd

from tables import columns, zones
from tables.instants import as_text, is_count
from tables.moments import Reader

SAMPLE = 200  # values that are looked at
MOST_DAYS = 80_000  # of Excel; larger numbers count seconds or parts of them

Kind = Literal["moment", "day", "clock"]


class TimeColumns(NamedTuple):
    """The columns that together hold times: of moments or days, of times of day, and of time zones."""

    date: str
    clock: str | None = None
    zone: str | None = None


def guess_times(frame: pd.DataFrame, date: str | None = None) -> TimeColumns | None:
    """Guess the columns that hold times, by their names and by what they hold; None if no column holds a day.

    A column of moments is taken before a column of days; a time of day is joined to a day. A column of time zones
    belongs to the times that name none. If no name is that of times, what is written as a time counts.

    Args:
        frame: the table.
        date: the column of moments or days, if it is known: only those that belong to it are guessed.
    """
    names = list(frame.columns)
    likely = list(dict.fromkeys([*columns.candidates(names, "date"), *columns.candidates(names, "clock")]))
    kinds = {name: kind_of(frame[name]) for name in likely}
    if not {"moment", "day"}.intersection(kinds.values()):
        others = {name: kind_of(frame[name], numbers=False) for name in names if name not in kinds}
        likely, kinds = [*likely, *others], kinds | others
    if date is None:
        days = [name for kind in ("moment", "day") for name in likely if kinds[name] == kind]
        if not days:
            return None
        date = days[0]
    kinds[date] = kind_of(frame[date])
    zone = next((name for name in columns.candidates(names, "zone") if name != date and _are_zones(frame[name])), None)
    if kinds[date] != "day":
        return TimeColumns(date, None, zone)
    clocks = [*columns.candidates(names, "clock"), *likely]
    return TimeColumns(date, next((name for name in clocks if kinds[name] == "clock"), None), zone)


def kind_of(column: pd.Series, *, numbers: bool = True) -> Kind | None:
    """Return whether most values of a column are moments, days (or all at midnight) or times of day, if any.

    `numbers` tells whether numbers may be moments: in a column of another name they are anything.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        filled = column.dropna()
        return "day" if (filled == filled.dt.normalize()).all() else "moment"
    values = _sample(column)
    if not numbers and all(re.fullmatch(r"[\d.,]*", value) for value in values):
        return None
    reader = Reader()
    parts = [found for value in values if (found := reader.read(value))]
    if not parts or 2 * len(parts) < len(values):
        return None
    days = [found for found in parts if found.year is not None or is_count(found.number)]
    if 2 * len(days) < len(parts):
        of_day = any(found.clock or (found.number is not None and 0 < found.number < 1) for found in parts)
        return "clock" if of_day else None
    midnight = all(
        found.number < MOST_DAYS and found.number.is_integer() if found.number else not (found.hour or found.minute)
        for found in days
    )
    return "day" if midnight else "moment"


def _sample(column: pd.Series) -> list[str]:
    return [value for value in as_text(column.dropna().head(10 * SAMPLE)).str.strip() if value][:SAMPLE]


def _are_zones(column: pd.Series) -> bool:
    values = _sample(column)
    return bool(values) and sum(zones.find(value.lower()) is not None for value in values) > len(values) / 2
