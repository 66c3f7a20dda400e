"""Alerts: when they fire, and until when feedback can be undone."""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.alert import Rule, bursts, fire
from telemetry.events import Event, Feedback
from telemetry.store import DAY, FORWARDER, RULE, Numbered, Store
from tests.events import feedback, prediction

PROJECT = Path(__file__).parents[2]
MINUTE = 60.0
RULE_OF_THREE = Rule(tweets=3, seconds=5 * MINUTE, cool_down_seconds=30 * MINUTE)
NOON = 1_760_000_400.0


@pytest.fixture
def store(tmp_path: Path, new_events: Callable[[Path], Store]) -> Store:
    return new_events(tmp_path)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Replace the system clock with one that the test sets."""
    current = {"now": NOON}
    monkeypatch.setattr(time, "time", lambda: current["now"])
    return current


def fired(store: Store, *events: Event, rule: Rule = RULE_OF_THREE) -> list[list[str]]:
    """Store events, fire the alerts that are due, and return the texts of all alerts."""
    store.add(events)
    fire(store, rule, settle_seconds=0)
    return [[mistake["text"] for mistake in alert.mistakes] for alert in store.alerts()]


def test_three_different_tweets_within_five_minutes_fire_one_alert_that_lists_them(store: Store) -> None:
    events = [feedback(number, NOON + number * MINUTE, f"late {number} 😠") for number in range(3)]
    assert fired(store, *events) == [["late 0 😠", "late 1 😠", "late 2 😠"]]
    (alert,) = store.alerts()
    assert alert.time == NOON + 2 * MINUTE
    assert alert.mistakes == [event.body() for event in events]
    assert fired(store) == [["late 0 😠", "late 1 😠", "late 2 😠"]]


def test_the_same_tweet_reported_three_times_fires_no_alert(store: Store) -> None:
    assert fired(store, *[feedback(number, NOON + number, "late") for number in range(3)]) == []


def test_a_third_tweet_after_five_minutes_fires_no_alert(store: Store) -> None:
    assert fired(store, feedback(1, NOON), feedback(2, NOON + MINUTE), feedback(3, NOON + 5 * MINUTE + 0.5)) == []


def test_tweets_exactly_five_minutes_apart_fire_an_alert(store: Store) -> None:
    assert len(fired(store, feedback(1, NOON), feedback(2, NOON), feedback(3, NOON + 5 * MINUTE))) == 1


def test_the_time_window_slides(store: Store) -> None:
    times = (0, 4, 6, 8)
    events = [feedback(number, NOON + minutes * MINUTE) for number, minutes in enumerate(times)]
    assert fired(store, *events) == [["tweet 1", "tweet 2", "tweet 3"]]


def test_right_answers_and_predictions_do_not_count(store: Store) -> None:
    events = [feedback(1, NOON), feedback(2, NOON), feedback(3, NOON, correct=True), prediction(4, NOON, "tweet 4")]
    assert fired(store, *events) == []


def test_an_alert_lists_the_latest_report_of_each_tweet_oldest_first(store: Store) -> None:
    events = [
        feedback(1, NOON, "late"),
        feedback(2, NOON + 10, "lost"),
        feedback(3, NOON + 20, "late"),
        feedback(4, NOON + 15, "rude"),
    ]
    assert fired(store, *events) == [["lost", "rude", "late"]]


def test_the_fullest_window_counts_when_clocks_differ(store: Store) -> None:
    times = {1: 4, 2: 4.5, 3: -4, 4: 0}  # tweet: minutes after noon, in the order of storage
    events = [feedback(number, NOON + minutes * MINUTE) for number, minutes in times.items()]
    assert fired(store, *events[:3]) == []
    assert fired(store, *events[3:]) == [["tweet 4", "tweet 1", "tweet 2"]]


def test_alerts_pause_during_the_cool_down_and_resume_after_it(store: Store) -> None:
    first = [feedback(number, NOON + number) for number in range(3)]
    during_cool_down = [feedback(number, NOON + 15 * MINUTE + number) for number in range(10, 15)]
    after_cool_down = [feedback(number, NOON + 33 * MINUTE + number) for number in range(20, 23)]
    assert len(fired(store, *first, *during_cool_down)) == 1
    assert fired(store, *after_cool_down)[1:] == [["tweet 20", "tweet 21", "tweet 22"]]


def test_each_alert_has_its_own_cool_down_when_clocks_differ(store: Store) -> None:
    first = [feedback(number, NOON + number) for number in range(3)]
    an_hour_behind = [feedback(number, NOON - 60 * MINUTE + number) for number in range(10, 13)]
    during_cool_down = [feedback(number, NOON + 10 * MINUTE + number) for number in range(20, 23)]
    assert len(fired(store, *first, *an_hour_behind, *during_cool_down)) == 2
    assert len(store.alerts()) == 2


def test_many_repeats_of_two_tweets_fire_no_alert(store: Store) -> None:
    assert fired(store, *[feedback(number, NOON + number / 100, f"late {number % 2}") for number in range(2000)]) == []


def test_a_rule_of_one_tweet_fires_immediately(store: Store) -> None:
    rule = Rule(tweets=1, seconds=MINUTE, cool_down_seconds=MINUTE)
    assert fired(store, feedback(1, NOON), feedback(2, NOON + 59), feedback(3, NOON + 60), rule=rule) == [
        ["tweet 1"],
        ["tweet 1", "tweet 2", "tweet 3"],
    ]


def test_feedback_counts_only_after_the_undo_period(store: Store, clock: dict[str, float]) -> None:
    for number in range(3):
        store.acknowledge(feedback(number, NOON - 4 + number))
    assert fire(store, RULE_OF_THREE, settle_seconds=8) == 0
    clock["now"] = NOON + 5.9
    assert fire(store, RULE_OF_THREE, settle_seconds=8) == 0
    clock["now"] = NOON + 6
    assert fire(store, RULE_OF_THREE, settle_seconds=8) == 1


def test_undone_feedback_is_deleted(store: Store, clock: dict[str, float]) -> None:
    for number in range(3):
        store.acknowledge(feedback(number, NOON))
    assert store.withdraw(feedback(2, NOON).id, settle_seconds=8)
    assert not store.withdraw(feedback(2, NOON).id, settle_seconds=8)
    clock["now"] = NOON + 60
    assert fire(store, RULE_OF_THREE, settle_seconds=8) == 0
    assert [event["text"] for event in store.read("feedback")] == ["tweet 0", "tweet 1"]


def test_undone_feedback_can_be_replaced(store: Store, clock: dict[str, float]) -> None:
    store.acknowledge(feedback(1, NOON))
    store.withdraw(feedback(1, NOON).id, settle_seconds=8)
    store.acknowledge(feedback(1, NOON + 1, correct=True))
    (event,) = store.read("feedback")
    assert event["true_sentiment"] == "negative"
    assert clock["now"] == NOON


def test_feedback_cannot_be_undone_after_the_undo_period(store: Store, clock: dict[str, float]) -> None:
    store.acknowledge(feedback(1, NOON))
    clock["now"] = NOON + 8
    assert not store.withdraw(feedback(1, NOON).id, settle_seconds=8)
    assert len(store.read("feedback")) == 1


def test_feedback_dated_in_the_future_cannot_be_undone(store: Store, clock: dict[str, float]) -> None:
    store.acknowledge(feedback(1, NOON))
    clock["now"] = NOON - 1
    assert len(store.after(0, most=10, settle_seconds=8)) == 1
    assert not store.withdraw(feedback(1, NOON).id, settle_seconds=8)
    assert len(store.read("feedback")) == 1


@pytest.mark.parametrize("reader", [RULE, FORWARDER])
def test_feedback_already_processed_cannot_be_undone(store: Store, clock: dict[str, float], reader: str) -> None:
    store.acknowledge(feedback(1, NOON))
    clock["now"] = NOON - 3600
    (event,) = store.after(0, most=10, settle_seconds=8)
    store.advance(reader, event.number)
    clock["now"] = NOON + 1
    assert not store.withdraw(feedback(1, NOON).id, settle_seconds=8)
    assert len(store.read("feedback")) == 1


def test_feedback_cannot_be_undone_if_waiting_for_a_lock_outlasts_the_undo_period(store: Store) -> None:
    store.acknowledge(feedback(1, time.time()))
    with store.connected() as database:
        database.execute("BEGIN IMMEDIATE")
        withdrawn: list[bool] = []
        withdrawing = threading.Thread(
            target=lambda: withdrawn.append(store.withdraw(feedback(1, 0).id, settle_seconds=0.2))
        )
        withdrawing.start()
        time.sleep(0.4)
        assert len(store.after(0, most=10, settle_seconds=0.2)) == 1
    withdrawing.join()
    assert withdrawn == [False]
    assert len(store.read("feedback")) == 1


def test_no_feedback_is_lost_when_the_clock_goes_back(store: Store, clock: dict[str, float]) -> None:
    for number in range(2):
        store.acknowledge(feedback(number, NOON))
    clock["now"] = NOON - 3600
    for number in range(2, 5):
        store.acknowledge(feedback(number, NOON - 3600))
    assert len(store.after(0, most=10, settle_seconds=8)) == 2  # those dated in the future can no longer be undone
    clock["now"] = NOON - 3590
    assert fire(store, RULE_OF_THREE, settle_seconds=8) == 1
    clock["now"] = NOON + 1
    store.acknowledge(feedback(5, NOON + 1))
    clock["now"] = NOON + 10
    assert fire(store, RULE_OF_THREE, settle_seconds=8) == 1
    assert [[mistake["text"] for mistake in alert.mistakes] for alert in store.alerts()] == [
        ["tweet 2", "tweet 3", "tweet 4"],
        ["tweet 0", "tweet 1", "tweet 5"],
    ]


def test_a_reopened_store_resumes_where_it_stopped(store: Store) -> None:
    assert fired(store, feedback(1, NOON), feedback(2, NOON + 1)) == []
    reopened = Store(store.path)
    reopened.create()
    assert fired(reopened, feedback(3, NOON + 2)) == [["tweet 1", "tweet 2", "tweet 3"]]
    assert fired(Store(store.path), feedback(4, NOON + 3)) == [["tweet 1", "tweet 2", "tweet 3"]]


def test_an_alert_fires_once_if_two_processes_check_at_once(store: Store, tmp_path: Path) -> None:
    store.add(feedback(number, NOON + number) for number in range(3))
    code = """
