"""Explain an answer: how much each word of a raw tweet adds to its log-odds.

Every served model contains this module, so it imports nothing heavy.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from sentiment.inference import shapley
from sentiment.inference.classifier import Classifier
from sentiment.inference.probabilities import logit
from sentiment.inference.shapley import SCORINGS, Logits, Span

Method = Literal["coefficients", "shapley"]

# As in `str.split`: an entity, link, mention or emoji is a word or part of one.
WORD = re.compile(r"\S+")


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """The contribution of one word.

    Attributes:
        text: the word in the raw tweet, `raw[start:end]`.
        start: its start, in code points.
        end: its end.
        contribution: log-odds (natural logarithm); above 0 it pushes towards negative.
    """

    text: str
    start: int
    end: int
    contribution: float


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A classifier's answer as a sum over words. Log-odds are those of calibrated probabilities.

    Attributes:
        negative_probability: the answer.
        base: log-odds without any words.
        contributions: one for each word of the raw tweet, in order.
        error: log-odds of the answer minus (base + sum of contributions). It is rounding error only, unless a linear
            model is so confident that its probability is clipped (`EPSILON`).
        method: `coefficients` uses the model's own; `shapley` scores parts of the tweet.
    """

    negative_probability: float
    base: float
    contributions: tuple[Contribution, ...]
    error: float
    method: Method


@runtime_checkable
class Linear(Protocol):
    """The score function of a model whose raw logit is a sum over tokens, whatever the other tokens are."""

    def tokenize(self, text: str) -> list[str]:
        """Return the tokens that the model sees in a raw tweet."""

    def weigh(self, tokens: Sequence[str]) -> tuple[float, Logits]:
        """Return the raw logit without tokens, and how much each token adds to it, shape (tokens,)."""


def explain(classifier: Classifier, text: str, *, scorings: int = SCORINGS) -> Explanation:
    """Return how much each whitespace-separated word of a raw tweet adds to the log-odds of the answer.

    Models whose log-odds are a sum over words are explained by their coefficients (`share_coefficients`), all others by
    scoring parts of the tweet, about `scorings` of them (`shapley.estimate`). A tweet without words has a base only.
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
        probability, base, added = shapley.estimate(classifier, text, words, scorings)
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
    """Return the raw logit of a linear model without words, and how much each word adds, shape (words,).

    A token's contribution is credited to the word it comes from.
    """
    tokens = score.tokenize(text)
    base, added = score.weigh(tokens)
    word_contributions = np.zeros(len(words))
    for word, share in zip(
        align([score.tokenize(text[start:end]) for start, end in words], tokens), added, strict=True
    ):
        word_contributions[word] += share
    return base, word_contributions


def align(words: Sequence[Sequence[str]], tokens: Sequence[str]) -> list[int]:
    """Return the index of the word that each token of a tweet comes from, given the tokens of each word alone.

    Nearly always, the words' own tokens are the tweet's tokens. Where they differ (a telephone number in pieces,
    `(555) 123-4567`), the tweet's tokens are assigned in order to the words that they replace, or to the word before.
    """
    word_tokens = [token for word in words for token in word]
    word_of_token = [index for index, word in enumerate(words) for _ in word]
    if word_tokens == tokens:
        return word_of_token
    aligned: list[int] = []
    # Keep the matcher's heuristic for frequent elements: without it, a crafted tweet could take very long.
    for _, start, end, first, last in SequenceMatcher(a=word_tokens, b=tokens).get_opcodes():
        sources = word_of_token[start:end] or word_of_token[:start][-1:] or [0]
        aligned += [sources[index * len(sources) // (last - first)] for index in range(last - first)]
    return aligned
