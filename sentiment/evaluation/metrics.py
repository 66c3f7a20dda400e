"""Metrics of a classifier, its cheapest threshold, and its uncertain band."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment.inference.arrays import Labels, Probabilities
from sentiment.inference.errors import SettingsError

# For each metric, whether higher is better.
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
# A constant answer can reach 0, the best possible value, in this metric: it cannot rank models.
CONSTANT_IS_PERFECT = "calibration_error"
# Number of equal-sized bins for calibration: with 2,400 tweets, a bin has 240, and the share of negative ones in it is
# known to about 0.03.
CALIBRATION_BINS = 10


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The costs of wrong answers and of a review, in any one unit.

    Attributes:
        missed_negative: the cost of a negative tweet predicted positive: a backlash that goes unnoticed.
        false_alarm: the cost of a positive tweet predicted negative: somebody checks it in vain.
        review: the cost of having a person check a tweet; if it is too high, nothing is sent to review.
    """

    missed_negative: float
    false_alarm: float
    review: float

    def __post_init__(self) -> None:
        """Reject costs that define no threshold or uncertain band."""
        if min(self.missed_negative, self.false_alarm) < 0 or self.missed_negative + self.false_alarm == 0:
            raise SettingsError(
                f"cost.missed_negative={self.missed_negative} and cost.false_alarm={self.false_alarm}: "
                "both must be 0 or more, and at least one above 0."
            )
        if not self.review >= 0:
            raise SettingsError(f"cost.review={self.review}: the cost of a review must be 0 or more.")


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """A classifier's predictions for tweets, shape (n,) each.

    For the tweets that its calibration and threshold were fitted on, `probability` and `called` are out-of-fold
    (`sentiment.evaluation.calibration.cross_fit`), so that no tweet evaluates a fit that it was part of.

    Attributes:
        score: uncalibrated probabilities, for AUC and average precision, which calibration does not change.
        probability: calibrated probabilities.
        called: whether each tweet is predicted negative.
    """

    score: Probabilities
    probability: Probabilities
    called: NDArray[np.bool_]

    @classmethod
    def at(cls, probability: Probabilities, threshold: float) -> "Predictions":
        """Return the predictions of a served model: calibrated probabilities, shape (n,), and its threshold."""
        return cls(score=probability, probability=probability, called=probability >= threshold)

    def __getitem__(self, rows: NDArray[Any]) -> "Predictions":
        """Return the predictions for some of the tweets, selected by mask or index."""
        return Predictions(score=self.score[rows], probability=self.probability[rows], called=self.called[rows])


def expected_cost(negative: Labels, predicted: NDArray[np.bool_], cost: Cost) -> float:
    """Return the cost of predicted labels per 1,000 tweets; both have shape (n,)."""
    missed = np.mean((negative == 1) & ~predicted)
    alarms = np.mean((negative == 0) & predicted)
    return float(1000 * (cost.missed_negative * missed + cost.false_alarm * alarms))


def cheapest_threshold(negative: Labels, probability: Probabilities, cost: Cost) -> float:
    """Return the threshold with the lowest cost; shapes (n,).

    It lies half-way between two neighbouring probabilities, or outside all of them if predicting no tweet (or every
    tweet) negative is cheapest. If several cost the same, returns the one nearest to the optimum for perfectly
    calibrated probabilities, false_alarm / (false_alarm + missed_negative) (Elkan, The foundations of cost-sensitive
    learning, 2001).
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
    """Return the lowest and the highest uncertain probability, or None if no probability is uncertain.

    A review pays off if it costs less than the expected cost of either answer:
    min((1 - p) * false_alarm, p * missed_negative) > review. The band is widened to include the model's threshold,
    which may differ from the one that costs alone would give, so that uncertain tweets lie on both sides of it.

    Source: Chow, On optimum recognition error and reject tradeoff, IEEE Transactions on Information Theory 16, 1970;
    here with unequal costs.
    """
    if cost.missed_negative == 0 or cost.false_alarm == 0:
        return None  # one of the answers is free
    low, high = cost.review / cost.missed_negative, 1 - cost.review / cost.false_alarm
    if low >= high:
        return None
    return min(low, threshold), max(
        high, min(threshold, 1.0)
    )  # with a threshold above 1, nothing is predicted negative


def reliability(negative: Labels, probability: Probabilities, *, bins: int) -> pd.DataFrame:
    """Return the share of negative tweets against the predicted probability, in bins of equal size.

    One row per non-empty bin: `tweets`, `predicted` (mean probability), `observed` (share of negative tweets). Equal
    probabilities share a bin, so there may be fewer and larger bins; shapes (n,).
    """
    edges = np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1])
    rows = pd.DataFrame({"predicted": probability, "negative": negative})
    return rows.groupby(np.searchsorted(edges, probability)).agg(
        tweets=("negative", "size"), predicted=("predicted", "mean"), observed=("negative", "mean")
    )


def calibration_error(negative: Labels, probability: Probabilities, *, bins: int) -> float:
    """Return the expected calibration error: the mean absolute error of `reliability`, weighted by tweets.

    It is never quite 0: in 10 bins of 240 tweets each, chance alone causes about 0.02.

    Source: Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015;
    with bins of equal size, Nixon et al., Measuring calibration in deep learning, CVPR workshops 2019.
    """
    edges = np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1])
    errors = np.bincount(np.searchsorted(edges, probability), weights=probability - negative)
    return float(np.abs(errors).sum() / len(negative))


def score(negative: Labels, predictions: Predictions, cost: Cost) -> dict[str, float]:
    """Return the metrics of predictions for labels of shape (n,).

    `accuracy`, `f1` (of the negative class) and `expected_cost` (per 1,000 tweets) use the predicted labels, all others
    the probabilities. `accuracy_at_half` is for comparison with publications.
    """
    from sklearn import metrics  # takes a second to import, which not all users of this module need

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


def on_target(metric: str, target: str | None) -> str:
    """Return the name of a metric on a target; with None, on the validation split."""
    return metric if target is None else f"{target}_{metric}"


def targets(names: Iterable[str]) -> list[str]:
    """Return the targets that occur in names of metrics, in alphabetical order; see `on_target`."""
    return sorted(name.removesuffix("_roc_auc") for name in names if name.endswith("_roc_auc"))


def best_constant(negative: Labels, metric: str, cost: Cost) -> float:
    """Return the best value of a metric that a constant answer reaches on labels of shape (n,)."""
    share = float(np.mean(negative))
    constant = np.full(len(negative), share)
    values = [score(negative, Predictions.at(constant, threshold), cost)[metric] for threshold in (0.0, 1.1)]
    return max(values) if HIGHER_IS_BETTER[metric] else min(values)


def auc_standard_error(negative: Labels, auc: float) -> float:
    """Return the standard error of a ROC AUC measured on labels of shape (n,).

    Source: Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 143, 1982.
    """
    ones, zeros = int(np.sum(negative == 1)), int(np.sum(negative == 0))
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (ones - 1) * (q1 - auc**2) + (zeros - 1) * (q2 - auc**2)
    return float(np.sqrt(variance / (ones * zeros)))


def chance_of(standard_errors: float) -> float:
    """Return the probability that chance alone causes a gap of at least this many standard errors, in any direction."""
    return math.erfc(abs(standard_errors) / math.sqrt(2))
