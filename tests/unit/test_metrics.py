"""Metrics, thresholds, bands of uncertain tweets and reliability tables."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sentiment.evaluation.metrics import (
    HIGHER_IS_BETTER,
    Cost,
    Predictions,
    best_constant,
    calibration_error,
    chance_of,
    cheapest_threshold,
    expected_cost,
    reliability,
    score,
    uncertain_band,
)
from sentiment.inference.errors import SettingsError

COST = Cost(missed_negative=2.0, false_alarm=1.0, review=0.5)
COSTS = st.floats(0.0, 10.0)
THREE_OF_TEN = np.array([1] * 3 + [0] * 7, dtype=np.int8)
LABELLED_PROBABILITIES = st.lists(st.tuples(st.booleans(), st.integers(0, 10)), min_size=1, max_size=30)


def arrays(pairs: list[tuple[bool, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([label for label, _ in pairs], dtype=np.int8), np.array([tenths / 10 for _, tenths in pairs])


@given(LABELLED_PROBABILITIES, st.integers(0, 5), st.integers(1, 5))
def test_no_threshold_costs_less_than_the_cheapest(pairs: list[tuple[bool, int]], missed: int, alarm: int) -> None:
    negative, probability = arrays(pairs)
    cost = Cost(missed_negative=missed, false_alarm=alarm, review=0.5)
    lowest = expected_cost(negative, probability >= cheapest_threshold(negative, probability, cost), cost)
    costs = [expected_cost(negative, probability >= tenths / 20, cost) for tenths in range(-1, 23)]
    assert lowest == pytest.approx(min(costs))


def test_the_threshold_falls_as_missed_negatives_cost_more() -> None:
    random = np.random.default_rng(0)
    probability = random.random(2_000)
    negative = (random.random(2_000) < probability).astype(np.int8)
    thresholds = [
        cheapest_threshold(negative, probability, Cost(missed_negative=missed, false_alarm=1.0, review=0.5))
        for missed in (1, 3, 9)
    ]
    assert thresholds == pytest.approx([1 / 2, 1 / 4, 1 / 10], abs=0.05)


def test_the_expected_cost_is_per_thousand_tweets() -> None:
    negative = np.array([1, 1, 0, 0], dtype=np.int8)
    assert expected_cost(negative, np.array([False, True, True, False]), COST) == pytest.approx(1000 * (2 + 1) / 4)


def test_a_perfect_model_scores_perfectly() -> None:
    negative = np.array([0, 1, 0, 1], dtype=np.int8)
    scores = score(negative, Predictions.at(negative.astype(float), 0.5), COST)
    assert {name: scores[name] for name in ("accuracy", "f1", "roc_auc", "average_precision")} == pytest.approx(
        dict.fromkeys(("accuracy", "f1", "roc_auc", "average_precision"), 1.0)
    )
    assert scores["expected_cost"] == scores["brier"] == scores["calibration_error"] == 0.0


@pytest.mark.parametrize(("missed", "alarm"), [(-1.0, 1.0), (0.0, 0.0)])
def test_invalid_costs_are_refused(missed: float, alarm: float) -> None:
    with pytest.raises(SettingsError, match="cost.missed_negative"):
        Cost(missed_negative=missed, false_alarm=alarm, review=0.5)


@pytest.mark.parametrize("review", [-0.1, np.nan])
def test_an_invalid_review_cost_is_refused(review: float) -> None:
    with pytest.raises(SettingsError, match="cost.review"):
        Cost(missed_negative=2.0, false_alarm=1.0, review=review)


@given(COSTS, COSTS, COSTS)
def test_tweets_are_uncertain_exactly_where_review_saves_cost(missed: float, alarm: float, review: float) -> None:
    assume(missed + alarm > 0)
    cheapest = alarm / (missed + alarm)
    band = uncertain_band(Cost(missed_negative=missed, false_alarm=alarm, review=review), cheapest)
    probability = np.linspace(0, 1, 101)
    savings = np.minimum((1 - probability) * alarm, probability * missed) - review
    is_uncertain = np.zeros(101, dtype=bool) if band is None else (band[0] <= probability) & (probability <= band[1])
    assert is_uncertain[savings > 1e-9].all()
    assert not is_uncertain[savings < -1e-9].any()


def test_all_tweets_are_uncertain_if_review_is_free() -> None:
    assert uncertain_band(Cost(missed_negative=2.0, false_alarm=1.0, review=0.0), 0.4) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("missed", "alarm", "review"), [(2.0, 1.0, 0.7), (2.0, 1.0, np.inf), (2.0, 0.0, 0.0), (0.0, 1.0, 0.0)]
)
def test_the_band_is_empty_if_review_costs_too_much_or_errors_are_free(
    missed: float, alarm: float, review: float
) -> None:
    assert uncertain_band(Cost(missed_negative=missed, false_alarm=alarm, review=review), 0.4) is None


def test_the_costs_determine_the_band() -> None:
    assert uncertain_band(COST, 0.4) == (0.25, 0.5)


@pytest.mark.parametrize(("threshold", "band"), [(0.1, (0.1, 0.5)), (0.9, (0.25, 0.9)), (1.0 + 1e-9, (0.25, 1.0))])
def test_the_band_is_widened_to_include_the_threshold(threshold: float, band: tuple[float, float]) -> None:
    assert uncertain_band(COST, threshold) == band


@pytest.mark.slow
@given(LABELLED_PROBABILITIES, st.integers(1, 12))
def test_each_tweet_is_in_one_bin_and_equal_probabilities_share_it(pairs: list[tuple[bool, int]], bins: int) -> None:
    negative, probability = arrays(pairs)
    table = reliability(negative, probability, bins=bins)
    assert 1 <= len(table) <= bins
    assert table["tweets"].sum() == len(negative)
    assert (table["tweets"] * table["observed"]).sum() == pytest.approx(negative.sum())
    assert (table["tweets"] * table["predicted"]).sum() == pytest.approx(probability.sum())
    backwards = reliability(negative[::-1], probability[::-1], bins=bins)
    np.testing.assert_allclose(table.to_numpy(), backwards.to_numpy())


def test_bins_of_distinct_probabilities_have_equal_sizes() -> None:
    probability = np.random.default_rng(0).random(1_000) ** 3
    table = reliability((probability > 0.5).astype(np.int8), probability, bins=8)
    assert table["tweets"].tolist() == [125] * 8


def test_the_calibration_error_is_the_weighted_mean_distance() -> None:
    probability = np.array([0.1] * 4 + [0.7] * 6)
    negative = np.array([1, 0, 0, 0] + [1, 1, 1, 1, 1, 0], dtype=np.int8)
    expected = 0.4 * abs(1 / 4 - 0.1) + 0.6 * abs(5 / 6 - 0.7)
    assert calibration_error(negative, probability, bins=2) == pytest.approx(expected)


def test_the_calibration_error_is_near_zero_only_if_calibrated() -> None:
    random = np.random.default_rng(0)
    probability = random.random(20_000)
    negative = (random.random(20_000) < probability).astype(np.int8)
    assert calibration_error(negative, probability, bins=10) < 0.012
    assert calibration_error(negative, np.sqrt(probability), bins=10) == pytest.approx(2 / 3 - 1 / 2, abs=0.01)


def test_every_metric_has_a_direction() -> None:
    negative = np.array([0, 1, 0, 1], dtype=np.int8)
    assert list(score(negative, Predictions.at(negative.astype(float), 0.5), COST)) == list(HIGHER_IS_BETTER)


def test_worse_probabilities_score_worse_on_every_metric() -> None:
    random = np.random.default_rng(3)
    better = random.random(2_000)
    negative = (random.random(2_000) < better).astype(np.int8)
    worse = np.clip(better + random.normal(0, 0.4, 2_000), 0.001, 0.999)
    first, second = (score(negative, Predictions.at(probability, 0.5), COST) for probability in (better, worse))
    assert all((first[name] > second[name]) == higher for name, higher in HIGHER_IS_BETTER.items())


@pytest.fixture(scope="module")
def best_constants() -> dict[str, float]:
    """Return the score of the best constant answer on THREE_OF_TEN, by metric."""
    return {metric: best_constant(THREE_OF_TEN, metric, COST) for metric in HIGHER_IS_BETTER}


def test_the_best_constant_answer_can_be_computed_by_hand(best_constants: dict[str, float]) -> None:
    expected = {"accuracy": 0.7, "accuracy_at_half": 0.7, "roc_auc": 0.5, "average_precision": 0.3, "brier": 0.3 * 0.7}
    assert {metric: best_constants[metric] for metric in expected} == pytest.approx(expected)
    assert best_constants["f1"] == pytest.approx(2 * 3 / (10 + 3)), "all negative"
    assert best_constants["expected_cost"] == pytest.approx(1000 * 0.3 * COST.missed_negative), "all positive"


@given(probability=st.floats(0.02, 0.98))
@settings(max_examples=30)  # each is one example for all metrics
def test_no_constant_answer_beats_the_best_one(probability: float, best_constants: dict[str, float]) -> None:
    for threshold in (0.0, 1.1):
        scores = score(THREE_OF_TEN, Predictions.at(np.full(10, probability), threshold), COST)
        for metric, higher in HIGHER_IS_BETTER.items():
            best = best_constants[metric]
            assert scores[metric] <= best + 1e-9 if higher else scores[metric] >= best - 1e-9


def test_two_standard_errors_occur_by_chance_in_5_percent_of_runs() -> None:
    assert chance_of(1.96) == chance_of(-1.96) == pytest.approx(0.05, abs=0.0001)
    assert chance_of(0.0) == 1.0
