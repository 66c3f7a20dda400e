"""`evaluation.bootstrap`: intervals that mean what they say."""

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
DRAWING: dict[str, Any] = {"resamples": 200, "confidence": 0.95, "seed": 1}
at = Predictions.at


def draw(rows: int, seed: int, noise: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    negative = (np.arange(rows) < rows / 3).astype(np.int8)
    return negative, np.clip(random.normal(0.35 + 0.3 * negative, noise), 0, 1).round(3)


def between(low: float, high: float) -> Interval:
    return Interval(estimate=(low + high) / 2, low=low, high=high, confidence=0.95)


def interval(negative: np.ndarray, probability: np.ndarray, metric: str = "roc_auc", **changes: Any) -> Interval:
    resampling = Resampling(**DRAWING | changes)
    return bootstrap.interval(negative, at(probability, 0.5), metric, cost=COST, resampling=resampling)


def lead_of(negative: np.ndarray, first: Predictions, second: Predictions, metric: str, **changes: Any) -> Interval:
    return bootstrap.lead(negative, first, second, metric, cost=COST, resampling=Resampling(**DRAWING | changes))


@pytest.mark.parametrize("metric", HIGHER_IS_BETTER)
@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10), st.integers(0, 3)), min_size=1, max_size=40))
def test_figures_of_drawn_tweets_are_those_of_score(metric: str, tweets: list[tuple[bool, int, int]]) -> None:
    tweets = [*tweets, (True, 3, 1), (False, 3, 1)]  # both classes are drawn, with a tie
    negative = np.array([label for label, _, _ in tweets], dtype=np.int8)
    probability = np.array([tenths / 10 for _, tenths, _ in tweets])
    drawn = np.array([times for _, _, times in tweets])
    measure = bootstrap.statistic(negative, Predictions.at(probability, 0.35), metric, COST)
    expected = score(np.repeat(negative, drawn), Predictions.at(np.repeat(probability, drawn), 0.35), COST)[metric]
    assert measure(drawn) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_every_draw_holds_as_many_tweets_of_each_class_as_there_are() -> None:
    negative = np.array([1, 0, 0, 0, 1], dtype=np.int8)
    drawn = np.array(list(bootstrap.draws(negative, Resampling(resamples=50, confidence=0.95, seed=0))))
    assert (drawn[:, negative == 1].sum(axis=1) == 2).all()
    assert (drawn[:, negative == 0].sum(axis=1) == 3).all()
    assert (drawn.max(axis=1) > 1).any()


def test_an_interval_holds_the_true_figure_as_often_as_it_says() -> None:
    truth = interval(*draw(300_000, seed=0), resamples=1)
    found = [interval(*draw(150, seed=seed)) for seed in range(1, 201)]
    share = np.mean([one.low <= truth.estimate <= one.high for one in found])
    assert share == pytest.approx(0.95, abs=0.045)  # three standard errors of 200 trials


def test_a_lead_is_the_difference_of_the_figures_and_above_0_for_the_better() -> None:
    negative, good = draw(600, seed=0)
    _, bad = draw(600, seed=1, noise=0.6)
    for metric, higher in HIGHER_IS_BETTER.items():
        lead = lead_of(negative, at(good, 0.5), at(bad, 0.4), metric, resamples=10)
        gap = score(negative, at(good, 0.5), COST)[metric] - score(negative, at(bad, 0.4), COST)[metric]
        assert lead.estimate == pytest.approx(gap if higher else -gap)
        assert lead.estimate > 0
    lead = lead_of(negative, at(bad, 0.5), at(good, 0.4), "log_loss")
    assert lead.high < 0


def test_a_classifier_has_no_lead_over_itself() -> None:
    negative, probability = draw(300, seed=0)
    for metric in HIGHER_IS_BETTER:
        lead = lead_of(negative, at(probability, 0.4), at(probability, 0.4), metric, resamples=10)
        assert (lead.low, lead.estimate, lead.high) == (0.0, 0.0, 0.0)


def test_the_same_tweets_make_a_lead_surer_than_two_figures_apart() -> None:
    negative, first = draw(500, seed=0)
    second = np.clip(first + np.random.default_rng(9).normal(0, 0.05, 500), 0, 1)
    lead = lead_of(negative, at(first, 0.5), at(second, 0.5), "roc_auc")
    alone = interval(negative, first)
    assert lead.high - lead.low < (alone.high - alone.low) / 2


def test_a_seed_decides_the_draws() -> None:
    negative, probability = draw(200, seed=0)
    first, again, other = (interval(negative, probability, "brier", seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_all_metrics_have_an_interval_around_them_but_the_calibration_error() -> None:
    negative, probability = draw(300, seed=0)
    found = bootstrap.intervals(negative, at(probability, 0.5), cost=COST, resampling=Resampling(**DRAWING))
    assert list(found) == list(HIGHER_IS_BETTER)
    error = found.pop("calibration_error")
    assert math.isnan(error.low)
    assert math.isnan(error.high)
    assert all(one.low < one.estimate < one.high for one in found.values())


def test_one_class_has_no_interval() -> None:
    with pytest.raises(ValueError, match="All 3 tweets are of one class"):
        interval(np.ones(3, np.int8), np.zeros(3), "accuracy")


def test_classifiers_are_compared_on_the_same_tweets() -> None:
    negative, probability = draw(9, seed=0)
    with pytest.raises(ValueError, match="use the same tweets"):
        lead_of(negative, at(probability, 0.5), at(probability[:8], 0.5), "roc_auc")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"resamples": 0}, "select.resamples=0"), ({"confidence": 95}, "select.confidence=95")],
)
def test_senseless_intervals_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        interval(*draw(9, seed=0), **changes)


