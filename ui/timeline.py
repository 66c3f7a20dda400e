"""The tweets of a file over time: counts, limits and crises, as the live watch would have found them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from monitoring.alarm import Level, Rules
from monitoring.bands import Usual, points, total
from monitoring.baseline import Learning
from monitoring.buckets import DAY, HOUR, Bucket, Tweets, count
from monitoring.crises import Crisis, replay
from monitoring.evidence import Errors
from monitoring.terms import original
from ui.stream import LENGTHS

# Length of a bucket, and how often the baseline is learned anew, in seconds, by the longest span of time in days. Wider
# ones for longer files, so that a year takes some seconds.
STEPS = {15.0: (300.0, HOUR), 60.0: (900.0, 3 * HOUR), 400.0: (1800.0, DAY)}


class Timeline(NamedTuple):
    """The tweets of a file over time.

    Attributes:
        buckets: in order, empty ones included.
        usual: what a bucket usually brings, by its start.
        crises: with the fields of those of `GET /monitoring/stream`, newest first.
        seconds: length of a bucket.
    """

    buckets: Sequence[Bucket]
    usual: Mapping[float, Usual]
    crises: Sequence[Mapping[str, Any]]
    seconds: float


def is_watchable(times: pd.Series) -> str | None:
    """Return why times cannot be watched: `clock` (they are days), `short`, `long`; None if they can.

    The watch learns for some days what is usual before it raises an alarm; `Learning.least_days`.
    """
    known = times.dropna()
    days = (known.max() - known.min()).total_seconds() / DAY
    if days > max(STEPS):
        return "long"
    if len(known.dt.time.unique()) == 1:
        return "clock"
    learning = Learning(zone=UTC)
    return "short" if days <= learning.least_days + learning.guard_seconds / DAY else None


def make(tweets: pd.DataFrame, plan: Mapping[str, Any], zone: str | None) -> Timeline:
    """Watch the tweets of a file as if they had come one after the other.

    Args:
        tweets: columns `time`, `sentiment`, `author`, `text`; rows without a time are left out.
        plan: see `resources.watch_plan`; if it is empty, the alarm uses its default settings.
        zone: time zone of the people who write; None if times have none.
    """
    dated = tweets[tweets["time"].notna()]
    days = (dated["time"].max() - dated["time"].min()).total_seconds() / DAY
    seconds, refit_seconds = next(steps for longest, steps in STEPS.items() if days <= longest)
    buckets = count(voices(dated), seconds=seconds)
    rates = {name: plan[name] for name in ("sensitivity", "specificity") if name in plan}
    moments = replay(
        buckets,
        seconds=seconds,
        rules=Rules(alarm=plan.get("evidence", Rules.alarm)),
        learning=Learning(zone=UTC if zone is None else ZoneInfo(zone)),
        errors=Errors(**rates),
        refit_seconds=refit_seconds,
    )
    usual, crises = dict[float, Usual](), dict[tuple[str, float], Crisis]()
    for bucket, moment in zip(buckets, moments, strict=True):
        if moment.usual is not None:
            usual[bucket.start] = moment.usual
        crises |= {(crisis.kind, crisis.since): crisis for crisis in moment.state if crisis is not None}
    latest = sorted(crises.values(), key=lambda crisis: crisis.since, reverse=True)
    return Timeline(buckets, usual, [described(crisis) for crisis in latest], seconds)


def counted(timeline: Timeline, begin: float, end: float) -> tuple[int, int, float | None]:
    """Return the tweets and the negative ones of a span, as the watch counts them, and how many are usual."""
    inside = [bucket for bucket in timeline.buckets if begin <= bucket.start < end]
    point = total(begin, inside, timeline.usual)
    return point.tweets, point.negative, point.usual_negative


def voices(tweets: pd.DataFrame) -> Tweets:
    """Return tweets as the watch counts them."""
    authors = tweets["author"].astype(object)
    return Tweets(
        times=np.asarray(seconds_of(tweets["time"]), np.float64),
        negative=(tweets["sentiment"] == "negative").to_numpy(bool),
        authors=authors.where(authors.notna(), None).tolist(),
        texts=[*map(original, tweets["text"])],
    )


def seconds_of(times: pd.Series) -> "pd.Series[float]":
    """Return times in seconds since 1970; those without a zone as if they were in UTC."""
    utc = times.dt.tz_localize("UTC") if times.dt.tz is None else times
    return (utc - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)


def described(crisis: Crisis) -> Mapping[str, Any]:
    """Return a crisis as the service describes it."""
    return {
        "kind": crisis.kind,
        "level": Level(crisis.level).name.lower(),
        "since": iso(crisis.since),
        "over_since": None if crisis.over is None or crisis.calm_since is None else iso(crisis.calm_since),
        "seconds": crisis.worst.seconds,
        "negative": crisis.worst.negative,
        "usual_negative": crisis.worst.usual_negative,
    }


def described_points(timeline: Timeline, width: str, zone: str | None) -> list[dict[str, Any]]:
    """Return the points of a chart, as the service describes them.

    Args:
        timeline: of the tweets.
        width: of a point; one of `LENGTHS`.
        zone: in which a day begins; None for that of the file.
    """
    place = UTC if zone is None else ZoneInfo(zone)

    def start_of(time: float) -> float:
        if width != "D":
            return time // LENGTHS[width] * LENGTHS[width]
        return datetime.fromtimestamp(time, place).replace(hour=0, minute=0).timestamp()

    shown = points(timeline.buckets, timeline.usual, start_of)
    return [point._asdict() | {"start": iso(point.start)} for point in shown]


def iso(time: float) -> str:
    """Return a time (seconds since 1970) in ISO 8601, in UTC."""
    return datetime.fromtimestamp(time, UTC).isoformat().replace("+00:00", "Z")
