"""`evaluation.bootstrap`: intervals of metrics and of leads have the stated coverage."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.evaluation import bootstrap
from sentiment.evaluation.bootstrap import Interval, Resampling
from sentiment.evaluation.metrics import HIGHER_IS_BETTER, Cost, Predictions, score
from sentiment.inference.errors import SettingsError

COST = Cost(missed_negative=2.0, false_alarm=1.0, review=0.5)
RESAMPLING: dict[str, Any] = {"resamples": 200, "confidence": 0.95, "seed": 1}
at = Predictions.at


def draw(rows: int, seed: int, noise: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    negative = (np.arange(rows) < rows / 3).astype(np.int8)
    return negative, np.clip(random.normal(0.35 + 0.3 * negative, noise), 0, 1).round(3)


def between(low: float, high: float) -> Interval:
    return Interval(estimate=(low + high) / 2, low=low, high=high, confidence=0.95)


def interval(negative: np.ndarray, probability: np.ndarray, metric: str = "roc_auc", **changes: Any) -> Interval:
    resampling = Resampling(**RESAMPLING | changes)
    return bootstrap.interval(negative, at(probability, 0.5), metric, cost=COST, resampling=resampling)


def lead_of(negative: np.ndarray, first: Predictions, second: Predictions, metric: str, **changes: Any) -> Interval:
    return bootstrap.lead(negative, first, second, metric, cost=COST, resampling=Resampling(**RESAMPLING | changes))


@pytest.mark.parametrize("metric", HIGHER_IS_BETTER)
@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10), st.integers(0, 3)), min_size=1, max_size=40))
def test_resampled_metrics_match_score(metric: str, tweets: list[tuple[bool, int, int]]) -> None:
    tweets = [*tweets, (True, 3, 1), (False, 3, 1)]  # both classes occur, with a tie
    negative = np.array([label for label, _, _ in tweets], dtype=np.int8)
    probability = np.array([tenths / 10 for _, tenths, _ in tweets])
    counts = np.array([times for _, _, times in tweets])
    metric_of = bootstrap.statistic(negative, Predictions.at(probability, 0.35), metric, COST)
    expected = score(np.repeat(negative, counts), Predictions.at(np.repeat(probability, counts), 0.35), COST)[metric]
    assert metric_of(counts) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_resamples_keep_the_class_sizes() -> None:
    negative = np.array([1, 0, 0, 0, 1], dtype=np.int8)
    counts = np.array(list(bootstrap.draws(negative, Resampling(resamples=50, confidence=0.95, seed=0))))
    assert (counts[:, negative == 1].sum(axis=1) == 2).all()
    assert (counts[:, negative == 0].sum(axis=1) == 3).all()
    assert (counts.max(axis=1) > 1).any()


@pytest.mark.slow
def test_intervals_cover_the_true_value_at_the_confidence_level() -> None:
    truth = interval(*draw(300_000, seed=0), resamples=1)
    intervals = [interval(*draw(150, seed=seed)) for seed in range(1, 201)]
    coverage = np.mean([each.low <= truth.estimate <= each.high for each in intervals])
    assert coverage == pytest.approx(0.95, abs=0.045)  # three standard errors of 200 trials


def test_a_lead_is_the_metric_difference_and_positive_for_the_better() -> None:
    negative, good = draw(600, seed=0)
    _, bad = draw(600, seed=1, noise=0.6)
    for metric, higher in HIGHER_IS_BETTER.items():
        lead = lead_of(negative, at(good, 0.5), at(bad, 0.4), metric, resamples=10)
        difference = score(negative, at(good, 0.5), COST)[metric] - score(negative, at(bad, 0.4), COST)[metric]
        assert lead.estimate == pytest.approx(difference if higher else -difference)
        assert lead.estimate > 0
    lead = lead_of(negative, at(bad, 0.5), at(good, 0.4), "log_loss")
    assert lead.high < 0


def test_a_classifier_has_no_lead_over_itself() -> None:
    negative, probability = draw(300, seed=0)
    for metric in HIGHER_IS_BETTER:
        lead = lead_of(negative, at(probability, 0.4), at(probability, 0.4), metric, resamples=10)
        assert (lead.low, lead.estimate, lead.high) == (0.0, 0.0, 0.0)


def test_paired_leads_have_narrower_intervals_than_single_metrics() -> None:
    negative, first = draw(500, seed=0)
    second = np.clip(first + np.random.default_rng(9).normal(0, 0.05, 500), 0, 1)
    lead = lead_of(negative, at(first, 0.5), at(second, 0.5), "roc_auc")
    single = interval(negative, first)
    assert lead.high - lead.low < (single.high - single.low) / 2


def test_the_seed_determines_the_interval() -> None:
    negative, probability = draw(200, seed=0)
    first, repeated, other = (interval(negative, probability, "brier", seed=seed) for seed in (1, 1, 2))
    assert first == repeated != other


def test_all_metrics_except_the_calibration_error_have_an_interval() -> None:
    negative, probability = draw(300, seed=0)
    intervals = bootstrap.intervals(negative, at(probability, 0.5), cost=COST, resampling=Resampling(**RESAMPLING))
    assert list(intervals) == list(HIGHER_IS_BETTER)
    calibration_error = intervals.pop("calibration_error")
    assert math.isnan(calibration_error.low)
    assert math.isnan(calibration_error.high)
    assert all(each.low < each.estimate < each.high for each in intervals.values())


def test_a_single_class_is_refused() -> None:
    with pytest.raises(ValueError, match="All 3 tweets are of one class"):
        interval(np.ones(3, np.int8), np.zeros(3), "accuracy")


def test_a_lead_requires_the_same_tweets() -> None:
    negative, probability = draw(9, seed=0)
    with pytest.raises(ValueError, match="use the same tweets"):
        lead_of(negative, at(probability, 0.5), at(probability[:8], 0.5), "roc_auc")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"resamples": 0}, "select.resamples=0"), ({"confidence": 95}, "select.confidence=95")],
)
def test_invalid_resampling_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        interval(*draw(9, seed=0), **changes)


def test_an_unknown_metric_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(ValueError, match="Unknown metric recall; choose one of accuracy, "):
        interval(*draw(9, seed=0), "recall")


def by_author(authors: int, tweets: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, probabilities and authors; an author's tweets share a class and have similar probabilities."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(authors), tweets)
    negative = (np.arange(authors) % 2)[groups].astype(np.int8)
    author_effect = random.normal(0, 0.3, authors)[groups]
    return negative, np.clip(0.35 + 0.3 * negative + author_effect + random.normal(0, 0.05, len(groups)), 0, 1), groups


def test_authors_are_resampled_with_all_their_tweets() -> None:
    negative, _, groups = by_author(authors=20, tweets=5, seed=0)
    draws = list(bootstrap.draws(negative, Resampling(**RESAMPLING, groups=groups)))
    assert len(draws) == RESAMPLING["resamples"]
    for counts in draws:
        counts_by_author = counts.reshape(20, 5)
        assert (counts_by_author == counts_by_author[:, :1]).all()
        assert counts_by_author[:, 0].sum() == 20


@pytest.mark.slow
def test_resampling_authors_covers_where_resampling_tweets_is_too_narrow() -> None:
    negative, probability, groups = by_author(authors=40_000, tweets=5, seed=0)
    truth = interval(negative, probability, resamples=1, groups=groups).estimate
    covered = {"authors": 0, "tweets": 0}
    for seed in range(1, 101):
        negative, probability, groups = by_author(authors=60, tweets=5, seed=seed)
        for unit, sampled_groups in (("authors", groups), ("tweets", None)):
            estimated = interval(negative, probability, groups=sampled_groups)
            covered[unit] += estimated.low <= truth <= estimated.high
    assert covered["authors"] >= 88  # 95 expected of 100; three standard errors are 6.5
    assert covered["tweets"] < 80


def test_tweets_are_resampled_if_no_author_has_two() -> None:
    negative, probability = draw(200, seed=0)
    names = np.array([f"user{number}" for number in range(200)])
    assert interval(negative, probability, groups=names) == interval(negative, probability)


def test_a_resample_of_authors_contains_both_classes() -> None:
    negative, groups = np.array([1, 0, 0], dtype=np.int8), np.array(["a", "b", "b"])
    draws = list(bootstrap.draws(negative, Resampling(**RESAMPLING, groups=groups)))
    assert len(draws) == RESAMPLING["resamples"]
    assert all((counts > 0).all() for counts in draws)


def test_metrics_use_the_decisions_rather_than_a_threshold() -> None:
    negative = np.array([1, 0, 1, 0], dtype=np.int8)
    scores = np.array([0.9, 0.1, 0.8, 0.2])
    cross_fitted = Predictions(score=scores, probability=scores / 2, called=np.array([True, True, False, False]))
    expected = score(negative, cross_fitted, COST)
    assert (expected["roc_auc"], expected["accuracy"]) == (1.0, 0.5)
    for metric in HIGHER_IS_BETTER:
        metric_of = bootstrap.statistic(negative, cross_fitted, metric, COST)
        assert metric_of(bootstrap.once(negative)) == pytest.approx(expected[metric])


def test_a_lead_is_formatted_with_its_interval() -> None:
    assert bootstrap.signed(between(-0.01, 0.03)) == "+0.0100 (95 % interval -0.0100 to +0.0300)"
    assert bootstrap.signed(between(-20.0, -10.0)) == "-15.0 (95 % interval -20.0 to -10.0)"


def gap(first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...]) -> tuple[float, float]:
    """Return the gap between two sets of labels, probabilities and authors."""
    sets = [
        (negative, at(probability, 0.5), Resampling(**RESAMPLING | {"resamples": 100}, groups=groups))
        for negative, probability, groups in (first, second)
    ]
    return bootstrap.gap_in_standard_errors(sets[0], sets[1], cost=COST)


def test_a_set_has_no_gap_to_itself() -> None:
    tweets = by_author(authors=40, tweets=3, seed=0)
    assert gap(tweets, tweets) == (0.0, 0.0)


@pytest.mark.parametrize(("authors", "tweets"), [(300, 1), (60, 5)])
def test_gaps_between_equal_samples_have_a_standard_deviation_of_1(authors: int, tweets: int) -> None:
    errors = [gap(by_author(authors, tweets, 2 * run), by_author(authors, tweets, 2 * run + 1))[1] for run in range(80)]
    assert np.std(errors) == pytest.approx(1.0, abs=0.25)  # three standard errors of 80 runs


def test_a_tweet_of_an_unknown_author_is_its_own_group() -> None:
    groups = np.array(["a", None, "a", "", np.nan, "b"], dtype=object)
    codes = bootstrap.codes_of(groups)
    assert codes[0] == codes[2]
    assert len(set(codes)) == 5
