"""Alerts: when they fire, and until when feedback can be undone."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from itertools import combinations
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry import alert, schema
from telemetry.alert import Alert, Report, Rule, bursts, fire
from telemetry.events import Event, Feedback, Prediction
from telemetry.retention import DAY, prune
from telemetry.store import RULE, Store, TooLate, forwarder
from tests.clock import Clock
from tests.events import feedback, prediction

PROJECT = Path(__file__).parents[2]
MINUTE = 60.0
RULE_OF_THREE = Rule(tweets=3, seconds=5 * MINUTE, cool_down_seconds=30 * MINUTE)
NOON = 1_760_000_400.0


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def store(event_store: Store) -> Store:
    return event_store


@pytest.fixture
def timed(open_store: Callable[..., Store], clock: Clock) -> Store:
    """Open the store with the test's clock."""
    return open_store(clock=clock)


def alerts(store: Store) -> list[Alert]:
    """Return all alerts."""
    with store.database.reading() as connection:
        return alert.listed(connection)


def texts(store: Store) -> list[list[str | None]]:
    """Return the texts of all alerts."""
    return [[mistake.text for mistake in alert.mistakes] for alert in alerts(store)]


def fired(store: Store, *events: Event, rule: Rule = RULE_OF_THREE) -> list[list[str | None]]:
    """Store events, fire the alerts that are due, and return the texts of all alerts."""
    store.add(events)
    fire(store, rule, undo_seconds=0)
    return texts(store)


def numbers(store: Store, kind: type[Event] = Feedback, undo_seconds: float = 8) -> list[int]:
    """Return the numbers of the events that a reader gets."""
    return [event.number for event in store.after(kind, 0, 100, undo_seconds)]


def stored(store: Store, kind: type[Event] = Feedback) -> list[str]:
    """Return the last digit of the id of each stored event."""
    return [event.id[-1] for event in store.read(kind)]


def test_three_different_tweets_within_five_minutes_fire_one_alert_that_lists_them(store: Store) -> None:
    events = [feedback(number, NOON + number * MINUTE, f"late {number} 😠") for number in range(3)]
    assert fired(store, *events) == [["late 0 😠", "late 1 😠", "late 2 😠"]]
    (first,) = alerts(store)
    assert first.time == NOON + 2 * MINUTE
    assert first.mistakes == events
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
    assert len(alerts(store)) == 2


def test_many_repeats_of_two_tweets_fire_no_alert(store: Store) -> None:
    assert fired(store, *[feedback(number, NOON + number / 100, f"late {number % 2}") for number in range(2000)]) == []


def test_a_rule_of_one_tweet_fires_immediately(store: Store) -> None:
    rule = Rule(tweets=1, seconds=MINUTE, cool_down_seconds=MINUTE)
    assert fired(store, feedback(1, NOON), feedback(2, NOON + 59), feedback(3, NOON + 60), rule=rule) == [
        ["tweet 1"],
        ["tweet 1", "tweet 2", "tweet 3"],
    ]


def test_feedback_counts_only_after_the_undo_period(timed: Store, clock: Clock) -> None:
    for number in range(3):
        clock.now = NOON - 4 + number
        timed.acknowledge(feedback(number), undo_seconds=8)
    for seconds, count in ((0, 0), (5.9, 0), (6, 1)):
        clock.now = NOON + seconds
        assert fire(timed, RULE_OF_THREE, undo_seconds=8) == count


def test_undone_feedback_is_deleted(timed: Store, clock: Clock) -> None:
    for number in range(3):
        timed.acknowledge(feedback(number), undo_seconds=8)
    assert timed.withdraw(feedback(2).id, undo_seconds=8)
    assert not timed.withdraw(feedback(2).id, undo_seconds=8)
    clock.now = NOON + 60
    assert fire(timed, RULE_OF_THREE, undo_seconds=8) == 0
    assert stored(timed) == ["0", "1"]


