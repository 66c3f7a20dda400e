"""Counts of the predictions of each five minutes, by the database, kept up to date as predictions are added."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from monitoring.buckets import DAY, HOUR, Bucket
from telemetry.events import Source
from telemetry.schema import LATEST, buckets, expectations, predictions
from telemetry.store import Store, reached

READER = "buckets"
SECONDS = 300
# The stream that is watched: what clients of the API send. Files and single tweets on the page are no stream.
WATCHED: tuple[Source, ...] = ("api",)
MOST_AT_ONCE = 50_000
# A little longer than the baseline looks back.
KEPT_DAYS = 60


def update(store: Store) -> int:
    """Count the buckets of the predictions that were added since the last call; return the number of predictions.

    A bucket is counted anew from all its predictions, so it does not matter in which order they were added. A tweet
    counts as a voice if no earlier one of the last day has its text, and none of the last hour its author. Counts and
    progress are written in one transaction.

    Raises:
        Unavailable: the store cannot be read or written; the next call goes on.
    """
    total = 0
    while True:
        with store.database.writing(buckets) as connection:
            after = reached(connection, READER)
            newest = _newest(connection, after)
            if newest is None:
                return total
            for number in _touched(store, connection, after, newest):
                _count(store, connection, number)
            oldest = int((store.now(connection) - KEPT_DAYS * DAY) // SECONDS)
            for table in (buckets, expectations):
                connection.execute(sa.delete(table).where(table.c.number < oldest))
            store.advance_within(connection, READER, newest)
            total += newest - after
        if newest - after < MOST_AT_ONCE:  # that was all; what has been added meanwhile is for the next call
            return total


def _newest(connection: Connection, after: int) -> int | None:
    """Return the number of the last prediction to count now."""
    batch = sa.select(predictions.c.number).where(predictions.c.number > after).order_by(predictions.c.number)
    newest: int | None = connection.scalar(sa.select(sa.func.max(batch.limit(MOST_AT_ONCE).subquery().c.number)))
    return newest


def _touched(store: Store, connection: Connection, after: int, newest: int) -> list[int]:
    """Return the buckets of some predictions, but for times that no clock should show."""
    now = store.now(connection)
    bucket = store.database.period(predictions.c.time, SECONDS)
    query = sa.select(bucket).where(predictions.c.number > after, predictions.c.number <= newest)
    plausible = predictions.c.time.between(now - KEPT_DAYS * DAY, min(now + DAY, LATEST))
    return sorted(connection.scalars(query.where(plausible, predictions.c.source.in_(WATCHED)).distinct()))


def _count(store: Store, connection: Connection, number: int) -> None:
    """Count a bucket and store its counts."""
    repeated = _has_earlier("fingerprint", DAY) | _has_earlier("author", HOUR)
    negative = predictions.c.sentiment == "negative"
    start = number * SECONDS
    row = connection.execute(
        sa.select(
            _times(~repeated).label("tweets"),
            _times(~repeated & negative).label("negative"),
            sa.func.count().label("reach"),
            _times(negative).label("negative_reach"),
        ).where(
            predictions.c.time >= start,
            predictions.c.time < start + SECONDS,
            predictions.c.source.in_(WATCHED),
        )
    ).one()
    values = row._asdict()
    insert = store.database.insert(buckets).values(number=number, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=["number"], set_=values))


def _has_earlier(name: str, seconds: float) -> sa.ColumnElement[bool]:
    """Return the condition for predictions with an earlier one that has the same value, if they have one."""
    earlier = predictions.alias()
    before = (earlier.c.time < predictions.c.time) | (
        (earlier.c.time == predictions.c.time) & (earlier.c.number < predictions.c.number)
    )
    return sa.exists().where(
        earlier.c[name] == predictions.c[name],
        earlier.c.time.between(predictions.c.time - seconds, predictions.c.time),
        earlier.c.source.in_(WATCHED),
        before,
    )


def _times(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """Return how many rows satisfy a condition."""
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


def read(connection: Connection, *, first: int, last: int) -> Sequence[Bucket]:
    """Return the buckets that have predictions, from one number to another, in order."""
    query = sa.select(buckets).where(buckets.c.number.between(first, last)).order_by(buckets.c.number)
    return [
        Bucket(row.number * SECONDS, row.tweets, row.negative, row.reach, row.negative_reach)
        for row in connection.execute(query)
    ]
