"""Why a classifier answers as it does: what each word of a raw tweet adds to the log-odds of the answer.

This module travels inside every served model: it imports nothing heavy.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sentiment.inference.classifier import Classifier, logit

Method = Literal["coefficients", "shapley"]
Logits = NDArray[np.float64]
# Where a word starts and ends in the raw tweet.
Span = tuple[int, int]

# The words of `str.split`: entities, links, mentions and emoji are, or are part of, one.
WORD = re.compile(r"\S+")
# Groups of neighbouring words that a tweet is taken apart into; about two texts are scored for each.
MOST_GROUPS = 100


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What one word adds.

    Attributes:
        text: the word as it stands in the raw tweet, `raw[start:end]`.
        start: where it starts there, in code points.
        end: where it ends.
        contribution: log-odds (natural logarithm); above 0 it pushes towards negative.
    """

    text: str
    start: int
    end: int
    contribution: float


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A classifier's answer, taken apart. Log-odds are those of calibrated probabilities.

    Attributes:
        negative_probability: the answer.
        base: log-odds without any word.
        contributions: one for each word of the raw tweet, in order.
        error: log-odds of the answer minus (base + sum of contributions). It is rounding, and no more unless a linear
            model is so sure of itself that the log-odds of its probability are bounded (`EPSILON`).
        method: `coefficients` are the model's own; `shapley` comes of scoring parts of the tweet.
    """

    negative_probability: float
    base: float
    contributions: tuple[Contribution, ...]
    error: float
    method: Method


@runtime_checkable
class Linear(Protocol):
    """The score of a model whose raw logit is a sum over the tokens of a tweet."""

    def tokenize(self, text: str) -> list[str]:
        """Return the tokens that the model sees in a raw tweet."""

    def weigh(self, tokens: Sequence[str]) -> tuple[float, Logits]:
        """Return the raw logit of a tweet without tokens, and what each of these adds to it, shape (tokens,)."""


def explain(classifier: Classifier, text: str) -> Explanation:
    """Say what each word of a raw tweet, which is what stands between whitespace, adds to the log-odds of the answer.

    A linear model is taken at its coefficients (`share_coefficients`); any other is asked about parts of the tweet
    (`shapley`). A tweet without words is all base.
    """
    words = [word.span() for word in WORD.finditer(text)]
    method: Method
    if isinstance(classifier.score, Linear):
        method = "coefficients"
        probability = float(classifier.negative_probability([text])[0])
        raw_base, raw_added = share_coefficients(classifier.score, text, words)
        slope, intercept = classifier.calibration.slope, classifier.calibration.intercept
        base, added = slope * raw_base + intercept, slope * raw_added
    else:
        method = "shapley"
        probability, base, added = shapley(classifier, text, words)
    return Explanation(
        negative_probability=probability,
        base=base,
        contributions=tuple(
            Contribution(text=text[start:end], start=start, end=end, contribution=contribution)
            for (start, end), contribution in zip(words, added.tolist(), strict=True)
        ),
        error=float(logit(np.array(probability))) - math.fsum([base, *added]),
        method=method,
    )


def share_coefficients(score: Linear, text: str, words: Sequence[Span]) -> tuple[float, Logits]:
    """Return the raw logit of a linear model without words, and what each word adds to it, shape (words,).

    What a token adds goes to the word that it comes from.
    """
    tokens = score.tokenize(text)
    base, added = score.weigh(tokens)
    of_words = np.zeros(len(words))
    for word, share in zip(
        align([score.tokenize(text[start:end]) for start, end in words], tokens), added, strict=True
    ):
        of_words[word] += share
    return base, of_words


def align(words: Sequence[Sequence[str]], tokens: Sequence[str]) -> list[int]:
    """Return from which word each token of a tweet comes, given the tokens of each word alone.

    These nearly always are the tweet's tokens. Where they are not (a telephone number in pieces, `(555) 123-4567`), the
    differing tokens are dealt out in order to the words in whose tokens' place they stand, or to the word before.
    """
    alone = [token for word in words for token in word]
    source = [number for number, word in enumerate(words) for _ in word]
    if alone == tokens:
        return source
    found: list[int] = []
    # The matcher's own heuristic for frequent elements stays on: it bounds the time that strangers could make it take.
    for _, start, end, first, last in SequenceMatcher(a=alone, b=tokens).get_opcodes():
        given = source[start:end] or source[:start][-1:] or [0]
        found += [given[place * len(given) // (last - first)] for place in range(last - first)]
    return found


def shapley(classifier: Classifier, text: str, words: Sequence[Span]) -> tuple[float, float, Logits]:
    """Return the probability of a raw tweet, the log-odds of none, and the Shapley value of each word, shape (words,).

    A word's Shapley value is what it adds to the words before it, averaged over all orders of the words. Here, over
    two orders: from left to right and from right to left, for which the tweet is scored up to each word and from each
    word on. Base and values add up to the answer, as they do in any order, and the values are exact where words act
    alone or in pairs, as each of a pair is once before the other. More than `MOST_GROUPS` words are put into so many
    groups of neighbours, and share their group's value equally.

    Source: Štrumbelj and Kononenko, An efficient explanation of individual classifications using game theory, JMLR
    2010; for an order and its reverse, Mitchell, Cooper, Frank and Holmes, Sampling permutations for Shapley value
    estimation, JMLR 2022.
    """
    edges = np.linspace(0, len(words), min(len(words), MOST_GROUPS) + 1, dtype=int)
    # All groups are the tweet as it came; so are none of them, if it has no words.
    firsts = ["", *(text[: words[edge - 1][1]] for edge in edges[1:])]
    lasts = [*(text[words[edge][0] :] for edge in edges[:-1]), ""]
    firsts[-1] = lasts[0] = text
    parts = list(dict.fromkeys([*firsts, *lasts]))
    probability = dict(zip(parts, classifier.negative_probability(parts), strict=True))
    forwards, backwards = (logit(np.array([probability[part] for part in order])) for order in (firsts, lasts))
    of_groups = (np.diff(forwards) - np.diff(backwards)) / 2
    sizes = np.diff(edges)
    return float(probability[text]), float(forwards[0]), np.repeat(of_groups / sizes, sizes)
