"""Samples of stored predictions, from SQLite and PostgreSQL."""

from collections.abc import Callable

import pytest

from telemetry.retention import DAY
from telemetry.sampling import sample
from telemetry.store import READ, Store
from tests.events import feedback, prediction

NOON = 1_760_011_200.0  # 2025-10-09 12:00 UTC


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    """Open a store whose clock stands still at noon."""
    return open_store(clock=lambda _: NOON)


def test_a_sample_is_of_the_version_and_the_days(store: Store) -> None:
    store.add(prediction(number, NOON - number * DAY) for number in range(10))
    store.add(prediction(number, NOON - 60, model_version="8") for number in range(20, 23))
    store.add([feedback(1)])
    drawn = sample(store, "7", days=3.5, most=100, seed=1)
    assert sorted(int(event.id, 16) for event in drawn.events) == [0, 1, 2, 3]
    assert drawn.total == 4
    assert drawn.others == {"8": 3}


def test_more_predictions_than_asked_for_are_drawn_at_random_and_reproducibly(store: Store) -> None:
    store.add(prediction(number, NOON - 60) for number in range(2 * READ + 100))
    drawn = sample(store, "7", days=1, most=READ + 10, seed=1)
    assert len(drawn.events) == len(set(drawn.events)) == READ + 10
    assert drawn.total == 2 * READ + 100
    assert max(int(event.id, 16) for event in drawn.events) > 2 * READ
    assert sample(store, "7", days=1, most=READ + 10, seed=1) == drawn
    assert sample(store, "7", days=1, most=READ + 10, seed=2) != drawn


def test_an_empty_window_is_an_empty_sample(store: Store) -> None:
    drawn = sample(store, "7", days=1, most=10, seed=1)
    assert (drawn.events, drawn.total, drawn.others) == ([], 0, {})
