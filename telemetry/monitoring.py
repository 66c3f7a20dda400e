"""What `GET /monitoring` answers: counts, shares and intervals, feedback, alerts, and the health of the jobs.

The database counts, so neither time nor memory here depend on the number of events much.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import NormalDist
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection

from telemetry import alert, forwarding, jobs
from telemetry.events import Feedback
from telemetry.retention import DAY
from telemetry.schema import alerts, deliveries, feedback, predictions, progress, skipped, workers
from telemetry.settings import Settings
from telemetry.store import Store, restored

# Two-sided 95% quantile of the normal distribution.
NORMAL_95 = NormalDist().inv_cdf(0.975)
# Periods in seconds, and the longest span of events, in seconds, for which each is used.
PERIODS = {900: DAY, 3600: 7 * DAY, DAY: math.inf}
MOST_SHOWN = 20
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Predictions of a period, by source and model version."""

    start: str
    source: str
    model_version: str
    count: int
    negative: int


@dataclass(frozen=True, kw_only=True)
class Version:
    """Predictions of a model version: when, how many, and the share of negative ones with its interval."""

    model_version: str
    first: str
    last: str
    count: int
    negative: int
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class SourceShare:
    """Predictions of a source, and the share of negative ones with its interval."""

    source: str
    count: int
    negative: int
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class FeedbackCount:
    """Feedback of a period, by source and model version."""

    start: str
    source: str
    model_version: str
    count: int
    mistakes: int


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Predictions that people called correct, among those with feedback, with the interval of their share."""

    count: int
    correct: int
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A reported misprediction."""

    time: str
    source: str
    model_version: str
    negative_probability: float
    predicted_sentiment: str
    true_sentiment: str
    text: str | None
    comment: str | None


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """When an alert is fired."""

    tweets: int
    minutes: float
    cool_down_minutes: float


@dataclass(frozen=True, kw_only=True)
class FiredAlert:
    """An alert, and whether each channel has delivered it to everybody."""

    number: int
    time: str
    mistakes: Sequence[Mistake]
    delivered: Mapping[str, bool]


@dataclass(frozen=True, kw_only=True)
class ChannelHealth:
    """How many alerts wait to be sent over a channel, and why, as a code."""

    name: str
    waiting: int
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Forwarding:
    """How many events wait to be forwarded, and why, as a code."""

    waiting: int
    error: str | None


@dataclass(frozen=True, kw_only=True)
class WorkerHealth:
    """A background job: the process that runs it, when it ran last, and why it failed, as a code."""

    name: str
    holder: str | None
    last_run: str | None
    error: str | None
    healthy: bool


@dataclass(frozen=True, kw_only=True)
class Report:
    """The answer; times are ISO 8601 in UTC, shares are 0 to 1, intervals are 95 % (Wilson).

    `skipped` counts rows that a job has put aside because it could not process them.
    """

    generated: str
    days: int
    undo_seconds: float
    feedback_text: str
    period_seconds: int
    predictions: Sequence[Predictions]
    versions: Sequence[Version]
    sources: Sequence[SourceShare]
    feedback: Sequence[FeedbackCount]
    accuracy: Accuracy | None
    mistakes: Sequence[Mistake]
    rule: AlertRule
    alerts: Sequence[FiredAlert]
    channels: Sequence[ChannelHealth]
    forwarding: Forwarding | None
    workers: Sequence[WorkerHealth]
    skipped: int


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
            sa.select(feedback)
            .where(wrong, feedback.c.time >= since)
            .order_by(feedback.c.number.desc())
            .limit(MOST_SHOWN)
        )
        latest = [mistake(restored(Feedback, row)) for row in mistakes]
        health = worker_health(connection, settings, now)
        errors = {worker.name: worker.error for worker in health}
        names = [name for name in errors if name not in (jobs.RULE, jobs.FORWARD, jobs.PRUNE)]
        fired = fired_alerts(connection, names, since)
        waiting = [ChannelHealth(name=n, waiting=waiting_alerts(connection, n), error=errors[n]) for n in names]
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
        channels=waiting,
        forwarding=Forwarding(waiting=forwarding.waiting(store), error=errors[jobs.FORWARD])
        if jobs.FORWARD in errors
        else None,
        workers=health,
        skipped=put_aside,
    )


def period_of(connection: Connection, since: float) -> int:
    """Return the shortest of `PERIODS` that does not split the span of the events too finely."""
    ends: list[float] = []
    for table in (predictions, feedback):
        first, last = sa.func.min(table.c.time), sa.func.max(table.c.time)
        # Two queries, as SQLite looks up only one of them in an index.
        ends += [
            end for value in (first, last) if (end := connection.scalar(sa.select(value).where(table.c.time >= since)))
        ]
    span = max(ends) - min(ends) if ends else 0.0
    return next(period for period, longest in PERIODS.items() if span <= longest)