def test_an_unknown_metric_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="Unknown metric recall; choose one of accuracy, "):
        interval(*draw(9, seed=0), "recall")


def by_author(authors: int, tweets: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, probabilities and authors; tweets of one author are all of one class, and alike to the model."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(authors), tweets)
    negative = (np.arange(authors) % 2)[groups].astype(np.int8)
    own = random.normal(0, 0.3, authors)[groups]
    return negative, np.clip(0.35 + 0.3 * negative + own + random.normal(0, 0.05, len(groups)), 0, 1), groups


def test_authors_are_drawn_with_all_of_their_tweets() -> None:
    negative, _, groups = by_author(authors=20, tweets=5, seed=0)
    for often in bootstrap.draws(negative, Resampling(**DRAWING, groups=groups)):
        drawn = often.reshape(20, 5)
        assert (drawn == drawn[:, :1]).all()
        assert drawn[:, 0].sum() == 20


def test_an_interval_over_authors_holds_the_true_figure_where_one_over_tweets_is_too_narrow() -> None:
    negative, probability, groups = by_author(authors=40_000, tweets=5, seed=0)
    truth = interval(negative, probability, resamples=1, groups=groups).estimate
    held = {"authors": 0, "tweets": 0}
    for seed in range(1, 101):
        negative, probability, groups = by_author(authors=60, tweets=5, seed=seed)
        for name, drawn in (("authors", groups), ("tweets", None)):
            found = interval(negative, probability, groups=drawn)
            held[name] += found.low <= truth <= found.high
    assert held["authors"] >= 88  # 95 expected of 100; three standard errors are 6.5
    assert held["tweets"] < 80


def test_where_no_author_has_two_tweets_tweets_are_drawn() -> None:
    negative, probability = draw(200, seed=0)
    names = np.array([f"user{number}" for number in range(200)])
    assert interval(negative, probability, groups=names) == interval(negative, probability)


def test_a_draw_of_authors_holds_both_classes() -> None:
    negative, groups = np.array([1, 0, 0], dtype=np.int8), np.array(["a", "b", "b"])
    for often in bootstrap.draws(negative, Resampling(**DRAWING, groups=groups)):
        assert (often > 0).tolist() == [True, True, True]


def test_what_was_called_negative_counts_where_it_does_not_follow_from_the_probability() -> None:
    negative = np.array([1, 0, 1, 0], dtype=np.int8)
    score_ = np.array([0.9, 0.1, 0.8, 0.2])
    cross_fitted = Predictions(score=score_, probability=score_ / 2, called=np.array([True, True, False, False]))
    expected = score(negative, cross_fitted, COST)
    assert (expected["roc_auc"], expected["accuracy"]) == (1.0, 0.5)
    for metric in HIGHER_IS_BETTER:
        measure = bootstrap.statistic(negative, cross_fitted, metric, COST)
        assert measure(bootstrap.once(negative)) == pytest.approx(expected[metric])


def test_a_lead_is_told_with_its_interval() -> None:
    assert bootstrap.signed(between(-0.01, 0.03)) == "+0.0100 (95 % interval -0.0100 to +0.0300)"
    assert bootstrap.signed(between(-20.0, -10.0)) == "-15.0 (95 % interval -20.0 to -10.0)"


def gap(first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...]) -> tuple[float, float]:
    """Return the gap between two sets, each labels, probabilities and authors."""
    sets = [
        (negative, at(probability, 0.5), Resampling(**DRAWING | {"resamples": 100}, groups=groups))
        for negative, probability, groups in (first, second)
    ]
    return bootstrap.gap_in_standard_errors(sets[0], sets[1], cost=COST)


def test_a_set_has_no_gap_to_itself() -> None:
    drawn = by_author(authors=40, tweets=3, seed=0)
    assert gap(drawn, drawn) == (0.0, 0.0)


@pytest.mark.parametrize(("authors", "tweets"), [(300, 1), (60, 5)])
def test_a_gap_is_as_many_standard_errors_as_honest_runs_show(authors: int, tweets: int) -> None:
    errors = [gap(by_author(authors, tweets, 2 * run), by_author(authors, tweets, 2 * run + 1))[1] for run in range(80)]
    assert np.std(errors) == pytest.approx(1.0, abs=0.25)  # three standard errors of 80 runs


def test_a_tweet_of_an_unknown_author_stands_alone() -> None:
    groups = np.array(["a", None, "a", "", np.nan, "b"], dtype=object)
    codes = bootstrap.codes_of(groups)
    assert codes[0] == codes[2]
    assert len(set(codes)) == 5