import sys
from pathlib import Path
from telemetry.alert import Rule, fire
from telemetry.store import Store
Path(sys.argv[2]).touch()
fired = fire(Store(Path(sys.argv[1])), Rule(tweets=3, seconds=300, cool_down_seconds=300), settle_seconds=0)
sys.stdout.write(str(fired))
"""
    ready = [tmp_path / "first", tmp_path / "second"]
    with store.connected() as database:  # both wait for this lock and then check at once
        database.execute("BEGIN IMMEDIATE")
        processes = [
            subprocess.Popen([sys.executable, "-c", code, store.path, file], cwd=PROJECT, stdout=subprocess.PIPE)
            for file in ready
        ]
        deadline = time.monotonic() + 30
        while not all(file.exists() for file in ready):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.3)
    assert sorted(process.communicate(timeout=30)[0] for process in processes) == [b"0", b"1"]
    assert len(store.alerts()) == 1
    assert store.progress()[RULE].number == 3


def test_events_are_read_in_the_order_of_storage(store: Store) -> None:
    store.add([feedback(3, NOON), prediction(1, NOON - 9), feedback(1, NOON + 9), prediction(2, NOON)])
    events = store.after(0, most=3, settle_seconds=0)
    assert [(number, body["kind"], body["id"][-1]) for number, body in events] == [
        (1, "feedback", "3"),
        (2, "prediction", "1"),
        (3, "feedback", "1"),
    ]
    assert [number for number, _ in store.after(3, most=3, settle_seconds=0)] == [4]
    assert store.waiting(1) == 3


def test_events_wait_behind_feedback_that_can_still_be_undone(store: Store, clock: dict[str, float]) -> None:
    store.add([prediction(1, NOON), feedback(1, NOON), prediction(2, NOON), feedback(2, NOON - 60)])
    assert [number for number, _ in store.after(0, most=10, settle_seconds=8)] == [1]
    clock["now"] = NOON + 8
    assert [number for number, _ in store.after(0, most=10, settle_seconds=8)] == [1, 2, 3, 4]


def test_event_numbers_are_never_reused(store: Store, clock: dict[str, float]) -> None:
    store.acknowledge(feedback(1, NOON))
    store.withdraw(feedback(1, NOON).id, settle_seconds=8)
    store.acknowledge(feedback(2, NOON - 60))
    assert [number for number, _ in store.after(0, most=10, settle_seconds=8)] == [2]
    clock["now"] = NOON + 100 * DAY
    store.prune(days=30, megabytes=100, forwarding=False)
    store.acknowledge(feedback(3, NOON))
    assert [number for number, _ in store.after(2, most=10, settle_seconds=8)] == [3]


def test_old_events_are_kept_until_forwarded(store: Store) -> None:
    store.add(prediction(number, NOON + number) for number in range(10))
    store.prune(days=30, megabytes=100, forwarding=True)
    assert len(store.read("prediction")) == 10
    store.advance(FORWARDER, 4)
    store.advance(RULE, 9)
    store.prune(days=30, megabytes=100, forwarding=True)
    assert [event["id"][-1] for event in store.read("prediction")] == list("456789")
    store.prune(days=30, megabytes=100, forwarding=False)
    assert store.read("prediction") == []


def test_feedback_is_kept_when_the_store_is_too_large(store: Store) -> None:
    now = time.time()
    store.add(feedback(number, now, f"{number} {'x' * 1000}") for number in range(500))
    store.add(prediction(number, now, "x" * 1000) for number in range(500))
    store.prune(days=30, megabytes=0.1, forwarding=False)
    assert store.read("prediction") == []
    assert len(store.read("feedback")) == 500


@st.composite
def feedback_sequences(draw: st.DrawFn) -> list[Feedback]:
    """Draw feedback mostly in order of time: some arrives late, and some clocks jump."""
    when, events = NOON, []
    for number in range(draw(st.integers(0, 12))):
        when += draw(st.sampled_from([0, 0.5, 1, 2, 4, 8, 12, 40, -0.5, -3, -6, -60]))
        text, right = draw(st.sampled_from("abcde")), draw(st.booleans()) and draw(st.booleans())
        events.append(feedback(number, when, text, correct=right))
    return events


RULES = st.builds(
    lambda tweets, seconds, more: Rule(tweets=tweets, seconds=seconds, cool_down_seconds=seconds + more),
    st.integers(1, 4),
    st.sampled_from([1.0, 4.0, 10.0]),
    st.sampled_from([0.0, 5.0, 30.0]),
)


def expected_alert_times(events: Sequence[Feedback], rule: Rule) -> list[float]:
    """Return when alerts fire, by brute force: try all combinations of mispredictions up to each new one."""
    alerts: list[float] = []
    for number, event in enumerate(events):
        mispredictions = [
            report for report in events[: number + 1] if report.true_sentiment != report.predicted_sentiment
        ]
        if event not in mispredictions or any(abs(event.time - alert) < rule.cool_down_seconds for alert in alerts):
            continue
        if any(satisfies(reports, event.time, rule) for reports in combinations(mispredictions, rule.tweets)):
            alerts.append(event.time)
    return alerts


def satisfies(reports: Sequence[Feedback], when: float, rule: Rule) -> bool:
    """Return whether these tweets differ, and fit into the rule's time window together with this moment."""
    times = [when, *(report.time for report in reports)]
    return len({report.text for report in reports}) == len(reports) and max(times) - min(times) <= rule.seconds


