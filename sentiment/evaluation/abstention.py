"""Abstention: the probabilities at which an answer is reliable, so that few of the answers given are wrong."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from sentiment.inference.arrays import Labels, Probabilities
from sentiment.inference.errors import SettingsError
from sentiment.inference.probabilities import Reliability

# Bounds to test for each of the two answers, from strict to loose, and places in this sequence to start from: with one
# start, a single error among the most confident answers could end the search.
BOUNDS, STARTS = 50, 3


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What is promised of each kind of answer, negative and positive.

    Attributes:
        max_error: the largest share of wrong answers, above 0 and below 1.
        confidence: the probability that both bounds keep the promise, above 0 and below 1.
    """

    max_error: float
    confidence: float

    def __post_init__(self) -> None:
        """Reject values that promise nothing."""
        for name in ("max_error", "confidence"):
            if not 0 < getattr(self, name) < 1:
                raise SettingsError(f"reliable.{name}={getattr(self, name)}: must be above 0 and below 1.")


def find(negative: Labels, probability: Probabilities, threshold: float, promise: Promise) -> Reliability:
    """Find the bounds that answer most tweets while keeping the promise.

    Conformal prediction sets bound the share of errors among all tweets. Here it is bounded among the tweets that are
    answered, for each of the two answers, by testing bounds from strict to loose (fixed sequence). If none passes, for
    instance because there are too few tweets, the answer is never reliable.

    Source: Angelopoulos, Bates, Candès, Jordan and Lei, Learn then test: calibrating predictive algorithms to achieve
    risk control, Annals of Applied Statistics 19, 2025, with the exact binomial test; the sequence as in MAPIE.

    Args:
        negative: labels, shape (n,).
        probability: calibrated probabilities, shape (n,).
        threshold: the lowest probability that counts as negative.
        promise: the largest share of errors.
    """
    called = probability >= threshold
    at_least = lowest_bound(negative[called], probability[called], promise)
    at_most = lowest_bound(1 - negative[~called], 1 - probability[~called], promise)
    return Reliability(
        negative_from=at_least,
        positive_to=None if at_most is None else 1 - at_most,
        max_error=promise.max_error,
        confidence=promise.confidence,
    )


def lowest_bound(correct: Labels, confidence: Probabilities, promise: Promise) -> float | None:
    """Return the lowest confidence from which answers keep the promise, or None.

    Args:
        correct: 1 for each correct answer, shape (n,).
        confidence: the probability of the answer, shape (n,).
        promise: the largest share of errors.
    """
    from mapie.risk_control import FWERFixedSequenceTesting, control_fwer  # takes a second to import

    if not len(correct):
        return None
    risk = (1 - promise.confidence) / 2  # half for each of the two answers
    # Bounds and sizes depend on the confidence only, not on whether answers are correct, so the tests stay valid.
    bounds = np.unique(np.quantile(confidence, np.linspace(0, 1, BOUNDS, endpoint=False), method="lower"))[::-1]
    answered = confidence >= bounds[:, np.newaxis]
    large_enough = (1 - promise.max_error) ** answered.sum(1) <= risk / STARTS  # without errors, the test would pass
    bounds, answered = bounds[large_enough], answered[large_enough]
    if not len(bounds):
        return None
    p_values = binom.cdf((answered & (correct == 0)).sum(1), answered.sum(1), promise.max_error)
    passed = control_fwer(p_values, risk, FWERFixedSequenceTesting(n_starts=min(STARTS, len(bounds))))
    return float(bounds[passed].min()) if len(passed) else None


def table(negative: Labels, called: NDArray[np.bool_], reliable: NDArray[np.bool_]) -> pd.DataFrame:
    """Return how the promise was kept, one row for each kind of answer.

    Args:
        negative: labels, shape (n,).
        called: whether each tweet was predicted negative, shape (n,).
        reliable: whether each answer was called reliable, shape (n,).

    Returns:
        Columns `answer`, `tweets` (with that answer), `reliable` (those whose answer was called reliable), `wrong`
        (those of them whose answer is wrong), `error` (wrong / reliable, NaN without reliable answers).
    """
    wrong = called != (negative == 1)
    rows = [
        {
            "answer": answer,
            "tweets": int(given.sum()),
            "reliable": int((given & reliable).sum()),
            "wrong": int((given & reliable & wrong).sum()),
        }
        for answer, given in (("negative", called), ("positive", ~called))
    ]
    counts = pd.DataFrame(rows)
    return counts.assign(error=counts["wrong"] / counts["reliable"])
