"""Computation of the answers of `GET /monitoring/stream/span` and `GET /monitoring/watch`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitoring.bands import total
from monitoring.reasons import Taxonomy
from monitoring.summary import summarize
from telemetry import buzz
from telemetry.brief import Brief, brief
from telemetry.buckets import SECONDS
from telemetry.report import iso
from telemetry.settings import Settings
from telemetry.store import Store, reached
from telemetry.stream import StreamPoint, described
from telemetry.wording import Language, reasons

# Tweets in an answer, the latest ones.
MOST_LISTED = 500


@dataclass(frozen=True, kw_only=True)
class Term:
    """A word, hashtag or phrase that marks the negative tweets of a span, and how many of them have it."""

    term: str
    tweets: int


@dataclass(frozen=True, kw_only=True)
class ReasonCount:
    """A reason of complaints (a name of `GET /monitoring/watch`), and how many negative tweets have it."""

    reason: str
    tweets: int


@dataclass(frozen=True, kw_only=True)
class StreamTweet:
    """A negative tweet, as it is stored; `repetitions` counts it and those with the same text."""

    time: str
    text: str
    negative_probability: float
    reason: str
    repetitions: int


@dataclass(frozen=True, kw_only=True)
class Topics:
    """What the negative tweets of a span are about; `tweets` are the latest 500, each text once.

    Reasons count different texts. `new` are terms that are more frequent than in the two weeks before, `advised`
    reasons that are frequent enough to act on, and `typical` indices of `tweets`.
    """

    reasons: Sequence[ReasonCount]
    new: Sequence[Term]
    advised: Sequence[str]
    typical: Sequence[int]
    tweets: Sequence[StreamTweet]


@dataclass(frozen=True, kw_only=True)
class Span:
    """What is known about a span of the watched stream; times are ISO 8601 in UTC.

    `counts` is null where nothing was counted. `people` counts the known authors of negative tweets, `unknown_authors`
    negative tweets without an author. `topics` is null if no text is kept (`TELEMETRY_TEXT=none`).
    """

    begin: str
    end: str
    counts: StreamPoint | None
    people: int
    unknown_authors: int
    topics: Topics | None


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A reason of complaints: its label and advice by language, and the words that speak of it."""

    name: str
    label: Mapping[Language, str]
    advice: Mapping[Language, str]
    words: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class WatchPlan:
    """How the stream is watched: settings of the alarm, and the reasons of complaints, the last without words.

    `zone` is null if the stream is not watched.
    """

    zone: str | None
    evidence: float
    sensitivity: float
    specificity: float
    reasons: Sequence[Reason]


def span(store: Store, settings: Settings, begin: float, end: float) -> Span:
    """Describe the watched stream from one time to another, in seconds since 1970, widened to whole buckets.

    Raises:
        Unavailable: the store cannot be read.
    """
    first, last = int(begin // SECONDS), int(-(-end // SECONDS)) - 1
    begin, end = first * SECONDS, (last + 1) * SECONDS
    with store.database.reading() as connection:
        known = brief(connection, begin, end)
        counted = buzz.stream(connection, first, min(last, reached(connection, buzz.READER)))
        usual = buzz.expected(connection, first=first, last=last)
    inside = [bucket for bucket in counted if bucket.start >= begin]
    return Span(
        begin=iso(begin),
        end=iso(end),
        counts=described(total(begin, inside, usual)) if inside else None,
        people=known.people,
        unknown_authors=known.unknown,
        topics=topics(known, reasons(settings.buzz_reasons).taxonomy) if known.has_text else None,
    )


def topics(known: Brief, taxonomy: Taxonomy) -> Topics:
    """Return what the tweets of a span are about."""
    summary = summarize(known.texts, known.usual, taxonomy)
    latest = range(len(known.tweets))[-MOST_LISTED:]
    listed = sorted({*latest, *summary.typical})
    return Topics(
        reasons=[ReasonCount(reason=each.reason, tweets=each.tweets) for each in summary.reasons],
        new=[Term(term=each.term, tweets=each.tweets) for each in summary.new],
        advised=summary.advised,
        typical=[listed.index(index) for index in summary.typical],
        tweets=[
            StreamTweet(
                time=iso(tweet.time),
                text=tweet.text,
                negative_probability=tweet.negative_probability,
                reason=reason,
                repetitions=tweet.repetitions,
            )
            for tweet, reason in ((known.tweets[index], summary.each[index]) for index in listed)
        ],
    )


def plan(settings: Settings) -> WatchPlan:
    """Describe how the stream is watched."""
    known = reasons(settings.buzz_reasons)
    return WatchPlan(
        zone=settings.buzz_zone,
        evidence=settings.buzz_evidence,
        sensitivity=settings.buzz_sensitivity,
        specificity=settings.buzz_specificity,
        reasons=[
            Reason(
                name=name,
                label=known.labels[name],
                advice=known.advice[name],
                words=known.taxonomy.words.get(name, []),
            )
            for name in known.taxonomy.names
        ],
    )
