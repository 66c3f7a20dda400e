"""What the page draws of the answer of `GET /monitoring/stream`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

# Lengths of a point of a chart, in seconds, by their names in pandas.
LENGTHS = {"15min": 900.0, "h": 3600.0, "D": 86_400.0}
# Hours that can be shown, and the length of a point in each.
SPANS = {24: "15min", 48: "h", 168: "h", 336: "h"}
DEFAULT_HOURS = 48
COUNTS = ["tweets", "negative", "reach"]
LIMITS = ["usual_negative", "most_negative", "usual_share", "largest_share"]


def points(answer: Mapping[str, Any], zone: ZoneInfo) -> pd.DataFrame:
    """Return the points of the stream, indexed by start as the clock of a zone shows it.

    Columns: `start` (in seconds since 1970), `tweets`, `negative`, `reach`, `share` (of negative ones; NaN without
    tweets), the limits (NaN while the watch was learning), and whether a point is above one (`exceeded`).
    """
    frame = pd.DataFrame(answer["points"], columns=["start", *COUNTS, *LIMITS]).astype(dict.fromkeys(LIMITS, float))
    starts = pd.to_datetime(frame["start"], utc=True, format="ISO8601")
    frame["start"] = (starts - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    frame.index = pd.DatetimeIndex(starts.dt.tz_convert(zone).dt.tz_localize(None))
    frame["share"] = frame["negative"] / frame["tweets"].where(frame["tweets"] > 0)
    frame["exceeded"] = frame["negative"] > frame["most_negative"]
    return frame


def moment(text: str) -> datetime:
    """Return a time in ISO 8601."""
    return datetime.fromisoformat(text)


def zone_of(name: str | None) -> ZoneInfo:
    """Return the reader's time zone, or UTC if the browser does not tell it."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError):
        return ZoneInfo("UTC")
