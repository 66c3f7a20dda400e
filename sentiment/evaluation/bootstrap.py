"""How sure a figure is: intervals of metrics, and of the lead of one model over another, by the bootstrap.

Two models are compared on the same tweets by the paired bootstrap: which of them leads is asked again for a thousand
sets of tweets, drawn from those at hand. Each class is drawn within itself: splits hold the classes in fixed shares,
and no draw can lack one.

Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13 (percentile interval);
Berg-Kirkpatrick, Burkett and Klein, An empirical investigation of statistical significance in NLP, EMNLP 2012 (paired);
Robin et al., pROC, BMC Bioinformatics 12, 2011 (classes apart).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.metrics import CALIBRATION_BINS, HIGHER_IS_BETTER, Cost, calibration_error
from sentiment.inference.arrays import Labels, Probabilities

Counts = NDArray[np.int64]
# From how often each tweet is drawn, shape (n,), to a figure.
Statistic = Callable[[Counts], float]
# Probabilities are kept so far from 0 and 1 before their logarithm is taken, as scikit-learn keeps them.
ROUNDING = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure, and the interval in which chance may have moved it.

    Attributes:
        estimate: on the tweets as they are.
        low: the lower bound; not a number where there is none.
        high: the upper bound; not a number where there is none.
        confidence: how often such an interval holds the true figure, 0 to 1.
    """

    estimate: float
    low: float
    high: float
    confidence: float


def lead(
    negative: Labels,
    first: Probabilities,
    second: Probabilities,
    metric: str,
    *,
    thresholds: tuple[float, float],
    cost: Cost,
    resamples: int,
    confidence: float,
    seed: int,
) -> Interval:
    """Return by how much the first classifier does better than the second on the same tweets.

    Above 0 the first is better, whichever way the metric runs. Thresholds are taken as given: that they were chosen on
    some tweets, and would have been others on others, does not enter.

    Args:
        negative: labels, shape (n,).
        first: probabilities of the first classifier, shape (n,).
        second: probabilities of the second classifier, shape (n,).
        metric: one of `sentiment.evaluation.metrics.HIGHER_IS_BETTER`.
        thresholds: of the first and of the second classifier.
        cost: what wrong answers cost.
        resamples: how often tweets are drawn.
        confidence: of the interval, 0 to 1.
        seed: of the draws; both classifiers see the same ones.

    Raises:
        ValueError: there is no such metric, shapes differ, the tweets are of one class, or there is no such
            confidence or number of draws.
    """
    sign = 1 if HIGHER_IS_BETTER.get(metric) else -1
    of_first, of_second = (
        statistic(negative, probability, metric, threshold, cost)
        for probability, threshold in zip((first, second), thresholds, strict=True)
    )
    return bootstrap(
        negative,
        lambda drawn: sign * (of_first(drawn) - of_second(drawn)),
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )


def interval(
    negative: Labels,
    probability: Probabilities,
    metric: str,
    *,
    threshold: float,
    cost: Cost,
    resamples: int,
    confidence: float,
    seed: int,
) -> Interval:
    """Return a metric of one classifier with its interval; arguments and errors are those of `lead`.

    The calibration error gets no bounds: a draw is off by chance once more, so all of its figures would be too high.
    """
    measure = statistic(negative, probability, metric, threshold, cost)
    if metric == "calibration_error":
        return Interval(estimate=measure(once(negative)), low=math.nan, high=math.nan, confidence=confidence)
    return bootstrap(negative, measure, resamples=resamples, confidence=confidence, seed=seed)


def intervals(
    negative: Labels,
    probability: Probabilities,
    *,
    threshold: float,
    cost: Cost,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, Interval]:
    """Return all metrics of one classifier with their intervals; arguments and errors are those of `lead`."""
    return {
        metric: interval(
            negative,
            probability,
            metric,
            threshold=threshold,
            cost=cost,
            resamples=resamples,
            confidence=confidence,
            seed=seed,
        )
        for metric in HIGHER_IS_BETTER
    }


def bootstrap(negative: Labels, measure: Statistic, *, resamples: int, confidence: float, seed: int) -> Interval:
    """Return a statistic of tweets with its percentile interval.

    Raises:
        ValueError: there is nothing to draw, or no such confidence.
    """
    if resamples < 1 or not 0 < confidence < 1:
        raise ValueError(
            f"select.resamples={resamples} and select.confidence={confidence}: give a number above 0, and one between "
            "0 and 1."
        )
    figures = [measure(drawn) for drawn in draws(negative, resamples, seed)]
    low, high = np.quantile(figures, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate=measure(once(negative)), low=float(low), high=float(high), confidence=confidence)


