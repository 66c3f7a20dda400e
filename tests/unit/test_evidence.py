"""How much counts speak for a crisis, and how the errors of the classifier enter."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitoring.baseline import Expected
from monitoring.evidence import Errors, log_likelihood_ratio, log_probability_of_none

PERFECT, USUAL = Errors(), Expected(40, 24)


def evidence(tweets: int, negative: int, usual: Expected = USUAL, errors: Errors = PERFECT) -> float:
    """Return the evidence for twice the negative tweets."""
    return log_likelihood_ratio(tweets, negative, usual, ratio=2, dispersion=0.05, correlation=0.005, errors=errors)


def test_the_evidence_is_the_likelihood_ratio_of_both_distributions() -> None:
    size, total = 1 / 0.05, 1 / 0.005 - 1
    usual = stats.nbinom.logpmf(70, size, size / (size + 40)) + stats.betabinom.logpmf(50, 70, 0.6 * total, 0.4 * total)
    share = 48 / 64
    crisis = stats.nbinom.logpmf(70, size, size / (size + 64)) + stats.betabinom.logpmf(
        50, 70, share * total, (1 - share) * total
    )
    assert evidence(70, 50) == pytest.approx(crisis - usual)


def test_usual_counts_speak_against_a_crisis_and_twice_the_negative_ones_for_it() -> None:
    assert evidence(40, 24) < 0 < evidence(64, 48)


def test_more_tweets_of_the_same_share_are_little_evidence() -> None:
    assert evidence(64, 38) < 0


def test_more_positive_tweets_are_no_evidence() -> None:
    assert evidence(140, 24) < -10


@given(
    negative=st.integers(0, 500),
    other=st.integers(0, 500),
    tweets=st.floats(0.1, 1000),
    share=st.floats(0.01, 0.99),
    sensitivity=st.floats(0.6, 1),
    specificity=st.floats(0.6, 1),
)
def test_one_more_negative_tweet_never_lowers_the_evidence(
    negative: int, other: int, tweets: float, share: float, sensitivity: float, specificity: float
) -> None:
    usual, errors = Expected(tweets, tweets * share), Errors(sensitivity=sensitivity, specificity=specificity)
    before, after = (evidence(other + count, count, usual, errors) for count in (negative, negative + 1))
    assert after >= before - 1e-9


def test_known_errors_of_the_classifier_are_corrected() -> None:
    errors = Errors(sensitivity=0.8, specificity=0.9)
    assert errors.corrected(0.8 * 30 + 0.1 * 70, 100) == pytest.approx(30)
    assert errors.corrected(5, 100) == 0
    assert errors.corrected(95, 100) == 100


def test_the_same_counts_of_a_worse_classifier_are_judged_by_what_a_crisis_would_look_like_through_it() -> None:
    worse = Errors(sensitivity=0.8, specificity=0.7)
    assert evidence(64, 48, errors=worse) != evidence(64, 48)
    assert evidence(64, 48, errors=worse) > 0


@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.5, 0.5), (1.2, 0.9), (0.2, 0.7)])
def test_errors_that_cannot_be_corrected_for_are_refused(sensitivity: float, specificity: float) -> None:
    with pytest.raises(ValueError, match="cannot be corrected for"):
        Errors(sensitivity=sensitivity, specificity=specificity)


def test_the_probability_of_no_tweet_is_that_of_the_negative_binomial_distribution() -> None:
    assert log_probability_of_none(40, 0.05) == pytest.approx(stats.nbinom.logpmf(0, 20, 20 / 60))
    assert math.exp(log_probability_of_none(0, 0.05)) == 1