def test_the_time_of_feedback_is_that_of_the_store(timed: Store) -> None:
    event, is_new = timed.acknowledge(feedback(1, NOON - 999), undo_seconds=8)
    assert (event.time, is_new) == (NOON, True)
    assert list(timed.read(Feedback)) == [event]


def test_feedback_sent_again_is_stored_once_and_keeps_its_time(timed: Store, clock: Clock) -> None:
    first, _ = timed.acknowledge(feedback(1), undo_seconds=8)
    for clock.now in (NOON + 1, NOON + 99):
        assert timed.acknowledge(feedback(1), undo_seconds=8) == (first, False)
    assert list(timed.read(Feedback)) == [first]


def test_feedback_can_be_changed_during_the_undo_period_which_starts_again(timed: Store, clock: Clock) -> None:
    timed.acknowledge(feedback(1), undo_seconds=8)
    clock.now = NOON + 7
    changed, is_new = timed.acknowledge(feedback(1, correct=True), undo_seconds=8)
    assert (changed.time, is_new) == (NOON + 7, False)
    clock.now = NOON + 14
    assert numbers(timed) == []
    timed.acknowledge(feedback(1, correct=True, comment="irony"), undo_seconds=8)
    assert [(event.true_sentiment, event.comment) for event in timed.read(Feedback)] == [("negative", "irony")]
    clock.now = NOON + 22
    assert len(numbers(timed)) == 1


def test_feedback_can_be_neither_changed_nor_undone_after_the_undo_period(timed: Store, clock: Clock) -> None:
    first, _ = timed.acknowledge(feedback(1), undo_seconds=8)
    clock.now = NOON + 8
    with pytest.raises(TooLate):
        timed.withdraw(feedback(1).id, undo_seconds=8)
    with pytest.raises(TooLate):
        timed.acknowledge(feedback(1, correct=True), undo_seconds=8)
    assert list(timed.read(Feedback)) == [first]


def test_feedback_dated_far_in_the_future_can_neither_be_undone_nor_hold_up_the_rest(
    timed: Store, clock: Clock
) -> None:
    clock.now = NOON + 3600
    timed.acknowledge(feedback(1), undo_seconds=8)
    clock.now = NOON
    assert numbers(timed) == [1]
    with pytest.raises(TooLate):
        timed.withdraw(feedback(1).id, undo_seconds=8)
    assert stored(timed) == ["1"]


@pytest.mark.parametrize("reader", [RULE, forwarder("feedback")])
def test_feedback_already_processed_cannot_be_undone(timed: Store, clock: Clock, reader: str) -> None:
    timed.acknowledge(feedback(1), undo_seconds=8)
    clock.now = NOON - 3600
    (number,) = numbers(timed)
    timed.advance(reader, number)
    clock.now = NOON + 1
    with pytest.raises(TooLate):
        timed.withdraw(feedback(1).id, undo_seconds=8)
    assert stored(timed) == ["1"]


def test_feedback_cannot_be_undone_if_waiting_for_a_lock_outlasts_the_undo_period(store: Store) -> None:
    store.acknowledge(feedback(1), undo_seconds=0.2)
    outcome: list[object] = []

    def withdraw() -> None:
        try:
            outcome.append(store.withdraw(feedback(1).id, undo_seconds=0.2))
        except TooLate as error:
            outcome.append(type(error))

    with store.database.writing(schema.feedback):
        withdrawing = threading.Thread(target=withdraw)
        withdrawing.start()
        time.sleep(0.4)
        assert numbers(store, undo_seconds=0.2) == [1]
    withdrawing.join()
    assert outcome == [TooLate]
    assert stored(store) == ["1"]


def test_no_feedback_is_lost_when_the_clock_goes_back(timed: Store, clock: Clock) -> None:
    for number in range(2):
        timed.acknowledge(feedback(number), undo_seconds=8)
    clock.now = NOON - 3600
    for number in range(2, 5):
        timed.acknowledge(feedback(number), undo_seconds=8)
    assert len(numbers(timed)) == 2  # those dated in the future can no longer be undone
    clock.now = NOON - 3590
    assert fire(timed, RULE_OF_THREE, undo_seconds=8) == 1
    clock.now = NOON + 1
    timed.acknowledge(feedback(5), undo_seconds=8)
    clock.now = NOON + 10
    assert fire(timed, RULE_OF_THREE, undo_seconds=8) == 1
    assert texts(timed) == [["tweet 2", "tweet 3", "tweet 4"], ["tweet 0", "tweet 1", "tweet 5"]]


