"""Convert columns of parsed times to moments in UTC, whole columns at once."""

from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from tables import zones
from tables.moments import Parts, Reader

EARLIEST, LATEST = 1700, 2200  # years within the range of nanoseconds in 64 bits
# Numbers by size: lower bound, upper bound, microseconds per unit, and unit. They do not overlap from 1973 to 2119.
COUNTS = (
    (20_000.0, 80_000.0, 86_400e6, "Excel days"),
    (1e8, 1e10, 1e6, "seconds"),
    (1e11, 1e13, 1e3, "milliseconds"),
    (1e14, 1e16, 1.0, "microseconds"),
    (1e17, 4e18, 1e-3, "nanoseconds"),
)
EXCEL_EPOCH = np.datetime64("1899-12-30", "ns")  # correct from March 1900 on, despite Excel's extra leap day

Floats = npt.NDArray[np.float64]
Moments = npt.NDArray[np.datetime64]
OrderSource = Literal["given", "values", "conflict", "assumed"]


class Local(NamedTuple):
    """Moments in local time, which of them are counts from a moment in UTC, and the units of these counts."""

    moments: Moments
    absolute: npt.NDArray[np.bool_]
    counts: tuple[str, ...]


class Utc(NamedTuple):
    """Moments in UTC, the number made uncertain by a clock change, and the names of unknown zones."""

    moments: Moments
    clock_changes: int
    unknown_zones: tuple[str, ...]


def as_text(column: pd.Series) -> pd.Series:
    """Return values as text; missing values become empty, and numbers are written without exponent."""
    if pd.api.types.is_float_dtype(column):
        return column.map(lambda value: f"{value:.6f}", na_action="ignore").astype(object).fillna("")
    return column.astype(object).where(column.notna(), "").map(str)


def read_parts(column: pd.Series) -> pd.DataFrame:
    """Parse each value of a column; return one column for each field of `Parts`."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return _read_typed(column)
    codes, unique = pd.factorize(as_text(column).to_numpy(object))
    reader, no_parts = Reader(), tuple(Parts())
    rows = [tuple(reader.read(value) or no_parts) for value in unique]  # plain tuples take a third of the time
    parts = dict(zip(Parts._fields, zip(*rows, strict=True), strict=False))
    types = {"zone": object, "clock": bool}
    arrays = {name: np.array(parts.get(name, ()), types.get(name, float))[codes] for name in Parts._fields}
    frame = pd.DataFrame(arrays, index=column.index)
    return frame.assign(zone=frame["zone"].fillna(""))


def _read_typed(column: pd.Series) -> pd.DataFrame:
    zone = "" if column.dt.tz is None else "utc"
    moment = column if not zone else column.dt.tz_convert("UTC")
    seconds = moment.dt.second + moment.dt.microsecond / 1e6
    return pd.DataFrame(
        {
            "year": moment.dt.year.astype(float),
            "month": moment.dt.month.astype(float),
            "day": moment.dt.day.astype(float),
            "first": np.nan,
            "second": np.nan,
            "clock": moment.notna() & (moment != moment.dt.normalize()),
            "hour": moment.dt.hour.astype(float),
            "minute": moment.dt.minute.astype(float),
            "seconds": seconds.astype(float),
            "zone": zone,
            "number": np.nan,
        },
        index=column.index,
    )


def is_count(number: float | None) -> bool:
    """Return whether a number may be a moment."""
    return number is not None and any(low <= number < high for low, high, _, _ in COUNTS)


def order(parts: pd.DataFrame, given: bool | None, assumed: bool) -> tuple[bool | None, OrderSource | None]:
    """Return whether days precede months, and how this was determined; None if no date is written with numbers only."""
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
    """Return moments in local time; missing if the day does not exist.

    Args:
        days: the parsed column of moments or days.
        clocks: the parsed column of times of day; None if they are in `days`.
        day_first: whether days precede months.
    """
    first, second = ("first", "second") if day_first else ("second", "first")
    day = days["day"].fillna(days[first]).to_numpy(float)
    month = days["month"].fillna(days[second]).to_numpy(float)
    moments = _days(days["year"].to_numpy(float), month, day)
    from_number, absolute, counts = _counted(days["number"].to_numpy(float))
    seconds = _seconds(days)
    if clocks is not None:
        fraction = clocks["number"].to_numpy(float)
        from_fraction = np.where((fraction >= 0) & (fraction < 1), fraction * 86_400, np.nan)
        clock_seconds = np.where(clocks["clock"].to_numpy(bool), _seconds(clocks), from_fraction)
        seconds = np.where(np.isnan(clock_seconds), seconds, clock_seconds)
        combined = ~np.isnan(clock_seconds) & ~absolute
        from_number[combined] = from_number[combined].astype("M8[D]")
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
    units = []
    for low, high, microseconds, unit in COUNTS:
        rows = (number >= low) & (number < high)
        if not rows.any():
            continue
        units.append(unit)
        days = unit == "Excel days"  # rounded to milliseconds: their fractions are not more precise
        micro = np.round(number[rows] * microseconds / 1e3) * 1e3 if days else np.round(number[rows] * microseconds)
        since = EXCEL_EPOCH if days else np.datetime64(0, "ns")
        moments[rows] = since + micro.astype("m8[us]").astype("m8[ns]")
        absolute[rows] = not days
    return moments, absolute, tuple(units)


def to_utc(moments: Moments, zone_names: pd.Series) -> Utc:
    """Convert local moments to UTC, each from its named zone; those in an unknown zone become missing."""
    result = np.full(len(moments), np.datetime64("NaT"), "M8[ns]")
    changes, unknown = 0, []
    codes, names = pd.factorize(zone_names.to_numpy(object))
    for code, name in enumerate(names):
        rows = (codes == code) & ~np.isnat(moments)
        if not rows.any():
            continue
        zone = zones.find(name)
        if zone is None:
            unknown.append(str(name))
        elif isinstance(zone, ZoneInfo):
            result[rows], uncertain = _from_zone(moments[rows], zone)
            changes += uncertain
        else:
            result[rows] = moments[rows] - np.timedelta64(zone)
    return Utc(result, changes, tuple(unknown))


def _from_zone(moments: Moments, zone: ZoneInfo) -> tuple[Moments, int]:
    """Convert moments from a zone with clock changes to UTC, and count those that a clock change makes uncertain.

    Clocks change at quarters of an hour, so each quarter is looked up once.
    """
    local_times = pd.DatetimeIndex(moments)
    codes, unique = pd.factorize(local_times.floor("15min"))
    quarters = pd.DatetimeIndex(unique)
    first = np.ones(len(quarters), bool)  # for repeated hours, take the first one, in summer time
    utc = quarters.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
    exists = (utc.tz_localize(None) == quarters)[codes]
    certain = quarters.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").tz_localize(None).to_numpy()
    within = moments - quarters.to_numpy()[codes]
    moved: Moments = utc.tz_convert(None).to_numpy()[codes] + np.where(exists, within, np.timedelta64(0, "ns"))
    return moved, int(np.isnat(certain)[codes].sum())
