"""Turn what columns of times say into moments in UTC, on whole columns at once."""

from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from tables import zones
from tables.moments import Parts, Reader

EARLIEST, LATEST = 1700, 2200  # years that nanoseconds in 64 bits can hold, and a little less
# Numbers, by their size: from, up to, microseconds in one, and what they count. No two overlap from 1973 to 2119.
COUNTS = (
    (20_000.0, 80_000.0, 86_400e6, "Excel days"),
    (1e8, 1e10, 1e6, "seconds"),
    (1e11, 1e13, 1e3, "milliseconds"),
    (1e14, 1e16, 1.0, "microseconds"),
    (1e17, 4e18, 1e-3, "nanoseconds"),
)
EXCEL_EPOCH = np.datetime64("1899-12-30", "ns")  # so that days count right from March 1900 on

Floats = npt.NDArray[np.float64]
Moments = npt.NDArray[np.datetime64]
OrderSource = Literal["given", "values", "conflict", "assumed"]


class Local(NamedTuple):
    """Moments in local time, which of them are numbers that count from a moment in UTC, and what numbers count."""

    moments: Moments
    absolute: npt.NDArray[np.bool_]
    counts: tuple[str, ...]


class Utc(NamedTuple):
    """Moments in UTC, how many of them a clock change makes uncertain, and the names of unknown zones."""

    moments: Moments
    clock_changes: int
    unknown_zones: tuple[str, ...]


def as_text(column: pd.Series) -> pd.Series:
    """Return values as text; missing ones are empty, and numbers have no exponent."""
    if pd.api.types.is_float_dtype(column):
        return column.map(lambda value: f"{value:.6f}", na_action="ignore").astype(object).fillna("")
    return column.astype(object).where(column.notna(), "").map(str)


