"""How sure a figure is: intervals of metrics, and of the lead of one model over another, by the bootstrap.

Two models are compared on the same tweets by the paired bootstrap: which of them leads is asked again for a thousand
sets of tweets, drawn from those at hand. Where authors are known, authors are drawn, each with all of their tweets:
tweets of one author are alike, and drawing them one by one would make intervals too narrow. Where no author has two
tweets, each class is drawn within itself: splits hold the classes in fixed shares.

Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13 (percentile interval);
Berg-Kirkpatrick, Burkett and Klein, An empirical investigation of statistical significance in NLP, EMNLP 2012 (paired);
Robin et al., pROC, BMC Bioinformatics 12, 2011 (classes apart); Field and Welsh, Bootstrapping clustered data, Journal
of the Royal Statistical Society B 69, 2007 (authors).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment.evaluation.metrics import CALIBRATION_BINS, HIGHER_IS_BETTER, Cost, Predictions, calibration_error
from sentiment.inference.arrays import Labels, Probabilities
from sentiment.inference.errors import SettingsError

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
        confidence: level, 0 to 1: the share of such intervals that contain the true figure.
    """

    estimate: float
    low: float
    high: float
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """How tweets are drawn.

    Attributes:
        resamples: how often.
        confidence: level of the intervals, 0 to 1.
        seed: of the draws; two classifiers that are compared see the same ones.
        groups: whose tweet each is, shape (n,); None where nobody is known to have written two.
    """

    resamples: int
    confidence: float
    seed: int
    groups: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        """Refuse what is no number of draws or no confidence level.

        Raises:
            SettingsError: it is not.
        """
        if self.resamples < 1 or not 0 < self.confidence < 1:
            raise SettingsError(
                f"select.resamples={self.resamples} must be 1 or more, and select.confidence={self.confidence} "
                "between 0 and 1."
            )


def lead(
    negative: Labels, first: Predictions, second: Predictions, metric: str, *, cost: Cost, resampling: Resampling
) -> Interval:
    """Return by how much the first classifier does better than the second on the same tweets.

    Above 0 the first is better, whichever way the metric runs.

    Args:
        negative: labels, shape (n,).
        first: of the first classifier.
        second: of the second classifier.
        metric: one of `sentiment.evaluation.metrics.HIGHER_IS_BETTER`.
        cost: what wrong answers cost.
        resampling: how tweets are drawn.

    Raises:
        ValueError: there is no such metric, shapes differ, or the tweets are of one class.
    """
    sign = 1 if HIGHER_IS_BETTER.get(metric) else -1
    of_first, of_second = (statistic(negative, predictions, metric, cost) for predictions in (first, second))
    return bootstrap(negative, lambda drawn: sign * (of_first(drawn) - of_second(drawn)), resampling)


def interval(
    negative: Labels, predictions: Predictions, metric: str, *, cost: Cost, resampling: Resampling
) -> Interval:
    """Return a metric of one classifier with its interval; arguments and errors are those of `lead`.

    The calibration error gets no bounds: a draw is off by chance once more, so all of its figures would be too high.
    """
    measure = statistic(negative, predictions, metric, cost)
    if metric == "calibration_error":
        return Interval(estimate=measure(once(negative)), low=math.nan, high=math.nan, confidence=resampling.confidence)
    return bootstrap(negative, measure, resampling)


def intervals(negative: Labels, predictions: Predictions, *, cost: Cost, resampling: Resampling) -> dict[str, Interval]:
    """Return all metrics of one classifier with their intervals; arguments and errors are those of `lead`."""
    return {
        metric: interval(negative, predictions, metric, cost=cost, resampling=resampling) for metric in HIGHER_IS_BETTER
    }


def gap_in_standard_errors(
    first: tuple[Labels, Predictions, Resampling], second: tuple[Labels, Predictions, Resampling], *, cost: Cost
) -> tuple[float, float]:
    """Return the AUC on the first set less that on the second, and the same in standard errors of the difference.

    The sets hold different tweets. The standard errors are those of the draws, so authors count where they are known.
    """
    areas, variances = [], []
    for negative, predictions, resampling in (first, second):
        measure = statistic(negative, predictions, "roc_auc", cost)
        areas.append(measure(once(negative)))
        variances.append(np.var([measure(drawn) for drawn in draws(negative, resampling)]))
    gap, error = areas[0] - areas[1], math.sqrt(sum(variances))
    return gap, (gap / error if error else 0.0)


