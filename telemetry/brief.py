"""What the store knows about the negative tweets of a span: how many people, what they wrote, and what is usual."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from monitoring.buckets import DAY, HOUR
from telemetry.buckets import WATCHED
from telemetry.schema import predictions

# Tweets that are read of a span, and as many of the time before it.
MOST_TWEETS = 3_000
USUAL_SECONDS = 14 * DAY


class DistinctTweet(NamedTuple):
    """A tweet with its repetitions.

    Attributes:
        text: as stored.
        time: of the first one that was read, in seconds since 1970.
        negative_probability: of the same one.
        repetitions: how many tweets were read that have this text, this one included.
    """

    text: str
    time: float
    negative_probability: float
    repetitions: int


class Brief(NamedTuple):
    """The negative tweets of a span, and those of the time before it.

    Attributes:
        people: number of known authors.
        unknown: number of tweets without an author.
        tweets: with their texts, in order of time; of the latest `MOST_TWEETS` at most.
        usual: texts of the two weeks before.
        has_text: whether the store keeps texts.
    """

    people: int
    unknown: int
    tweets: Sequence[DistinctTweet]
    usual: Sequence[str]
    has_text: bool

    @property
    def texts(self) -> list[str]:
        """The texts of the tweets."""
        return [tweet.text for tweet in self.tweets]


def brief(connection: Connection, begin: float, end: float) -> Brief:
    """Read what is known about the watched stream from one time to before another (seconds since 1970)."""
    during = _negative(begin, end)
    people, unknown, with_text = connection.execute(
        sa.select(
            sa.func.count(predictions.c.author.distinct()),
            sa.func.count() - sa.func.count(predictions.c.author),
            sa.func.count(predictions.c.text),
        ).where(*during)
    ).one()
    usual = [tweet.text for tweet in _tweets(connection, _negative(begin - USUAL_SECONDS, begin - HOUR))]
    return Brief(people, unknown, _tweets(connection, during), usual, with_text > 0)


def _negative(begin: float, end: float) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for negative tweets of the watched stream from one time to before another."""
    time = predictions.c.time
    return time >= begin, time < end, predictions.c.sentiment == "negative", predictions.c.source.in_(WATCHED)


def _tweets(connection: Connection, conditions: Sequence[sa.ColumnElement[bool]]) -> list[DistinctTweet]:
    """Return stored tweets, each text once: retweets and repetitions have the fingerprint of their tweet."""
    columns = (predictions.c[name] for name in ("text", "time", "negative_probability", "fingerprint"))
    query = sa.select(*columns).where(*conditions, predictions.c.text.is_not(None))
    rows = connection.execute(query.order_by(predictions.c.time.desc(), predictions.c.number).limit(MOST_TWEETS)).all()
    tweets: dict[str, DistinctTweet] = {}
    for row in reversed(rows):
        key = row.fingerprint or row.text
        known = tweets.get(key) or DistinctTweet(row.text, row.time, row.negative_probability, 0)
        tweets[key] = known._replace(repetitions=known.repetitions + 1)
    return list(tweets.values())