def counts(
    store: Store, connection: Connection, table: sa.Table, hit: sa.ColumnElement[bool], since: float, period: int
) -> Sequence[Any]:
    """Count events, and those among them for which `hit` is true, by period, source and model version."""
    time = table.c.time
    groups = [store.database.period(time, period).label("period"), table.c.source, table.c.model_version]
    query = sa.select(
        *groups,
        sa.func.count().label("count"),
        sa.func.sum(sa.case((hit, 1), else_=0)).label("hits"),
        sa.func.min(time).label("first"),
        sa.func.max(time).label("last"),
    )
    return connection.execute(query.where(time >= since).group_by(*groups).order_by(*groups)).all()


def grouped(rows: Iterable[Any], key: Callable[[Any], str]) -> list[tuple[str, list[Any]]]:
    """Group rows by a key, in the order of each key's first row."""
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return list(groups.items())


def share(rows: Sequence[Any]) -> dict[str, Any]:
    """Return the count, the number of negative predictions, and the interval of their share."""
    count, negative = sum(row.count for row in rows), sum(row.hits for row in rows)
    low, high = interval(negative, count)
    return {"count": count, "negative": negative, "low": low, "high": high}


def accuracy(rows: Sequence[Any]) -> Accuracy | None:
    """Return the accuracy among predictions with feedback, or None without feedback."""
    count = sum(row.count for row in rows)
    if not count:
        return None
    correct = count - sum(row.hits for row in rows)
    low, high = interval(correct, count)
    return Accuracy(count=count, correct=correct, low=low, high=high)


def interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22, 209-212.
    """
    share, square = successes / trials, NORMAL_95**2 / trials
    centre = (share + square / 2) / (1 + square)
    half = NORMAL_95 / (1 + square) * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def fired_alerts(connection: Connection, names: Sequence[str], since: float) -> list[FiredAlert]:
    """Return the latest alerts, newest first."""
    fired = alert.listed(connection, alerts.c.time >= since, latest=MOST_SHOWN)
    query = sa.select(deliveries.c.alert, deliveries.c.channel, sa.func.count() == sa.func.count(deliveries.c.time))
    query = query.where(deliveries.c.alert.in_([one.number for one in fired]))
    query = query.group_by(deliveries.c.alert, deliveries.c.channel)
    delivered = {(number, channel): bool(everywhere) for number, channel, everywhere in connection.execute(query)}
    begun = dict(connection.execute(sa.select(progress.c.reader, progress.c.number)).tuples().all())
    return [
        FiredAlert(
            number=one.number,
            time=iso(one.time),
            mistakes=[mistake(event) for event in one.mistakes],
            # A channel that is newer than an alert is not asked to deliver it.
            delivered={
                name: delivered.get((one.number, name), False)
                for name in names
                if (one.number, name) in delivered or one.number > begun.get(name, 0)
            },
        )
        for one in reversed(fired)
    ]


def waiting_alerts(connection: Connection, channel: str) -> int:
    """Return the number of alerts that a channel has not delivered to everybody."""
    unsent = (deliveries.c.channel == channel) & deliveries.c.time.is_(None)
    taken_up = sa.select(sa.func.count(sa.distinct(deliveries.c.alert))).where(unsent)
    number = sa.select(progress.c.number).where(progress.c.reader == channel).scalar_subquery()
    new = sa.select(sa.func.count()).select_from(alerts).where(alerts.c.number > sa.func.coalesce(number, 0))
    return connection.execute(taken_up).scalar_one() + connection.execute(new).scalar_one()


def worker_health(connection: Connection, settings: Settings, now: float) -> list[WorkerHealth]:
    """Return the jobs that this process or another one is asked to run."""
    rows = {row.name: row for row in connection.execute(sa.select(workers))}
    alive = {name for name, row in rows.items() if row.holder is not None and row.expires > now}
    wanted = list(dict.fromkeys([*jobs.names(settings), *sorted(alive)]))
    return [
        WorkerHealth(
            name=name,
            holder=rows[name].holder if name in alive else None,
            last_run=iso(rows[name].last_run) if name in rows and rows[name].last_run else None,
            error=rows[name].error if name in rows else None,
            healthy=name in alive and rows[name].error is None,
        )
        for name in wanted
    ]


def mistake(event: Feedback) -> Mistake:
    """Return a misprediction as it is shown."""
    return Mistake(
        time=iso(event.time),
        source=event.source,
        model_version=event.model_version,
        negative_probability=event.negative_probability,
        predicted_sentiment=event.predicted_sentiment,
        true_sentiment=event.true_sentiment,
        text=event.text,
        comment=event.comment,
    )


def iso(time: float) -> str:
    """Return a time in ISO 8601, in UTC with Z."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
