"""How many tweets each time of the day and of the week brings, and which share of them is negative."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from operator import mul
from typing import NamedTuple

SLOT = 1800
SLOTS = 48  # of a day
# Slots on either side over which neighbours are averaged: an hour for the number of tweets at a time of the day, two
# hours for their share, which changes slowly, and for the time of the week, of which there is less.
DAILY_REACH, SHARE_REACH, WEEKLY_REACH = 2, 4, 4
# Credibility (Buhlmann, Experience rating and credibility, ASTIN Bulletin 4, 1967): n observations count n / (n + K).
# Days against the mean of all times of the day, weeks against the same time of other days, tweets against the mean
# share.
DAILY_PRIOR, WEEKLY_PRIOR, SHARE_PRIOR = 1.0, 1.0, 200.0


class Observed(NamedTuple):
    """What a slot of half an hour has brought, or the part of it that was observed.

    Attributes:
        tweets: number of voices.
        negative: number of negative voices.
        seconds: observed.
    """

    tweets: float
    negative: float
    seconds: float


class Moment(NamedTuple):
    """When a slot is, by the clock on the wall.

    Attributes:
        weekday: 0 is Monday.
        slot: of the day, 0 to 47. When clocks are set back, two slots are the same; when forward, one is missing.
    """

    weekday: int
    slot: int


@dataclass(frozen=True, kw_only=True)
class Seasons:
    """Rates and shares by time of the week.

    Attributes:
        zone: time zone of the clock.
        rates: number of tweets a second; 7 weekdays of 48 slots.
        shares: share of negative ones among them, by slot of the day.
    """

    zone: tzinfo
    rates: Sequence[Sequence[float]]
    shares: Sequence[float]

    def rate(self, time: float) -> float:
        """Return the usual number of tweets a second at a time (seconds since 1970)."""
        moment = moment_of(int(time // SLOT), self.zone)
        return self.rates[moment.weekday][moment.slot]

    def share(self, time: float) -> float:
        """Return the usual share of negative tweets at a time."""
        return self.shares[moment_of(int(time // SLOT), self.zone).slot]


@lru_cache(maxsize=20_000)
def moment_of(number: int, zone: tzinfo) -> Moment:
    """Return when the slot with a number (since 1970) is, by the clock of a zone."""
    local = datetime.fromtimestamp(number * SLOT, zone)
    return Moment(local.weekday(), (local.hour * 60 + local.minute) * 60 // SLOT)


def seasons(observed: Mapping[int, Observed], weights: Mapping[int, float], zone: tzinfo) -> Seasons:
    """Estimate the seasons from slots.

    Args:
        observed: by number of the slot; at least one with tweets.
        weights: of each slot, by number.
        zone: time zone of the clock.
    """
    daily = [[0.0, 0.0, 0.0] for _ in range(SLOTS)]
    weekly = [[[0.0, 0.0] for _ in range(SLOTS)] for _ in range(7)]
    for number, slot_counts in observed.items():
        weight, (weekday, slot) = weights[number], moment_of(number, zone)
        for cell, value in enumerate(slot_counts):
            daily[slot][cell] += weight * value
        weekly[weekday][slot][0] += weight * slot_counts.tweets
        weekly[weekday][slot][1] += weight * slot_counts.seconds
    counted = [[cells[column] for cells in daily] for column in range(3)]
    tweets, negative, seconds = map(sum, counted)
    mean_rate, mean_share = tweets / seconds, negative / tweets if tweets else 0.0
    near_tweets, near_seconds = (smoothed(counted[column], DAILY_REACH) for column in (0, 2))
    prior = DAILY_PRIOR * SLOT
    rates = [
        (found + prior * mean_rate) / (observed_seconds + prior)
        for found, observed_seconds in zip(near_tweets, near_seconds, strict=True)
    ]
    near_tweets, near_negative = (smoothed(counted[column], SHARE_REACH) for column in (0, 1))
    slots = averaged_slots(SHARE_REACH)
    shares = [
        (slots * found + SHARE_PRIOR * mean_share) / (slots * all_tweets + SHARE_PRIOR)
        for found, all_tweets in zip(near_negative, near_tweets, strict=True)
    ]
    return Seasons(zone=zone, rates=[_of_weekday(weekly[weekday], rates) for weekday in range(7)], shares=shares)


def _of_weekday(cells: Sequence[Sequence[float]], rates: Sequence[float]) -> list[float]:
    """Return the rates of a weekday: those of all days, times what this weekday has shown."""
    tweets, seconds = ([cell[column] for cell in cells] for column in range(2))
    usual = [rate * own for rate, own in zip(rates, seconds, strict=True)]
    columns = (smoothed(values, WEEKLY_REACH) for values in (seconds, usual, tweets))
    result = []
    for rate, near_seconds, expected, near_tweets in zip(rates, *columns, strict=True):
        weeks = near_seconds / SLOT
        factor = near_tweets / expected if expected > 0 else 1.0
        result.append(rate * (1 + (factor - 1) * weeks / (weeks + WEEKLY_PRIOR)))
    return result


def smoothed(values: Sequence[float], reach: int) -> list[float]:
    """Return the average around each slot with triangular weights; midnight follows the evening."""
    weights = [reach + 1 - abs(step) for step in range(-reach, reach + 1)]
    around = [values[slot % SLOTS] for slot in range(-reach, SLOTS + reach)]
    total = (reach + 1) ** 2
    return [sum(map(mul, weights, around[slot : slot + len(weights)])) / total for slot in range(SLOTS)]


def averaged_slots(reach: int) -> float:
    """Return how many independent slots an average of `smoothed` is worth: 1 over the sum of squared weights."""
    width = reach + 1
    return width**4 / sum((width - abs(step)) ** 2 for step in range(-reach, width))
