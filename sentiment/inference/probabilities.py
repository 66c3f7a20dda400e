"""Probabilities: their calibration, their logits, and those at which an answer is reliable."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.inference.arrays import Probabilities
from sentiment.inference.errors import ClassifierError

# Probabilities are clipped this far from 0 and 1: otherwise a logit could be infinite or outweigh all others.
EPSILON = 1e-12


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Calibrate probabilities: sigmoid(slope * logit(probability) + intercept), natural logarithms.

    Their order is kept. Slope 1 and intercept 0 change nothing; intercept 0 alone is temperature scaling.

    Source: Platt, Probabilistic outputs for support vector machines, 1999; Guo et al., On calibration of modern neural
    networks, 2017.

    Attributes:
        slope: above 1 makes the model more confident, below 1 less; always above 0, or the order would be reversed.
        intercept: above 0 raises every probability.
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        """Reject parameters that do not preserve the order of probabilities."""
        if not (0 < self.slope < math.inf and math.isfinite(self.intercept)):
            raise ClassifierError(
                f"Invalid calibration: slope={self.slope}, intercept={self.intercept}. Both must be finite, and the "
                "slope above 0."
            )

    def __call__(self, probability: Probabilities) -> Probabilities:
        """Return the calibrated probabilities, shape (n,)."""
        if self == IDENTITY:  # skip even the rounding
            return probability
        with np.errstate(over="ignore"):  # 1 / infinity = 0 is the right probability
            odds_against = np.exp(-(self.slope * logit(probability) + self.intercept))
        return 1 / (1 + odds_against)


IDENTITY = Calibration(slope=1.0, intercept=0.0)


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """The probabilities at which an answer is reliable: few of such answers are wrong.

    Attributes:
        negative_from: the lowest probability at which `negative` is reliable; None if it never is.
        positive_to: the highest probability at which `positive` is reliable; None if it never is.
        max_error: the largest share of wrong answers among the reliable ones, for each of the two answers.
        confidence: the probability that this holds for tweets like those that the bounds were found on.
        negative_share: the lowest and the highest share of negative tweets for which it holds: the rarer a class is,
            the more often it is answered wrongly.
    """

    negative_from: float | None
    positive_to: float | None
    max_error: float
    confidence: float
    negative_share: tuple[float, float]

    def __call__(self, probability: Probabilities) -> NDArray[np.bool_]:
        """Return whether each answer is reliable; shapes (n,)."""
        negative_from = math.inf if self.negative_from is None else self.negative_from
        positive_to = -math.inf if self.positive_to is None else self.positive_to
        return (probability >= negative_from) | (probability <= positive_to)


def logit(probability: Probabilities) -> Probabilities:
    """Return log(p / (1 - p)) of probabilities, shape (n,), clipped by `EPSILON` so that all are finite."""
    clipped = np.clip(probability, EPSILON, 1 - EPSILON)
    return np.log(clipped / (1 - clipped))
