"""Alerts: fired when several different tweets are reported as mispredicted within minutes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telemetry.store import RULE, Numbered, Store, advance

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


def fire(store: Store, rule: Rule, settle_seconds: float) -> int:
    """Check the feedback since the last call, and fire the alerts that are due.

    Alerts and progress are written in one transaction, so an alert is fired once even if several processes share the
    store or one is killed.

    Args:
        store: the event store.
        rule: the alert rule.
        settle_seconds: undo period, after which feedback counts.

    Returns:
        The number of alerts fired.

    Raises:
        sqlite3.Error: the store cannot be read or written; the next call checks the same feedback again.
    """
    fired = 0
    while True:
        last_checked = store.reached(RULE)
        batch = store.after(last_checked, MOST_AT_ONCE, settle_seconds)
        if not batch:
            return fired
        times = [event.body["time"] for event in batch if is_mistake(event.body)]
        with store.connected(durable=True) as database:
            database.execute("BEGIN IMMEDIATE")
            progress = database.execute("SELECT number FROM progress WHERE reader = ?", (RULE,)).fetchone()
            if progress is not None and progress[0] != last_checked:  # another process was faster
                continue
            if times:
                nearby = database.execute(
                    "SELECT number, body FROM events WHERE kind = 'feedback' AND time BETWEEN ? AND ? AND number <= ? "
                    "ORDER BY number",
                    (min(times) - rule.seconds, max(times) + rule.seconds, batch[-1].number),
                )
                events = [Numbered(number, json.loads(body)) for number, body in nearby]
                earlier = [when for (when,) in database.execute("SELECT time FROM alerts")]
                for when, mistakes in bursts(events, rule, seen=last_checked, before=earlier):
                    row = (when, json.dumps(mistakes))
                    database.execute("INSERT INTO alerts (time, body) VALUES (?, ?)", row)
                    fired += 1
            advance(database, RULE, batch[-1].number)


def bursts(
    feedback: Sequence[Numbered], rule: Rule, *, seen: int, before: Sequence[float]
) -> Iterator[tuple[float, list[dict[str, Any]]]]:
    """Yield the time of each alert and its mispredictions, oldest first.

    A tweet reported twice counts once.

    Args:
        feedback: in the order in which it was stored.
        rule: the alert rule.
        seen: number of the last event checked earlier; events up to it count, but fire no alert.
        before: times of earlier alerts (seconds since 1970).
    """
    mistakes: list[dict[str, Any]] = []
    fired = list(before)
    for number, event in feedback:
        if not is_mistake(event):
            continue
        mistakes.append(event)
        when = event["time"]
        # Feedback is not always stored in order of time: processes write with a delay, and clocks jump.
        if number > seen and all(abs(when - alert) >= rule.cool_down_seconds for alert in fired):
            nearby = sorted(
                (mistake for mistake in mistakes if abs(mistake["time"] - when) <= rule.seconds), key=time_of
            )
            burst = fullest(nearby, rule.seconds)
            if len(burst) >= rule.tweets:
                fired.append(when)
                yield when, burst


def fullest(mistakes: Sequence[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    """Return the largest set of different tweets within a time window, oldest first; `mistakes` is sorted by time."""
    largest: list[dict[str, Any]] = []
    for first in mistakes:
        window = {mistake["text"]: mistake for mistake in mistakes if 0 <= mistake["time"] - first["time"] <= seconds}
        if len(window) > len(largest):
            largest = sorted(window.values(), key=time_of)
        if mistakes[-1]["time"] - first["time"] <= seconds:  # later windows hold fewer tweets
            break
    return largest


def time_of(event: dict[str, Any]) -> float:
    """Return the time of an event."""
    return float(event["time"])


def is_mistake(event: Mapping[str, Any]) -> bool:
    """Return whether an event reports a misprediction."""
    return bool(event["kind"] == "feedback" and event["predicted_sentiment"] != event["true_sentiment"])
