"""Computation of the answers of `GET /monitoring` and `GET /monitoring/stream`."""

from dataclasses import replace

import sqlalchemy as sa

from monitoring.bands import Point, points, total
from monitoring.buckets import HOUR
from telemetry import buzz, forwarding, jobs
from telemetry.buckets import SECONDS
from telemetry.counting import accuracy, counts, grouped, period_of, share
from telemetry.events import Feedback
from telemetry.health import MOST_SHOWN, fired_alerts, waiting_alerts, watching, worker_health
from telemetry.report import (
    AlertRule,
    ChannelHealth,
    FeedbackCount,
    Forwarding,
    Predictions,
    Report,
    SourceShare,
    Stream,
    StreamPoint,
    Version,
    iso,
    mistake,
)
from telemetry.retention import DAY
from telemetry.schema import are_mistakes, feedback, predictions, skipped
from telemetry.settings import Settings
from telemetry.store import Store, reached, restored

# The level of a stream that is not watched.
OFF = "off"


def report(store: Store, settings: Settings, days: int) -> Report:
    """Compute the report of the last days.

    Raises:
        Unavailable: the store cannot be read.
    """
    with store.database.reading() as connection:
        now = store.now(connection)
        since = now - days * DAY
        period = period_of(connection, since)
        scored = counts(store, connection, predictions, predictions.c.sentiment == "negative", since, period)
        wrong = feedback.c.predicted_sentiment != feedback.c.true_sentiment
        reported = counts(store, connection, feedback, wrong, since, period)
        mistakes = connection.execute(
            sa.select(feedback).where(*are_mistakes(since)).order_by(feedback.c.number.desc()).limit(MOST_SHOWN)
        )
        latest = [mistake(restored(Feedback, row)) for row in mistakes]
        health = worker_health(connection, settings, now)
        errors = {worker.name: worker.error for worker in health}
        names = [name for name in errors if name not in (jobs.RULE, jobs.BUZZ, jobs.FORWARD, jobs.PRUNE)]
        fired = fired_alerts(connection, names, since)
        waiting = [ChannelHealth(name=n, waiting=waiting_alerts(connection, n), error=errors[n]) for n in names]
        watched = None if settings.buzz is None else watching(connection, settings.buzz, since)
        put_aside = connection.execute(sa.select(sa.func.count()).select_from(skipped)).scalar_one()
    rule = settings.rule
    return Report(
        generated=iso(now),
        days=days,
        undo_seconds=settings.undo_seconds,
        feedback_text=settings.feedback_text,
        period_seconds=period,
        predictions=[
            Predictions(
                start=iso(row.period * period),
                source=row.source,
                model_version=row.model_version,
                count=row.count,
                negative=row.hits,
            )
            for row in scored
        ],
        versions=[
            Version(
                model_version=version,
                first=iso(min(row.first for row in rows)),
                last=iso(max(row.last for row in rows)),
                **share(rows),
            )
            for version, rows in grouped(scored, lambda row: row.model_version)
        ],
        sources=[SourceShare(source=source, **share(rows)) for source, rows in grouped(scored, lambda row: row.source)],
        feedback=[
            FeedbackCount(
                start=iso(row.period * period),
                source=row.source,
                model_version=row.model_version,
                count=row.count,
                mistakes=row.hits,
            )
            for row in reported
        ],
        accuracy=accuracy(reported),
        mistakes=latest,
        rule=AlertRule(tweets=rule.tweets, minutes=rule.seconds / 60, cool_down_minutes=rule.cool_down_seconds / 60),
        alerts=fired,
        buzz=watched,
        channels=waiting,
        forwarding=Forwarding(waiting=forwarding.waiting(store), error=errors[jobs.FORWARD])
        if jobs.FORWARD in errors
        else None,
        workers=health,
        skipped=put_aside,
    )


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
    shown = points([bucket for bucket in counted if bucket.start >= first], usual, seconds=SECONDS, width_seconds=width)
    return replace(
        answer, checked_until=iso(until), last_hour=described(last_hour), points=[described(point) for point in shown]
    )


def described(point: Point) -> StreamPoint:
    """Return a span of the stream as it is answered."""
    return StreamPoint(**point._asdict() | {"start": iso(point.start)})
