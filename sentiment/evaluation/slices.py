"""Metrics by kind of tweet: long and short ones, with and without a mention, a negation, words in capitals and more.

A model that is good overall may be poor where it matters: complaints tend to mention somebody and to shout.
"""

import re
from collections.abc import Sequence
from statistics import NormalDist

import emoji
import numpy as np
import pandas as pd
from nltk.tokenize.casual import EMOTICON_RE
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from sentiment.evaluation.metrics import Cost, Predictions, auc_standard_error, expected_cost
from sentiment.inference.arrays import Labels
from sentiment.inference.text import CONTRACTED_NOT, LINK, MENTION, PROSE, WORD

Mask = NDArray[np.bool_]

ALL = "all"
# In characters of the raw tweet; the terciles of Sentiment140 are 52 and 91.
MEDIUM_FROM, LONG_FROM = 50, 100
# Slices with fewer tweets are marked: with 100 tweets, half of them negative, an AUC of 0.85 has a standard error of
# 0.04.
FEW = 100
# On Twitter, a hashtag needs a letter: `#1` is not one.
HASHTAG = re.compile(r"(?<!\w)#\w*[^\W\d]")
# Source: Potts, Sentiment symposium tutorial, 2011; CONTRACTED_NOT finds contracted ones.
NEGATION = re.compile(r"\b(?:neither|never|no|nobody|none|noone|nor|not|nothing|nowhere)\b", re.IGNORECASE)
ASKED_OR_EXCLAIMED = re.compile("[?!]")
# Shorter words in capitals are mostly names and abbreviations: BA, JFK, LOL.
SHOUTED_LETTERS = 4


def table(
    texts: Sequence[str],
    negative: Labels,
    predictions: Predictions,
    *,
    cost: Cost,
    confidence: float,
) -> pd.DataFrame:
    """Return a classifier's metrics on each slice of the tweets; the first slice is all of them.

    One row per slice, even if it is empty: `slice`, `tweets`, `negative_share`, `roc_auc` with its interval
    `roc_auc_low` to `roc_auc_high` (normal, clipped at 0 and 1), `accuracy` and `expected_cost` (per 1,000 tweets) of
    the predicted labels, and `few` (bool): fewer than FEW tweets, so the interval matters more than the value.
    Undefined values are NaN: the AUC of a single class, and any metric of an empty slice.

    Args:
        texts: raw tweets.
        negative: labels, shape (n,).
        predictions: the classifier's predictions.
        cost: the costs of wrong answers.
        confidence: the confidence level of the intervals, 0 to 1.
    """
    rows = []
    for name, in_slice in masks(texts).items():
        scores = score(negative[in_slice], predictions[in_slice], cost, confidence)
        rows.append({"slice": name, "tweets": int(in_slice.sum()), **scores, "few": bool(in_slice.sum() < FEW)})
    return pd.DataFrame(rows)


def score(negative: Labels, predictions: Predictions, cost: Cost, confidence: float) -> dict[str, float]:
    """Return the metrics of one slice; labels have shape (n,), where n may be 0."""
    values = dict.fromkeys(
        ("negative_share", "roc_auc", "roc_auc_low", "roc_auc_high", "accuracy", "expected_cost"), np.nan
    )
    if len(negative) == 0:
        return values
    values["negative_share"] = float(np.mean(negative))
    values["accuracy"] = float(np.mean(predictions.called == negative))
    values["expected_cost"] = expected_cost(negative, predictions.called, cost)
    if negative.min() == negative.max():
        return values
    area = float(roc_auc_score(negative, predictions.score))
    margin = NormalDist().inv_cdf((1 + confidence) / 2) * auc_standard_error(negative, area)
    return values | {
        "roc_auc": area,
        "roc_auc_low": max(0.0, area - margin),
        "roc_auc_high": min(1.0, area + margin),
    }


def masks(texts: Sequence[str]) -> dict[str, Mask]:
    """Return for each slice, by name, which of the raw tweets are in it: shape (n,) each."""
    length = np.array([len(text) for text in texts])
    in_slice = {
        ALL: np.ones(len(texts), dtype=np.bool_),
        f"short (below {MEDIUM_FROM} characters)": length < MEDIUM_FROM,
        f"medium ({MEDIUM_FROM} to {LONG_FROM - 1})": (length >= MEDIUM_FROM) & (length < LONG_FROM),
        f"long ({LONG_FROM} or more)": length >= LONG_FROM,
    }
    traits = pd.DataFrame([traits_of(text) for text in texts])
    for trait in traits:
        in_slice |= {f"with {trait}": traits[trait].to_numpy(), f"without {trait}": ~traits[trait].to_numpy()}
    return in_slice


def traits_of(text: str) -> dict[str, bool]:
    """Return the traits of a raw tweet; all except mention and link are searched for in its prose."""
    prose = PROSE(text)
    return {
        "mention": bool(MENTION.search(text)),
        "link": bool(LINK.search(text)),
        "hashtag": bool(HASHTAG.search(prose)),
        "emoji or emoticon": has_emoji(prose) or any(map(is_emoticon, prose.split())),
        "negation": bool(CONTRACTED_NOT.search(prose) or NEGATION.search(prose)),
        "? or !": bool(ASKED_OR_EXCLAIMED.search(prose)),
        "capitals": any(len(word) >= SHOUTED_LETTERS and word.isupper() for word in WORD.findall(prose)),
    }


def has_emoji(text: str) -> bool:
    """Return whether a text contains an emoji."""
    return not text.isascii() and emoji.emoji_count(text) > 0  # spares most texts the slow search


def is_emoticon(word: str) -> bool:
    """Return whether a word is an emoticon, possibly with final punctuation; `8:54` and `and:` are not."""
    return bool(EMOTICON_RE.fullmatch(word.strip(".,!?")))
