"""Counting tweets by bucket: persons and texts count once."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.buckets import DAY, HOUR, Bucket, count, filled
from tests.streams import Post, columns

NOON = 1_760_011_200.0  # 2025-10-09 12:00 UTC
FIVE = 300.0

posts = st.lists(
    st.builds(
        Post,
        time=st.integers(0, 6 * 3600).map(lambda second: NOON + second),
        negative=st.booleans(),
        author=st.sampled_from([None, "a", "b"]),
        text=st.sampled_from([None, "late again", "thanks"]),
    ),
    max_size=30,
)


def test_tweets_are_counted_by_bucket_and_empty_buckets_are_kept() -> None:
    counted = count(columns([Post(NOON + 1, True), Post(NOON + 2, False), Post(NOON + 2 * FIVE, True)]), seconds=FIVE)
    assert counted == [
        Bucket(NOON, 2, 1, 2, 1),
        Bucket(NOON + FIVE, 0, 0, 0, 0),
        Bucket(NOON + 2 * FIVE, 1, 1, 1, 1),
    ]


def test_no_tweets_are_no_buckets() -> None:
    assert count(columns([]), seconds=FIVE) == []


def test_an_author_who_posts_a_hundred_times_is_one_voice_an_hour() -> None:
    posts = [Post(NOON + 30 * number, True, "bot", f"text {number}") for number in range(100)]
    counted = count(columns(posts), seconds=HOUR)
    assert [bucket.tweets for bucket in counted] == [1]
    assert [bucket.reach for bucket in counted] == [100]
    assert [bucket.negative_reach for bucket in counted] == [100]


def test_an_identical_text_is_one_voice_whoever_posts_it() -> None:
    retweets = [Post(NOON + number, True, f"author {number}", "late again") for number in range(50)]
    assert count(columns(retweets), seconds=FIVE) == [Bucket(NOON, 1, 1, 50, 50)]


def test_an_author_and_a_text_have_a_voice_again_later() -> None:
    again = [
        Post(NOON, True, "a", "late"),
        Post(NOON + HOUR + 1, True, "a", "still late"),
        Post(NOON + DAY + 1, True, "b", "late"),
    ]
    assert sum(bucket.tweets for bucket in count(columns(again), seconds=HOUR)) == 3


def test_tweets_of_unknown_authors_are_voices() -> None:
    assert count(columns([Post(NOON, True)] * 3), seconds=FIVE) == [Bucket(NOON, 3, 3, 3, 3)]


@given(tweets=posts, seed=st.integers())
def test_the_order_of_arrival_does_not_matter(tweets: list[Post], seed: int) -> None:
    shuffled = random.Random(seed).sample(tweets, len(tweets))
    assert count(columns(shuffled), seconds=FIVE) == count(columns(tweets), seconds=FIVE)


@given(tweets=posts)
def test_every_tweet_is_reached_once_and_voices_are_no_more(tweets: list[Post]) -> None:
    counted = count(columns(tweets), seconds=FIVE)
    assert sum(bucket.reach for bucket in counted) == len(tweets)
    for bucket in counted:
        assert bucket.negative <= bucket.tweets <= bucket.reach
        assert bucket.negative <= bucket.negative_reach <= bucket.reach


@pytest.mark.parametrize("time", [math.nan, math.inf])
def test_a_time_that_is_none_is_refused(time: float) -> None:
    with pytest.raises(ValueError, match="has the time"):
        count(columns([Post(time, True)]), seconds=FIVE)


def test_missing_buckets_are_filled_up_to_now() -> None:
    buckets = [Bucket(NOON + 2 * FIVE, 1, 0, 1, 0), Bucket(NOON, 2, 1, 2, 1)]
    starts = [bucket.start for bucket in filled(buckets, seconds=FIVE, end=NOON + 4.5 * FIVE)]
    assert starts == [NOON, NOON + FIVE, NOON + 2 * FIVE, NOON + 3 * FIVE]
    assert filled([], seconds=FIVE, end=NOON) == []


@pytest.mark.parametrize("start", [NOON, NOON + 1])
def test_buckets_off_the_grid_or_twice_are_refused(start: float) -> None:
    with pytest.raises(ValueError, match="multiples of 300 s"):
        filled([Bucket(NOON, 1, 0, 1, 0), Bucket(start, 1, 0, 1, 0)], seconds=FIVE, end=NOON + FIVE)