def test_feedback_dated_in_the_future_holds_back_no_alert_about_other_feedback(timed: Store, clock: Clock) -> None:
    clock.now = NOON + 10 * MINUTE
    for number in range(3):
        timed.acknowledge(feedback(number), undo_seconds=0)
    clock.now = NOON
    assert fire(timed, RULE_OF_THREE, undo_seconds=0) == 1
    for number in range(3, 6):
        timed.acknowledge(feedback(number), undo_seconds=0)
    assert fire(timed, RULE_OF_THREE, undo_seconds=0) == 1
    assert texts(timed) == [["tweet 0", "tweet 1", "tweet 2"], ["tweet 3", "tweet 4", "tweet 5"]]
    for number in range(6, 9):
        timed.acknowledge(feedback(number), undo_seconds=0)
    assert fire(timed, RULE_OF_THREE, undo_seconds=0) == 0, "a cool-down follows the real alert"


def test_tweets_are_the_same_if_their_fingerprints_are(store: Store) -> None:
    events = [feedback(number, NOON + number, f"masked {number}", fingerprint="one") for number in range(3)]
    assert fired(store, *events) == []
    others = [feedback(number, NOON + DAY + number, "@user late", fingerprint=str(number)) for number in range(3, 6)]
    assert fired(store, *others) == [["@user late"] * 3]


def test_a_reopened_store_resumes_where_it_stopped(store: Store, open_store: Callable[..., Store]) -> None:
    assert fired(store, feedback(1, NOON), feedback(2, NOON + 1)) == []
    reopened = open_store()
    reopened.create()
    assert fired(reopened, feedback(3, NOON + 2)) == [["tweet 1", "tweet 2", "tweet 3"]]
    assert fired(open_store(), feedback(4, NOON + 3)) == [["tweet 1", "tweet 2", "tweet 3"]]


def test_an_alert_fires_once_if_two_processes_check_at_once(store: Store, events_url: str, tmp_path: Path) -> None:
    store.add(feedback(number, NOON + number) for number in range(3))
    code = """
import sys
from pathlib import Path
from telemetry.alert import Rule, fire
from telemetry.store import Store
Path(sys.argv[2]).touch()
fired = fire(Store(sys.argv[1]), Rule(tweets=3, seconds=300, cool_down_seconds=300), undo_seconds=0)
sys.stdout.write(str(fired))
"""
    ready = [tmp_path / "first", tmp_path / "second"]
    with store.database.writing(schema.alerts):  # both wait for this lock and then check at once
        processes = [
            subprocess.Popen([sys.executable, "-c", code, events_url, file], cwd=PROJECT, stdout=subprocess.PIPE)
            for file in ready
        ]
        deadline = time.monotonic() + 30
        while not all(file.exists() for file in ready):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.5)
    assert sorted(process.communicate(timeout=30)[0] for process in processes) == [b"0", b"1"]
    assert len(alerts(store)) == 1
    assert store.reached(RULE) == 3


