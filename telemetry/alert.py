"""Alerts: fired when several different tweets are reported as mispredicted within minutes."""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from telemetry.events import Feedback
from telemetry.schema import alert_feedback, alerts, feedback, skipped
from telemetry.store import RULE, Numbered, Store, reached, restored
from telemetry.worker import Count, one_by_one

MOST_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When an alert is fired.

    Attributes:
        tweets: number of different tweets that must be reported as mispredicted.
        seconds: time window of these reports.
        cool_down_seconds: time after an alert during which no other is fired.
    """

    tweets: int
    seconds: float
    cool_down_seconds: float


class Alert(NamedTuple):
    """A fired alert: its time (seconds since 1970), and the feedback that fired it, oldest first."""

    number: int
    time: float
    mistakes: list[Feedback]


class Report(NamedTuple):
    """The number and the feedback of a misprediction."""

    number: int
    feedback: Feedback


class Earlier(NamedTuple):
    """When an alert fired: the time of its feedback, and whether that was in the future."""

    time: float
    ahead: bool


def fire(store: Store, rule: Rule, undo_seconds: float, count: Count = lambda _: None) -> int:
    """Check the feedback since the last call, and fire the alerts that are due.

    Alerts and progress are written in one transaction, so an alert is fired once even if several processes share the
    store or one is killed.

    Args:
        store: the event store.
        rule: the alert rule.
        undo_seconds: undo period, after which feedback counts.
        count: called for feedback that cannot be checked and is put aside.

    Returns:
        The number of alerts fired.

    Raises:
        Unavailable: the store cannot be read or written; the next call checks the same feedback again.
    """
    fired = 0

    def check(batch: Sequence[Numbered]) -> None:
        nonlocal fired
        fired += _check(store, rule, batch)

    while batch := store.after(Feedback, store.reached(RULE), MOST_AT_ONCE, undo_seconds):
        one_by_one(store, RULE, batch, check, count)
    return fired


def _check(store: Store, rule: Rule, batch: Sequence[Numbered]) -> int:
    """Fire the alerts that new feedback, one or more rows, gives reason for; return their number."""
    reports = [Report(number, event) for number, event in batch if isinstance(event, Feedback) and event.mistaken]
    with store.database.writing(alerts, durable=True) as connection:
        seen = reached(connection, RULE)
        if seen >= batch[-1].number:  # another process was faster
            return 0
        fired = 0
        if reports:
            times, now = [report.feedback.time for report in reports], store.now(connection)
            nearby = (
                sa.select(feedback)
                .where(feedback.c.time.between(min(times) - rule.seconds, max(times) + rule.seconds))
                .where(feedback.c.number <= batch[-1].number)
                .where(feedback.c.predicted_sentiment != feedback.c.true_sentiment)
                .where(feedback.c.number.not_in(sa.select(skipped.c.number).where(skipped.c.reader == RULE)))
                .order_by(feedback.c.number)
            )
            known = [Report(row.number, restored(Feedback, row)) for row in connection.execute(nearby)]
            first, last = min(times) - rule.cool_down_seconds, max(times) + rule.cool_down_seconds
            earlier = sa.select(alerts.c.time, alerts.c.fired).where(alerts.c.time.between(first, last))
            before = [Earlier(time, time > at) for time, at in connection.execute(earlier)]
            for when, mistakes in bursts(known, rule, seen=seen, before=before, now=now):
                number = connection.execute(
                    sa.insert(alerts).values(time=when, fired=now).returning(alerts.c.number)
                ).scalar_one()
                rows = [{"alert": number, "feedback": mistake.number} for mistake in mistakes]
                connection.execute(sa.insert(alert_feedback), rows)
                fired += 1
        store.advance_within(connection, RULE, batch[-1].number)
        return fired


def bursts(
    mistakes: Sequence[Report], rule: Rule, *, seen: int, before: Sequence[Earlier], now: float
) -> Iterator[tuple[float, list[Report]]]:
    """Yield the time of each alert and its mispredictions, oldest first.

    A tweet reported twice counts once. Feedback from the future, whose clock was wrong, has cool-downs of its own, so
    that it does not hold back alerts about other feedback.

    Args:
        mistakes: reported mispredictions, in the order in which they were stored.
        rule: the alert rule.
        seen: number of the last feedback checked earlier; feedback up to it counts, but fires no alert.
        before: earlier alerts.
        now: the present time (seconds since 1970).
    """
    fired = list(before)
    times: list[float] = []
    times_of_tweet: defaultdict[str, list[float]] = defaultdict(list)
    for position, (number, event) in enumerate(mistakes):
        when, ahead = event.time, event.time > now
        # Feedback is not always stored in order of time, because clocks jump.
        insort(times, when)
        insort(times_of_tweet[event.fingerprint], when)
        first, last = when - rule.seconds, when + rule.seconds
        if (
            number > seen
            and all(abs(when - alert.time) >= rule.cool_down_seconds for alert in fired if alert.ahead == ahead)
            # Quick to compute, even if a tweet was reported thousands of times.
            and count_between(times, first, last) >= rule.tweets
            and sum(count_between(own, first, last) > 0 for own in times_of_tweet.values()) >= rule.tweets
        ):
            nearby = [report for report in mistakes[: position + 1] if first <= report.feedback.time <= last]
            burst = fullest(sorted(nearby, key=time_of), rule.seconds)
            if len(burst) >= rule.tweets:
                fired.append(Earlier(when, ahead))
                yield when, burst


def count_between(times: Sequence[float], first: float, last: float) -> int:
    """Return how many times, which are sorted, are between two times, both included."""
    return bisect_right(times, last) - bisect_left(times, first)


def fullest(mistakes: Sequence[Report], seconds: float) -> list[Report]:
    """Return the largest set of different tweets within a time window, oldest first; `mistakes` is sorted by time."""
    largest: list[Report] = []
    for first in mistakes:
        window = {
            report.feedback.fingerprint: report
            for report in mistakes
            if 0 <= time_of(report) - time_of(first) <= seconds
        }
        if len(window) > len(largest):
            largest = sorted(window.values(), key=time_of)
        if time_of(mistakes[-1]) - time_of(first) <= seconds:  # later windows hold fewer tweets
            break
    return largest


def time_of(report: Report) -> float:
    """Return the time of a report."""
    return report.feedback.time


def listed(connection: Connection, *conditions: sa.ColumnElement[bool], latest: int | None = None) -> list[Alert]:
    """Return the alerts that satisfy conditions, in order, or the latest ones, with their feedback."""
    chosen = sa.select(alerts.c.number).where(*conditions).order_by(alerts.c.number.desc()).limit(latest)
    query = (
        sa.select(alerts.c.number.label("alert"), alerts.c.time.label("alert_time"), feedback)
        .join(alert_feedback, alert_feedback.c.alert == alerts.c.number)
        .join(feedback, feedback.c.number == alert_feedback.c.feedback)
        .where(alerts.c.number.in_(chosen))
        .order_by(alerts.c.number, feedback.c.time, feedback.c.number)
    )
    found: dict[int, Alert] = {}
    for row in connection.execute(query):
        found.setdefault(row.alert, Alert(row.alert, row.alert_time, [])).mistakes.append(restored(Feedback, row))
    return list(found.values())
