"""What the tweets of a span of time are about: their reasons, what is new in them, and which ones are typical."""

from collections.abc import Sequence
from typing import NamedTuple

from monitoring.keyness import Marked, keyness, new_terms, typical
from monitoring.reasons import OTHER, Share, Taxonomy, shares
from monitoring.terms import terms

MOST_TERMS, MOST_TYPICAL = 6, 5
# Share of the complaints from which a reason is worth an advice.
LEAST_SHARE = 0.2


class Summary(NamedTuple):
    """What some tweets are about.

    Attributes:
        each: reason of each tweet.
        reasons: of all of them, the most frequent first.
        new: terms that mark them against the usual ones, the most telling first.
        typical: indices of tweets that say most of what marks them all.
        advised: reasons that are worth an advice.
    """

    each: Sequence[str]
    reasons: Sequence[Share]
    new: Sequence[Marked]
    typical: Sequence[int]
    advised: Sequence[str]


def summarize(texts: Sequence[str], usual: Sequence[str], taxonomy: Taxonomy) -> Summary:
    """Summarize tweets.

    Args:
        texts: each different text once.
        usual: texts of the time to compare with, likewise.
        taxonomy: the reasons.
    """
    each = [taxonomy.reason(text) for text in texts]
    found = shares(each)
    said = [terms(text) for text in texts]
    marked = keyness(said, map(terms, usual))
    return Summary(
        each=each,
        reasons=found,
        new=new_terms(marked, MOST_TERMS),
        typical=typical(said, marked, MOST_TYPICAL),
        advised=_advised(found, len(texts)),
    )


def _advised(found: Sequence[Share], total: int) -> list[str]:
    """Return the frequent reasons; without any, that of tweets whose reason is unknown."""
    frequent = [each.reason for each in found if each.reason != OTHER and each.tweets >= LEAST_SHARE * total]
    return frequent or [OTHER]
