"""Counts of tweets by bucket of time, in which a person and a text count once."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

HOUR = 3600.0
DAY = 24 * HOUR


class Tweet(NamedTuple):
    """A classified tweet.

    Attributes:
        time: when it was written, in seconds since 1970 (UTC).
        negative: whether the classifier calls it negative.
        author: who wrote it, in any form that is equal for the same person; None if unknown.
        text: the text or its hash, equal for identical texts and for retweets; None if unknown.
    """

    time: float
    negative: bool
    author: str | None = None
    text: str | None = None


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


def count(
    tweets: Iterable[Tweet], *, seconds: float, author_seconds: float = HOUR, text_seconds: float = DAY
) -> list[Bucket]:
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
    voices: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    authors: dict[str, float] = {}
    texts: dict[str, float] = {}
    for tweet in sorted(tweets, key=_order):
        try:
            cell = voices[int(tweet.time // seconds)]
        except (ValueError, OverflowError):
            raise ValueError(f"A tweet has the time {tweet.time}: drop it, or give seconds since 1970.") from None
        cell[2] += 1
        cell[3] += tweet.negative
        repeated = _seen(authors, tweet.author, tweet.time, author_seconds)
        repeated |= _seen(texts, tweet.text, tweet.time, text_seconds)
        if not repeated:
            cell[0] += 1
            cell[1] += tweet.negative
    if not voices:
        return []
    return [Bucket(number * seconds, *voices[number]) for number in range(min(voices), max(voices) + 1)]


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


def _order(tweet: Tweet) -> tuple[float, str, str, bool]:
    """Return a key that puts equal sets of tweets into the same order, however they arrived."""
    return tweet.time, tweet.author or "", tweet.text or "", tweet.negative


def _seen(times: dict[str, float], key: str | None, now: float, seconds: float) -> bool:
    """Return whether a key was seen within some seconds, and note that it is seen now."""
    if key is None:
        return False
    before = times.get(key)
    times[key] = now
    return before is not None and now - before <= seconds
