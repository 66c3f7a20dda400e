"""What the reader can look at more closely: parts of a stream or of a file."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

from ui.language import Language
from ui.stream import LENGTHS

HOUR, DAY = 3600.0, 86_400.0
MOST_PEAKS = 8
# The service describes no longer span.
LONGEST = 14 * DAY


class Span(NamedTuple):
    """A span of time, in seconds since 1970.

    Attributes:
        begin: its first moment.
        end: the moment after it.
        label: what it is called.
    """

    begin: float
    end: float
    label: str


def of_crises(crises: Sequence[Mapping[str, Any]], until: float, zone: ZoneInfo, say: Language) -> dict[str, Span]:
    """Return the span of each crisis but silent ones, in the order given; `until` is the end of one that goes on."""
    spans = {}
    for crisis in crises:
        if crisis["kind"] == "silent":
            continue
        begin = seconds(crisis["since"])
        end = until if crisis["over_since"] is None else seconds(crisis["over_since"])
        label = say("peaks.crisis", level=say(f"live.{crisis['level']}"), begin=moment(begin, zone, say))
        spans[f"crisis-{begin:.0f}"] = Span(begin, max(begin + HOUR, min(end, begin + LONGEST)), label)
    return spans


def of_latest(until: float, say: Language) -> dict[str, Span]:
    """Return the last hour and the last day of a stream."""
    return {
        "day": Span(until - DAY, until, say("peaks.day")),
        "hour": Span(until - HOUR, until, say("peaks.hour")),
    }


def of_peaks(points: pd.DataFrame, width: str, zone: ZoneInfo, say: Language) -> dict[str, Span]:
    """Return the highest of the points above their limit, the most negative first; see `stream.points`."""
    above = points.reset_index(drop=True).query("exceeded").sort_values("negative", ascending=False).head(MOST_PEAKS)
    return dict(of_point(points, int(place), width, zone, say) for place in above.index)


def of_point(points: pd.DataFrame, place: int, width: str, zone: ZoneInfo, say: Language) -> tuple[str, Span]:
    """Return the name and the span of the point at a place of a chart."""
    start = points["start"].iloc[place]
    end = start + LENGTHS[width]
    if width == "D":  # days on which clocks change are shorter or longer
        end = (datetime.fromtimestamp(start, zone) + timedelta(days=1)).timestamp()
    return f"{start:.0f}-{end:.0f}", Span(start, end, say.period(datetime.fromtimestamp(start, zone), width))


def of_name(name: str, zone: ZoneInfo, say: Language) -> Span | None:
    """Return the span that a name of `of_point` stands for; None if it is none."""
    begin, _, end = name.partition("-")
    if not (begin.isdecimal() and end.isdecimal() and 0 < int(end) - int(begin) <= LONGEST):
        return None
    start = datetime.fromtimestamp(int(begin), zone)
    is_day = start.hour == start.minute == 0 and start + timedelta(days=1) == datetime.fromtimestamp(int(end), zone)
    return Span(float(begin), float(end), say.period(start, "D" if is_day else "h"))


def seconds(time: str) -> float:
    """Return a time in ISO 8601 in seconds since 1970."""
    return datetime.fromisoformat(time).timestamp()


def moment(time: float, zone: ZoneInfo, say: Language) -> str:
    """Write a time as the clock of a zone shows it."""
    return say.moment(datetime.fromtimestamp(time, UTC).astimezone(zone))
