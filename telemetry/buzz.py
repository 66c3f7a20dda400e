"""The watch for a backlash: checks each bucket of the stream, keeps the crises, and fires one alert for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from monitoring.alarm import Check, Level, Rules, check
from monitoring.bands import Usual, usual_at
from monitoring.baseline import Baseline, Learning, counts, fit
from monitoring.buckets import DAY, HOUR, Bucket, filled
from monitoring.crises import Crisis, State, follow
from monitoring.evidence import Errors
from telemetry import buckets
from telemetry.brief import Brief, brief
from telemetry.buckets import SECONDS
from telemetry.schema import alerts, crises, expectations
from telemetry.schema import buckets as counted_buckets
from telemetry.store import Store, reached

READER = "buzz"
# Predictions are written within a second; a bucket is checked once those of its end have surely arrived.
GRACE_SECONDS = 10.0
# As many buckets as the longest window has: so many are checked after an interruption, and at most in a transaction.
MOST_CHECKED = 36
# A stream whose latest tweet is older, while tweets keep coming, is behind: whatever sends it reads from the past, as a
# replay does, or was interrupted.
BEHIND_SECONDS = HOUR
SILENT_SECONDS = 300.0
REFIT_SECONDS = HOUR
# What is stored of the check with the most evidence.
WORST = ("time", "evidence", "seconds", "tweets", "negative", "reach", "usual_tweets", "usual_negative")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the stream is watched.

    Attributes:
        rules: of the alarm.
        learning: what its baseline learns from.
        errors: of the classifier.
    """

    rules: Rules
    learning: Learning
    errors: Errors