def read_parts(column: pd.Series) -> pd.DataFrame:
    """Return what each value says of a time: a column for each of `Parts`."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return _read_typed(column)
    codes, unique = pd.factorize(as_text(column).to_numpy(object))
    reader, nothing = Reader(), tuple(Parts())
    rows = [tuple(reader.read(value) or nothing) for value in unique]  # plain tuples: a third of the time
    parts = dict(zip(Parts._fields, zip(*rows, strict=True), strict=False))
    types = {"zone": object, "clock": bool}
    arrays = {name: np.array(parts.get(name, ()), types.get(name, float))[codes] for name in Parts._fields}
    frame = pd.DataFrame(arrays, index=column.index)
    return frame.assign(zone=frame["zone"].fillna(""))


def _read_typed(column: pd.Series) -> pd.DataFrame:
    zone = "" if column.dt.tz is None else "utc"
    at = column if not zone else column.dt.tz_convert("UTC")
    seconds = at.dt.second + at.dt.microsecond / 1e6
    return pd.DataFrame(
        {
            "year": at.dt.year.astype(float),
            "month": at.dt.month.astype(float),
            "day": at.dt.day.astype(float),
            "first": np.nan,
            "second": np.nan,
            "clock": at.notna() & (at != at.dt.normalize()),
            "hour": at.dt.hour.astype(float),
            "minute": at.dt.minute.astype(float),
            "seconds": seconds.astype(float),
            "zone": zone,
            "number": np.nan,
        },
        index=column.index,
    )


def is_count(number: float | None) -> bool:
    """Tell whether a number may be a moment."""
    return number is not None and any(least <= number < most for least, most, _, _ in COUNTS)


def order(parts: pd.DataFrame, given: bool | None, assumed: bool) -> tuple[bool | None, OrderSource | None]:
    """Return whether days come before months, and how that is known; None where no date is written like that."""
    first, second = parts["first"].to_numpy(float), parts["second"].to_numpy(float)
    if np.isnan(first).all():
        return None, None
    if given is not None:
        return given, "given"
    day_first = int(((first > 12) & (first <= 31) & (second <= 12)).sum())
    month_first = int(((second > 12) & (second <= 31) & (first <= 12)).sum())
    if not day_first and not month_first:
        return assumed, "assumed"
    return day_first >= month_first, "conflict" if day_first and month_first else "values"


def local(days: pd.DataFrame, clocks: pd.DataFrame | None, day_first: bool) -> Local:
    """Return moments in local time, missing where there is no such day.

    Args:
        days: the parts of the column of moments or days.
        clocks: the parts of the column of times of day; None if they are in `days`.
        day_first: the order of days and months.
    """
    first, second = ("first", "second") if day_first else ("second", "first")
    day = days["day"].fillna(days[first]).to_numpy(float)
    month = days["month"].fillna(days[second]).to_numpy(float)
    moments = _days(days["year"].to_numpy(float), month, day)
    from_number, absolute, counts = _counted(days["number"].to_numpy(float))
    seconds = _seconds(days)
    if clocks is not None:
        fraction = clocks["number"].to_numpy(float)
        of_day = np.where((fraction >= 0) & (fraction < 1), fraction * 86_400, np.nan)
        apart = np.where(clocks["clock"].to_numpy(bool), _seconds(clocks), of_day)
        seconds = np.where(np.isnan(apart), seconds, apart)
        joined = ~np.isnan(apart) & ~absolute
        from_number[joined] = from_number[joined].astype("M8[D]")
    moments = np.where(np.isnat(moments), from_number, moments)
    added = np.where(absolute, 0, np.round(seconds * 1e6)).astype("m8[us]").astype("m8[ns]")
    return Local(moments + added, absolute, counts)


def _seconds(parts: pd.DataFrame) -> Floats:
    hours, minutes = parts["hour"].to_numpy(float), parts["minute"].to_numpy(float)
    seconds: Floats = hours * 3_600 + minutes * 60 + parts["seconds"].to_numpy(float)
    return seconds


def _days(year: Floats, month: Floats, day: Floats) -> Moments:
    possible = (year >= EARLIEST) & (year <= LATEST) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = np.where(possible, (year - 1970) * 12 + month - 1, 0).astype(np.int64).astype("M8[M]")
    days: Moments = (months.astype("M8[D]") + np.where(possible, day - 1, 0).astype("m8[D]")).astype("M8[ns]")
    days[~possible | (days.astype("M8[M]") != months)] = np.datetime64("NaT")
    return days


def _counted(number: Floats) -> tuple[Moments, npt.NDArray[np.bool_], tuple[str, ...]]:
    moments = np.full(len(number), np.datetime64("NaT"), "M8[ns]")
    absolute = np.zeros(len(number), bool)
    found = []
    for least, most, unit, name in COUNTS:
        these = (number >= least) & (number < most)
        if not these.any():
            continue
        found.append(name)
        days = name == "Excel days"  # to the millisecond: their fractions are no more exact
        micro = np.round(number[these] * unit / 1e3) * 1e3 if days else np.round(number[these] * unit)
        since = EXCEL_EPOCH if days else np.datetime64(0, "ns")
        moments[these] = since + micro.astype("m8[us]").astype("m8[ns]")
        absolute[these] = not days
    return moments, absolute, tuple(found)


def to_utc(moments: Moments, named: pd.Series) -> Utc:
    """Move local moments, each in the zone of that name, to UTC; those in an unknown zone become missing."""
    result = np.full(len(moments), np.datetime64("NaT"), "M8[ns]")
    changes, unknown = 0, []
    codes, names = pd.factorize(named.to_numpy(object))
    for code, name in enumerate(names):
        these = (codes == code) & ~np.isnat(moments)
        if not these.any():
            continue
        zone = zones.find(name)
        if zone is None:
            unknown.append(str(name))
        elif isinstance(zone, ZoneInfo):
            result[these], uncertain = _from_zone(moments[these], zone)
            changes += uncertain
        else:
            result[these] = moments[these] - np.timedelta64(zone)
    return Utc(result, changes, tuple(unknown))


def _from_zone(moments: Moments, zone: ZoneInfo) -> tuple[Moments, int]:
    """Move moments from a zone with rules to UTC, and count those that a clock change makes uncertain.

    Clocks change on a quarter of an hour: each quarter is looked up once.
    """
    here = pd.DatetimeIndex(moments)
    codes, unique = pd.factorize(here.floor("15min"))
    quarters = pd.DatetimeIndex(unique)
    first = np.ones(len(quarters), bool)  # of the two hours that a repeated one may be, that in summer time
    utc = quarters.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
    exists = (utc.tz_localize(None) == quarters)[codes]
    certain = quarters.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").tz_localize(None).to_numpy()
    within = moments - quarters.to_numpy()[codes]
    moved: Moments = utc.tz_convert(None).to_numpy()[codes] + np.where(exists, within, np.timedelta64(0, "ns"))
    return moved, int(np.isnat(certain)[codes].sum())
