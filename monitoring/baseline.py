"""What is usual now: the seasons of past weeks, the level of the last days, and how much both fluctuate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple

import numpy as np

from monitoring.buckets import DAY, HOUR, Bucket
from monitoring.seasons import (
    DAILY_REACH,
    SHARE_PRIOR,
    SHARE_REACH,
    SLOT,
    SLOTS,
    Array,
    Observed,
    Seasons,
    averaged_slots,
    moment_of,
    places_of,
    seasons,
    sums,
)

# From and until when, in seconds since 1970.
Interval = tuple[float, float]
# Shares of 0 and 1 leave no room for chance.
LEAST_SHARE, LARGEST_SHARE = 0.01, 0.99
# More, and the weight of the oldest bucket would be no number of double precision (2**-1022 is the smallest).
MOST_HALF_LIVES = 1000.0
# Fluctuations that no history excludes: 10 % of the volume, and labels that are correlated by 0.002.
LEAST_DISPERSION, MOST_DISPERSION = 0.1**2, 4.0
LEAST_CORRELATION, MOST_CORRELATION = 0.002, 0.5


@dataclass(frozen=True, kw_only=True)
class Learning:
    """What the baseline learns from.

    Attributes:
        zone: time zone whose clock people live by, so that a change of the clock moves the baseline with it.
        days: oldest buckets used, in days. Eight weeks show each hour of each weekday eight times.
        half_life_days: age at which a day counts half. Four weeks follow the seasons of a year.
        least_days: days of observed buckets before there is a baseline. Three, so that one odd day is outvoted.
        guard_seconds: latest buckets left out, as they may belong to a crisis that is not detected yet. Three hours are
            as long as the longest window that is checked.
        memory_hours: half-life of the level of the last days. Half a day follows a bank holiday.
        level_hours: how many usual hours the long-term level counts against that memory.
    """

    zone: tzinfo
    days: float = 56.0
    half_life_days: float = 28.0
    least_days: float = 3.0
    guard_seconds: float = 3 * HOUR
    memory_hours: float = 12.0
    level_hours: float = 8.0

    def __post_init__(self) -> None:
        """Check that the oldest bucket still has a weight.

        Raises:
            ValueError: it has not.
        """
        if self.days * DAY / HOUR > MOST_HALF_LIVES * self.memory_hours:
            raise ValueError(
                f"memory_hours={self.memory_hours:g} is too short for {self.days:g} days: choose a longer one."
            )


class Expected(NamedTuple):
    """What a span of time usually brings.

    Attributes:
        tweets: number of voices.
        negative: number of voices that the classifier calls negative.
    """

    tweets: float
    negative: float


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is usual.

    Attributes:
        seasons: number of tweets, and their negative share, by time of the week.
        volume: number of tweets lately, over what the seasons say.
        share: negative share lately, over what the seasons say.
        dispersion: variance of the number of tweets beyond Poisson's, over its squared mean (1 / size of the negative
            binomial distribution).
        correlation: of the labels of two tweets of the same span (that of the beta-binomial distribution).
    """

    seasons: Seasons
    volume: float
    share: float
    dispersion: float
    correlation: float

    def expected(self, start: float, seconds: float) -> Expected:
        """Return what a bucket usually brings that starts at a time."""
        weekday, slot = moment_of(int(start // SLOT), self.seasons.zone)
        tweets = self.volume * self.seasons.rates[weekday][slot] * seconds
        return Expected(tweets, tweets * min(LARGEST_SHARE, max(LEAST_SHARE, self.share * self.seasons.shares[slot])))


def observed_days(
    buckets: Sequence[Bucket], seconds: float, now: float, learning: Learning, left_out: Sequence[Interval] = ()
) -> float:
    """Return how many days of buckets a baseline can learn from."""
    return float(_slots(counts(buckets), seconds, now, learning, left_out).seconds.sum()) / DAY


def counts(buckets: Sequence[Bucket]) -> Array:
    """Return the start, the tweets and the negative ones of each bucket; a row each."""
    return np.array([bucket[:3] for bucket in buckets], dtype=np.float64).reshape(-1, 3)


def fit(
    past: Array, *, seconds: float, now: float, learning: Learning, left_out: Sequence[Interval] = ()
) -> Baseline | None:
    """Learn what is usual.

    Args:
        past: `counts` of the buckets of the past, in order, empty ones included.
        seconds: length of a bucket; half an hour is a multiple of it.
        now: end of the last bucket. The buckets under suspicion, `guard_seconds` before it, are left out.
        learning: what to learn from.
        left_out: past alarms.

    Returns:
        The baseline, or None while fewer than `least_days` were observed, or no tweet.
    """
    slots = _slots(past, seconds, now, learning, left_out)
    if slots.seconds.sum() < learning.least_days * DAY or not slots.tweets.any():
        return None
    weights = 0.5 ** ((now - slots.times) / DAY / learning.half_life_days)
    places = places_of(slots.times, learning.zone)
    usual = seasons(slots, places, weights, learning.zone)
    tweets = np.ravel(usual.rates)[places] * slots.seconds
    shares = np.array(usual.shares)[places % SLOTS]
    volumes, factors = _levels(slots, tweets, shares, now, learning)
    dispersion, correlation = _fluctuations(
        slots,
        volumes[:-1] * tweets,
        np.clip(factors[:-1] * shares, LEAST_SHARE, LARGEST_SHARE),
        float(weights.sum()) * SLOT / DAY,
    )
    return Baseline(
        seasons=usual,
        volume=float(volumes[-1]),
        share=float(factors[-1]),
        dispersion=dispersion,
        correlation=correlation,
    )


def _slots(past: Array, seconds: float, now: float, learning: Learning, left_out: Sequence[Interval]) -> Observed:
    """Add up the buckets of each half hour that a baseline may learn from."""
    if SLOT % seconds:
        raise ValueError(f"Half an hour is no multiple of buckets of {seconds:g} s: choose 300, 600, 900 or 1800.")
    first, last = now - learning.days * DAY, now - learning.guard_seconds - seconds
    starts = past[:, 0]
    is_used = (starts >= first) & (starts <= last)
    for begin, end in left_out:
        is_used &= (starts <= begin - seconds) | (starts >= end)
    starts, tweets, negative = past[is_used].T
    numbers, place = np.unique(starts // SLOT, return_inverse=True)
    return Observed(
        times=numbers * SLOT,
        tweets=sums(place, tweets, len(numbers)),
        negative=sums(place, negative, len(numbers)),
        seconds=sums(place, np.full(len(place), seconds), len(numbers)),
    )


def _levels(slots: Observed, tweets: Array, shares: Array, now: float, learning: Learning) -> tuple[Array, Array]:
    """Return the volume and the share, over what the seasons say, that were known when each slot began, and are now.

    Args:
        slots: of the past.
        tweets: what the seasons say.
        shares: of negative tweets, likewise.
        now: end of the last bucket.
        learning: how much the last days count.
    """
    times = np.append(slots.times, now)
    # Growing with time, so that a sum over the past, divided by its own, counts what is older less.
    ages = 2.0 ** ((times - now) / HOUR / learning.memory_hours)
    known = np.searchsorted(times, slots.times + SLOT + learning.guard_seconds)
    hours = float(slots.seconds.sum()) / HOUR

    def lately(counted: Array) -> Array:
        added = sums(known, counted, len(times) + 1)[:-1]
        return np.cumsum(added * ages) / ages

    def level(counts: Array, usual: Array, prior: float) -> Array:
        return (lately(counts) + prior) / (lately(usual) + prior)

    expected = shares * slots.tweets * (tweets > 0)
    prior_tweets, prior_negative = (
        learning.level_hours * float(each.sum()) / hours for each in (tweets, tweets * shares)
    )
    return level(slots.tweets, tweets, prior_tweets), level(slots.negative, expected, prior_negative)


def _fluctuations(slots: Observed, means: Array, shares: Array, days: float) -> tuple[float, float]:
    """Return the dispersion of the number of tweets and the correlation of their labels, by the method of moments.

    Added to both is how far the seasons themselves may be off: they are estimated from few tweets at first.

    Sources: Hilbe (2011), Negative Binomial Regression, 2nd edition, section 8.2; Laney (2002), Improved control charts
    for attributes, Quality Engineering 14, 531-537, for the share.

    Args:
        slots: of the past.
        means: expected number of tweets of each.
        shares: expected share of negative ones.
        days: how many days the slots are worth.
    """
    counts, spread = slots.tweets, shares * (1 - shares)
    beyond, squared = float(((counts - means) ** 2 - means).sum()), float((means**2).sum())
    beyond_share = float(((slots.negative - counts * shares) ** 2 - counts * spread).sum())
    pairs = float((counts * (counts - 1) * spread).sum())
    leverage = min(0.5, 1 / (averaged_slots(DAILY_REACH) * days))
    inflation = (1 + leverage) / (1 - leverage)
    a_slot = float(means.mean())
    seen, seen_share = (max(1.0, averaged_slots(reach) * days * a_slot) for reach in (DAILY_REACH, SHARE_REACH))
    dispersion = inflation * beyond / squared if squared else 0.0
    correlation = inflation * beyond_share / pairs if pairs else 0.0
    return (
        min(MOST_DISPERSION, max(LEAST_DISPERSION, dispersion) + 1 / seen),
        min(MOST_CORRELATION, max(LEAST_CORRELATION, correlation) + seen_share / (seen_share + SHARE_PRIOR) ** 2),
    )
