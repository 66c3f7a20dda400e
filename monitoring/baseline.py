"""What is usual now: the seasons of past weeks, the level of the last days, and how much both fluctuate."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple

from monitoring.buckets import DAY, HOUR, Bucket
from monitoring.seasons import (
    DAILY_REACH,
    SHARE_PRIOR,
    SHARE_REACH,
    SLOT,
    Observed,
    Seasons,
    averaged_slots,
    moment_of,
    seasons,
)

# From and until when, in seconds since 1970.
Interval = tuple[float, float]
# Shares of 0 and 1 leave no room for chance.
LEAST_SHARE, LARGEST_SHARE = 0.01, 0.99
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
        return Expected(tweets, tweets * _plausible(self.share * self.seasons.shares[slot]))


class _Slot(NamedTuple):
    """What a past slot has brought, and what the seasons say."""

    time: float
    observed: Observed
    tweets: float
    negative: float


def observed_days(
    buckets: Sequence[Bucket], seconds: float, now: float, learning: Learning, left_out: Sequence[Interval] = ()
) -> float:
    """Return how many days of buckets a baseline can learn from."""
    return sum(slot.seconds for slot in _slots(buckets, seconds, now, learning, left_out).values()) / DAY


def fit(
    buckets: Sequence[Bucket], *, seconds: float, now: float, learning: Learning, left_out: Sequence[Interval] = ()
) -> Baseline | None:
    """Learn what is usual.

    Args:
        buckets: of the past, in order, empty ones included.
        seconds: length of a bucket; half an hour is a multiple of it.
        now: end of the last bucket. The buckets under suspicion, `guard_seconds` before it, are left out.
        learning: what to learn from.
        left_out: past alarms.

    Returns:
        The baseline, or None while fewer than `least_days` were observed, or no tweet.
    """
    slots = _slots(buckets, seconds, now, learning, left_out)
    if sum(slot.seconds for slot in slots.values()) < learning.least_days * DAY:
        return None
    if not any(slot.tweets for slot in slots.values()):
        return None
    weights = {number: 0.5 ** ((now - number * SLOT) / DAY / learning.half_life_days) for number in slots}
    usual = seasons(slots, weights, learning.zone)
    past = []
    for number in sorted(slots):
        tweets = usual.rate(number * SLOT) * slots[number].seconds
        past.append(_Slot(number * SLOT, slots[number], tweets, tweets * usual.share(number * SLOT)))
    levels = _levels(past, [*(slot.time for slot in past), now], learning)
    days = sum(weights.values()) * SLOT / DAY
    dispersion, correlation = _fluctuations(past, levels, days)
    volume, share = levels[-1]
    return Baseline(seasons=usual, volume=volume, share=share, dispersion=dispersion, correlation=correlation)


def _slots(
    buckets: Sequence[Bucket], seconds: float, now: float, learning: Learning, left_out: Sequence[Interval]
) -> Mapping[int, Observed]:
    """Add up the buckets of each half hour that a baseline may learn from."""
    if SLOT % seconds:
        raise ValueError(f"Half an hour is no multiple of buckets of {seconds:g} s: choose 300, 600, 900 or 1800.")
    first, last = now - learning.days * DAY, now - learning.guard_seconds - seconds
    totals: dict[int, list[float]] = {}
    for bucket in buckets:
        start = bucket.start
        if start < first or start > last or (left_out and _inside(start, seconds, left_out)):
            continue
        number = int(start // SLOT)
        if number not in totals:
            totals[number] = [0.0, 0.0, 0.0]
        total = totals[number]
        total[0] += bucket.tweets
        total[1] += bucket.negative
        total[2] += seconds
    return {number: Observed(*total) for number, total in totals.items()}


def _inside(start: float, seconds: float, intervals: Sequence[Interval]) -> bool:
    return any(begin - seconds < start < end for begin, end in intervals)


def _levels(past: Sequence[_Slot], times: Sequence[float], learning: Learning) -> list[tuple[float, float]]:
    """Return the volume and the share, over what the seasons say, that were known at each of some times, in order."""
    hours = sum(slot.observed.seconds for slot in past) / HOUR
    prior_tweets, prior_negative = (
        learning.level_hours * sum(usual) / hours
        for usual in ([slot.tweets for slot in past], [slot.negative for slot in past])
    )
    waiting = deque(past)
    tweets = usual_tweets = negative = usual_negative = 0.0
    clock, levels = times[0], []
    for time in times:
        decay = 0.5 ** ((time - clock) / HOUR / learning.memory_hours)
        tweets, usual_tweets, negative, usual_negative = (
            decay * value for value in (tweets, usual_tweets, negative, usual_negative)
        )
        clock = time
        while waiting and waiting[0].time + SLOT + learning.guard_seconds <= time:
            slot = waiting.popleft()
            tweets += slot.observed.tweets
            usual_tweets += slot.tweets
            negative += slot.observed.negative
            usual_negative += slot.observed.tweets * slot.negative / slot.tweets if slot.tweets else 0.0
        levels.append(
            (
                (tweets + prior_tweets) / (usual_tweets + prior_tweets),
                (negative + prior_negative) / (usual_negative + prior_negative),
            )
        )
    return levels


def _fluctuations(past: Sequence[_Slot], levels: Sequence[tuple[float, float]], days: float) -> tuple[float, float]:
    """Return the dispersion of the number of tweets and the correlation of their labels, by the method of moments.

    Added to both is how far the seasons themselves may be off: they are estimated from few tweets at first.

    Sources: Hilbe (2011), Negative Binomial Regression, 2nd edition, section 8.2; Laney (2002), Improved control charts
    for attributes, Quality Engineering 14, 531-537, for the share.
    """
    beyond = squared = beyond_share = pairs = expected_tweets = 0.0
    for slot, (volume, share) in zip(past, levels, strict=False):
        mean, count, negative = volume * slot.tweets, slot.observed.tweets, slot.observed.negative
        beyond += (count - mean) ** 2 - mean
        squared += mean**2
        expected = _plausible(share * slot.negative / slot.tweets) if slot.tweets else 0.5
        spread = expected * (1 - expected)
        beyond_share += (negative - count * expected) ** 2 - count * spread
        pairs += count * (count - 1) * spread
        expected_tweets += mean
    leverage = min(0.5, 1 / (averaged_slots(DAILY_REACH) * days))
    inflation = (1 + leverage) / (1 - leverage)
    a_slot = expected_tweets / len(past)
    seen, seen_share = (max(1.0, averaged_slots(reach) * days * a_slot) for reach in (DAILY_REACH, SHARE_REACH))
    dispersion = inflation * beyond / squared if squared else 0.0
    correlation = inflation * beyond_share / pairs if pairs else 0.0
    return (
        min(MOST_DISPERSION, max(LEAST_DISPERSION, dispersion) + 1 / seen),
        min(MOST_CORRELATION, max(LEAST_CORRELATION, correlation) + seen_share / (seen_share + SHARE_PRIOR) ** 2),
    )


def _plausible(share: float) -> float:
    return min(LARGEST_SHARE, max(LEAST_SHARE, share))
