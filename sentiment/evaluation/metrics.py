"""Metrics of a classifier, the threshold at which it costs least, and the band in which a human should look."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics

from sentiment.inference.arrays import Labels, Probabilities
from sentiment.inference.errors import SettingsError

# Metrics, and whether a model is the better the higher the figure is.
HIGHER_IS_BETTER = {
    "accuracy": True,
    "accuracy_at_half": True,
    "f1": True,
    "roc_auc": True,
    "average_precision": True,
    "log_loss": False,
    "brier": False,
    "calibration_error": False,
    "expected_cost": False,
}
# The best that a classifier which gives every tweet the same probability can reach is 0 here: it cannot rank models.
CONSTANT_IS_PERFECT = "calibration_error"
# Into how many groups of equal size tweets are put to see whether probabilities are right: with 2,400 tweets, the share
# of negative ones in a group of 240 is known to about 0.03.
CALIBRATION_BINS = 10


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a wrong answer costs, and what it costs not to answer alone, in any one unit.

    Attributes:
        missed_negative: a negative tweet taken for a positive one: a bad buzz that nobody sees coming.
        false_alarm: a positive tweet taken for a negative one: somebody looks for nothing.
        review: a human looks at a tweet before it is decided; so dear that it never pays, nobody looks.
    """

    missed_negative: float
    false_alarm: float
    review: float

    def __post_init__(self) -> None:
        """Refuse costs with which no threshold and no band means anything."""
        if min(self.missed_negative, self.false_alarm) < 0 or self.missed_negative + self.false_alarm == 0:
            raise SettingsError(
                f"cost.missed_negative={self.missed_negative} and cost.false_alarm={self.false_alarm}: "
                "give two numbers, none below 0 and not both 0."
            )
        if not self.review >= 0:
            raise SettingsError(f"cost.review={self.review}: give what a human look costs, a number not below 0.")


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a classifier says of tweets, shape (n,) each.

    On the tweets that its calibration and threshold were chosen on, `probability` and `called` come from
    cross-fitting (`sentiment.evaluation.calibration.cross_fit`), so that no tweet judges what was fitted to it.

    Attributes:
        score: uncalibrated probabilities; metrics of the ranking (AUC, average precision) are taken from them, which no
            calibration changes.
        probability: calibrated probabilities.
        called: whether each tweet is called negative.
    """

    score: Probabilities
    probability: Probabilities
    called: NDArray[np.bool_]

    @classmethod
    def at(cls, probability: Probabilities, threshold: float) -> "Predictions":
        """Return the predictions of a served model: calibrated probabilities, shape (n,), and its threshold."""
        return cls(score=probability, probability=probability, called=probability >= threshold)

    def __getitem__(self, rows: NDArray[Any]) -> "Predictions":
        """Return the predictions of some of the tweets, by a mask or by numbers."""
        return Predictions(score=self.score[rows], probability=self.probability[rows], called=self.called[rows])


def expected_cost(negative: Labels, predicted: NDArray[np.bool_], cost: Cost) -> float:
    """Return the cost per 1,000 tweets of predicted labels, both of shape (n,)."""
    missed = np.mean((negative == 1) & ~predicted)
    alarms = np.mean((negative == 0) & predicted)
    return float(1000 * (cost.missed_negative * missed + cost.false_alarm * alarms))


def cheapest_threshold(negative: Labels, probability: Probabilities, cost: Cost) -> float:
    """Return the threshold that minimises the cost of what it calls negative; shapes (n,).

    It lies half-way between two neighbouring probabilities, or beyond the last one where calling none (or all) negative
    is cheapest. Of several that cost the same, the one nearest to the threshold of perfectly calibrated probabilities,
    false_alarm / (false_alarm + missed_negative), is taken (Elkan, The foundations of cost-sensitive learning, 2001).
    """
    steps = np.unique(probability)
    candidates = np.concatenate([[steps[0] / 2], (steps[:-1] + steps[1:]) / 2, [(steps[-1] + 1) / 2 + 1e-9]])
    order = np.argsort(probability)
    ranked = negative[order].astype(np.int64)
    below = np.searchsorted(probability[order], candidates, side="left")
    missed = np.concatenate([[0], np.cumsum(ranked)])[below]
    alarms = np.sum(ranked == 0) - np.concatenate([[0], np.cumsum(1 - ranked)])[below]
    total = cost.missed_negative * missed + cost.false_alarm * alarms
    cheapest = candidates[np.isclose(total, total.min())]
    calibrated = cost.false_alarm / (cost.false_alarm + cost.missed_negative)
    return float(cheapest[np.argmin(np.abs(cheapest - calibrated))])


def uncertain_band(cost: Cost, threshold: float) -> tuple[float, float] | None:
    """Return the lowest and the highest probability at which a human should look, or None if at none.

    A look pays where deciding alone costs more in expectation, whichever way it is decided:
    min((1 - p) * false_alarm, p * missed_negative) > review. A band is widened to hold the threshold of a model, which
    may lie elsewhere than costs alone would put it, so that the doubtful are those on both sides of the decision.

    Source: Chow, On optimum recognition error and reject tradeoff, IEEE Transactions on Information Theory 16, 1970,
    here with unequal costs.
    """
    if cost.missed_negative == 0 or cost.false_alarm == 0:
        return None  # one of the answers is free
    low, high = cost.review / cost.missed_negative, 1 - cost.review / cost.false_alarm
    if low >= high:
        return None
    return min(low, threshold), max(high, min(threshold, 1.0))  # a threshold beyond 1 calls nothing negative


def reliability(negative: Labels, probability: Probabilities, *, bins: int) -> pd.DataFrame:
    """Return how often tweets are negative against how probable that was said to be, in bins of equal size.

    One row a bin that is not empty: `tweets`, `predicted` (mean probability), `observed` (share that is negative).
    Equal probabilities stand in one bin, so there may be fewer and larger ones; shapes (n,).
    """
    edges = np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1])
    rows = pd.DataFrame({"predicted": probability, "negative": negative})
    return rows.groupby(np.searchsorted(edges, probability)).agg(
        tweets=("negative", "size"), predicted=("predicted", "mean"), observed=("negative", "mean")
    )


def calibration_error(negative: Labels, probability: Probabilities, *, bins: int) -> float:
    """Return the expected calibration error: how far `reliability` is off on average, a tweet weighing as a tweet.

    It is never quite 0: in 10 bins of 240 tweets each, chance alone makes about 0.02.

    Source: Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015;
    with bins of equal size, Nixon et al., Measuring calibration in deep learning, CVPR workshops 2019.
    """
    edges = np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1])
    off = np.bincount(np.searchsorted(edges, probability), weights=probability - negative)
    return float(np.abs(off).sum() / len(negative))


def score(negative: Labels, predictions: Predictions, cost: Cost) -> dict[str, float]:
    """Return the metrics of predictions against labels of shape (n,).

    `accuracy`, `f1` (of the negative class) and `expected_cost` (per 1,000 tweets) are those of what is called
    negative, the others of probabilities. `accuracy_at_half` is there to compare with publications.
    """
    probability, called = predictions.probability, predictions.called
    return {
        "accuracy": float(metrics.accuracy_score(negative, called)),
        "accuracy_at_half": float(metrics.accuracy_score(negative, probability >= 0.5)),
        "f1": float(metrics.f1_score(negative, called, zero_division=0.0)),
        "roc_auc": float(metrics.roc_auc_score(negative, predictions.score)),
        "average_precision": float(metrics.average_precision_score(negative, predictions.score)),
        "log_loss": float(metrics.log_loss(negative, probability, labels=[0, 1])),
        "brier": float(metrics.brier_score_loss(negative, probability)),
        "calibration_error": calibration_error(negative, probability, bins=CALIBRATION_BINS),
        "expected_cost": expected_cost(negative, called, cost),
    }


def best_constant(negative: Labels, metric: str, cost: Cost) -> float:
    """Return the best value of a metric that one and the same answer to every tweet reaches on labels of shape (n,)."""
    share = float(np.mean(negative))
    everywhere = np.full(len(negative), share)
    reached = [score(negative, Predictions.at(everywhere, threshold), cost)[metric] for threshold in (0.0, 1.1)]
    return max(reached) if HIGHER_IS_BETTER[metric] else min(reached)


def auc_standard_error(negative: Labels, auc: float) -> float:
    """Return the standard error of a ROC AUC measured on labels of shape (n,).

    Source: Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 143, 1982.
    """
    ones, zeros = int(np.sum(negative == 1)), int(np.sum(negative == 0))
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (ones - 1) * (q1 - auc**2) + (zeros - 1) * (q2 - auc**2)
    return float(np.sqrt(variance / (ones * zeros)))


def chance_of(standard_errors: float) -> float:
    """Return the probability that chance alone makes a gap of at least so many standard errors, in either direction."""
    return math.erfc(abs(standard_errors) / math.sqrt(2))
