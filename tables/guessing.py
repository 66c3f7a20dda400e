"""Guess which columns together contain times, by their names and their content."""

import re
from typing import Literal, NamedTuple

import pandas as pd

from tables import columns, zones
from tables.instants import as_text, is_count
from tables.moments import Reader

SAMPLE = 200  # values examined per column
MAX_DAYS = 80_000  # in Excel's count of days; larger numbers count seconds or fractions of them

Kind = Literal["moment", "day", "clock"]


class TimeColumns(NamedTuple):
    """The columns that together contain times: one of moments or days, one of times of day, one of time zones."""

    date: str
    clock: str | None = None
    zone: str | None = None


def guess_times(frame: pd.DataFrame, date: str | None = None) -> TimeColumns | None:
    """Guess the columns of times by their names and their content; None if no column contains days.

    Prefers a column of moments to a column of days; combines days with a column of times of day. A column of time zones
    applies to times without one. If no column has the name of a time, uses columns whose values are written as times.

    Args:
        frame: the table.
        date: the column of moments or days, if known: then only the matching other columns are guessed.
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
    """Return whether most values of a column are moments, days (or moments at midnight) or times of day, or none.

    `numbers` is whether numbers may be moments: in a column with an unrelated name, they may be anything.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        filled = column.dropna()
        return "day" if (filled == filled.dt.normalize()).all() else "moment"
    values = _sample(column)
    if not numbers and all(re.fullmatch(r"[\d.,]*", value) for value in values):
        return None
    reader = Reader()
    parts = [time for value in values if (time := reader.read(value))]
    if not parts or 2 * len(parts) < len(values):
        return None
    days = [time for time in parts if time.year is not None or is_count(time.number)]
    if 2 * len(days) < len(parts):
        has_clock = any(time.clock or (time.number is not None and 0 < time.number < 1) for time in parts)
        return "clock" if has_clock else None
    midnight = all(
        time.number < MAX_DAYS and time.number.is_integer() if time.number else not (time.hour or time.minute)
        for time in days
    )
    return "day" if midnight else "moment"


def _sample(column: pd.Series) -> list[str]:
    return [value for value in as_text(column.dropna().head(10 * SAMPLE)).str.strip() if value][:SAMPLE]


def _are_zones(column: pd.Series) -> bool:
    values = _sample(column)
    return bool(values) and sum(zones.find(value.lower()) is not None for value in values) > len(values) / 2
