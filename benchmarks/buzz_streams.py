"""Streams of tweets with crises, simulated or of real tweets, for `benchmarks.buzz`. Not a benchmark itself."""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from monitoring.buckets import DAY, HOUR, Bucket

SECONDS = 300.0  # length of a bucket
PER_HOUR = round(HOUR / SECONDS)
PER_DAY = round(DAY / SECONDS)
# A Monday, 00:00 UTC.
BEGIN = 1_757_894_400.0
ZONE = "America/New_York"
# Five whole days of the real stream, before a storm; a day begins at 3 a.m., when there are fewest tweets.
QUIET_FROM, QUIET_DAYS = pd.Timestamp("2015-02-17 03:00", tz=ZONE), 5
BLOCK_HOURS = 3
Shape = Literal["step", "ramp", "burst"]
SHAPES: tuple[Shape, ...] = get_args(Shape)

Counts = npt.NDArray[np.int64]
Random = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Counts by bucket.

    Attributes:
        tweets: of each bucket, shape (buckets,).
        negative: those called negative, shape (buckets,).
        usual_negative: expected number of truly negative ones, shape (buckets,); crises are multiples of it.
    """

    tweets: Counts
    negative: Counts
    usual_negative: npt.NDArray[np.float64]

    @property
    def weeks(self) -> float:
        """Length in weeks."""
        return len(self.tweets) / PER_DAY / 7

    def buckets(self) -> list[Bucket]:
        """Return the counts as buckets."""
        rows = zip(self.tweets.tolist(), self.negative.tolist(), strict=True)
        return [Bucket(BEGIN + number * SECONDS, *row, *row) for number, row in enumerate(rows)]


class Crisis(NamedTuple):
    """What is added to a stream.

    Attributes:
        size: negative tweets, those of the crisis included, over the usual number at the same time.
        hours: length.
        shape: `step` is as bad at once, `ramp` grows from nothing over an hour, `burst` starts twice as bad and decays.
    """

    size: float
    hours: float
    shape: Shape


class Tweets(NamedTuple):
    """Tweets of one sort: their time, and whether each is called negative."""

    times: npt.NDArray[np.float64]
    called: npt.NDArray[np.bool_]


def simulated(
    random: Random, *, weeks: int, tweets_an_hour: float, sensitivity: float = 1.0, specificity: float = 1.0
) -> Stream:
    """Simulate a stream with a rhythm of day and week, whose volume and share wander.

    Args:
        random: source of randomness.
        weeks: length.
        tweets_an_hour: on average.
        sensitivity: share of negative tweets called so.
        specificity: share of other tweets not called negative.
    """
    size = weeks * 7 * PER_DAY
    hour = np.arange(size) / PER_HOUR
    daily = 1 + 0.7 * np.sin(2 * np.pi * (hour - 9) / 24) + 0.15 * np.sin(4 * np.pi * (hour - 9) / 24)
    weekly = np.where(hour // 24 % 7 >= 5, 0.75, 1.1)
    wandering = np.exp(0.15 * autoregressive(random, size, 6.0) + 0.15 * autoregressive(random, size, 36.0))
    rate = tweets_an_hour / PER_HOUR * daily * weekly * wandering
    tweets = random.poisson(rate * random.gamma(20.0, 1 / 20.0, size))
    logit = 0.5 + 0.1 * np.cos(2 * np.pi * hour / 24) + 0.15 * autoregressive(random, size, 12.0)
    share = 1 / (1 + np.exp(-logit))
    called = share * sensitivity + (1 - share) * (1 - specificity)
    negative = random.binomial(tweets, called)
    usual = tweets_an_hour / PER_HOUR * daily * weekly * share
    return Stream(
        tweets=tweets.astype(np.int64),
        negative=negative.astype(np.int64),
        usual_negative=usual,
    )


def autoregressive(random: Random, size: int, hours: float) -> npt.NDArray[np.float64]:
    """Return a stationary series of variance 1 whose correlation decays by e in some hours."""
    keep = np.exp(-1 / (hours * PER_HOUR))
    noise = random.normal(size=size) * np.sqrt(1 - keep**2)
    series, value = np.empty(size), random.normal()
    for number in range(size):
        value = keep * value + noise[number]
        series[number] = value
    return series


def composed(random: Random, tweets: Tweets, truly_negative: npt.NDArray[np.bool_], *, weeks: int) -> Stream:
    """Compose a stream of blocks of three hours, each from the same time of one of the quiet days.

    Args:
        random: source of randomness.
        tweets: of the quiet days.
        truly_negative: label of each.
        weeks: length.
    """
    begin = QUIET_FROM.timestamp()
    number = ((tweets.times - begin) // SECONDS).astype(int)
    inside = (number >= 0) & (number < QUIET_DAYS * PER_DAY)
    kinds = [np.ones(len(number), bool), tweets.called, truly_negative]
    counted = [np.bincount(number[inside & kind], minlength=QUIET_DAYS * PER_DAY) for kind in kinds]
    blocks = 24 // BLOCK_HOURS
    days = random.integers(QUIET_DAYS, size=(weeks * 7, blocks))
    by_block = [each.reshape(QUIET_DAYS, blocks, BLOCK_HOURS * PER_HOUR) for each in counted]
    parts = [each[days, np.arange(blocks)].reshape(-1) for each in by_block]
    hourly = by_block[2].mean(axis=0).reshape(24, PER_HOUR).mean(axis=1)
    return Stream(
        tweets=parts[0],
        negative=parts[1],
        usual_negative=np.tile(np.repeat(hourly, PER_HOUR), weeks * 7),
    )


def with_crisis(random: Random, stream: Stream, crisis: Crisis, begin: float, called: npt.NDArray[np.bool_]) -> Stream:
    """Add a crisis to a stream.

    Args:
        random: source of randomness.
        stream: without crises.
        crisis: what to add.
        begin: when it begins, in buckets, fractions included.
        called: whether each tweet about the crisis is called negative, in order; a run of them, as many as needed, is
            added.
    """
    length = crisis.hours * PER_HOUR
    numbers = np.arange(int(begin), min(len(stream.tweets), int(begin + length) + 1))
    first, last = np.maximum(numbers, begin), np.minimum(numbers + 1, begin + length)
    share = np.maximum(0.0, last - first) * profile(crisis, (first + last) / 2 - begin)
    added = random.poisson((crisis.size - 1) * stream.usual_negative[numbers] * share)
    run = (random.integers(len(called)) + np.arange(added.sum())) % len(called)
    owner = np.repeat(np.arange(len(numbers)), added)
    tweets, negative = stream.tweets.copy(), stream.negative.copy()
    tweets[numbers] += added
    negative[numbers] += np.bincount(owner, weights=called[run], minlength=len(numbers)).astype(np.int64)
    return replace(stream, tweets=tweets, negative=negative)


def profile(crisis: Crisis, buckets: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how bad a crisis is some buckets after its beginning, over its size."""
    hours = buckets / PER_HOUR
    match crisis.shape:
        case "step":
            return np.ones(len(hours))
        case "ramp":
            return np.minimum(1.0, hours)
        case "burst":
            return 2 * 0.5**hours
