"""Choosing and fitting a calibration."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from sentiment.evaluation.calibration import Method, choose, cross_fit, cross_fitted, fit, log_losses
from sentiment.evaluation.metrics import Cost, calibration_error, cheapest_threshold, expected_cost, score
from sentiment.inference.probabilities import IDENTITY, Calibration

COST = Cost(missed_negative=2.0, false_alarm=1.0, review=0.5)
LABELLED_PROBABILITIES = st.lists(st.tuples(st.booleans(), st.floats(0.0, 1.0)), min_size=1, max_size=40)


def miscalibrated(slope: float, intercept: float, *, tweets: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, and the probabilities of a model that this slope and intercept would calibrate."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, tweets)
    return (random.random(tweets) < expit(slope * logits + intercept)).astype(np.int8), expit(logits)


def arrays(pairs: list[tuple[bool, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([label for label, _ in pairs], dtype=np.int8), np.array([probability for _, probability in pairs])


@pytest.mark.parametrize(("slope", "intercept"), [(0.5, 0.0), (0.6, 0.8), (1.7, -0.5), (1.0, 1.0)])
def test_platt_recovers_slope_and_intercept(slope: float, intercept: float) -> None:
    calibration = fit(*miscalibrated(slope, intercept, tweets=50_000, seed=0), "platt")
    assert (calibration.slope, calibration.intercept) == pytest.approx((slope, intercept), abs=0.04)


def test_temperature_finds_the_best_slope_without_intercept() -> None:
    negative, probability = miscalibrated(0.5, 0.0, tweets=5_000, seed=1)
    calibration = fit(negative, probability, "temperature")
    assert calibration.intercept == 0.0
    losses = [
        log_loss(negative, Calibration(slope=calibration.slope * factor, intercept=0.0)(probability))
        for factor in (0.95, 1.0, 1.05)
    ]
    assert losses[1] == min(losses)


def test_method_none_leaves_probabilities_unchanged() -> None:
    assert fit(*miscalibrated(0.5, 0.5, tweets=100, seed=0), "none") == IDENTITY


@pytest.mark.parametrize("folds", [2, 5])
@pytest.mark.parametrize(("slope", "intercept"), [(0.5, 0.0), (0.6, 0.8), (2.0, 0.0)])
def test_calibration_is_used_where_it_helps(slope: float, intercept: float, folds: int) -> None:
    negative, probability = miscalibrated(slope, intercept, tweets=2_400, seed=2)
    chosen = choose(negative, probability, folds=folds, seed=42)
    calibrated = chosen.calibration(probability)
    assert chosen.method != "none"
    assert log_loss(negative, calibrated) < log_loss(negative, probability)
    assert calibration_error(negative, calibrated, bins=10) < calibration_error(negative, probability, bins=10)
    assert roc_auc_score(negative, calibrated) == roc_auc_score(negative, probability)


def test_platt_is_chosen_for_a_shift() -> None:
    assert choose(*miscalibrated(1.0, 0.8, tweets=2_400, seed=3), folds=5, seed=42).method == "platt"


@pytest.mark.slow
def test_calibrated_probabilities_are_mostly_left_unchanged() -> None:
    methods = [choose(*miscalibrated(1.0, 0.0, tweets=1_000, seed=seed), folds=5, seed=42).method for seed in range(20)]
    assert methods.count("none") >= 18


def test_a_gain_within_one_standard_error_is_ignored() -> None:
    negative, probability = miscalibrated(0.9, 0.0, tweets=200, seed=12)
    chosen = choose(negative, probability, folds=5, seed=42)
    best = chosen.table.nsmallest(1, "log_loss").iloc[0]
    assert best["method"] != "none"
    assert 0 < best["gain"] <= best["standard_error"]
    assert (chosen.method, chosen.calibration) == ("none", IDENTITY)


def test_the_same_seed_gives_the_same_choice() -> None:
    data = miscalibrated(0.8, 0.1, tweets=500, seed=4)
    first, second = (choose(*data, folds=5, seed=7) for _ in range(2))
    assert first.calibration == second.calibration
    pd.testing.assert_frame_equal(first.table, second.table)


def test_the_table_holds_out_of_fold_results_of_each_method() -> None:
    negative, probability = miscalibrated(0.6, 0.3, tweets=1_000, seed=5)
    table = choose(negative, probability, folds=5, seed=42).table.set_index("method")
    assert list(table.index) == list(get_args(Method))
    assert list(table.columns) == [
        "slope", "intercept", "log_loss", "gain", "standard_error", "calibration_error",
    ]  # fmt: skip
    held_out = cross_fitted(negative, probability, "platt", folds=5, seed=42)
    assert table.loc["none", "log_loss"] == pytest.approx(log_loss(negative, probability))
    assert table.loc["platt", "log_loss"] == pytest.approx(log_loss(negative, held_out))
    assert table.loc["platt", "gain"] == pytest.approx(log_loss(negative, probability) - log_loss(negative, held_out))
    assert table.loc["platt", "calibration_error"] == calibration_error(negative, held_out, bins=10)
    assert table.notna().all(axis=None)


def test_each_tweet_is_calibrated_by_a_fit_to_the_other_folds() -> None:
    negative = np.array([0, 1] * 30, dtype=np.int8)
    probability = expit(np.random.default_rng(6).normal(2 * negative - 1, 1))
    before = cross_fitted(negative, probability, "platt", folds=5, seed=42)
    probability[0] = 0.99
    after = cross_fitted(negative, probability, "platt", folds=5, seed=42)
    assert np.sum(after[1:] != before[1:]) == 48  # all but the 12 of its own fold


def test_a_constant_baseline_is_left_unchanged() -> None:
    negative = np.array([0, 1, 1] * 40, dtype=np.int8)
    chosen = choose(negative, np.full(120, 0.55), folds=5, seed=42)
    assert (chosen.method, chosen.calibration) == ("none", IDENTITY)
    assert chosen.table["log_loss"].nunique() == 1


def test_probabilities_that_differ_only_by_rounding_count_as_equal() -> None:
    negative = np.array([0, 1] * 50, dtype=np.int8)
    assert fit(negative, 0.7 + np.linspace(0, 1e-10, 100), "platt") == IDENTITY


def test_perfect_separation_gives_a_finite_slope() -> None:
    negative = np.repeat([0, 1], 50).astype(np.int8)
    chosen = choose(negative, np.where(negative == 1, 0.9, 0.2), folds=5, seed=42)
    assert chosen.method != "none"
    calibrated = chosen.calibration(np.array([0.2, 0.9]))
    assert 0 < calibrated[0] < 0.05
    assert 0.95 < calibrated[1] < 1


@pytest.mark.parametrize("ones", [0, 1, 4])
def test_nothing_is_calibrated_if_a_class_has_fewer_tweets_than_folds(ones: int) -> None:
    negative = np.array([1] * ones + [0] * 40, dtype=np.int8)
    chosen = choose(negative, np.linspace(0.9, 0.1, len(negative)), folds=5, seed=42)
    assert (chosen.method, chosen.calibration) == ("none", IDENTITY)


def test_a_consistently_wrong_model_is_not_inverted() -> None:
    negative = np.repeat([1, 0], 50).astype(np.int8)
    probability = np.linspace(0.1, 0.9, 100)
    assert fit(negative, probability, "platt") == fit(negative, probability, "temperature") == IDENTITY
    assert choose(negative, probability, folds=5, seed=42).method == "none"


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_a_model_that_cannot_separate_the_classes_is_left_unchanged(method: Method) -> None:
    negative = np.array([1, 1, 1, 0, 0, 0], dtype=np.int8)
    assert fit(negative, np.array([0.0, 0.0, 1.0, 0.0, 0.0, 1.0]), method) == IDENTITY


@settings(max_examples=50)
@given(LABELLED_PROBABILITIES, st.sampled_from(["temperature", "platt"]))
def test_every_fit_is_finite_and_monotonic(pairs: list[tuple[bool, float]], method: Method) -> None:
    negative, probability = arrays(pairs)
    calibrated = fit(negative, probability, method)(np.linspace(0, 1, 11))
    assert np.isfinite(calibrated).all()
    assert (np.diff(calibrated) >= 0).all()


@settings(max_examples=30)
@given(LABELLED_PROBABILITIES)
def test_a_method_is_always_chosen(pairs: list[tuple[bool, float]]) -> None:
    chosen = choose(*arrays(pairs), folds=3, seed=0)
    assert (chosen.method == "none") == (chosen.calibration == IDENTITY)
    assert chosen.table.notna().all(axis=None)


def test_log_losses_match_scikit_learn_and_are_finite() -> None:
    negative, probability = miscalibrated(0.6, 0.3, tweets=50, seed=8)
    assert log_losses(negative, probability).mean() == pytest.approx(log_loss(negative, probability))
    surely_wrong = log_losses(np.array([1, 0], dtype=np.int8), np.array([0.0, 1.0]))
    assert np.isfinite(surely_wrong).all()
    assert (surely_wrong > 20).all()


def test_each_tweet_is_scored_by_a_fit_to_the_other_folds() -> None:
    negative, raw = miscalibrated(0.5, 0.4, tweets=400, seed=9)
    before = cross_fit(negative, raw, COST, folds=5, seed=42)
    raw[0] = 0.999
    after = cross_fit(negative, raw, COST, folds=5, seed=42)
    assert np.sum(after.probability[1:] != before.probability[1:]) == 320, "all but the 80 of its own fold"


@pytest.mark.slow
def test_cross_fitting_gains_nothing_from_noise() -> None:
    random, cost = np.random.default_rng(0), Cost(missed_negative=1.0, false_alarm=1.0, review=0.5)
    in_sample_costs, out_of_fold_costs = [], []
    for _ in range(40):
        negative, noise = random.permutation(np.repeat([0, 1], 30)).astype(np.int8), random.random(60)
        called = noise >= cheapest_threshold(negative, noise, cost)
        in_sample_costs.append(expected_cost(negative, called, cost))
        out_of_fold_costs.append(
            score(negative, cross_fit(negative, noise, cost, folds=5, seed=0), cost)["expected_cost"]
        )
    assert np.mean(in_sample_costs) < 450
    assert np.mean(out_of_fold_costs) > 490  # a coin toss costs 500


def test_the_ranking_does_not_depend_on_the_folds() -> None:
    negative, raw = miscalibrated(0.5, 0.4, tweets=400, seed=9)
    predictions = cross_fit(negative, raw, COST, folds=5, seed=42)
    assert score(negative, predictions, COST)["roc_auc"] == roc_auc_score(negative, raw)


def test_all_tweets_are_used_if_there_are_too_few_to_cross_fit() -> None:
    negative, raw = np.array([1, 0, 0], dtype=np.int8), np.array([0.9, 0.2, 0.4])
    predictions = cross_fit(negative, raw, COST, folds=5, seed=42)
    assert predictions.called.tolist() == [True, False, False]
    np.testing.assert_array_equal(predictions.probability, raw)
