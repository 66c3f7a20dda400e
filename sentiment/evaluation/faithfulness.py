"""Faithfulness: whether explanations of single answers agree with what the model does.

Nothing is assumed to be true, everything is measured. A short tweet has so few subsets of words that the model can
score them all: this gives exact Shapley values, and the best and the worst order in which words can be removed. In a
mosaic, two joined tweets with opposite answers, it is known which half speaks for which answer.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from sentiment.inference.classifier import Classifier
from sentiment.inference.explain import WORD, Explanation, explain
from sentiment.inference.probabilities import logit
from sentiment.inference.shapley import keep

# The contribution of a single word is the whole answer; two values are always perfectly correlated.
MIN_WORDS = 2
# 1,024 subsets. Each further word doubles them.
MAX_WORDS = 10
Explain = Callable[[Classifier, str], Explanation]
Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Faithfulness:
    """How far explanations may be trusted; NaN where it is undefined.

    Attributes:
        tweets: the number of short tweets.
        max_words: the largest number of words of a short tweet.
        pearson: the correlation of contributions with exact Shapley values, over all words of all short tweets.
        pearson_of_tweet: the same over the words of a tweet, the mean of all tweets of three words or more.
        error: the mean absolute difference between the two, in log-odds.
        comprehensiveness: how fast the answer fades if words are removed, those that speak for it most first: 1 if no
            order is faster, 0 if none is slower.
        sufficiency: the same for the reverse order: 0 if no order is slower.
        mosaics: the number of mosaics.
        mosaic_mass: the share of the absolute contributions in mosaics that have the sign of their half.
    """

    tweets: int
    max_words: int
    pearson: float
    pearson_of_tweet: float
    error: float
    comprehensiveness: float
    sufficiency: float
    mosaics: int
    mosaic_mass: float


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The explanation of one short tweet, checked against all subsets of its words.

    Attributes:
        text: the tweet.
        log_odds: of the answer.
        negative: whether the answer is negative.
        exact: the exact Shapley values, shape (words,).
        estimated: the contributions, shape (words,).
        comprehensiveness: see `Faithfulness`.
        sufficiency: see `Faithfulness`.
    """

    text: str
    log_odds: float
    negative: bool
    exact: Values
    estimated: Values
    comprehensiveness: float
    sufficiency: float


def measure(
    classifier: Classifier,
    texts: Sequence[str],
    *,
    tweets: int,
    max_words: int,
    mosaics: int,
    seed: int,
    explain: Explain = explain,
) -> Faithfulness:
    """Measure the faithfulness of explanations on short tweets, and on mosaics of them.

    Args:
        classifier: the model.
        texts: raw tweets, from which short ones are drawn.
        tweets: the largest number of short tweets; up to 2**max_words texts are scored for each.
        max_words: the largest number of words of a short tweet.
        mosaics: the largest number of mosaics.
        seed: the seed of the draw.
        explain: returns the explanations to measure.
    """
    drawn = draw(texts, tweets, max_words, seed)
    checked = [
        check(classifier, text, explain(classifier, text))
        for text in tqdm(drawn, desc="faithfulness", unit=" tweets", delay=2)
    ]
    masses = [mosaic_mass(*pair, classifier, explain) for pair in opposites(checked, mosaics)]
    exact = np.concatenate([np.empty(0), *(tweet.exact for tweet in checked)])
    estimated = np.concatenate([np.empty(0), *(tweet.estimated for tweet in checked)])
    return Faithfulness(
        tweets=len(checked),
        max_words=max_words,
        pearson=correlation(exact, estimated),
        pearson_of_tweet=mean(
            [correlation(tweet.exact, tweet.estimated) for tweet in checked if len(tweet.exact) > MIN_WORDS]
        ),
        error=mean(np.abs(exact - estimated).tolist()),
        comprehensiveness=mean([tweet.comprehensiveness for tweet in checked]),
        sufficiency=mean([tweet.sufficiency for tweet in checked]),
        mosaics=len(masses),
        mosaic_mass=mean(masses),
    )


def draw(texts: Sequence[str], tweets: int, max_words: int, seed: int) -> list[str]:
    """Return different tweets of `MIN_WORDS` to `max_words` words, drawn at random."""
    short = [text for text in dict.fromkeys(texts) if MIN_WORDS <= len(WORD.findall(text)) <= max_words]
    return [short[place] for place in np.random.default_rng(seed).permutation(len(short))[:tweets]]


def check(classifier: Classifier, text: str, explanation: Explanation) -> Checked:
    """Check the explanation of a short tweet against all subsets of its words."""
    probability, estimated = score_subsets(classifier, text), contributions(explanation)
    negative = bool(classifier.is_negative(probability[-1:])[0])
    of_answer, towards = (probability, estimated) if negative else (1 - probability, -estimated)
    most_first = np.argsort(-towards, kind="stable").tolist()
    return Checked(
        text=text,
        log_odds=float(logit(probability[-1:])[0]),
        negative=negative,
        exact=shapley_values(logit(probability)),
        estimated=estimated,
        comprehensiveness=removal(of_answer, most_first),
        sufficiency=removal(of_answer, most_first[::-1]),
    )