def test_feedback_that_cannot_be_checked_is_put_aside_and_the_rest_fires(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    restored = alert.restored

    def restore(kind: type[Feedback], row: sa.Row[tuple[object]]) -> Feedback:
        if row.id == feedback(2).id:
            raise ArithmeticError(row.text)
        return restored(kind, row)

    monkeypatch.setattr(alert, "restored", restore)
    errors: list[str] = []
    store.add(feedback(number, NOON + number) for number in range(4))
    assert fire(store, RULE_OF_THREE, undo_seconds=0, count=errors.append) == 1
    assert texts(store) == [["tweet 0", "tweet 1", "tweet 3"]]
    assert errors == [RULE]
    with store.database.reading() as connection:
        (skipped,) = connection.execute(sa.select(schema.skipped))
    assert (skipped.reader, skipped.number, skipped.error) == (RULE, 3, "ArithmeticError")
    assert "ArithmeticError in rule, row 3" in caplog.text
    assert "tweet 2" not in caplog.text
    assert fire(store, RULE_OF_THREE, undo_seconds=0) == 0


def test_events_are_read_in_the_order_of_storage(store: Store) -> None:
    store.add([feedback(3, NOON), prediction(1, NOON - 9), feedback(1, NOON + 9), prediction(2, NOON)])
    assert [(number, event.id[-1]) for number, event in store.after(Feedback, 0, 3, 0)] == [(1, "3"), (2, "1")]
    assert [(number, event.id[-1]) for number, event in store.after(Prediction, 0, 1, 0)] == [(1, "1")]
    assert [(number, event.id[-1]) for number, event in store.after(Prediction, 1, 3, 0)] == [(2, "2")]
    assert (store.waiting(Prediction, 0), store.waiting(Prediction, 1), store.waiting(Feedback, 2)) == (2, 1, 0)


def test_feedback_waits_behind_feedback_that_can_still_be_undone(timed: Store, clock: Clock) -> None:
    timed.add([feedback(1, NOON - 9), feedback(2, NOON), feedback(3, NOON - 60), prediction(1, NOON)])
    assert (numbers(timed), numbers(timed, Prediction)) == ([1], [1])
    clock.now = NOON + 8
    assert numbers(timed) == [1, 2, 3]


def test_event_numbers_are_never_reused(timed: Store, clock: Clock) -> None:
    timed.acknowledge(feedback(1), undo_seconds=8)
    timed.withdraw(feedback(1).id, undo_seconds=8)
    timed.acknowledge(feedback(2), undo_seconds=8)
    clock.now = NOON + 8
    assert numbers(timed) == [2]
    timed.advance(RULE, 2)
    clock.now = NOON + 100 * DAY
    prune(timed, days=30, feedback_days=30, megabytes=100, forwarding=False)
    assert stored(timed) == []
    timed.acknowledge(feedback(3), undo_seconds=8)
    clock.now += 8
    assert numbers(timed) == [3]


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


def check_alert(mistakes: Sequence[Feedback], when: float, rule: Rule) -> None:
    """Check that an alert satisfies its rule."""
    times = [mistake.time for mistake in mistakes]
    assert times == sorted(times)
    assert max(*times, when) - min(*times, when) <= rule.seconds
    assert len({mistake.text for mistake in mistakes}) == len(mistakes) >= rule.tweets
    assert all(mistake.mistaken for mistake in mistakes)


@pytest.mark.slow
@given(feedback_sequences(), RULES)
@settings(max_examples=300)
def test_bursts_match_a_brute_force_search(events: list[Feedback], rule: Rule) -> None:
    reports = [Report(number, event) for number, event in enumerate(events, start=1) if event.mistaken]
    found = list(bursts(reports, rule, seen=0, before=[], now=NOON + DAY))
    assert [when for when, _ in found] == expected_alert_times(events, rule)
    for when, mistakes in found:
        check_alert([report.feedback for report in mistakes], when, rule)


@given(feedback_sequences(), RULES, st.lists(st.integers(0, 12), max_size=4))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_checks_and_restarts_do_not_change_which_alerts_fire(
    event_store: Store, events_url: str, events: list[Feedback], rule: Rule, cuts: Iterable[int]
) -> None:
    with event_store.database.writing(schema.feedback) as connection:
        for table in reversed(schema.metadata.sorted_tables):
            if table is not schema.settings:
                connection.execute(sa.delete(table))
    begin = 0
    for end in [*sorted(cuts), len(events)]:
        with closing(Store(events_url)) as store:
            store.add(events[begin:end])
            fire(store, rule, undo_seconds=0)
        begin = max(begin, end)
    found = alerts(event_store)
    assert [each.time for each in found] == expected_alert_times(events, rule)
    for each in found:
        check_alert(each.mistakes, each.time, rule)
