"""What some negative tweets are about, from the service or from a file."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from monitoring.reasons import Taxonomy
from monitoring.summary import summarize
from monitoring.terms import original

# Different texts that are summarized, the latest ones; and as many to compare with. Beyond, a view would take seconds.
MOST_TEXTS = 10_000
MENTION = re.compile(r"(?<!\w)@\w+")
# An account is offered if so many tweets mention it.
LEAST_MENTIONS = 20
MOST_ACCOUNTS = 10


class Topics(NamedTuple):
    """What some negative tweets are about.

    Attributes:
        reasons: names of reasons, and how many different texts have each; the most frequent first.
        new: terms that mark them, and how many different texts have each.
        advised: reasons that are worth an advice.
        tweets: columns `time` (with a zone or not), `text`, `negative_probability`, `reason`, `repetitions`; from a
            file also `author`, `language`, `certainty`. Each text once, typical ones first.
    """

    reasons: Sequence[tuple[str, int]]
    new: Sequence[tuple[str, int]]
    advised: Sequence[str]
    tweets: pd.DataFrame


class Part(NamedTuple):
    """What is known about a part of a stream or of a file.

    Attributes:
        tweets: their number, as the watch counts them.
        negative: the negative ones among them.
        usual_negative: how many are usual, or None.
        people: number of known people who wrote negative tweets.
        is_known: whether all of their authors are known.
        topics: None if the service keeps no texts.
    """

    tweets: int
    negative: int
    usual_negative: float | None
    people: int
    is_known: bool
    topics: Topics | None


def of_answer(answer: Mapping[str, Any], zone: str) -> Part:
    """Return what the answer of `GET /monitoring/stream/span` says; times as the clock of a zone shows them."""
    counts, topics = answer["counts"], answer["topics"]
    found = None
    if topics is not None:
        columns = ["time", "text", "negative_probability", "reason", "repetitions"]
        tweets = pd.DataFrame(topics["tweets"], columns=columns)
        tweets["time"] = pd.to_datetime(tweets["time"], utc=True).dt.tz_convert(zone)
        found = Topics(
            reasons=[(each["reason"], each["tweets"]) for each in topics["reasons"]],
            new=[(each["term"], each["tweets"]) for each in topics["new"]],
            advised=topics["advised"],
            tweets=typical_first(tweets, topics["typical"]),
        )
    return Part(
        tweets=0 if counts is None else counts["tweets"],
        negative=0 if counts is None else counts["negative"],
        usual_negative=None if counts is None else counts["usual_negative"],
        people=answer["people"],
        is_known=answer["unknown_authors"] == 0,
        topics=found,
    )


def of_tweets(
    part: pd.DataFrame, usual: pd.Series, taxonomy: Taxonomy, counts: tuple[int, int, float | None] | None = None
) -> Part:
    """Return what is known about tweets of a file.

    Args:
        part: result of `findings.joined`.
        usual: texts to compare with.
        taxonomy: the reasons.
        counts: of tweets and negative ones as the watch counts them, and the usual negative ones; None counts rows.
    """
    negative = part[part["sentiment"] == "negative"]
    different = distinct(negative)
    summary = summarize([*different["text"]], [*usual.drop_duplicates().tail(MOST_TEXTS)], taxonomy)
    different["reason"] = summary.each
    tweets, negatives, usual_negative = counts or (len(part), len(negative), None)
    return Part(
        tweets=tweets,
        negative=negatives,
        usual_negative=usual_negative,
        people=int(negative["author"].nunique()),
        is_known=bool(negative["author"].notna().all()),
        topics=Topics(
            reasons=[(each.reason, each.tweets) for each in summary.reasons],
            new=[(each.term, each.tweets) for each in summary.new],
            advised=summary.advised if len(different) else [],
            tweets=typical_first(different, summary.typical),
        ),
    )


def distinct(negative: pd.DataFrame) -> pd.DataFrame:
    """Return the latest tweets, each text once, with the number of its repetitions; retweets are repetitions."""
    originals = negative["text"].map(original)
    first = negative.assign(repetitions=originals.map(originals.value_counts()))[~originals.duplicated()]
    columns = ["time", "text", "negative_probability", "repetitions", "author", "language", "certainty"]
    return first[columns].tail(MOST_TEXTS).reset_index(drop=True)


def typical_first(tweets: pd.DataFrame, typical: Sequence[int]) -> pd.DataFrame:
    """Return tweets, first typical ones, then those that are most certainly negative."""
    rest = tweets.drop(index=[*typical]).sort_values("negative_probability", ascending=False, kind="stable")
    return pd.concat([tweets.loc[[*typical]], rest]).reset_index(drop=True)


def accounts(texts: pd.Series) -> list[str]:
    """Return the accounts that tweets mention most; none if they mention but one."""
    together = Counter(map(tuple, map(MENTION.findall, texts)))
    counted = Counter[str]()
    for names, tweets in together.items():
        counted.update(dict.fromkeys(map(str.lower, names), tweets))
    frequent = [name for name, count in counted.most_common(MOST_ACCOUNTS) if count >= LEAST_MENTIONS]
    return frequent if len(frequent) > 1 else []


def mentions(texts: pd.Series, account: str) -> "pd.Series[bool]":
    """Return which tweets mention an account."""
    return texts.str.contains(rf"(?<!\w){re.escape(account)}(?!\w)", case=False)
