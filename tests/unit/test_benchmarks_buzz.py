"""The benchmark of the alarm: its streams, crises, references and thresholds."""

import numpy as np
import pytest

from benchmarks.buzz_references import cusum, ears_c1, p_chart, rolling
from benchmarks.buzz_scores import alarms, threshold
from benchmarks.buzz_streams import (
    PER_DAY,
    PER_HOUR,
    QUIET_DAYS,
    QUIET_FROM,
    Crisis,
    Stream,
    Tweets,
    composed,
    simulated,
    with_crisis,
)


def constant(days: int, tweets: int = 10, negative: int = 6) -> Stream:
    """Return a stream that never changes."""
    size = days * PER_DAY
    return Stream(
        tweets=np.full(size, tweets), negative=np.full(size, negative), usual_negative=np.full(size, float(negative))
    )


def test_simulated_streams_have_the_volume_and_the_errors_asked_for() -> None:
    stream = simulated(np.random.default_rng(0), weeks=8, tweets_an_hour=100, sensitivity=0.8, specificity=0.9)
    assert stream.tweets.mean() * PER_HOUR == pytest.approx(100, rel=0.15)
    assert stream.weeks == 8
    share = stream.usual_negative.sum() / stream.tweets.sum()
    assert stream.negative.sum() / stream.tweets.sum() == pytest.approx(0.8 * share + 0.1 * (1 - share), abs=0.03)


def test_composed_streams_keep_the_time_of_day() -> None:
    hours = np.repeat(np.arange(QUIET_DAYS * 24), 3)
    noon = hours[hours % 24 == 9]  # a day begins at 3 a.m.
    times = QUIET_FROM.timestamp() + noon * 3600 + 1800.0
    stream = composed(
        np.random.default_rng(0), Tweets(times, np.ones(len(times), bool)), np.ones(len(times), bool), weeks=2
    )
    by_hour = stream.tweets.reshape(-1, 24, PER_HOUR).sum(axis=2)
    assert (by_hour[:, 9] == 3).all()
    assert by_hour.sum() == by_hour[:, 9].sum()


def test_a_crisis_of_size_two_doubles_the_negative_tweets_while_it_lasts() -> None:
    stream = constant(2, tweets=1000, negative=600)
    crisis = Crisis(2, 6, "step")
    changed = with_crisis(np.random.default_rng(0), stream, crisis, 100.5, np.ones(50, bool))
    added = changed.negative - stream.negative
    assert (added == changed.tweets - stream.tweets).all()
    assert added.sum() == pytest.approx(6 * PER_HOUR * 600, rel=0.02)
    assert added[100] == pytest.approx(300, rel=0.2)
    assert added[:100].sum() == added[100 + 6 * PER_HOUR + 1 :].sum() == 0


def test_the_last_hour_is_added_up_at_each_bucket() -> None:
    assert rolling(np.arange(1, 14))[[0, 11, 12]].tolist() == [1, 78, 90]


def test_references_follow_their_formulas() -> None:
    stream = constant(10)
    stream.tweets[-PER_HOUR:] += 10
    stream.negative[-PER_HOUR:] += 10
    share = stream.negative.sum() / stream.tweets.sum()
    deviation = np.sqrt(share * (1 - share) / 240)
    assert p_chart(stream)[-1] == pytest.approx((192 / 240 - share) / deviation)
    assert ears_c1(stream)[-1] == pytest.approx((192 - 72) / 0.5)
    assert cusum(np.array([0, 20, 20]), np.full(3, 6.0), np.full(3, 20.0))[0] == 0


def test_alarms_within_six_hours_are_one() -> None:
    score = np.zeros(3 * PER_DAY)
    score[[10, 20, 30, 200]] = 5
    assert alarms(score, 4) == 2
    assert alarms(score, 6) == 0


def test_a_threshold_allows_one_false_alarm_a_week() -> None:
    score = np.random.default_rng(0).normal(size=4 * 7 * PER_DAY)
    level = threshold([score], 4)
    assert alarms(score, level) <= 4 < alarms(score, level - 0.3)