class Watch:
    """The job; between two calls, it remembers the baseline, learned anew every hour, and when tweets came last."""

    def __init__(self, store: Store, plan: Plan) -> None:
        """Configure the watch; nothing is read yet."""
        self.store, self.plan = store, plan
        self._baseline: Baseline | None = None
        self._fitted = float("-inf")
        self._arrived: float | None = None
        self._resumed = False

    def __call__(self) -> None:
        """Count new predictions, check the buckets that are complete, and fire the alerts that are due.

        State, alerts and progress are written in one transaction, so a crisis has one alert even if several processes
        share the store or one is killed.

        Raises:
            Unavailable: the store cannot be read or written; the next call checks the same buckets again.
        """
        has_news = buckets.update(self.store) > 0
        while self._check_some(has_news):
            has_news = False
        self._resumed = True

    def _check_some(self, has_news: bool) -> bool:
        """Check the next buckets; return whether there are more."""
        with self.store.database.writing(alerts, durable=True) as connection:
            now = self.store.now(connection)
            if has_news or self._arrived is None:
                self._arrived = now
            complete = self._complete(connection, now)
            if complete is None:
                return False
            first = self._first(connection, complete)
            last = min(complete, first + MOST_CHECKED - 1)
            if first > last:
                return False
            recent = stream(connection, first - round(DAY / SECONDS), last)
            for number in range(first, last + 1):
                until = [bucket for bucket in recent if bucket.start <= number * SECONDS]
                if until:
                    self._check(connection, until, now)
            self.store.advance_within(connection, READER, last)
            return last < complete

    def _complete(self, connection: Connection, now: float) -> int | None:
        """Return the number of the last bucket for which no more tweets are expected; None before the first tweet.

        Time is that of the clock, unless the stream is behind: then it is that of its latest tweet.
        """
        by_clock = int((now - GRACE_SECONDS) // SECONDS) - 1
        in_time = counted_buckets.c.number <= by_clock + 1
        newest = connection.scalar(sa.select(sa.func.max(counted_buckets.c.number)).where(in_time))
        if newest is None:
            return None
        is_behind = now - newest * SECONDS > BEHIND_SECONDS
        is_coming = self._arrived is not None and now - self._arrived < SILENT_SECONDS
        return newest - 1 if is_behind and is_coming else by_clock

    def _first(self, connection: Connection, complete: int) -> int:
        """Return the number of the first bucket to check: past ones too if their tweets came while this job ran."""
        following = reached(connection, READER) + 1
        recent = complete - MOST_CHECKED + 1
        if self._resumed:
            counted = sa.select(sa.func.min(counted_buckets.c.number)).where(counted_buckets.c.number >= following)
            recent = min(recent, connection.scalar(counted) or recent)
        return max(following, recent)

    def _check(self, connection: Connection, latest: Sequence[Bucket], now: float) -> None:
        rules, at = self.plan.rules, latest[-1].start + SECONDS
        if not 0 <= at - self._fitted < REFIT_SECONDS:
            self._baseline, self._fitted = self._learn(connection, at), at
        answer = check(latest, self._baseline, seconds=SECONDS, rules=rules, errors=self.plan.errors)
        if self._baseline is not None:
            _save_expectation(self.store, connection, latest[-1].start, self._baseline)
        before = state(connection)
        for earlier, crisis in zip(before, follow(before, answer, rules), strict=True):
            if crisis is not None and crisis != earlier:
                _save(self.store, connection, crisis)
                is_same = earlier is not None and earlier.since == crisis.since
                if crisis.raised is not None and not (is_same and earlier is not None and earlier.raised is not None):
                    _fire(connection, crisis, now)

    def _learn(self, connection: Connection, at: float) -> Baseline | None:
        learning, last = self.plan.learning, int(at // SECONDS) - 1
        history = stream(connection, last - round(learning.days * DAY / SECONDS) + 1, last)
        query = sa.select(crises).where(crises.c.since >= at - learning.days * DAY)
        past = [restored(row) for row in connection.execute(query)]
        left_out = [interval for crisis in past if (interval := crisis.left_out(self.plan.rules, at))]
        return fit(counts(history), seconds=SECONDS, now=at, learning=learning, left_out=left_out)


def stream(connection: Connection, first: int, last: int) -> Sequence[Bucket]:
    """Return the buckets of a span, from the first that has a prediction; if none has, from the last before it."""
    counted = buckets.read(connection, first=first, last=last)
    if not counted:
        before = connection.scalar(
            sa.select(sa.func.max(counted_buckets.c.number)).where(counted_buckets.c.number < first)
        )
        counted = [] if before is None else buckets.read(connection, first=before, last=before)
    return filled(counted, seconds=SECONDS, end=(last + 1) * SECONDS)


def state(connection: Connection) -> State:
    """Return the latest crisis of each kind."""
    latest: dict[str, Crisis] = {}
    for kind in State._fields:
        query = sa.select(crises).where(crises.c.kind == kind).order_by(crises.c.since.desc()).limit(1)
        for row in connection.execute(query):
            latest[kind] = restored(row)
    return State(**latest)


def level(connection: Connection, *, learning: bool) -> tuple[str, float | None]:
    """Return the level of the stream now, and since when if it is `watch`, `alarm` or `silent`.

    A crisis keeps the worst level it has reached until it is over.
    """
    latest = state(connection)
    if latest.silent is not None and latest.silent.over is None:
        return "silent", latest.silent.since
    if latest.negative is not None and latest.negative.over is None:
        return latest.negative.level.name.lower(), latest.negative.since
    return "learning" if learning else "calm", None


def expected(connection: Connection, *, first: int, last: int) -> dict[float, Usual]:
    """Return what buckets were expected to bring when they were checked, by start, from one number to another."""
    query = sa.select(expectations).where(expectations.c.number.between(first, last))
    return {
        float(row.number * SECONDS): Usual(row.tweets, row.negative, row.dispersion, row.correlation)
        for row in connection.execute(query)
    }


def restored(row: Any) -> Crisis:
    """Return the crisis of a row."""
    return Crisis(
        kind=row.kind,
        since=row.since,
        level=Level(row.level),
        raised=row.raised,
        calm_since=row.calm_since,
        over=row.over,
        worst=Check(**{name: getattr(row, name) for name in WORST}),
    )


def _save_expectation(store: Store, connection: Connection, start: float, baseline: Baseline) -> None:
    usual = usual_at(baseline, start, SECONDS)
    insert = store.database.insert(expectations).values(number=int(start // SECONDS), **usual._asdict())
    connection.execute(insert.on_conflict_do_update(index_elements=["number"], set_=usual._asdict()))


def _save(store: Store, connection: Connection, crisis: Crisis) -> None:
    values = {name: getattr(crisis, name) for name in ("level", "raised", "calm_since", "over")}
    values |= {name: getattr(crisis.worst, name) for name in WORST}
    insert = store.database.insert(crises).values(kind=crisis.kind, since=crisis.since, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=["kind", "since"], set_=values))


def _fire(connection: Connection, crisis: Crisis, now: float) -> None:
    fired = sa.insert(alerts).values(time=crisis.raised, fired=now).returning(alerts.c.number)
    number = connection.execute(fired).scalar_one()
    this = (crises.c.kind == crisis.kind) & (crises.c.since == crisis.since)
    connection.execute(sa.update(crises).where(this).values(alert=number))


class CrisisAlert(NamedTuple):
    """The alert about a crisis.

    Attributes:
        number: of the alert.
        time: when it was raised, in seconds since 1970.
        crisis: when it was last checked.
        brief: its tweets; None for a silent feed.
    """

    number: int
    time: float
    crisis: Crisis
    brief: Brief | None


def listed(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[CrisisAlert]:
    """Return the alerts about crises that satisfy conditions, in order, with what their messages need."""
    query = sa.select(alerts.c.number, alerts.c.time.label("alert_time"), crises)
    query = query.join(crises, crises.c.alert == alerts.c.number).where(*conditions).order_by(alerts.c.number)
    found = []
    for row in connection.execute(query).all():
        crisis = restored(row)
        known = brief(connection, crisis.since, crisis.worst.time) if crisis.kind == "negative" else None
        found.append(CrisisAlert(row.number, row.alert_time, crisis, known))
    return found
