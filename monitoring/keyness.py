"""Which terms mark a set of tweets, against what is usual."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from heapq import heapify, heappop, heapreplace
from itertools import chain, repeat
from math import fsum
from typing import NamedTuple

import numpy as np

# How many terms the prior is worth. A larger one asks for more evidence of rare terms.
PRIOR = 500.0
# One-sided 99.9 % quantile of the normal distribution: of a thousand terms that mark nothing, one is above.
LEAST_Z = 3.09
LEAST_TWEETS = 3
# A word is left out if so many of its tweets have a phrase with it that is listed.
COVERED = 0.7


class Marked(NamedTuple):
    """A term, in how many tweets it is, and by how many standard errors it is more frequent than usual."""

    term: str
    tweets: int
    z: float


def keyness(tweets: Iterable[Collection[str]], usual: Iterable[Collection[str]]) -> list[Marked]:
    """Return the terms of tweets with the z-score of their log-odds ratio against the usual ones, highest first.

    The prior is informative: it expects each term as often as it is in both sets together.

    Source: Monroe, Colaresi & Quinn (2008), Fightin' Words, Political Analysis 16, 372-403, equations 16, 20 and 22.

    Args:
        tweets: the terms of each tweet, each once.
        usual: those of the tweets to compare with.

    Returns:
        The terms of the tweets; none if both sets together have fewer than two different ones.
    """
    inside, outside = Counter(chain.from_iterable(tweets)), Counter(chain.from_iterable(usual))
    if len(inside.keys() | outside.keys()) < 2:  # a single term cannot be more frequent than another one
        return []
    inside_total, outside_total = inside.total(), outside.total()
    names = sorted(inside)
    counts = np.array([inside[name] for name in names], np.float64)
    elsewhere = np.array([outside.get(name, 0) for name in names], np.float64)
    prior = PRIOR * (counts + elsewhere) / (inside_total + outside_total)
    present, before = counts + prior, elsewhere + prior
    odds = np.log(present / (inside_total + PRIOR - present)) - np.log(before / (outside_total + PRIOR - before))
    z = odds / np.sqrt(1 / present + 1 / before)
    order = np.argsort(-z, kind="stable").tolist()  # equals stay in alphabetical order
    scores = z.tolist()
    return [Marked(names[place], inside[names[place]], scores[place]) for place in order]


def new_terms(marked: Sequence[Marked], most: int) -> list[Marked]:
    """Return the terms that are new against the usual, phrases in place of the words that they cover.

    Args:
        marked: of `keyness`.
        most: maximum number of terms.
    """
    new = [each for each in marked if each.z >= LEAST_Z and each.tweets >= LEAST_TWEETS]
    phrases = [each for each in new if " " in each.term]

    def is_covered(word: Marked) -> bool:
        return any(word.term in each.term.split() and each.tweets >= COVERED * word.tweets for each in phrases)

    chosen: list[Marked] = []
    for each in new:
        shares_a_word = any(set(each.term.split()) & set(other.term.split()) for other in chosen)
        if not shares_a_word and (" " in each.term or not is_covered(each)):
            chosen.append(each)
    return chosen[:most]


def typical(tweets: Sequence[Collection[str]], marked: Sequence[Marked], most: int) -> list[int]:
    """Return the indices of tweets that say most of what marks them all, each something of its own.

    Args:
        tweets: the terms of each tweet.
        marked: of `keyness`.
        most: maximum number of tweets.
    """
    weights = {each.term: each.z for each in marked if each.z > 0}
    different = {frozenset(said): index for index, said in reversed(list(enumerate(tweets)))}

    def score(index: int) -> float:
        # The exact sum, since sets have no order, and rounding would decide between equals.
        return fsum(map(weights.get, tweets[index], repeat(0.0)))

    chosen = list[int]()
    rest = [(-score(index), index) for index in different.values()]
    heapify(rest)
    while rest and len(chosen) < most:
        before, best = rest[0]
        if -score(best) > before:  # no score grows, so only that of the best so far needs to be known
            heapreplace(rest, (-score(best), best))
            continue
        heappop(rest)
        chosen.append(best)
        for term in tweets[best]:  # what is said already counts half
            weights[term] = weights.get(term, 0.0) / 2
    return chosen
