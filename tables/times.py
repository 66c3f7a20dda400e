"""Read columns of times as moments in UTC, and report all assumptions."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tables import instants, zones
from tables.errors import TableError
from tables.instants import OrderSource, as_text, read_parts


@dataclass(frozen=True, kw_only=True)
class Times:
    """Moments, and the assumptions made to read them.

    Attributes:
        moments: the moments in UTC, with the index of the frame; NaT if there is none.
        empty: the number of rows without a value.
        unreadable: the number of rows with a value that is not a moment, including those without a day.
        without_day: the number of rows with a time of day, but no day.
        unknown_zones: names of unknown time zones; their rows are unreadable.
        examples: some unreadable values.
        day_first: whether 05/02/2026 is in February; None if no date is written like that.
        day_first_source: "given" by the caller; by "values" such as 13/02/2026; by most of these, while the others
            contradict them and are unreadable ("conflict"); or "assumed", because no value shows it.
        either_order: rows that would be another day in the other order, with the index of the frame.
        zoneless: the number of moments without a time zone.
        zone: the time zone assumed for these.
        counts: the units of numbers, such as "seconds" (since 1970) or "Excel days".
        clock_changes: the number of moments made uncertain by a clock change.
    """

    moments: pd.Series
    empty: int
    unreadable: int
    without_day: int
    unknown_zones: tuple[str, ...]
    examples: tuple[str, ...]
    day_first: bool | None
    day_first_source: OrderSource | None
    either_order: pd.Series
    zoneless: int
    zone: str
    counts: tuple[str, ...]
    clock_changes: int


def times(
    frame: pd.DataFrame,
    date: str,
    clock: str | None = None,
    zone_column: str | None = None,
    *,
    zone: str = "UTC",
    day_first: bool | None = None,
    assume_day_first: bool = True,
) -> Times:
    """Read a column of times, or a column of days and one of times of day, as moments in UTC.

    Days and months have one order throughout a column: that of a value with only one possible order (13/02/2026),
    otherwise the one assumed by the caller. A day without a time of day becomes its midnight. A time skipped by a clock
    change becomes the moment of the change; a repeated one becomes the first of the two. Abbreviations of time zones
    are those of `tables.zones`. Nothing depends on the time zone or the language of the machine.

    Args:
        frame: the table.
        date: the column of moments or days.
        clock: the column of times of day, if separate from days.
        zone_column: the column of time zones, for times without one.
        zone: the time zone of times without one: a name in the IANA database, an abbreviation or an offset.
        day_first: whether 05/02/2026 is in February; None detects it.
        assume_day_first: the same, if no value shows it.

    Raises:
        TableError: "unknown_zone", if the caller's is unknown.
    """
    if zones.find(zone.lower()) is None:
        raise TableError(
            "unknown_zone",
            f"Unknown time zone {zone!r}; use a name such as Europe/Paris or an offset such as +01:00.",
            found=zone,
        )
    days = read_parts(frame[date])
    hours = days if clock is None else read_parts(frame[clock])
    if clock is not None and days["year"].isna().all() and days["number"].isna().all():
        days, hours = hours, days
    order, source = instants.order(days, day_first, assume_day_first)
    local, counted, counts = instants.local(days, hours if clock is not None else None, order is not False)
    if clock is not None:
        has_clock = hours["clock"] | hours["number"].between(0, 1, inclusive="left")
        unread = ~has_clock & (as_text(frame[clock]).str.strip() != "") & (as_text(frame[date]).str.strip() != "")
        local = np.where(unread, np.datetime64("NaT"), local)
    zone_names = hours["zone"].where(hours["zone"] != "", days["zone"])
    if zone_column is not None:
        zone_names = zone_names.where(zone_names != "", as_text(frame[zone_column]).str.strip().str.lower())
    zoneless = (zone_names == "") & ~counted & ~np.isnat(local)
    zone_names = zone_names.mask(zone_names == "", zone.lower()).mask(counted, "utc")
    moments, changes, unknown = instants.to_utc(local, zone_names)
    missing = np.isnat(moments)
    text = as_text(frame[date]).str.strip()
    empty = ((text == "") if clock is None else (text == "") & (as_text(frame[clock]).str.strip() == "")).to_numpy()
    unreadable = missing & ~empty
    dayless = unreadable & hours["clock"].to_numpy(bool) & days["year"].isna().to_numpy()
    return Times(
        moments=pd.Series(moments, index=frame.index, name="time").dt.tz_localize("UTC"),
        empty=int(empty.sum()),
        unreadable=int(unreadable.sum()),
        without_day=int(dayless.sum()),
        unknown_zones=unknown,
        examples=tuple(text[unreadable].drop_duplicates().head(3)),
        day_first=order,
        day_first_source=source,
        either_order=days["first"].le(12) & days["second"].le(12) & days["first"].ne(days["second"]) & ~missing,
        zoneless=int((zoneless.to_numpy() & ~missing).sum()),
        zone=zone,
        counts=counts,
        clock_changes=changes,
    )
