"""The benchmark of events, on few of them."""

import time

import pytest

from benchmarks import event_costs
from benchmarks.events import events
from telemetry.events import Feedback, Prediction
from telemetry.store import Store


def test_one_event_in_ten_is_feedback_and_the_events_are_the_same_each_time() -> None:
    now = time.time()
    first, second = (list(events(100, now)) for _ in range(2))
    assert first == second
    assert [type(event) for event in first].count(Feedback) == 10
    assert sorted(event.time for event in first) == [event.time for event in first]


@pytest.mark.parametrize("task", event_costs.TASKS)
def test_each_task_runs_on_each_database(task: str, event_store: Store, events_url: str) -> None:
    event_store.add(events(300, time.time()))
    assert len(list(event_store.read(Prediction))) == 270
    cost = event_costs.measure(task, events_url)
    assert 0 < cost.seconds < 60
    assert 0 <= cost.megabytes < 200
