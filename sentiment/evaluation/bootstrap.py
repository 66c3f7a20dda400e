"""Bootstrap confidence intervals of metrics, and of one model's lead over another.

Two models are compared on the same tweets with the paired bootstrap, over a thousand resamples of these tweets. If
authors are known, authors are resampled, each with all of their tweets: an author's tweets are alike, and resampling
single tweets would make intervals too narrow. If no author has two tweets, tweets are resampled within each class,
because the splits are stratified by class.

Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13 (percentile interval);
Berg-Kirkpatrick, Burkett and Klein, An empirical investigation of statistical significance in NLP, EMNLP 2012 (paired);
Robin et al., pROC, BMC Bioinformatics 12, 2011 (stratified by class); Field and Welsh, Bootstrapping clustered data,
Journal of the Royal Statistical Society B 69, 2007 (authors).
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
# From the number of times each tweet is drawn, shape (n,), to the value of a metric.
Statistic = Callable[[Counts], float]
# Probabilities are clipped this far from 0 and 1 before taking logarithms, as in scikit-learn.
PROBABILITY_CLIP = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A metric with its confidence interval.

    Attributes:
        estimate: the value on the original tweets.
        low: the lower bound; NaN if there is none.
        high: the upper bound; NaN if there is none.
        confidence: the confidence level, 0 to 1: the share of such intervals that contain the true value.
    """

    estimate: float
    low: float
    high: float
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """How to resample tweets.

    Attributes:
        resamples: the number of resamples.
        confidence: the confidence level of the intervals, 0 to 1.
        seed: the seed; two classifiers that are compared get the same resamples.
        groups: the author of each tweet, shape (n,); None if no author is known to have two tweets.
    """

    resamples: int
    confidence: float
    seed: int
    groups: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        """Reject an invalid number of resamples or confidence level.

        Raises:
            SettingsError: one of them is invalid.
        """
        if self.resamples < 1 or not 0 < self.confidence < 1:
            raise SettingsError(
                f"select.resamples={self.resamples} must be 1 or more, and select.confidence={self.confidence} "
                "between 0 and 1."
            )


def lead(
    negative: Labels, first: Predictions, second: Predictions, metric: str, *, cost: Cost, resampling: Resampling
) -> Interval:
    """Return the lead of the first classifier over the second on the same tweets: how much better it is.

    The lead is above 0 if the first is better, also for metrics that are better when lower.

    Args:
        negative: labels, shape (n,).
        first: predictions of the first classifier.
        second: predictions of the second classifier.
        metric: one of `sentiment.evaluation.metrics.HIGHER_IS_BETTER`.
        cost: the costs of wrong answers.
        resampling: how to resample tweets.

    Raises:
        ValueError: the metric is unknown, shapes differ, or all tweets are of one class.
    """
    sign = 1 if HIGHER_IS_BETTER.get(metric) else -1
    first_metric, second_metric = (statistic(negative, predictions, metric, cost) for predictions in (first, second))
    return bootstrap(negative, lambda drawn: sign * (first_metric(drawn) - second_metric(drawn)), resampling)


def interval(
    negative: Labels, predictions: Predictions, metric: str, *, cost: Cost, resampling: Resampling
) -> Interval:
    """Return a metric of one classifier with its interval; arguments and errors are those of `lead`.

    The calibration error gets no bounds: resampling adds noise, so its values on resamples are biased upwards.
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
    """Return the AUC on the first set minus that on the second, and the same in standard errors of the difference.

    The sets contain different tweets. Standard errors come from the bootstrap, so they account for known authors.
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
    values = [measure(drawn) for drawn in draws(negative, resampling)]
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate=measure(once(negative)), low=float(low), high=float(high), confidence=confidence)