def check_alert(mistakes: Sequence[dict[str, Any]], when: float, rule: Rule) -> None:
    """Check that an alert satisfies its rule."""
    times = [mistake["time"] for mistake in mistakes]
    assert times == sorted(times)
    assert max(*times, when) - min(*times, when) <= rule.seconds
    assert len({mistake["text"] for mistake in mistakes}) == len(mistakes) >= rule.tweets
    assert all(mistake["predicted_sentiment"] != mistake["true_sentiment"] for mistake in mistakes)


@given(feedback_sequences(), RULES)
@settings(max_examples=300)
def test_bursts_match_a_brute_force_search(events: list[Feedback], rule: Rule) -> None:
    numbered = [Numbered(number, event.body()) for number, event in enumerate(events, start=1)]
    alerts = list(bursts(numbered, rule, seen=0, before=[]))
    assert [when for when, _ in alerts] == expected_alert_times(events, rule)
    for when, mistakes in alerts:
        check_alert(mistakes, when, rule)


@given(feedback_sequences(), RULES, st.lists(st.integers(0, 12), max_size=4))
@settings(max_examples=60)
def test_checks_and_restarts_do_not_change_which_alerts_fire(
    events: list[Feedback], rule: Rule, cuts: Iterable[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.db"
        Store(path).create()
        begin = 0
        for end in [*sorted(cuts), len(events)]:
            Store(path).add(events[begin:end])
            fire(Store(path), rule, settle_seconds=0)
            begin = max(begin, end)
        alerts = Store(path).alerts()
        assert [alert.time for alert in alerts] == expected_alert_times(events, rule)
        for alert in alerts:
            check_alert(alert.mistakes, alert.time, rule)