def contributions(explanation: Explanation) -> Values:
    """Return the contribution of each word, shape (words,)."""
    return np.array([word.contribution for word in explanation.contributions])


def score_subsets(classifier: Classifier, text: str) -> Values:
    """Return the probability of a tweet with each subset of its words, shape (2**words,).

    Bit i of the index says whether word i is kept, so that the last one is the whole tweet. Words are removed as they
    are for an explanation, `sentiment.inference.shapley.keep`.
    """
    words = [word.span() for word in WORD.finditer(text)]
    parts = [
        keep(text, words, [word for word in range(len(words)) if subset >> word & 1])
        for subset in range(2 ** len(words))
    ]
    distinct = list(dict.fromkeys(parts))
    probability = dict(zip(distinct, classifier.negative_probability(distinct).tolist(), strict=True))
    return np.array([probability[part] for part in parts])


def shapley_values(values: Values) -> Values:
    """Return the Shapley value of each word, shape (words,), from the value of each subset, shape (2**words,).

    Source: Shapley, A value for n-person games, 1953.
    """
    words = len(values).bit_length() - 1
    subsets = np.arange(len(values))
    sizes = np.array([subset.bit_count() for subset in range(len(values))])
    # The share of the orders of all words that begin with a given subset, followed by a given word.
    share = np.array([1 / (words * math.comb(words - 1, size)) for size in range(words)])
    without = [subsets[subsets >> word & 1 == 0] for word in range(words)]
    return np.array(
        [share[sizes[rest]] @ (values[rest | 1 << word] - values[rest]) for word, rest in enumerate(without)]
    )


def removal(values: Values, order: Sequence[int]) -> float:
    """Return how fast a value falls if words are removed in an order: 1 as in the best order of all, 0 as in the worst.

    Without this normalisation, the figure would depend on the model more than on the explanation. NaN if all orders are
    the same.

    Source: Edin et al., Normalized AOPC: fixing misleading faithfulness metrics for feature attribution explainability,
    2024 (arXiv 2408.08137), with exact bounds (NAOPC exact), found by dynamic programming instead of trying all
    orders: what is left does not depend on the order in which the others were removed.

    Args:
        values: the value of each subset of words, shape (2**words,).
        order: the words, the first one to be removed first.
    """
    left = [len(values) - 1]
    for word in order:
        left.append(left[-1] & ~(1 << word))
    total = math.fsum(values[left[1:]])
    least, most = (bound(values, best) for best in (min, max))
    return (most - total) / (most - least) if most - least > len(order) * np.finfo(float).eps else math.nan


def bound(values: Values, best: Callable[..., float]) -> float:
    """Return the smallest (`best=min`) or largest sum of the values of what is left, over all orders of removal."""
    words = len(values).bit_length() - 1
    listed: list[float] = values.tolist()
    sums = [0.0] * len(values)
    for subset in range(1, len(values)):
        smaller = [subset & ~(1 << word) for word in range(words) if subset >> word & 1]
        sums[subset] = best(listed[rest] + sums[rest] for rest in smaller)
    return sums[-1]


def opposites(checked: Sequence[Checked], mosaics: int) -> list[tuple[str, str, bool]]:
    """Return pairs of tweets with opposite answers, each pair in both orders, those with the clearest answers first.

    Returns:
        The first and the second tweet, and whether the first is the negative one.
    """
    ranked = sorted(checked, key=lambda tweet: -tweet.log_odds)
    negative = [tweet.text for tweet in ranked if tweet.negative]
    positive = [tweet.text for tweet in ranked if not tweet.negative][::-1]
    pairs = zip(negative, positive, strict=False)
    return [mosaic for bad, good in pairs for mosaic in ((bad, good, True), (good, bad, False))][:mosaics]


def mosaic_mass(first: str, second: str, negative_first: bool, classifier: Classifier, explain: Explain) -> float:
    """Return the share of the absolute contributions in a mosaic that have the sign of their half.

    Source: Arias-Duart, Parés, Garcia-Gasulla and Giménez-Ábalos, Focus! Rating XAI methods and finding biases,
    FUZZ-IEEE 2022, for words instead of parts of pictures, and for both answers at once.
    """
    values = contributions(explain(classifier, f"{first} {second}"))
    in_first = np.arange(len(values)) < len(WORD.findall(first))
    right = np.where(in_first == negative_first, values, -values).clip(min=0)
    mass = float(np.abs(values).sum())
    return float(right.sum()) / mass if mass > 0 else math.nan


def correlation(first: Values, second: Values) -> float:
    """Return Pearson's correlation; NaN if one of them is constant."""
    constant = len(first) == 0 or np.ptp(first) == 0 or np.ptp(second) == 0
    return math.nan if constant else float(np.corrcoef(first, second)[0, 1])


def mean(values: Sequence[float]) -> float:
    """Return the mean of the values that are defined; NaN if there are none."""
    defined = [value for value in values if not math.isnan(value)]
    return math.fsum(defined) / len(defined) if defined else math.nan
