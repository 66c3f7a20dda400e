"""The limits of usual numbers and shares of negative tweets."""

import random
from statistics import fmean, variance

import pytest

from monitoring.bands import Point, Usual, points, share_variance
from monitoring.bands import variance as variance_of
from monitoring.buckets import HOUR, Bucket

FIVE = 300.0
USUAL = Usual(tweets=5.0, negative=2.0, dispersion=0.05, correlation=0.01)


def constant(count: int) -> list[Bucket]:
    return [Bucket(number * FIVE, 5, 2, 6, 3) for number in range(count)]


def by_hour(start: float) -> float:
    return start // HOUR * HOUR


def test_buckets_are_added_up_by_span() -> None:
    first, second = points(constant(18), {}, by_hour)
    assert first == Point(0.0, 60, 24, 72)
    assert second == Point(HOUR, 30, 12, 36)


def test_a_span_has_limits_only_if_all_its_buckets_were_checked() -> None:
    usual = {number * FIVE: USUAL for number in range(1, 24)}
    first, second = points(constant(24), usual, by_hour)
    assert first.usual_negative is None
    assert second.usual_negative == pytest.approx(24)
    assert second.most_negative is not None
    assert second.most_negative > 24
    assert second.usual_share == pytest.approx(0.4)


def test_a_span_without_tweets_has_a_limit_of_their_number_only() -> None:
    (point,) = points([Bucket(0.0, 0, 0, 0, 0)], {0.0: USUAL}, by_hour)
    assert point.most_negative is not None
    assert point.largest_share is None


def test_a_share_has_a_limit_of_at_most_one() -> None:
    (point,) = points([Bucket(0.0, 1, 1, 1, 1)], {0.0: USUAL}, by_hour)
    assert point.largest_share == 1.0


def test_the_variances_are_those_of_simulated_streams() -> None:
    usual, choice, negatives, shares = Usual(30.0, 12.0, 0.1, 0.05), random.Random(1), [], []
    share, total = usual.negative / usual.tweets, 1 / usual.correlation - 1
    for _ in range(20_000):
        rate = choice.gammavariate(1 / usual.dispersion, usual.dispersion * usual.tweets)
        tweets, arrived = 0, choice.expovariate(1)
        while arrived < rate:
            tweets += 1
            arrived += choice.expovariate(1)
        p = choice.betavariate(share * total, (1 - share) * total)
        negatives.append(sum(choice.random() < p for _ in range(tweets)))
        shares.append(sum(choice.random() < p for _ in range(30)) / 30)
    assert fmean(negatives) == pytest.approx(usual.negative, rel=0.02)
    assert variance(negatives) == pytest.approx(variance_of(usual), rel=0.05)
    assert variance(shares) == pytest.approx(share_variance(usual, 30), rel=0.05)
