"""The report on the model's health, computed by SQLite and PostgreSQL."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from telemetry import alert, schema
from telemetry.alert import Rule
from telemetry.channels import Channel, DeliveryError
from telemetry.counting import interval
from telemetry.delivery import begin, deliver
from telemetry.leases import Leases
from telemetry.monitoring import report
from telemetry.report import Report
from telemetry.retention import DAY
from telemetry.settings import Settings
from telemetry.store import Store
from telemetry.worker import Delayed
from tests.events import feedback, prediction

NOON = 1_760_011_200.0  # 2025-10-09 12:00 UTC
HOUR = 3600.0
MAIL: dict[str, Any] = {
    "mail_to": ("anna@example.org", "bob@example.org"),
    "mail_from": "alerts@example.org",
    "smtp_host": "127.0.0.1",
}


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    """Open a store whose clock stands still at noon."""
    return open_store(clock=lambda _: NOON)


def seconds(moment: str) -> float:
    """Return a time of the report in seconds since 1970."""
    assert moment.endswith("Z")
    return datetime.fromisoformat(moment).timestamp()


def channel(*refused: str) -> Channel:
    """Return a mail channel whose server refuses some recipients."""
    return Channel("mail", MAIL["mail_to"], lambda _, recipients: [each for each in recipients if each in refused])


def fire(store: Store, *numbers: int) -> None:
    """Fire an alert for each of some mispredictions."""
    store.add(feedback(number, NOON - 60 + number) for number in numbers)
    alert.fire(store, Rule(tweets=1, seconds=0.1, cool_down_seconds=0.1), undo_seconds=0)


def test_predictions_are_counted_by_period_source_and_version(store: Store) -> None:
    events = [
        prediction(1, NOON - 2 * HOUR),
        prediction(2, NOON - 2 * HOUR + 100, sentiment="positive"),
        prediction(3, NOON - 2 * HOUR + 200, source="batch"),
        prediction(4, NOON - 1000, model_version="8"),
        prediction(5, NOON - 31 * DAY),
    ]
    store.add(events)
    answer = report(store, Settings(), days=30)
    assert (seconds(answer.generated), answer.days, answer.period_seconds) == (NOON, 30, 900)
    rows = [(seconds(row.start), row.source, row.model_version, row.count, row.negative) for row in answer.predictions]
    assert rows == [
        (NOON - 2 * HOUR, "api", "7", 2, 1),
        (NOON - 2 * HOUR, "batch", "7", 1, 1),
        (NOON - 1800, "api", "8", 1, 1),
    ]
    first, second = answer.versions
    assert (first.model_version, first.count, first.negative) == ("7", 3, 2)
    assert (seconds(first.first), seconds(first.last)) == (NOON - 2 * HOUR, NOON - 2 * HOUR + 200)
    assert (first.low, first.high) == interval(2, 3)
    assert (second.model_version, second.count) == ("8", 1)
    assert [(source.source, source.count, source.negative) for source in answer.sources] == [
        ("api", 3, 2),
        ("batch", 1, 1),
    ]
    longer = report(store, Settings(), days=32)
    assert [row.count for row in longer.predictions] == [1, 2, 1, 1]
    assert longer.period_seconds == DAY


@pytest.mark.parametrize(("span", "period"), [(0.9 * DAY, 900), (6.9 * DAY, 3600), (20 * DAY, DAY)])
def test_periods_are_a_quarter_of_an_hour_an_hour_or_a_day(store: Store, span: float, period: int) -> None:
    store.add([prediction(1, NOON - span), feedback(2, NOON)])
    answer = report(store, Settings(), days=30)
    assert answer.period_seconds == period
    assert seconds(answer.predictions[0].start) % period == 0
    assert seconds(answer.feedback[0].start) % period == 0


def test_feedback_is_counted_and_the_latest_mistakes_are_listed(store: Store) -> None:
    store.add([feedback(number, NOON - 1000 + number, comment=f"comment {number}") for number in range(25)])
    store.add([feedback(number, NOON - 500, correct=True, source="page") for number in range(25, 35)])
    answer = report(store, Settings(), days=30)
    assert [(row.source, row.count, row.mistakes) for row in answer.feedback] == [("api", 25, 25), ("page", 10, 0)]
    assert answer.accuracy is not None
    assert (answer.accuracy.count, answer.accuracy.correct) == (35, 10)
    assert (answer.accuracy.low, answer.accuracy.high) == interval(10, 35)
    assert [mistake.text for mistake in answer.mistakes] == [f"tweet {number}" for number in range(24, 4, -1)]
    assert answer.mistakes[0].comment == "comment 24"


def test_an_empty_store_has_an_empty_report(store: Store) -> None:
    answer = report(store, Settings(), days=30)
    assert answer == Report(
        generated="2025-10-09T12:00:00.000Z",
        days=30,
        undo_seconds=8,
        feedback_text="masked",
        period_seconds=900,
        predictions=[],
        versions=[],
        sources=[],
        feedback=[],
        accuracy=None,
        mistakes=[],
        rule=answer.rule,
        alerts=[],
        buzz=None,
        channels=[],
        forwarding=None,
        workers=answer.workers,
        skipped=0,
    )
    assert (answer.rule.tweets, answer.rule.minutes, answer.rule.cool_down_minutes) == (3, 5, 30)
    assert [(job.name, job.healthy, job.holder, job.last_run) for job in answer.workers] == [
        ("rule", False, None, None),
        ("prune", False, None, None),
    ]


def test_an_alert_is_delivered_once_every_recipient_has_it(store: Store) -> None:
    settings = Settings(**MAIL)
    fire(store, 1)
    begin(store, "mail")
    fire(store, 2)
    answer = report(store, settings, days=30)
    assert [(fired.delivered, fired.mistakes[0].text) for fired in answer.alerts] == [
        ({"mail": False}, "tweet 2"),
        ({}, "tweet 1"),
    ], "newest first; mail is newer than the first"
    assert [(each.name, each.waiting) for each in answer.channels] == [("mail", 1)]
    with pytest.raises(Delayed):
        deliver(store, channel("bob@example.org"))
    answer = report(store, settings, days=30)
    assert (answer.alerts[0].delivered, answer.channels[0].waiting) == ({"mail": False}, 1)
    deliver(store, channel())
    answer = report(store, settings, days=30)
    assert (answer.alerts[0].delivered, answer.channels[0].waiting) == ({"mail": True}, 0)


def test_the_health_of_a_job_is_that_of_the_process_that_runs_it(
    store: Store, open_store: Callable[..., Store]
) -> None:
    leases = Leases(store, seconds=15)
    for name, error in (("rule", None), ("mail", "smtp_refused"), ("forward", None)):
        assert leases.acquire(name)
        leases.report(name, error)
    answer = report(store, Settings(**MAIL), days=30)
    assert [(job.name, job.healthy, job.error) for job in answer.workers] == [
        ("rule", True, None),
        ("mail", False, "smtp_refused"),
        ("prune", False, None),
        ("forward", True, None),
    ], "forwarding is asked for elsewhere"
    assert answer.workers[0].holder == leases.holder
    assert answer.channels[0].error == "smtp_refused"
    assert answer.forwarding is not None and answer.forwarding.error is None
    later = open_store(clock=lambda _: NOON + 16)
    died = report(later, Settings(**MAIL), days=30)
    assert [(job.name, job.healthy, job.holder) for job in died.workers] == [
        ("rule", False, None),
        ("mail", False, None),
        ("prune", False, None),
    ]


def test_rows_put_aside_are_counted(store: Store) -> None:
    def send(*_: object) -> list[str]:
        raise OverflowError

    begin(store, "mail")
    fire(store, 1)
    deliver(store, Channel("mail", ["anna@example.org"], send))
    answer = report(store, Settings(**MAIL), days=30)
    assert (answer.skipped, answer.channels[0].waiting) == (1, 0)


@pytest.mark.parametrize("time", [1e300, math.inf, -1.0])
def test_events_with_an_impossible_time_do_not_break_the_report(store: Store, time: float) -> None:
    store.add([prediction(1, NOON - 60), feedback(1, NOON - 60), prediction(2, time), feedback(2, time)])
    answer = report(store, Settings(), days=30)
    assert [row.count for row in (*answer.predictions, *answer.feedback)] == [1, 1]
    assert [mistake.text for mistake in answer.mistakes] == ["tweet 1"]


def test_an_alert_about_feedback_with_an_impossible_time_is_shown_and_put_aside(store: Store) -> None:
    begin(store, "mail")
    store.add(feedback(number, 1e300) for number in range(3))
    alert.fire(store, Rule(tweets=3, seconds=300, cool_down_seconds=300), undo_seconds=8)

    def send(fired: alert.Alert, _: object) -> list[str]:
        raise DeliveryError("x", str(datetime.fromtimestamp(fired.time)))

    deliver(store, Channel("mail", ["anna@example.org"], send))
    (fired,) = report(store, Settings(**MAIL), days=30).alerts
    assert fired.time == "9999-12-31T23:59:59.000Z"
    with store.database.reading() as connection:
        assert connection.scalar(sa.select(schema.skipped.c.error)) in ("OverflowError", "ValueError")


@given(st.integers(1, 10_000), st.data())
def test_the_interval_contains_the_share_and_narrows_with_more_trials(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    low, high = interval(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1
    narrow_low, narrow_high = interval(100 * successes, 100 * trials)
    assert narrow_high - narrow_low < high - low


def test_the_interval_is_wilsons() -> None:
    assert interval(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