def bootstrap(negative: Labels, measure: Statistic, resampling: Resampling) -> Interval:
    """Return a statistic of tweets with its percentile interval."""
    confidence = resampling.confidence
    figures = [measure(drawn) for drawn in draws(negative, resampling)]
    low, high = np.quantile(figures, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate=measure(once(negative)), low=float(low), high=float(high), confidence=confidence)


def draws(negative: Labels, resampling: Resampling) -> Iterator[Counts]:
    """Yield how often each tweet is drawn, shape (n,), with replacement.

    As many tweets of each class as there are, or as many authors; a draw of authors who wrote tweets of one class only
    is drawn again.
    """
    random = np.random.default_rng(resampling.seed)
    codes = None if resampling.groups is None else codes_of(resampling.groups)
    authors = 0 if codes is None else int(codes.max()) + 1
    if codes is None or authors == len(negative):
        classes = [np.flatnonzero(negative == label) for label in (0, 1)]
        for _ in range(resampling.resamples):
            drawn = np.concatenate([random.choice(rows, len(rows)) for rows in classes])
            yield np.bincount(drawn, minlength=len(negative))
        return
    for _ in range(resampling.resamples):
        while True:
            often = np.bincount(random.integers(authors, size=authors), minlength=authors)[codes]
            if 0 < (often * negative).sum() < often.sum():
                break
        yield often


def codes_of(groups: NDArray[Any]) -> NDArray[np.int64]:
    """Return a number for the author of each tweet, shape (n,), from 0; a tweet of unknown author has its own."""
    codes = pd.factorize(pd.Series(groups).replace("", None))[0].astype(np.int64)
    unknown = codes == -1
    codes[unknown] = codes.max(initial=-1) + 1 + np.arange(unknown.sum())
    return codes


def once(negative: Labels) -> Counts:
    """Return that each tweet is drawn once, shape (n,)."""
    return np.ones(len(negative), dtype=np.int64)


def statistic(negative: Labels, predictions: Predictions, metric: str, cost: Cost) -> Statistic:
    """Return what computes a metric of drawn tweets, over ten times faster than `sentiment.evaluation.metrics.score`.

    A metric depends on no more than how many negative and positive tweets have each score, each probability, or are
    called negative. These are sorted once; each draw is then counted.

    Raises:
        ValueError: there is no such metric, shapes differ, or the tweets are of one class.
    """
    if metric not in HIGHER_IS_BETTER:
        raise ValueError(f"Unknown metric {metric}; choose one of {', '.join(HIGHER_IS_BETTER)}.")
    if negative.shape != predictions.probability.shape:
        raise ValueError(
            f"Labels of shape {negative.shape}, probabilities of {predictions.probability.shape}: give the same tweets."
        )
    if negative.min() == negative.max():
        raise ValueError(f"All {len(negative):,} tweets are of one class: intervals need tweets of both.")
    source = {"roc_auc": "score", "average_precision": "score", "accuracy": "called", "f1": "called"}
    values = getattr(predictions, {**source, "expected_cost": "called"}.get(metric, "probability"))
    level, place = np.unique(values.astype(np.float64), return_inverse=True)
    measure = measure_of(metric, level, cost)

    def of(drawn: Counts) -> float:
        ones = np.bincount(place, drawn * negative, len(level))
        zeros = np.bincount(place, drawn, len(level)) - ones
        return measure(ones, zeros)

    return of


def measure_of(metric: str, level: Probabilities, cost: Cost) -> Callable[[Counts, Counts], float]:
    """Return the metric as a function of how many negative and positive tweets have each level, shapes (k,).

    Args:
        metric: one of `sentiment.evaluation.metrics.HIGHER_IS_BETTER`.
        level: the distinct scores or probabilities, ascending, shape (k,); of what is called negative, 0 and 1.
        cost: what wrong answers cost.
    """
    called = level == 1
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
