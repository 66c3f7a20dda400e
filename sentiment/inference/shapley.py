"""Shapley values of the words of a tweet: what each word adds to those before it, averaged over orders of the words.

Some of the words are worth the log-odds of the calibrated probability of the tweet with these words only. Every served
model contains this module, so it imports nothing heavy.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sentiment.inference.classifier import Classifier
from sentiment.inference.probabilities import logit

# Start and end of a word in the raw tweet.
Span = tuple[int, int]
Logits = NDArray[np.float64]

# About as many texts are scored for a tweet: short tweets are explained more exactly, and none takes much longer.
SCORINGS = 100
# Longer tweets are split into this many groups of neighbouring words.
MAX_GROUPS = 100


def keep(text: str, words: Sequence[Span], kept: Sequence[int]) -> str:
    """Return a raw tweet with only some of its words.

    A word is removed with the whitespace before it. With all words, the tweet is unchanged, including outer whitespace.

    Args:
        text: the tweet.
        words: the places of its words, in order.
        kept: the indices of the words to keep, in order.
    """
    if len(kept) == len(words):
        return text
    # The first word that is kept comes without whitespace.
    starts = [words[index - 1][1] if place else words[index][0] for place, index in enumerate(kept)]
    return "".join(text[start : words[index][1]] for start, index in zip(starts, kept, strict=True))


def estimate(classifier: Classifier, text: str, words: Sequence[Span], scorings: int) -> tuple[float, float, Logits]:
    """Return the probability of a raw tweet, the log-odds without words, and each word's Shapley value, shape (words,).

    A word's Shapley value is what it adds to the words before it, averaged over all orders of the words. This estimate
    averages over a few orders: the words as they are, the same from other words on (`rotations`), and the reverse of
    each. Base and values always add up to the answer. The values are exact if words act alone or in pairs, because each
    word of a pair comes first in an order or in its reverse. A tweet of more than `MAX_GROUPS` words is split into that
    many groups of neighbours; the words of a group share its value equally.

    Args:
        classifier: the model.
        text: the tweet.
        words: the places of its words, in order.
        scorings: about the largest number of texts to score, but at least two for each word or group.

    Source: Štrumbelj and Kononenko, An efficient explanation of individual classifications using game theory, JMLR
    2010; on an order and its reverse: Mitchell, Cooper, Frank and Holmes, Sampling permutations for Shapley value
    estimation, JMLR 2022.
    """
    edges = np.linspace(0, len(words), min(len(words), MAX_GROUPS) + 1, dtype=int)
    groups = [(words[first][0], words[last - 1][1]) for first, last in zip(edges[:-1], edges[1:], strict=True)]
    orders = rotations(len(groups), scorings)
    # The words before each place of an order, and those from it on, which come first in its reverse.
    parts = [
        [keep(text, groups, sorted(kept)) for place in range(len(order) + 1) for kept in (order[:place], order[place:])]
        for order in orders
    ]
    distinct = list(dict.fromkeys(part for of_order in parts for part in of_order))
    probabilities = classifier.negative_probability(distinct)
    log_odds = dict(zip(distinct, logit(probabilities).tolist(), strict=True))
    values = np.zeros(len(groups))
    for order, of_order in zip(orders, parts, strict=True):
        before, after = np.array([log_odds[part] for part in of_order]).reshape(-1, 2).T
        values[order] += (np.diff(before) - np.diff(after)) / 2 / len(orders)
    sizes = np.diff(edges)
    probability = dict(zip(distinct, probabilities.tolist(), strict=True))[text]
    base = log_odds[""] if groups else log_odds[text]
    return probability, base, np.repeat(values / sizes, sizes)


def rotations(words: int, scorings: int) -> list[list[int]]:
    """Return orders of the words: as they are, and from other words on, evenly spaced, then from the first.

    As many as `scorings` allows, at least one: an order of n words and its reverse take 2n texts. In all n rotations,
    each word is once at each place.
    """
    orders = max(1, min(words, scorings // (2 * max(words, 1))))
    return [[*range(start, words), *range(start)] for start in (round(k * words / orders) for k in range(orders))]
