"""How well a classifier does on kinds of tweets: long and short ones, with and without a mention, a negation, shouting.

A model that is good on the whole may be poor where it matters: a complaint tends to name somebody and to shout.
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
# In characters, as written: the thirds of Sentiment140 end at 52 and 91.
MEDIUM_FROM, LONG_FROM = 50, 100
# Fewer tweets are marked: with 100, half of them negative, an AUC of 0.85 has a standard error of 0.04.
FEW = 100
# On Twitter a hashtag needs a letter: `#1` is none.
HASHTAG = re.compile(r"(?<!\w)#\w*[^\W\d]")
# Source: Potts, Sentiment symposium tutorial, 2011; contracted ones are found by CONTRACTED_NOT.
NEGATION = re.compile(r"\b(?:neither|never|no|nobody|none|noone|nor|not|nothing|nowhere)\b", re.IGNORECASE)
ASKED_OR_EXCLAIMED = re.compile("[?!]")
# Shorter words in capitals are mostly names: BA, JFK, LOL.
SHOUTED_LETTERS = 4


def table(
    texts: Sequence[str],
    negative: Labels,
    predictions: Predictions,
    *,
    cost: Cost,
    confidence: float,
) -> pd.DataFrame:
    """Return how well a classifier does on each slice of the tweets, the first being all of them.

    One row a slice, also where no tweet is in it: `slice`, `tweets`, `negative_share`, `roc_auc` with the interval
    `roc_auc_low` to `roc_auc_high` (normal, cut at 0 and 1), `accuracy` and `expected_cost` (per 1,000 tweets) of what
    is called negative, and `few` (bool): under FEW tweets, so look at the interval before the figure. What cannot be
    computed is NaN: the AUC of one class, anything of no tweet.

    Args:
        texts: raw tweets.
        negative: labels, shape (n,).
        predictions: of the classifier.
        cost: what wrong answers cost.
        confidence: of the interval, 0 to 1.
    """
    rows = []
    for name, inside in masks(texts).items():
        scores = score(negative[inside], predictions[inside], cost, confidence)
        rows.append({"slice": name, "tweets": int(inside.sum()), **scores, "few": bool(inside.sum() < FEW)})
    return pd.DataFrame(rows)


def score(negative: Labels, predictions: Predictions, cost: Cost, confidence: float) -> dict[str, float]:
    """Return the figures of one slice; labels have shape (n,), n may be 0."""
    figures = dict.fromkeys(
        ("negative_share", "roc_auc", "roc_auc_low", "roc_auc_high", "accuracy", "expected_cost"), np.nan
    )
    if len(negative) == 0:
        return figures
    figures["negative_share"] = float(np.mean(negative))
    figures["accuracy"] = float(np.mean(predictions.called == negative))
    figures["expected_cost"] = expected_cost(negative, predictions.called, cost)
    if negative.min() == negative.max():
        return figures
    area = float(roc_auc_score(negative, predictions.score))
    margin = NormalDist().inv_cdf((1 + confidence) / 2) * auc_standard_error(negative, area)
    return figures | {
        "roc_auc": area,
        "roc_auc_low": max(0.0, area - margin),
        "roc_auc_high": min(1.0, area + margin),
    }


def masks(texts: Sequence[str]) -> dict[str, Mask]:
    """Return which of the raw tweets are in each slice, by its name: shape (n,) each."""
    length = np.array([len(text) for text in texts])
    found = {
        ALL: np.ones(len(texts), dtype=np.bool_),
        f"short (below {MEDIUM_FROM} characters)": length < MEDIUM_FROM,
        f"medium ({MEDIUM_FROM} to {LONG_FROM - 1})": (length >= MEDIUM_FROM) & (length < LONG_FROM),
        f"long ({LONG_FROM} or more)": length >= LONG_FROM,
    }
    traits = pd.DataFrame([traits_of(text) for text in texts])
    for trait in traits:
        found |= {f"with {trait}": traits[trait].to_numpy(), f"without {trait}": ~traits[trait].to_numpy()}
    return found


def traits_of(text: str) -> dict[str, bool]:
    """Return what a raw tweet holds; mentions and links are searched for nothing else."""
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
    """Return whether a text holds an emoji."""
    return not text.isascii() and emoji.emoji_count(text) > 0  # most texts need no slow search


def is_emoticon(word: str) -> bool:
    """Return whether a word is an emoticon, perhaps with the end of a sentence; `8:54` and `and:` are none."""
    return bool(EMOTICON_RE.fullmatch(word.strip(".,!?")))
