"""The answer of `GET /monitoring/stream`: the watched stream over time, and its state."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitoring.bands import Point, points, total
from monitoring.buckets import HOUR
from telemetry import buzz
from telemetry.buckets import SECONDS
from telemetry.health import watching
from telemetry.report import CrisisState, iso
from telemetry.settings import Settings
from telemetry.store import Store, reached

# The level of a stream that is not watched.
OFF = "off"


@dataclass(frozen=True, kw_only=True)
class StreamPoint:
    """A span of the watched stream, from `start`: each text and author counts once, repetitions only in `reach`.

    `most_negative` and `largest_share` are limits that chance hardly exceeds. They and the usual values are null where
    the watch was still learning.
    """

    start: str
    tweets: int
    negative: int
    reach: int
    usual_negative: float | None
    most_negative: float | None
    usual_share: float | None
    largest_share: float | None


@dataclass(frozen=True, kw_only=True)
class Stream:
    """The watched stream over time; times are ISO 8601 in UTC.

    `level` is `off` if the stream is not watched, `learning`, `calm`, `watch`, `alarm` or `silent` (no tweets arrive);
    `since` is the beginning of the crisis in the last three cases. Tweets after `checked_until` are not counted yet;
    `last_hour` is the hour before it.
    """

    generated: str
    level: str
    since: str | None
    checked_until: str | None
    last_hour: StreamPoint | None
    width_seconds: int
    points: Sequence[StreamPoint]
    crises: Sequence[CrisisState]


def stream(store: Store, settings: Settings, hours: int, minutes: int) -> Stream:
    """Describe the watched stream of the last hours, in spans of some minutes.

    Raises:
        Unavailable: the store cannot be read.
    """
    width = minutes * 60
    with store.database.reading() as connection:
        now = store.now(connection)
        answer = Stream(
            generated=iso(now),
            level=OFF,
            since=None,
            checked_until=None,
            last_hour=None,
            width_seconds=width,
            points=[],
            crises=[],
        )
        if settings.buzz is None:
            return answer
        first = int((now - hours * HOUR) // width) * width
        watched = watching(connection, settings.buzz, first)
        level, since = buzz.level(connection, learning=watched.learning)
        answer = replace(answer, level=level, since=None if since is None else iso(since), crises=watched.crises)
        checked = reached(connection, buzz.READER)
        counted = buzz.stream(connection, first // SECONDS, checked) if checked else []
        usual = buzz.expected(connection, first=first // SECONDS, last=checked)
    if not counted:
        return answer
    until = (checked + 1) * SECONDS
    last_hour = total(until - HOUR, [bucket for bucket in counted if bucket.start >= until - HOUR], usual)
    since_first = [bucket for bucket in counted if bucket.start >= first]
    shown = points(since_first, usual, lambda start: start // width * width)
    return replace(
        answer, checked_until=iso(until), last_hour=described(last_hour), points=[described(point) for point in shown]
    )


def described(point: Point) -> StreamPoint:
    """Return a span of the stream as it is answered."""
    return StreamPoint(**point._asdict() | {"start": iso(point.start)})