def mean_interval(values: NDArray[Any], resampling: Resampling) -> Interval:
    """Return the mean of a value of each tweet, shape (n,), with its percentile interval; authors do not count."""
    random = np.random.default_rng(resampling.seed)
    drawn = random.integers(len(values), size=(resampling.resamples, len(values)))
    confidence = resampling.confidence
    low, high = np.quantile(values[drawn].mean(axis=1), [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate=float(values.mean()), low=float(low), high=float(high), confidence=confidence)


def draws(negative: Labels, resampling: Resampling) -> Iterator[Counts]:
    """Yield, for each resample, the number of times each tweet is drawn, shape (n,).

    Draws with replacement as many tweets of each class, or as many authors, as there are; repeats a draw of authors
    whose tweets are all of one class.
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
            counts = np.bincount(random.integers(authors, size=authors), minlength=authors)[codes]
            if 0 < (counts * negative).sum() < counts.sum():
                break
        yield counts


def codes_of(groups: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of each tweet's author, shape (n,), from 0; a tweet of unknown author gets its own number."""
    codes = pd.factorize(pd.Series(groups).replace("", None))[0].astype(np.int64)
    unknown = codes == -1
    codes[unknown] = codes.max(initial=-1) + 1 + np.arange(unknown.sum())
    return codes


def once(negative: Labels) -> Counts:
    """Return counts of 1 for all tweets, shape (n,): the original tweets."""
    return np.ones(len(negative), dtype=np.int64)


def statistic(negative: Labels, predictions: Predictions, metric: str, cost: Cost) -> Statistic:
    """Return a function from drawn tweets to a metric, over ten times faster than `sentiment.evaluation.metrics.score`.

    A metric only depends on the number of negative and positive tweets with each score, each probability or each
    predicted label. These values are sorted once, and each resample only counts them.

    Raises:
        ValueError: the metric is unknown, shapes differ, or all tweets are of one class.
    """
    if metric not in HIGHER_IS_BETTER:
        raise ValueError(f"Unknown metric {metric}; choose one of {', '.join(HIGHER_IS_BETTER)}.")
    if negative.shape != predictions.probability.shape:
        raise ValueError(
            f"Labels have shape {negative.shape}, probabilities {predictions.probability.shape}: use the same tweets."
        )
    if negative.min() == negative.max():
        raise ValueError(f"All {len(negative):,} tweets are of one class: confidence intervals need both classes.")
    source = {"roc_auc": "score", "average_precision": "score", "accuracy": "called", "f1": "called"}
    values = getattr(predictions, {**source, "expected_cost": "called"}.get(metric, "probability"))
    level, index = np.unique(values.astype(np.float64), return_inverse=True)
    measure = measure_of(metric, level, cost)

    def compute(drawn: Counts) -> float:
        ones = np.bincount(index, drawn * negative, len(level))
        zeros = np.bincount(index, drawn, len(level)) - ones
        return measure(ones, zeros)

    return compute


def measure_of(metric: str, level: Probabilities, cost: Cost) -> Callable[[Counts, Counts], float]:
    """Return a metric as a function of the number of negative and positive tweets at each level, shapes (k,).

    Args:
        metric: one of `sentiment.evaluation.metrics.HIGHER_IS_BETTER`.
        level: the distinct scores or probabilities, ascending, shape (k,); 0 and 1 for predicted labels.
        cost: the costs of wrong answers.
    """
    called = level == 1
    clipped = np.clip(level, PROBABILITY_CLIP, 1 - PROBABILITY_CLIP)
    # For metrics that are means: the contribution of a negative and of a positive tweet at each level.
    means = {
        "accuracy": (called, ~called),
        "accuracy_at_half": (level >= 0.5, level < 0.5),
        "log_loss": (-np.log(clipped), -np.log(1 - clipped)),
        "brier": ((1 - level) ** 2, level**2),
        "expected_cost": (1000 * cost.missed_negative * ~called, 1000 * cost.false_alarm * called),
    }
    other_metrics = {
        "f1": lambda ones, zeros: float(2 * ones[called].sum() / (ones + (ones + zeros) * called).sum()),
        "roc_auc": roc_auc,
        "average_precision": average_precision,
        "calibration_error": lambda ones, zeros: calibration_error(
            *repeated(level, ones, zeros), bins=CALIBRATION_BINS
        ),
    }
    if metric in other_metrics:
        return other_metrics[metric]
    one_value, zero_value = means[metric]
    return lambda ones, zeros: float((ones * one_value + zeros * zero_value).sum() / (ones.sum() + zeros.sum()))


def roc_auc(ones: Counts, zeros: Counts) -> float:
    """Return the probability that a negative tweet ranks above a positive one, ties counting half.

    Shapes (k,): the number of tweets of each class, by ascending probability.

    Source: Mann and Whitney, 1947; Hanley and McNeil, 1982.
    """
    below = np.cumsum(zeros) - zeros / 2
    return float((ones * below).sum() / (ones.sum() * zeros.sum()))


def average_precision(ones: Counts, zeros: Counts) -> float:
    """Return the mean of the precision at each threshold, weighted by the increase in recall.

    Shapes (k,): the number of tweets of each class, by ascending probability.
    """
    true_positives = np.cumsum(ones[::-1])
    called = true_positives + np.cumsum(zeros[::-1])
    return float((ones[::-1] * true_positives / np.maximum(called, 1)).sum() / ones.sum())


def repeated(level: Probabilities, ones: Counts, zeros: Counts) -> tuple[Labels, Probabilities]:
    """Return the labels and probabilities, shapes (n,), that these counts stand for."""
    labels = np.repeat(np.array([1, 0], dtype=np.int8), [int(ones.sum()), int(zeros.sum())])
    return labels, np.repeat(np.concatenate([level, level]), np.concatenate([ones, zeros]).astype(np.int64))


def signed(gap: Interval) -> str:
    """Format a lead: `+0.0041 (95 % interval -0.0020 to +0.0102)`."""
    digits = ".4f" if max(abs(gap.low), abs(gap.high)) < 1 else ".1f"
    return f"{gap.estimate:+{digits}} ({100 * gap.confidence:g} % interval {gap.low:+{digits}} to {gap.high:+{digits}})"
