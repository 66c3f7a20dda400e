"""What the store knows about the tweets of a crisis: how many people, what they wrote, and what is usual."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from monitoring.buckets import DAY, HOUR
from monitoring.crises import Crisis
from telemetry.buckets import WATCHED
from telemetry.schema import predictions

# Texts that are read of a crisis, and as many of the time before it.
MOST_TEXTS = 3_000
USUAL_SECONDS = 14 * DAY


class Brief(NamedTuple):
    """The negative tweets of a crisis, and those of the time before it.

    Attributes:
        people: number of known authors.
        unknown: number of tweets without an author.
        texts: as stored, each text once; the latest `MOST_TEXTS` at most.
        usual: those of the two weeks before.
        has_text: whether the store keeps texts.
    """

    people: int
    unknown: int
    texts: Sequence[str]
    usual: Sequence[str]
    has_text: bool


def brief(connection: Connection, crisis: Crisis) -> Brief:
    """Read what is known about a crisis up to its worst moment."""
    during = _negative(crisis.since, crisis.worst.time)
    people, unknown, with_text = connection.execute(
        sa.select(
            sa.func.count(predictions.c.author.distinct()),
            sa.func.count() - sa.func.count(predictions.c.author),
            sa.func.count(predictions.c.text),
        ).where(*during)
    ).one()
    usual = _negative(crisis.since - USUAL_SECONDS, crisis.since - HOUR)
    return Brief(people, unknown, _texts(connection, during), _texts(connection, usual), with_text > 0)


def _negative(begin: float, end: float) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for negative tweets of the watched stream from one time to before another."""
    time = predictions.c.time
    return time >= begin, time < end, predictions.c.sentiment == "negative", predictions.c.source.in_(WATCHED)


def _texts(connection: Connection, conditions: Sequence[sa.ColumnElement[bool]]) -> list[str]:
    """Return stored texts in order of time, each once: retweets and repetitions have the fingerprint of their tweet."""
    query = sa.select(predictions.c.text, predictions.c.fingerprint).where(*conditions, predictions.c.text.is_not(None))
    rows = connection.execute(query.order_by(predictions.c.time.desc(), predictions.c.number).limit(MOST_TEXTS))
    texts = {row.fingerprint or row.text: row.text for row in rows}
    return list(reversed(texts.values()))
