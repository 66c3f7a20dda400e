"""`sentiment.evaluation.faithfulness`: right explanations score high and wrong ones low, on models of a few lines."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.evaluation import faithfulness
from sentiment.evaluation.faithfulness import Faithfulness, removal, shapley_values
from sentiment.inference.arrays import Probabilities
from sentiment.inference.classifier import Classifier
from sentiment.inference.explain import Explanation, explain
from sentiment.inference.probabilities import IDENTITY

WEIGHTS = {
    "late": 2.0,
    "rude": 1.5,
    "lost": 1.2,
    "seat": 0.1,
    "crew": -0.1,
    "nice": -1.2,
    "quick": -1.5,
    "thanks": -2.0,
}
BAD = ["late rude crew", "lost seat late", "rude lost seat crew"]
GOOD = ["thanks nice crew", "quick seat thanks", "nice quick seat crew"]
TWEETS = [*BAD, *GOOD, "crew", "a tweet that is much too long to score all of the subsets of its words"]


def model(log_odds: Callable[[list[str]], float]) -> Classifier:
    """Return a classifier whose log-odds are a function of the words of a tweet."""

    def score(texts: Sequence[str]) -> Probabilities:
        return 1 / (1 + np.exp(-np.array([log_odds(text.split()) for text in texts], dtype=np.float64)))

    return Classifier(
        runtime="onnx", calibration=IDENTITY, threshold=0.5, uncertain=None, reliability=None, score=score
    )


ADDITIVE = model(lambda words: sum(WEIGHTS.get(word, 0.0) for word in words))
# Two bad words together are no worse than one.
SATURATED = model(lambda words: max((WEIGHTS[word] for word in words if WEIGHTS[word] > 0), default=-1.0))


def changed(change: Callable[[np.ndarray], np.ndarray]) -> faithfulness.Explain:
    """Return explanations whose contributions are changed."""

    def explain_wrongly(classifier: Classifier, text: str) -> Explanation:
        explanation = explain(classifier, text)
        values = change(faithfulness.contributions(explanation)).tolist()
        pairs = zip(explanation.contributions, values, strict=True)
        return replace(explanation, contributions=tuple(replace(word, contribution=value) for word, value in pairs))

    return explain_wrongly


def measured(classifier: Classifier = ADDITIVE, texts: Sequence[str] = TWEETS, **changes: Any) -> Faithfulness:
    settings = {"tweets": 100, "max_words": 5, "mosaics": 6, "seed": 1}
    return faithfulness.measure(classifier, texts, **settings | changes)


def test_right_explanations_are_faithful_by_every_measure() -> None:
    result = measured()
    assert (result.tweets, result.mosaics) == (6, 6)
    assert result.pearson == result.pearson_of_tweet == pytest.approx(1)
    assert result.error == pytest.approx(0, abs=1e-9)
    assert result.comprehensiveness == pytest.approx(1)
    assert result.sufficiency == pytest.approx(0)
    # Of the words of a half, only `seat` or `crew` may have the other sign.
    assert result.mosaic_mass > 0.95


def test_reversed_explanations_are_unfaithful_by_every_measure() -> None:
    result = measured(explain=changed(np.negative))
    assert result.pearson == pytest.approx(-1)
    assert result.error > 1
    assert result.comprehensiveness == pytest.approx(0)
    assert result.sufficiency == pytest.approx(1)
    assert result.mosaic_mass < 0.05


def test_random_explanations_lie_between() -> None:
    random = np.random.default_rng(0)
    result = measured(explain=changed(lambda values: random.normal(size=values.shape)))
    assert abs(result.pearson) < 0.7
    assert 0.1 < result.comprehensiveness < 0.9
    assert 0.1 < result.mosaic_mass < 0.9


def test_words_that_act_together_are_explained_with_an_error_that_is_measured() -> None:
    two_orders_only = changed(lambda values: values + np.arange(len(values)) / 10)
    assert measured(SATURATED).error < measured(SATURATED, explain=two_orders_only).error


def test_the_draw_is_repeatable_and_takes_different_short_tweets_only() -> None:
    texts = [f"late {number}" for number in range(50)] * 2 + ["late", "", "a b c d e f"]
    drawn = faithfulness.draw(texts, 20, 5, 1)
    assert drawn == faithfulness.draw(texts, 20, 5, 1) != faithfulness.draw(texts, 20, 5, 2)
    assert len(set(drawn)) == 20
    assert all(len(text.split()) == 2 for text in drawn)


def test_a_mosaic_joins_a_negative_and_a_positive_tweet_in_both_orders() -> None:
    seen: list[str] = []

    def record(classifier: Classifier, text: str) -> Explanation:
        seen.append(text)
        return explain(classifier, text)

    measured(explain=record, mosaics=2)
    first, second = seen[-2:]
    assert first.split()[3:] + first.split()[:3] == second.split()
    assert first == "late rude crew quick seat thanks"


@pytest.mark.parametrize("texts", [[], ["late"], ["late rude nice crew quick thanks lost seat late rude nice"]])
def test_without_short_tweets_everything_is_undefined(texts: list[str]) -> None:
    result = measured(texts=texts)
    assert result.tweets == result.mosaics == 0
    figures = (result.pearson, result.error, result.comprehensiveness, result.sufficiency, result.mosaic_mass)
    assert all(math.isnan(figure) for figure in figures)


def test_a_constant_model_has_no_faithfulness() -> None:
    result = measured(model(lambda _: 0.3))
    assert result.tweets == 6
    assert result.mosaics == 0
    assert math.isnan(result.pearson)
    assert math.isnan(result.comprehensiveness)


VALUES = st.integers(1, 4).flatmap(
    lambda words: st.lists(st.floats(-3, 3, width=16), min_size=2**words, max_size=2**words)
)


@given(values=VALUES)
def test_shapley_values_are_the_mean_over_all_orders(values: list[float]) -> None:
    words = len(values).bit_length() - 1
    expected = np.zeros(words)
    for order in permutations(range(words)):
        subset = 0
        for word in order:
            expected[word] += (values[subset | 1 << word] - values[subset]) / math.factorial(words)
            subset |= 1 << word
    assert shapley_values(np.array(values)) == pytest.approx(expected, abs=1e-9)


@given(values=VALUES)
def test_removal_is_normalised_by_the_best_and_the_worst_of_all_orders(values: list[float]) -> None:
    words = len(values).bit_length() - 1

    def left(order: Sequence[int]) -> float:
        subset, total = len(values) - 1, 0.0
        for word in order:
            subset &= ~(1 << word)
            total += values[subset]
        return total

    orders = list(permutations(range(words)))
    totals = [left(order) for order in orders]
    least, most = min(totals), max(totals)
    if most - least < 1e-6:
        return
    for order, total in zip(orders, totals, strict=True):
        assert removal(np.array(values), order) == pytest.approx((most - total) / (most - least), abs=1e-6)
