"""A made-up stream: tweets of a corpus with the rhythm of days and weeks, and a crisis of made-up complaints."""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from heapq import merge
from itertools import cycle, product, starmap
from math import cos, pi
from pathlib import Path
from time import time
from typing import NamedTuple
from zoneinfo import ZoneInfo

import yaml

from demo.corpus import NEGATIVE
from demo.story import MINUTE, Story
from monitoring.buckets import HOUR
from telemetry.buzz import BEHIND_SECONDS
from watch.tweets import Batch, Tweet

# By this clock, people write most at 3 p.m., least at 3 a.m., and a fifth less at weekends.
ZONE = "Europe/Paris"
SWING, QUIETEST_HOUR, WEEKEND = 0.6, 3, 0.8
# All days of the history together bring more tweets than the corpus has, but no day does: a text counts once a day.
TWEETS_AN_HOUR = 50.0
# So many that hardly anybody writes twice within an hour, of which only the first tweet would count.
AUTHORS = 5_000
COMPLAINTS, PARTS = Path(__file__).with_name("complaints.yaml"), ("openings", "facts", "ends")
# A stream that is further behind is checked by its own time, any other by the clock: the replay leaps from one to the
# other, so that the watch never takes the tweets still to come for silence.
LEAP_SECONDS = BEHIND_SECONDS + 10 * MINUTE
TICK_SECONDS = 0.5


class Post(NamedTuple):
    """A made-up tweet: when it was written, in seconds since 1970, its text and its author."""

    time: float
    text: str
    author: str


@cache
def complaints() -> Sequence[str]:
    """Return the complaints of the crisis: all combinations of their parts."""
    parts = yaml.safe_load(COMPLAINTS.read_text(encoding="utf-8"))
    return [f"{opening} {fact}{end}" for opening, fact, end in product(*(parts[name] for name in PARTS))]


def make(
    tweets: Mapping[str, Sequence[str]], story: Story, *, begin: float, replay: float, end: float, seed: int
) -> list[Post]:
    """Return a stream in order of time.

    Args:
        tweets: those of the corpus by class, each text once.
        story: when the crisis comes.
        begin: start of the history, in seconds since 1970.
        replay: end of the history, and start of the replay.
        end: of the stream.
        seed: of the random numbers.
    """
    choice, zone = random.Random(seed), ZoneInfo(ZONE)
    total = sum(map(len, tweets.values()))

    def usual(name: str, texts: Sequence[str]) -> Iterator[Post]:
        def rate(moment: float) -> float:
            mood = story.relief((moment - replay) / MINUTE) if name == NEGATIVE else 1.0
            return usual_rate(moment, zone) * len(texts) / total * mood

        return posts(texts, rate, begin, end, choice)

    def complaining(moment: float) -> float:
        return usual_rate(moment, zone) * story.surge((moment - replay) / MINUTE)

    surge = posts(complaints(), complaining, replay, end, choice)
    return list(merge(*starmap(usual, tweets.items()), surge))


def posts(
    texts: Sequence[str], rate: Callable[[float], float], begin: float, end: float, choice: random.Random
) -> Iterator[Post]:
    """Yield texts in random order, again and again, at the moments of a rate."""
    shuffled = cycle(choice.sample(texts, len(texts)))
    for moment, text in zip(moments(rate, begin, end, choice), shuffled, strict=False):
        yield Post(moment, text, f"author {choice.randrange(AUTHORS)}")


def moments(rate: Callable[[float], float], begin: float, end: float, choice: random.Random) -> Iterator[float]:
    """Yield a random moment in each span that expects one tweet.

    The number of tweets then fluctuates less than by chance, which every other week would raise a false alarm.

    Args:
        rate: expected number of tweets a second at a time.
        begin: first time, in seconds since 1970.
        end: last time.
        choice: source of random numbers.
    """
    minute, passed, count = begin, 0.0, 0
    following = choice.random()
    while minute < end:
        expected = rate(minute) * MINUTE
        while following < passed + expected:
            yield minute + (following - passed) / expected * MINUTE
            count += 1
            following = count + choice.random()
        minute, passed = minute + MINUTE, passed + expected


def usual_rate(moment: float, zone: ZoneInfo) -> float:
    """Return how many tweets a second are usual at a time."""
    clock = datetime.fromtimestamp(moment, zone)
    hour = clock.hour + clock.minute / 60
    daily = 1 - SWING * cos(2 * pi * (hour - QUIETEST_HOUR) / 24)
    return TWEETS_AN_HOUR / HOUR * daily * (WEEKEND if clock.weekday() >= 5 else 1.0)


def history(stream: Sequence[Post], replay: float, size: int) -> Iterator[list[Tweet]]:
    """Yield the tweets before the replay, in batches."""
    count = bisect_left(stream, replay, key=written)
    for start in range(0, count, size):
        yield tweets_of(stream, start, min(start + size, count))


def batches(
    stream: Sequence[Post],
    replay: float,
    speed: float,
    pause: Callable[[float], object],
    clock: Callable[[], float] = time,
) -> Iterator[Batch]:
    """Yield the tweets of the replay: fast until about an hour ago, then at once until now, then as they are written.

    Args:
        stream: the posts, in order of time.
        replay: time of the stream at which the replay starts.
        speed: seconds of the stream in a second.
        pause: waits.
        clock: the present time, in seconds since 1970.
    """
    began, sent = clock(), bisect_left(stream, replay, key=written)
    while sent < len(stream):
        now = clock()
        reached = replay + (now - began) * speed
        due = bisect_right(stream, reached if reached < now - LEAP_SECONDS else now, key=written)
        yield Batch(tweets_of(stream, sent, due), [], None)
        sent = due
        pause(TICK_SECONDS)


def written(post: Post) -> float:
    """Return when a post was written."""
    return post.time


def tweets_of(stream: Sequence[Post], first: int, last: int) -> list[Tweet]:
    """Return posts as the service takes them, from one number to before another."""
    return [
        Tweet(text=text, time=datetime.fromtimestamp(moment, UTC).isoformat(), author=author, id=f"demo {number}")
        for number, (moment, text, author) in enumerate(stream[first:last], start=first)
    ]
