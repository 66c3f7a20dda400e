"""Computation of the answer of `GET /monitoring`."""

import sqlalchemy as sa

from telemetry import forwarding, jobs
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
    Version,
    iso,
    mistake,
)
from telemetry.retention import DAY
from telemetry.schema import are_mistakes, feedback, predictions, skipped
from telemetry.settings import Settings
from telemetry.store import Store, restored


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
