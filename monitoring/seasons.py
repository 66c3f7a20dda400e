"""How many tweets each time of the day and of the week brings, and which share of them is negative."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
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
    """What slots of half an hour have brought, in order, or the parts of them that were observed; arrays of floats.

    Attributes:
        times: when each begins, in seconds since 1970.
        tweets: number of voices.
        negative: number of negative voices.
        seconds: observed.
    """

    times: Array
    tweets: Array
    negative: Array
    seconds: Array


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


@lru_cache(maxsize=20_000)
def moment_of(number: int, zone: tzinfo) -> Moment:
    """Return when the slot with a number (since 1970) is, by the clock of a zone."""
    local = datetime.fromtimestamp(number * SLOT, zone)
    return Moment(local.weekday(), (local.hour * 60 + local.minute) * 60 // SLOT)


def places_of(times: Array, zone: tzinfo) -> Places:
    """Return the slots of the week, 0 to 335, that begin at some times, by the clock of a zone."""
    return np.fromiter((_place(int(time // SLOT), zone) for time in times.tolist()), np.intp, len(times))


@lru_cache(maxsize=20_000)
def _place(number: int, zone: tzinfo) -> int:
    moment = moment_of(number, zone)
    return moment.weekday * SLOTS + moment.slot


def seasons(observed: Observed, places: Places, weights: Array, zone: tzinfo) -> Seasons:
    """Estimate the seasons from slots.

    Args:
        observed: at least one slot with tweets.
        places: of the slots, see `places_of`.
        weights: of each slot.
        zone: time zone of the clock.
    """
    slot = places % SLOTS
    tweets, negative, seconds = (sums(slot, weights * column, SLOTS) for column in observed[1:])
    mean_rate = tweets.sum() / seconds.sum()
    mean_share = negative.sum() / tweets.sum() if tweets.sum() else 0.0
    prior = DAILY_PRIOR * SLOT
    rates = (smoothed(tweets, DAILY_REACH) + prior * mean_rate) / (smoothed(seconds, DAILY_REACH) + prior)
    slots = averaged_slots(SHARE_REACH)
    found, of_all = (slots * smoothed(column, SHARE_REACH) for column in (negative, tweets))
    shares = (found + SHARE_PRIOR * mean_share) / (of_all + SHARE_PRIOR)
    weekly_tweets, weekly_seconds = (
        sums(places, weights * column, 7 * SLOTS).reshape(7, SLOTS) for column in (observed.tweets, observed.seconds)
    )
    return Seasons(zone=zone, rates=_by_weekday(weekly_tweets, weekly_seconds, rates).tolist(), shares=shares.tolist())


def sums(places: Places, values: Array, size: int) -> Array:
    """Return the sum of the values at each of `size` places."""
    return np.bincount(places, values, size).astype(np.float64)


def _by_weekday(tweets: Array, seconds: Array, rates: Array) -> Array:
    """Return the rates of each weekday (a row each): those of all days, times what the weekday has shown."""
    near_tweets, near_seconds, expected = (
        smoothed(values, WEEKLY_REACH) for values in (tweets, seconds, seconds * rates)
    )
    weeks = near_seconds / SLOT
    factor = np.divide(near_tweets, expected, out=np.ones_like(expected), where=expected > 0)
    return rates * (1 + (factor - 1) * weeks / (weeks + WEEKLY_PRIOR))


def smoothed(values: Array, reach: int) -> Array:
    """Return the average around each slot of the day with triangular weights; midnight follows the evening.

    Args:
        values: of the slots, in the last dimension.
        reach: slots on either side.
    """
    total = np.zeros_like(values)
    for step in range(-reach, reach + 1):
        total += (reach + 1 - abs(step)) * np.roll(values, -step, axis=-1)
    return total / (reach + 1) ** 2


def averaged_slots(reach: int) -> float:
    """Return how many independent slots an average of `smoothed` is worth: 1 over the sum of squared weights."""
    width = reach + 1
    return width**4 / sum((width - abs(step)) ** 2 for step in range(-reach, width))