def draws(negative: Labels, resamples: int, seed: int) -> Iterator[Counts]:
    """Yield how often each tweet is drawn, shape (n,): as many of each class as there are, with replacement."""
    random = np.random.default_rng(seed)
    classes = [np.flatnonzero(negative == label) for label in (0, 1)]
    for _ in range(resamples):
        drawn = np.concatenate([random.choice(rows, len(rows)) for rows in classes])
        yield np.bincount(drawn, minlength=len(negative))


def once(negative: Labels) -> Counts:
    """Return that each tweet is drawn once, shape (n,)."""
    return np.ones(len(negative), dtype=np.int64)


def statistic(negative: Labels, probability: Probabilities, metric: str, threshold: float, cost: Cost) -> Statistic:
    """Return what computes a metric of drawn tweets, over ten times faster than `sentiment.evaluation.metrics.score`.

    A metric depends on no more than how many negative and positive tweets have each probability. Probabilities are
    sorted once; each draw is then counted.

    Raises:
        ValueError: there is no such metric, shapes differ, or the tweets are of one class.
    """
    if metric not in HIGHER_IS_BETTER:
        raise ValueError(f"{metric} is no metric: take one of {', '.join(HIGHER_IS_BETTER)}.")
    if negative.shape != probability.shape:
        raise ValueError(
            f"Labels of shape {negative.shape}, probabilities of {probability.shape}: give the same tweets."
        )
    if negative.min() == negative.max():
        raise ValueError(f"All {len(negative):,} tweets are of one class: intervals need tweets of both.")
    level, place = np.unique(probability.astype(np.float64), return_inverse=True)
    measure = measure_of(metric, level, threshold, cost)

    def of(drawn: Counts) -> float:
        ones = np.bincount(place, drawn * negative, len(level))
        zeros = np.bincount(place, drawn, len(level)) - ones
        return measure(ones, zeros)

    return of


def measure_of(metric: str, level: Probabilities, threshold: float, cost: Cost) -> Callable[[Counts, Counts], float]:
    """Return the metric as a function of how many negative and positive tweets have each probability, shapes (k,).

    Args:
        metric: one of `sentiment.evaluation.metrics.HIGHER_IS_BETTER`.
        level: the distinct probabilities, ascending, shape (k,).
        threshold: the probability from which on a tweet counts as negative.
        cost: what wrong answers cost.
    """
    called = level >= threshold
    inside = np.clip(level, ROUNDING, 1 - ROUNDING)
    # What a negative and a positive tweet of each probability count for, in metrics that are means.
    means = {
        "accuracy": (called, ~called),
        "accuracy_at_half": (level >= 0.5, level < 0.5),
        "log_loss": (-np.log(inside), -np.log(1 - inside)),
        "brier": ((1 - level) ** 2, level**2),
        "expected_cost": (1000 * cost.missed_negative * ~called, 1000 * cost.false_alarm * called),
    }
    others = {
        "f1": lambda ones, zeros: float(2 * ones[called].sum() / (ones + (ones + zeros) * called).sum()),
        "roc_auc": roc_auc,
        "average_precision": average_precision,
        "calibration_error": lambda ones, zeros: calibration_error(
            *repeated(level, ones, zeros), bins=CALIBRATION_BINS
        ),
    }
    if metric in others:
        return others[metric]
    of_one, of_zero = means[metric]
    return lambda ones, zeros: float((ones * of_one + zeros * of_zero).sum() / (ones.sum() + zeros.sum()))


def roc_auc(ones: Counts, zeros: Counts) -> float:
    """Return the chance that a negative tweet has a higher probability than a positive one, ties counting half.

    Shapes (k,): tweets of each class by ascending probability.

    Source: Mann and Whitney, 1947; Hanley and McNeil, 1982.
    """
    below = np.cumsum(zeros) - zeros / 2
    return float((ones * below).sum() / (ones.sum() * zeros.sum()))


def average_precision(ones: Counts, zeros: Counts) -> float:
    """Return the mean of the precision at each threshold, weighted by what recall gains there.

    Shapes (k,): tweets of each class by ascending probability.
    """
    found = np.cumsum(ones[::-1])
    called = found + np.cumsum(zeros[::-1])
    return float((ones[::-1] * found / np.maximum(called, 1)).sum() / ones.sum())


def repeated(level: Probabilities, ones: Counts, zeros: Counts) -> tuple[Labels, Probabilities]:
    """Return the labels and probabilities, shapes (n,), that were counted."""
    labels = np.repeat(np.array([1, 0], dtype=np.int8), [int(ones.sum()), int(zeros.sum())])
    return labels, np.repeat(np.concatenate([level, level]), np.concatenate([ones, zeros]).astype(np.int64))


def signed(gap: Interval) -> str:
    """Return a lead in words: `+0.0041 (95 % interval -0.0020 to +0.0102)`."""
    digits = ".4f" if max(abs(gap.low), abs(gap.high)) < 1 else ".1f"
    return f"{gap.estimate:+{digits}} ({100 * gap.confidence:g} % interval {gap.low:+{digits}} to {gap.high:+{digits}})"
