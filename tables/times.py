"""Read columns of times as moments in UTC, and say what was assumed."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tables import instants, zones
from tables.errors import TableError
from tables.instants import OrderSource, as_text, read_parts


@dataclass(frozen=True, kw_only=True)
class Times:
    """Moments, and what was assumed to read them.

    Attributes:
        moments: in UTC, with the index of the frame; missing (NaT) where there is none.
        empty: rows without a value.
        unreadable: rows with a value that is no moment, those without a day included.
        without_day: rows with a time of day, but no day.
        unknown_zones: names of time zones that are not known; their rows are unreadable.
        examples: some values that are unreadable.
        day_first: whether 05/02/2026 is in February; None if no date is written like that.
        day_first_source: "given" by the caller; told by "values" such as 13/02/2026; by most of them, while others
            contradict them and are unreadable ("conflict"); or "assumed" for no value tells.
        either_order: rows that would be another day in the other order, with the index of the frame.
        zoneless: moments that name no time zone.
        zone: where these were taken to be.
        counts: what numbers were taken for, such as "seconds" (since 1970) or "Excel days".
        clock_changes: moments that a clock change makes uncertain.
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

    Days and months are in one order throughout a column: in that of a value that allows but one (13/02/2026), else in
    that which the caller assumes. A day without a time of day is its midnight. A time that a clock change skips is the
    moment of the change; one that it repeats is the first of the two. Abbreviations of time zones are those of
    `tables.zones`. Nothing depends on the time zone or the language of the machine.

    Args:
        frame: the table.
        date: the column of moments or days.
        clock: the column of times of day, if days and times of day are apart.
        zone_column: the column of time zones for times that name none.
        zone: the time zone of times that name none: a name of the IANA database, an abbreviation or an offset.
        day_first: whether 05/02/2026 is in February; None finds it out.
        assume_day_first: the same, where nothing tells.

    Raises:
        TableError: "unknown_zone", if it is that of the caller.
    """
    if zones.find(zone.lower()) is None:
        raise TableError("unknown_zone", f"Unknown time zone {zone!r}; give Europe/Paris or +01:00.", found=zone)
    days = read_parts(frame[date])
    hours = days if clock is None else read_parts(frame[clock])
    if clock is not None and days["year"].isna().all() and days["number"].isna().all():
        days, hours = hours, days
    order, source = instants.order(days, day_first, assume_day_first)
    local, counted, counts = instants.local(days, hours if clock is not None else None, order is not False)
    if clock is not None:
        of_day = hours["clock"] | hours["number"].between(0, 1, inclusive="left")
        unread = ~of_day & (as_text(frame[clock]).str.strip() != "") & (as_text(frame[date]).str.strip() != "")
        local = np.where(unread, np.datetime64("NaT"), local)
    own = hours["zone"].where(hours["zone"] != "", days["zone"])
    named = own if zone_column is None else own.where(own != "", as_text(frame[zone_column]).str.strip().str.lower())
    zoneless = (named == "") & ~counted & ~np.isnat(local)
    named = named.mask(named == "", zone.lower()).mask(counted, "utc")
    moments, changes, unknown = instants.to_utc(local, named)
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
