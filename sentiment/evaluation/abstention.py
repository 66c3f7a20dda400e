"""Abstention: the probabilities at which an answer is reliable, so that few of the answers given are wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom, binomtest

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
        negative_share: the lowest and the highest share of negative tweets for which it holds, above 0 and below 1.
    """

    max_error: float
    confidence: float
    negative_share: Sequence[float]

    def __post_init__(self) -> None:
        """Reject values that promise nothing."""
        for name in ("max_error", "confidence"):
            if not 0 < getattr(self, name) < 1:
                raise SettingsError(f"reliable.{name}={getattr(self, name)}: must be above 0 and below 1.")
        shares = list(self.negative_share)
        if len(shares) != 2 or not 0 < shares[0] <= shares[1] < 1:
            raise SettingsError(
                f"reliable.negative_share={shares}: set the lowest and the highest share, both above 0 and below 1."
            )


def find(negative: Labels, probability: Probabilities, threshold: float, promise: Promise) -> Reliability:
    """Find the bounds that answer most tweets while keeping the promise.

    Conformal prediction sets bound the share of errors among all tweets. Here it is bounded among the tweets that are
    answered, for each of the two answers, by testing bounds from strict to loose (fixed sequence). If none passes, for
    instance because there are too few tweets, the answer is never reliable.

    The promise holds under label shift: while the share of negative tweets is within `promise.negative_share`, and the
    tweets of each class are like those of validation. Wrong `negative` answers are positive tweets, so they are most
    frequent at the lowest share, wrong `positive` answers at the highest.

    Source: Angelopoulos, Bates, Candès, Jordan and Lei, Learn then test: calibrating predictive algorithms to achieve
    risk control, Annals of Applied Statistics 19, 2025, with the exact binomial test; the sequence as in MAPIE. Label
    shift: Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to new a priori probabilities,
    Neural Computation 14, 2002.

    Args:
        negative: labels, shape (n,).
        probability: calibrated probabilities, shape (n,).
        threshold: the lowest probability that counts as negative.
        promise: the largest share of errors.
    """
    called, share = probability >= threshold, float(negative.mean())
    low, high = promise.negative_share
    at_least = at_most = None
    if 0 < share < 1:
        error = error_at(1 - share, promise.max_error, 1 - low)
        at_least = lowest_bound(negative[called], probability[called], error, promise.confidence)
        error = error_at(share, promise.max_error, high)
        at_most = lowest_bound(1 - negative[~called], 1 - probability[~called], error, promise.confidence)
    return Reliability(
        negative_from=at_least,
        positive_to=None if at_most is None else 1 - at_most,
        max_error=promise.max_error,
        confidence=promise.confidence,
        negative_share=(low, high),
    )


def error_at(share: float, max_error: float, other_share: float) -> float:
    """Return the share of wrong answers that becomes `max_error` if a class becomes more or less frequent.

    The odds that an answer is wrong are proportional to those of the class that is answered wrongly.

    Args:
        share: the share of tweets of that class.
        max_error: the largest share of wrong answers.
        other_share: the share of the class at which it is to be kept.
    """
    odds = max_error / (1 - max_error) * share / (1 - share) * (1 - other_share) / other_share
    return odds / (1 + odds)


def lowest_bound(
    correct: Labels, answer_probability: Probabilities, max_error: float, confidence: float
) -> float | None:
    """Return the lowest probability from which at most `max_error` of the answers are wrong, or None.

    Args:
        correct: 1 for each correct answer, shape (n,).
        answer_probability: the probability of the answer, shape (n,).
        max_error: the largest share of wrong answers.
        confidence: the probability that the bounds of both answers keep it.
    """
    from mapie.risk_control import FWERFixedSequenceTesting, control_fwer  # takes a second to import

    if not len(correct):
        return None
    risk = (1 - confidence) / 2  # half for each of the two answers
    # Bounds and sizes depend on the probability only, not on whether answers are correct, so the tests stay valid.
    bounds = np.unique(np.quantile(answer_probability, np.linspace(0, 1, BOUNDS, endpoint=False), method="lower"))[::-1]
    answered = answer_probability >= bounds[:, np.newaxis]
    large_enough = (1 - max_error) ** answered.sum(1) <= risk / STARTS  # without errors, the test would pass
    bounds, answered = bounds[large_enough], answered[large_enough]
    if not len(bounds):
        return None
    p_values = binom.cdf((answered & (correct == 0)).sum(1), answered.sum(1), max_error)
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


def judge(counts: pd.DataFrame, reliability: Reliability, negative_share: float, confidence: float) -> pd.DataFrame:
    """Return whether the promise is kept on labelled tweets, one row for each kind of answer.

    The promise has limits of the share of negative tweets, and each answer has a worst one. Beyond it nothing is
    promised; the error is then converted to that limit (`error_at`), so that the promise can be judged anyway.

    Args:
        counts: the result of `table` on these tweets.
        reliability: the bounds of reliable answers, with the promise.
        negative_share: the share of negative tweets among these, above 0 and below 1.
        confidence: the confidence level of the intervals, 0 to 1.

    Returns:
        The columns of `counts`, and `error_low` and `error_high` (exact: Clopper and Pearson, The use of confidence or
        fiducial limits illustrated in the case of the binomial, Biometrika 26, 1934); `promised` (bool), whether the
        share is on the right side of the answer's worst limit; `judged`, `judged_low` and `judged_high`, the same as
        the error where it is promised, otherwise the error at the limit; `verdict`: kept (even the upper bound is at
        most `reliability.max_error`), broken (even the lower bound is above it), undecided, or no reliable answers.
    """
    low, high = reliability.negative_share
    wrong_class = {"negative": (1 - negative_share, 1 - low), "positive": (negative_share, high)}
    rows = []
    for row in counts.to_dict("records"):
        share, limit = wrong_class[row["answer"]]
        promised = share <= limit
        values = dict.fromkeys(("error_low", "error_high", "judged", "judged_low", "judged_high"), np.nan)
        verdict = "no reliable answers"
        if row["reliable"]:
            bounds = binomtest(row["wrong"], row["reliable"]).proportion_ci(confidence, method="exact")
            errors = [float(row["error"]), float(bounds.low), float(bounds.high)]
            judged = errors if promised else [converted(error, share, limit) for error in errors]
            values = dict(zip(values, [*errors[1:], *judged], strict=True))
            verdict = "undecided"
            if judged[2] <= reliability.max_error:
                verdict = "kept"
            elif judged[1] > reliability.max_error:
                verdict = "broken"
        rows.append({**values, "promised": promised, "verdict": verdict})
    return counts.join(pd.DataFrame(rows, index=counts.index))


def converted(error: float, share: float, other_share: float) -> float:
    """Return what a share of wrong answers becomes if the class that is answered wrongly has another share."""
    return 1.0 if error == 1 else error_at(other_share, error, share)
