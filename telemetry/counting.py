"""Counts of events, made by the database, so that neither time nor memory here depend much on their number."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import NormalDist
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from telemetry.report import Accuracy
from telemetry.retention import DAY
from telemetry.schema import LATEST, feedback, predictions
from telemetry.store import Store

# Two-sided 95% quantile of the normal distribution.
NORMAL_95 = NormalDist().inv_cdf(0.975)
# Periods in seconds, and the longest span of events, in seconds, for which each is used.
PERIODS = {900: DAY, 3600: 7 * DAY, DAY: math.inf}


def period_of(connection: Connection, since: float) -> int:
    """Return the shortest of `PERIODS` that does not split the span of the events too finely."""
    ends: list[float] = []
    for table in (predictions, feedback):
        first, last = sa.func.min(table.c.time), sa.func.max(table.c.time)
        # Two queries, as SQLite looks up only one of them in an index.
        ends += [
            end
            for value in (first, last)
            if (end := connection.scalar(sa.select(value).where(table.c.time.between(since, LATEST))))
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
    return connection.execute(query.where(time.between(since, LATEST)).group_by(*groups).order_by(*groups)).all()


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


def interval(successes: float, trials: float) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22, 209-212.
    """
    share, square = successes / trials, NORMAL_95**2 / trials
    centre = (share + square / 2) / (1 + square)
    half = NORMAL_95 / (1 + square) * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    return max(0.0, centre - half), min(1.0, centre + half)
