"""The alert: several tweets reported as mispredicted within a few minutes."""

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
        tweets: how many different tweets must be reported as mispredicted.
        seconds: within how long.
        cool_down_seconds: for how long no other alert is fired after one.
    """

    tweets: int
    seconds: float
    cool_down_seconds: float


def fire(store: Store, rule: Rule, settle_seconds: float) -> int:
    """Look at the feedback that has come since the last time, and fire the alerts that are due.

    What was looked at and the alerts are written in one transaction: of several processes one fires, and one that is
    killed has fired, or the next look does.

    Args:
        store: of the events.
        rule: when an alert is fired.
        settle_seconds: for how long a feedback may be withdrawn; it counts afterwards.

    Returns:
        How many were fired.

    Raises:
        sqlite3.Error: the store cannot be read or written; the next call begins where this one did.
    """
    fired = 0
    while True:
        seen = store.reached(RULE)
        batch = store.after(seen, MOST_AT_ONCE, settle_seconds)
        if not batch:
            return fired
        times = [event.body["time"] for event in batch if is_mistake(event.body)]
        with store.connected(durable=True) as database:
            database.execute("BEGIN IMMEDIATE")
            told = database.execute("SELECT number FROM progress WHERE reader = ?", (RULE,)).fetchone()
            if told is not None and told[0] != seen:  # another process was faster
                continue
            if times:
                near = database.execute(
                    "SELECT number, body FROM events WHERE kind = 'feedback' AND time BETWEEN ? AND ? AND number <= ? "
                    "ORDER BY number",
                    (min(times) - rule.seconds, max(times) + rule.seconds, batch[-1].number),
                )
                events = [Numbered(number, json.loads(body)) for number, body in near]
                before = [when for (when,) in database.execute("SELECT time FROM alerts")]
                for when, mistakes in bursts(events, rule, seen=seen, before=before):
                    row = (when, json.dumps(mistakes))
                    database.execute("INSERT INTO alerts (time, body) VALUES (?, ?)", row)
                    fired += 1
            advance(database, RULE, batch[-1].number)


def bursts(
    feedback: Sequence[Numbered], rule: Rule, *, seen: int, before: Sequence[float]
) -> Iterator[tuple[float, list[dict[str, Any]]]]:
    """Yield the alerts that feedback fires: when each is fired, and for which mistakes, the oldest first.

    A tweet that is reported twice counts once.

    Args:
        feedback: in the order in which it was written.
        rule: when an alert is fired.
        seen: number of the last event that was looked at before; those up to it fire none, but count.
        before: when earlier alerts were fired (seconds since 1970).
    """
    mistakes: list[dict[str, Any]] = []
    fired = list(before)
    for number, event in feedback:
        if not is_mistake(event):
            continue
        mistakes.append(event)
        when = event["time"]
        # Not always the newest comes last: a process writes after it has looked at the clock, and clocks jump.
        if number > seen and all(abs(when - alert) >= rule.cool_down_seconds for alert in fired):
            near = sorted((one for one in mistakes if abs(one["time"] - when) <= rule.seconds), key=time_of)
            found = fullest(near, rule.seconds)
            if len(found) >= rule.tweets:
                fired.append(when)
                yield when, found


def fullest(mistakes: Sequence[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    """Return the most different tweets within so many seconds, the oldest first, of mistakes sorted by time."""
    found: list[dict[str, Any]] = []
    for first in mistakes:
        within = {one["text"]: one for one in mistakes if 0 <= one["time"] - first["time"] <= seconds}
        if len(within) > len(found):
            found = sorted(within.values(), key=time_of)
        if mistakes[-1]["time"] - first["time"] <= seconds:  # what begins later holds less
            break
    return found


def time_of(event: dict[str, Any]) -> float:
    """Return when an event was made."""
    return float(event["time"])


def is_mistake(event: Mapping[str, Any]) -> bool:
    """Return whether an event reports a misprediction."""
    return bool(event["kind"] == "feedback" and event["predicted_sentiment"] != event["true_sentiment"])
