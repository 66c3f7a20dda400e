"""Abstention: reliable answers keep the promise, and there are as many of them as that allows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from sentiment.evaluation import abstention
from sentiment.evaluation.abstention import Promise
from sentiment.inference.errors import SettingsError
from sentiment.inference.probabilities import Reliability

PROMISE = Promise(max_error=0.05, confidence=0.95, negative_share=[0.5, 0.5])


def calibrated(tweets: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and perfectly calibrated probabilities."""
    random = np.random.default_rng(seed)
    probability = expit(random.normal(0, 3, tweets))
    return (random.random(tweets) < probability).astype(np.int8), probability


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_at_most_the_promised_share_of_reliable_answers_is_wrong(threshold: float) -> None:
    broken = 0
    new_negative, new_probability = calibrated(200_000, seed=0)
    for seed in range(1, 101):
        reliability = abstention.find(*calibrated(1_000, seed=seed), threshold, PROMISE)
        kept = abstention.table(new_negative, new_probability >= threshold, reliability(new_probability))
        broken += bool((kept["error"] > PROMISE.max_error).any())
    assert broken <= 10, "5 of 100 are expected at most; more than 10 happen once in 90 runs"


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_the_promise_holds_while_the_share_of_negative_tweets_is_within_its_limits(share: float) -> None:
    promise = Promise(max_error=0.05, confidence=0.95, negative_share=[0.3, 0.7])
    new_negative, new_probability = calibrated(100_000, seed=0)
    before = new_negative.mean()
    odds = share / (1 - share) * (1 - before) / before
    random = np.random.default_rng(1)
    shifted = random.random(len(new_negative)) < np.where(new_negative == 1, odds, 1) / max(odds, 1)
    negative, probability = new_negative[shifted], new_probability[shifted]
    assert negative.mean() == pytest.approx(share, abs=0.01)
    broken, reliable = {"limits": 0, "no limits": 0}, 0
    for seed in range(1, 21):
        for name, tested in (("limits", promise), ("no limits", PROMISE)):
            reliability = abstention.find(*calibrated(5_000, seed=seed), 0.5, tested)
            kept = abstention.table(negative, probability >= 0.5, reliability(probability))
            broken[name] += bool((kept["error"] > promise.max_error).any())
            reliable += kept["reliable"].sum()
    assert reliable > 0.1 * 40 * len(negative)
    assert broken["limits"] <= 4, "1 of 20 is expected at most"
    assert broken["no limits"] >= 15 or share == 0.5


def test_the_limits_of_the_share_decide_which_answers_are_reliable() -> None:
    negative, probability = calibrated(20_000, seed=3)
    found = {
        limits: abstention.find(negative, probability, 0.5, replace(PROMISE, negative_share=limits))
        for limits in ((0.5, 0.5), (0.3, 0.5), (0.5, 0.7))
    }
    same, fewer, more = found.values()
    assert fewer.negative_from > same.negative_from == more.negative_from
    assert fewer.positive_to == same.positive_to > more.positive_to
    assert fewer.negative_share == (0.3, 0.5)


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_errors_grow_with_the_odds_of_the_class_that_is_answered_wrongly(
    share: float, wrong: float, right: float
) -> None:
    other_share = 0.3
    error_there = other_share * wrong / (other_share * wrong + (1 - other_share) * right)
    error_here = share * wrong / (share * wrong + (1 - share) * right)
    assert abstention.error_at(share, error_there, other_share) == pytest.approx(error_here)


@pytest.mark.parametrize("shares", [[0.5], [0.6, 0.4], [0.0, 0.5], [0.5, 1.0], []])
def test_limits_without_meaning_are_refused(shares: list[float]) -> None:
    with pytest.raises(SettingsError, match=r"reliable\.negative_share=.*: set the lowest and the highest share"):
        Promise(max_error=0.05, confidence=0.95, negative_share=shares)


def test_with_many_tweets_the_bounds_approach_the_best_ones() -> None:
    negative, probability = calibrated(100_000, seed=1)
    reliability = abstention.find(negative, probability, 0.5, PROMISE)
    assert reliability.negative_from is not None
    assert reliability.positive_to is not None
    for answered in (probability >= reliability.negative_from, 1 - probability >= 1 - reliability.positive_to):
        doubt = np.minimum(probability, 1 - probability)[answered]
        assert 0.04 < doubt.mean() <= PROMISE.max_error


def test_reliable_answers_lie_on_the_side_of_their_answer() -> None:
    negative, probability = calibrated(5_000, seed=2)
    reliability = abstention.find((probability > 0.4).astype(np.int8), probability, 0.7, PROMISE)
    assert reliability.negative_from is not None
    assert reliability.negative_from >= 0.7
    assert reliability.positive_to is not None
    assert reliability.positive_to < 0.7
    assert negative.shape == probability.shape


