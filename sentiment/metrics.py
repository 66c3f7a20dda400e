"""Metrics of a classifier, and the threshold at which it costs least."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

Labels = NDArray[np.int8]
Probabilities = NDArray[np.float64]

# What `score` returns, and whether a model is the better the higher the figure is.
HIGHER_IS_BETTER = {
    "accuracy": True,
    "accuracy_at_half": True,
    "f1": True,
    "roc_auc": True,
    "average_precision": True,
    "log_loss": False,
    "brier": False,
    "expected_cost": False,
}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a wrong answer costs, in any one unit.

    Attributes:
        missed_negative: a negative tweet taken for a positive one: a bad buzz that nobody sees coming.
        false_alarm: a positive tweet taken for a negative one: somebody looks for nothing.
    """

    missed_negative: float
    false_alarm: float

    def __post_init__(self) -> None:
        """Refuse costs with which no threshold means anything."""
        if min(self.missed_negative, self.false_alarm) < 0 or self.missed_negative + self.false_alarm == 0:
            raise ValueError(
                f"cost.missed_negative={self.missed_negative} and cost.false_alarm={self.false_alarm}: "
                "give two numbers, none below 0 and not both 0."
            )


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


def score(negative: Labels, probability: Probabilities, threshold: float, cost: Cost) -> dict[str, float]:
    """Return the metrics of probabilities of shape (n,) against labels of shape (n,).

    `accuracy`, `f1` (of the negative class) and `expected_cost` (per 1,000 tweets) are taken at the threshold, the
    others at all thresholds. `accuracy_at_half` is there to compare with publications, which know no costs.
    """
    predicted = probability >= threshold
    return {
        "accuracy": float(metrics.accuracy_score(negative, predicted)),
        "accuracy_at_half": float(metrics.accuracy_score(negative, probability >= 0.5)),
        "f1": float(metrics.f1_score(negative, predicted, zero_division=0.0)),
        "roc_auc": float(metrics.roc_auc_score(negative, probability)),
        "average_precision": float(metrics.average_precision_score(negative, probability)),
        "log_loss": float(metrics.log_loss(negative, probability, labels=[0, 1])),
        "brier": float(metrics.brier_score_loss(negative, probability)),
        "expected_cost": expected_cost(negative, predicted, cost),
    }


def auc_standard_error(negative: Labels, auc: float) -> float:
    """Return the standard error of a ROC AUC measured on labels of shape (n,).

    Source: Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 143, 1982.
    """
    ones, zeros = int(np.sum(negative == 1)), int(np.sum(negative == 0))
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (ones - 1) * (q1 - auc**2) + (zeros - 1) * (q2 - auc**2)
    return float(np.sqrt(variance / (ones * zeros)))


def gap_in_standard_errors(
    first: tuple[Labels, Probabilities], second: tuple[Labels, Probabilities]
) -> tuple[float, float]:
    """Return the AUC on the first set less that on the second, and the same in standard errors of the difference.

    The sets hold different tweets; each is labels and probabilities of shape (n,).
    """
    areas = [float(metrics.roc_auc_score(*drawn)) for drawn in (first, second)]
    errors = [auc_standard_error(drawn[0], area) for drawn, area in zip((first, second), areas, strict=True)]
    gap = areas[0] - areas[1]
    error = math.hypot(*errors)
    return gap, (gap / error if error else 0.0)
