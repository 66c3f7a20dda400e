"""What the metrics promise."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sentiment.metrics import Cost, cheapest_threshold, expected_cost, gap_in_standard_errors, score

COST = Cost(missed_negative=2.0, false_alarm=1.0)
DRAWS = st.lists(st.tuples(st.booleans(), st.integers(0, 10)), min_size=1, max_size=30)


def arrays(draws: list[tuple[bool, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([label for label, _ in draws], dtype=np.int8), np.array([tenths / 10 for _, tenths in draws])


@given(DRAWS, st.integers(0, 5), st.integers(1, 5))
def test_no_threshold_costs_less_than_the_cheapest(draws: list[tuple[bool, int]], missed: int, alarm: int) -> None:
    negative, probability = arrays(draws)
    cost = Cost(missed_negative=missed, false_alarm=alarm)
    chosen = expected_cost(negative, probability >= cheapest_threshold(negative, probability, cost), cost)
    others = [expected_cost(negative, probability >= tenths / 20, cost) for tenths in range(-1, 23)]
    assert chosen == pytest.approx(min(others))


def test_the_threshold_falls_as_a_missed_negative_grows_dearer() -> None:
    random = np.random.default_rng(0)
    probability = random.random(2_000)
    negative = (random.random(2_000) < probability).astype(np.int8)
    thresholds = [
        cheapest_threshold(negative, probability, Cost(missed_negative=missed, false_alarm=1.0)) for missed in (1, 3, 9)
    ]
    assert thresholds == pytest.approx([1 / 2, 1 / 4, 1 / 10], abs=0.05)


def test_the_expected_cost_is_per_thousand_tweets() -> None:
    negative = np.array([1, 1, 0, 0], dtype=np.int8)
    assert expected_cost(negative, np.array([False, True, True, False]), COST) == pytest.approx(1000 * (2 + 1) / 4)


def test_a_perfect_model_scores_perfectly() -> None:
    negative = np.array([0, 1, 0, 1], dtype=np.int8)
    scores = score(negative, negative.astype(float), 0.5, COST)
    assert {name: scores[name] for name in ("accuracy", "f1", "roc_auc", "average_precision")} == pytest.approx(
        dict.fromkeys(("accuracy", "f1", "roc_auc", "average_precision"), 1.0)
    )
    assert scores["expected_cost"] == scores["brier"] == 0.0


@pytest.mark.parametrize(("missed", "alarm"), [(-1.0, 1.0), (0.0, 0.0)])
def test_senseless_costs_are_refused(missed: float, alarm: float) -> None:
    with pytest.raises(ValueError, match="cost.missed_negative"):
        Cost(missed_negative=missed, false_alarm=alarm)


@given(DRAWS)
def test_a_set_has_no_gap_to_itself(draws: list[tuple[bool, int]]) -> None:
    negative, probability = arrays(draws)
    assume(0 < negative.sum() < len(negative))
    assert gap_in_standard_errors((negative, probability), (negative, probability)) == (0.0, 0.0)


def test_a_gap_is_as_many_standard_errors_as_resampling_says() -> None:
    random = np.random.default_rng(1)

    def draw() -> tuple[np.ndarray, np.ndarray]:
        negative = random.integers(0, 2, 300).astype(np.int8)
        return negative, negative + random.normal(0, 1.2, 300)

    errors = [gap_in_standard_errors(draw(), draw())[1] for _ in range(300)]
    assert np.std(errors) == pytest.approx(1.0, abs=0.15)
