"""Streams of tweets for tests of the alarm."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import exp
from typing import NamedTuple

import numpy as np

from monitoring.buckets import DAY, HOUR, Bucket, Tweets

FIVE = 300.0
MONDAY = datetime(2025, 9, 15, tzinfo=UTC).timestamp()


def poisson(choice: random.Random, mean: float) -> int:
    """Return a random number of events, by the method of Knuth in steps that do not underflow."""
    count, rest = 0, mean
    while rest > 0:
        limit, product = exp(-min(rest, 50.0)), choice.random()
        while product > limit:
            count += 1
            product *= choice.random()
        rest -= 50.0
    return count


def stream(
    days: float,
    *,
    tweets_an_hour: float | Callable[[float], float] = 60.0,
    share: float = 0.6,
    seed: int = 0,
    begin: float = MONDAY,
) -> list[Bucket]:
    """Return buckets of five minutes; the rate may depend on the time."""
    choice, buckets = random.Random(seed), []
    for number in range(round(days * DAY / FIVE)):
        start = begin + number * FIVE
        rate = tweets_an_hour(start) if callable(tweets_an_hour) else tweets_an_hour
        negative = poisson(choice, rate * FIVE / HOUR * share)
        tweets = negative + poisson(choice, rate * FIVE / HOUR * (1 - share))
        buckets.append(Bucket(start, tweets, negative, tweets, negative))
    return buckets


def with_negative(buckets: Sequence[Bucket], begin: float, hours: float, an_hour: float) -> list[Bucket]:
    """Add negative tweets at a constant rate for some hours."""
    added = round(an_hour * FIVE / HOUR)
    return [
        Bucket(each.start, *(value + added for value in each[1:]))
        if begin <= each.start < begin + hours * HOUR
        else each
        for each in buckets
    ]


class Post(NamedTuple):
    """A classified tweet; see the columns of `monitoring.buckets.Tweets`."""

    time: float
    negative: bool
    author: str | None = None
    text: str | None = None


def columns(posts: Sequence[Post]) -> Tweets:
    """Return tweets as columns."""
    times, negative, authors, texts = zip(*posts, strict=True) if posts else ((), (), (), ())
    return Tweets(np.array(times, np.float64), np.array(negative, bool), authors, texts)
