"""Health: whether alerts were delivered, and whether the background jobs run."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from monitoring.alarm import Level
from monitoring.buckets import DAY
from telemetry import alert, jobs
from telemetry.buckets import SECONDS
from telemetry.buzz import Plan
from telemetry.report import Buzz, CrisisState, FiredAlert, WorkerHealth, iso, mistake
from telemetry.schema import alerts, buckets, crises, deliveries, progress, workers
from telemetry.settings import Settings

MOST_SHOWN = 20


def fired_alerts(connection: Connection, names: Sequence[str], since: float) -> list[FiredAlert]:
    """Return the latest alerts, newest first."""
    fired = alert.listed(connection, alerts.c.time >= since, latest=MOST_SHOWN)
    query = sa.select(deliveries.c.alert, deliveries.c.channel, sa.func.count() == sa.func.count(deliveries.c.time))
    query = query.where(deliveries.c.alert.in_([one.number for one in fired]))
    query = query.group_by(deliveries.c.alert, deliveries.c.channel)
    delivered = {(number, channel): bool(everywhere) for number, channel, everywhere in connection.execute(query)}
    begun = {row.reader: row.number for row in connection.execute(sa.select(progress))}
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


def watching(connection: Connection, plan: Plan, since: float) -> Buzz:
    """Return whether the watch is still learning, and the latest crises."""
    ends = connection.execute(sa.select(sa.func.min(buckets.c.number), sa.func.max(buckets.c.number))).one()
    days = (ends[1] - ends[0]) * SECONDS / DAY if ends[0] is not None else 0.0
    latest = sa.select(crises).where(crises.c.time >= since).order_by(crises.c.since.desc()).limit(MOST_SHOWN)
    return Buzz(
        learning=days < plan.learning.least_days + plan.learning.guard_seconds / DAY,
        crises=[
            CrisisState(
                kind=row.kind,
                level=Level(row.level).name.lower(),
                since=iso(row.since),
                raised=None if row.raised is None else iso(row.raised),
                over_since=None if row.over is None else iso(row.calm_since),
                alert=row.alert,
                time=iso(row.time),
                seconds=row.seconds,
                tweets=row.tweets,
                negative=row.negative,
                reach=row.reach,
                usual_tweets=row.usual_tweets,
                usual_negative=row.usual_negative,
            )
            for row in connection.execute(latest)
        ],
    )


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
