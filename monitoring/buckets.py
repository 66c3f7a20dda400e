"""Counts of tweets by bucket of time, in which a person and a text count once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

HOUR = 3600.0
DAY = 24 * HOUR


class Tweets(NamedTuple):
    """Classified tweets, a column each of the same length.

    Attributes:
        times: when each was written, in seconds since 1970 (UTC).
        negative: whether the classifier calls it negative.
        authors: who wrote it, in any form that is equal for the same person; None if unknown.
        texts: the text or its hash, equal for identical texts and for retweets; None if unknown.
    """

    times: npt.NDArray[np.float64]
    negative: npt.NDArray[np.bool_]
    authors: Sequence[str | None]
    texts: Sequence[str | None]


class Bucket(NamedTuple):
    """The tweets of a span of time.

    Attributes:
        start: of the span, in seconds since 1970 (UTC).
        tweets: number of voices.
        negative: number of voices that are negative.
        reach: number of tweets, repetitions included.
        negative_reach: number of negative tweets, repetitions included.
    """

    start: float
    tweets: int
    negative: int
    reach: int
    negative_reach: int


def count(tweets: Tweets, *, seconds: float, author_seconds: float = HOUR, text_seconds: float = DAY) -> list[Bucket]:
    """Count tweets by bucket; the order of the tweets does not matter.

    A tweet is a voice unless its author, or its text, was seen shortly before: a bot that repeats itself, and
    retweets, add to the reach only.

    Args:
        tweets: to count.
        seconds: length of a bucket; buckets start at multiples of it since 1970.
        author_seconds: how long after a tweet its author has no voice.
        text_seconds: how long after a tweet its text has no voice.

    Returns:
        The buckets from the first that has a tweet to the last, in order; those between may be empty.

    Raises:
        ValueError: a time is not a number, or infinite.
    """
    unusable = tweets.times[~np.isfinite(tweets.times)]
    if len(unusable):
        raise ValueError(f"A tweet has the time {unusable[0]}: drop it, or give seconds since 1970.")
    if not len(tweets.times):
        return []
    order = _order(tweets)
    times, negative = tweets.times[order], tweets.negative[order]
    repeated = _repeated(_codes(tweets.authors)[order], times, author_seconds)
    repeated |= _repeated(_codes(tweets.texts)[order], times, text_seconds)
    numbers = (times // seconds).astype(np.int64)
    first = int(numbers[0])
    counted = [
        np.bincount(numbers[chosen] - first, minlength=int(numbers[-1]) - first + 1).tolist()
        for chosen in (~repeated, ~repeated & negative, slice(None), negative)
    ]
    return [Bucket((first + place) * seconds, *row) for place, row in enumerate(zip(*counted, strict=True))]


def filled(buckets: Sequence[Bucket], *, seconds: float, end: float) -> list[Bucket]:
    """Return buckets in order, with the empty ones between the first one and a time.

    Raises:
        ValueError: a bucket does not start at a multiple of its length, or two start at the same time.
    """
    by_number = {round(bucket.start / seconds): bucket for bucket in buckets}
    if len(by_number) < len(buckets) or any(number * seconds != each.start for number, each in by_number.items()):
        raise ValueError(f"Buckets must start at different multiples of {seconds:g} s since 1970.")
    if not buckets:
        return []
    numbers = range(min(by_number), int(end // seconds))
    return [by_number.get(number) or Bucket(number * seconds, 0, 0, 0, 0) for number in numbers]


def _order(tweets: Tweets) -> npt.NDArray[np.intp]:
    """Return the indices that sort tweets by time, in the same order however they arrived."""
    order = np.argsort(tweets.times, kind="stable")
    times = tweets.times[order]
    same = np.flatnonzero(times[1:] == times[:-1])
    tied = np.union1d(same, same + 1)  # each run of equal times keeps its places

    def key(index: int) -> tuple[float, str, str, bool]:
        return (
            float(tweets.times[index]),
            tweets.authors[index] or "",
            tweets.texts[index] or "",
            bool(tweets.negative[index]),
        )

    order[tied] = sorted(order[tied].tolist(), key=key)
    return order


def _codes(keys: Sequence[str | None]) -> npt.NDArray[np.intp]:
    """Return a number for each key, equal for equal keys; -1 for None."""
    numbers: dict[str | None, int] = {None: -1}
    return np.fromiter((numbers.setdefault(key, len(numbers)) for key in keys), np.intp, len(keys))


def _repeated(codes: npt.NDArray[np.intp], times: npt.NDArray[np.float64], seconds: float) -> npt.NDArray[np.bool_]:
    """Return which keys were seen within some seconds before.

    Args:
        codes: of the keys, see `_codes`.
        times: of the keys, in order.
        seconds: that count as shortly before.
    """
    together = np.argsort(codes, kind="stable")
    code, time = codes[together], times[together]
    repeated = np.zeros(len(codes), dtype=bool)
    repeated[together[1:]] = (code[1:] == code[:-1]) & (code[1:] >= 0) & (time[1:] - time[:-1] <= seconds)
    return repeated