@pytest.mark.parametrize("label", [0, 1])
@given(probability=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=50), threshold=st.floats(0.0, 1.1))
def test_too_few_tweets_promise_nothing(label: int, probability: list[float], threshold: float) -> None:
    labels = np.full(len(probability), label, dtype=np.int8)
    reliability = abstention.find(labels, np.array(probability), threshold, PROMISE)
    assert (reliability.negative_from, reliability.positive_to) == (None, None)


def test_a_model_that_guesses_is_never_reliable() -> None:
    random = np.random.default_rng(0)
    reliability = abstention.find(random.integers(0, 2, 5_000), random.random(5_000), 0.5, PROMISE)
    assert (reliability.negative_from, reliability.positive_to) == (None, None)


def test_a_model_without_errors_is_always_reliable() -> None:
    negative = np.array([0, 1] * 500)
    reliability = abstention.find(negative, np.where(negative == 1, 0.9, 0.2), 0.5, PROMISE)
    assert (reliability.negative_from, reliability.positive_to) == (0.9, pytest.approx(0.2))


def test_the_table_counts_reliable_and_wrong_answers() -> None:
    negative = np.array([1, 1, 0, 0, 0, 1])
    called = np.array([True, True, True, False, False, False])
    table = abstention.table(negative, called, np.array([True, False, True, False, False, False]))
    assert table.fillna(-1).to_dict("records") == [
        {"answer": "negative", "tweets": 3, "reliable": 2, "wrong": 1, "error": 0.5},
        {"answer": "positive", "tweets": 3, "reliable": 0, "wrong": 0, "error": -1},
    ]


@pytest.mark.parametrize("values", [{"max_error": 0.0}, {"max_error": 1.0}, {"confidence": 0.0}, {"confidence": 1.5}])
def test_a_promise_without_meaning_is_refused(values: dict[str, float]) -> None:
    ((name, value),) = values.items()
    with pytest.raises(SettingsError, match=rf"reliable\.{name}={value}: must be above 0 and below 1"):
        Promise(**{"max_error": 0.05, "confidence": 0.95, "negative_share": [0.2, 0.5], **values})


RELIABILITY = Reliability(negative_from=0.9, positive_to=0.1, max_error=0.05, confidence=0.9, negative_share=(0.2, 0.5))


def judged(answer: str, wrong: int, reliable: int, negative_share: float) -> pd.Series:
    """Return the verdict on one kind of answer; all answers of the other kind are unreliable."""
    rows = [
        {"answer": name, "tweets": 1_000, "reliable": reliable * (name == answer), "wrong": wrong * (name == answer)}
        for name in ("negative", "positive")
    ]
    counts = pd.DataFrame(rows)
    counts["error"] = counts["wrong"] / counts["reliable"]
    return abstention.judge(counts, RELIABILITY, negative_share, 0.95).set_index("answer").loc[answer]


@pytest.mark.parametrize(
    ("wrong", "reliable", "verdict"),
    [(1, 500, "kept"), (100, 500, "broken"), (2, 50, "undecided"), (24, 500, "undecided")],
)
@pytest.mark.parametrize("answer", ["negative", "positive"])
def test_the_promise_is_judged_beyond_chance(answer: str, wrong: int, reliable: int, verdict: str) -> None:
    row = judged(answer, wrong, reliable, 0.4)
    assert row["verdict"] == verdict
    assert row["promised"]
    assert row["judged"] == row["error"] == wrong / reliable


def test_the_interval_is_exact() -> None:
    row = judged("negative", 0, 100, 0.4)
    assert row["error_low"] == 0
    assert row["error_high"] == pytest.approx(1 - 0.025 ** (1 / 100))


def test_without_reliable_answers_nothing_is_judged() -> None:
    row = judged("negative", 0, 0, 0.4)
    assert row["verdict"] == "no reliable answers"
    assert np.isnan(row[["error", "error_low", "judged", "judged_high"]].astype(float)).all()


def test_beyond_the_limit_the_error_is_judged_as_it_would_be_at_the_limit() -> None:
    # 8 % of the answers `positive` are wrong where 70 % are negative; at 50 %, there are fewer to be wrong about.
    row = judged("positive", 80, 1_000, 0.7)
    assert not row["promised"]
    odds = 0.08 / 0.92 * (0.3 / 0.7)
    assert row["judged"] == pytest.approx(odds / (1 + odds))
    assert row["verdict"] == "kept"
    assert judged("positive", 80, 1_000, 0.5)["verdict"] == "broken"


def test_more_negative_tweets_than_promised_do_not_excuse_wrong_answers_negative() -> None:
    row = judged("negative", 80, 1_000, 0.7)
    assert row["promised"]
    assert row["verdict"] == "broken"


def test_only_wrong_answers_stay_wrong_at_the_limit() -> None:
    row = judged("positive", 10, 10, 0.7)
    assert row["judged"] == row["judged_high"] == 1.0
    assert row["verdict"] == "broken"
