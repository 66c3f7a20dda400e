"""Metrics by kind of tweet: long and short ones, with and without a mention, a negation, words in capitals and more.

A model that is good overall may be poor where it matters: complaints tend to mention somebody and to shout.
"""

import re
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import emoji
import numpy as np
import pandas as pd
from nltk.tokenize.casual import EMOTICON_RE
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

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
# The share of a tweet's words that simplemma's English dictionary knows. It is reached by 98 % of English tweets about
# airlines, and by 5 % of French tweets.
ENGLISH_FROM = 0.7
# Of a column with more values, the most frequent ones get a slice each, and the others one together.
MAX_VALUES = 20


def table(
    texts: Sequence[str],
    negative: Labels,
    predictions: Predictions,
    *,
    cost: Cost,
    confidence: float,
) -> pd.DataFrame:
    """Return a classifier's metrics on each slice of raw tweets, as `measure` does; the first slice is all of them."""
    return measure(masks(texts), negative, predictions, cost=cost, confidence=confidence)


def measure(
    slice_masks: Mapping[str, Mask], negative: Labels, predictions: Predictions, *, cost: Cost, confidence: float
) -> pd.DataFrame:
    """Return a classifier's metrics on each slice.

    One row per slice, even if it is empty: `slice`, `tweets`, `negative_share`, `roc_auc` with its interval
    `roc_auc_low` to `roc_auc_high` (normal, clipped at 0 and 1), `accuracy` with its interval `accuracy_low` to
    `accuracy_high` (Wilson, 1927) and `expected_cost` (per 1,000 tweets) of the predicted labels, and `few` (bool):
    fewer than FEW tweets, so the interval matters more than the value. Undefined values are NaN: the AUC of a single
    class, and any metric of an empty slice.

    Args:
        slice_masks: for each slice, by name, which tweets are in it, shape (n,) each.
        negative: labels, shape (n,).
        predictions: the classifier's predictions.
        cost: the costs of wrong answers.
        confidence: the confidence level of the intervals, 0 to 1.
    """
    rows = []
    for name, in_slice in slice_masks.items():
        scores = score(negative[in_slice], predictions[in_slice], cost, confidence)
        rows.append({"slice": name, "tweets": int(in_slice.sum()), **scores, "few": bool(in_slice.sum() < FEW)})
    return pd.DataFrame(rows)


def score(negative: Labels, predictions: Predictions, cost: Cost, confidence: float) -> dict[str, float]:
    """Return the metrics of one slice; labels have shape (n,), where n may be 0."""
    with_interval = (name + bound for name in ("roc_auc", "accuracy") for bound in ("", "_low", "_high"))
    values = dict.fromkeys(("negative_share", *with_interval, "expected_cost"), np.nan)
    if len(negative) == 0:
        return values
    correct = int(np.sum(predictions.called == negative))
    values["negative_share"] = float(np.mean(negative))
    values["accuracy"] = correct / len(negative)
    bounds = binomtest(correct, len(negative)).proportion_ci(confidence, method="wilson")
    values["accuracy_low"], values["accuracy_high"] = float(bounds.low), float(bounds.high)
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
    """Return for each slice, by name, which of the raw tweets are in it, shape (n,) each; after two seconds, show
    progress.
    """
    length = np.array([len(text) for text in texts])
    in_slice = {
        ALL: np.ones(len(texts), dtype=np.bool_),
        f"short (below {MEDIUM_FROM} characters)": length < MEDIUM_FROM,
        f"medium ({MEDIUM_FROM} to {LONG_FROM - 1})": (length >= MEDIUM_FROM) & (length < LONG_FROM),
        f"long ({LONG_FROM} or more)": length >= LONG_FROM,
    }
    traits = pd.DataFrame([traits_of(text) for text in tqdm(texts, desc="slices", unit=" tweets", delay=2)])
    for trait in traits:
        in_slice |= {f"with {trait}": traits[trait].to_numpy(), f"without {trait}": ~traits[trait].to_numpy()}
    return in_slice


def language_masks(texts: Sequence[str]) -> dict[str, Mask]:
    """Return which of the raw tweets consist of English words, and which do not; half a millisecond per tweet.

    Tweets that are not in English are in the second slice; so are those that mostly consist of names.

    Source: Barbaresi, simplemma (https://github.com/adbar/simplemma), `in_target_language`.
    """
    from simplemma import in_target_language  # takes 0.2 s to import

    progress = tqdm(texts, desc="language", unit=" tweets", delay=2)
    english = np.array(
        [in_target_language(PROSE(text), lang="en") >= ENGLISH_FROM for text in progress], dtype=np.bool_
    )
    return {"with mostly English words": english, "without mostly English words": ~english}


def column_masks(columns: pd.DataFrame) -> dict[str, Mask]:
    """Return for each value of each column, as `column: value`, which rows have it; the most frequent values first."""
    in_slice: dict[str, Mask] = {}
    for name, column in columns.items():
        values = column.value_counts().index.tolist()
        in_slice |= {f"{name}: {value or 'none'}": (column == value).to_numpy() for value in values[:MAX_VALUES]}
        if rest := values[MAX_VALUES:]:
            in_slice[f"{name}: {len(rest):,} other values"] = column.isin(rest).to_numpy()
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
