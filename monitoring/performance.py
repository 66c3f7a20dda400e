"""How good a classifier is on tweets without labels, estimated from its calibrated probabilities.

If of the tweets given a probability of 0.8 really 8 in 10 are negative, then the expected number of correct answers
follows from the probabilities, and so does the expected area under the ROC curve: a tweet counts as negative with its
probability p, as positive with 1 - p. Source: confidence-based performance estimation, CBPE (Białek et al., Estimating
model performance under covariate shift without labels, 2024, arXiv 2401.08348).

Both depend on the calibration. What it is wrong by on labelled tweets, the reference, is measured there and added. It
stays right on other tweets only if the same text has the same chance of being negative (covariate shift), and if
the reference has tweets of the same kind. Without labels, nobody can know that (Garg et al., Leveraging unlabeled data
to predict out-of-distribution performance, ICLR 2022). So the caller must not trust an estimate for tweets that have
drifted, nor one whose margin of error is larger than the change in question.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Worse = Literal["yes", "no", "cannot tell"]
METRICS = ("roc_auc", "accuracy")


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Tweets with a classifier's answers.

    Attributes:
        probability: the calibrated probability of negative, shape (n,).
        called: whether the answer is negative, shape (n,), 0 or 1.
        negative: the labels, 0 or 1, shape (n,); None if they are unknown.
    """

    probability: Numbers
    called: Numbers
    negative: Numbers | None


@dataclass(frozen=True, kw_only=True)
class Quality:
    """A metric on current tweets, measured or estimated, and its difference from the reference.

    Attributes:
        metric: one of METRICS.
        value: the metric, with its confidence interval `low` to `high`.
        reference: the metric on the reference, measured.
        difference: `value` - `reference`, with its interval `difference_low` to `difference_high`.
        deviation: by how much probabilities alone underestimate the metric on the reference (measured - expected).
        margin: of an estimate: labels of the same tweets would show a value within `value` +- `margin`, with the
            confidence of the intervals, if the assumptions hold. Of a measured metric: 0.
    """

    metric: str
    value: float
    low: float
    high: float
    reference: float
    difference: float
    difference_low: float
    difference_high: float
    deviation: float
    margin: float


def auc(score: Numbers, negative: Numbers, positive: Numbers) -> float:
    """Return the area under the ROC curve of tweets that are of both classes in part; NaN if a class is empty.

    Args:
        score: the higher, the more negative, shape (n,).
        negative: how much each tweet counts as negative: its label, or its probability; times a weight, if any.
        positive: how much it counts as positive.
    """
    order = np.argsort(score, kind="stable")
    return auc_of_sorted(negative[order], positive[order], starts_of(score[order]))


def starts_of(score: Numbers) -> NDArray[np.int64]:
    """Return where, in sorted scores, each run of equal ones starts."""
    return np.flatnonzero(np.diff(score, prepend=np.nan) != 0)


def auc_of_sorted(negative: Numbers, positive: Numbers, starts: NDArray[np.int64]) -> float:
    """Return the area under the ROC curve of tweets in ascending order of their scores; see `auc`.

    A tweet that is partly negative and partly positive is not compared with itself.
    """
    per_run, below = np.add.reduceat(negative, starts), np.add.reduceat(positive, starts)
    won = per_run @ (np.cumsum(below) - below / 2)
    itself = negative @ positive
    pairs = negative.sum() * positive.sum() - itself
    return float((won - itself / 2) / pairs) if pairs > 0 else float("nan")


def expected(scored: Scored) -> dict[str, float]:
    """Return the metrics that the probabilities promise, whatever the labels."""
    p = scored.probability
    return {"roc_auc": auc(p, p, 1 - p), "accuracy": float(chance_of_correct(scored).mean())}


def measured(scored: Scored) -> dict[str, float]:
    """Return the metrics by the labels, which must be known."""
    assert scored.negative is not None
    correct = scored.called == scored.negative
    return {"roc_auc": auc(scored.probability, scored.negative, 1 - scored.negative), "accuracy": float(correct.mean())}


def chance_of_correct(scored: Scored) -> Numbers:
    """Return for each tweet the probability that its answer is right, given its calibrated probability."""
    return np.where(scored.called == 1, scored.probability, 1 - scored.probability)


def assess(
    reference: Scored, current: Scored, *, by_labels: bool, resamples: int, confidence: float, seed: int
) -> list[Quality]:
    """Return each metric on current tweets and its change: by their labels, or estimated without them.

    An estimate is what the probabilities promise plus their deviation on the reference. Intervals: percentile bootstrap
    of both samples (Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13).

    Args:
        reference: labelled tweets of the kind that the classifier was calibrated on.
        current: the tweets in question.
        by_labels: whether to measure by the labels of the current tweets, or to estimate.
        resamples: the number of resamples.
        confidence: the confidence level of the intervals, 0 to 1.
        seed: the seed.
    """
    drawn = resampled(reference, resamples=resamples, seed=seed)
    drawn_current = resampled(current, resamples=resamples, seed=seed + 1)
    imagined = None if by_labels else with_imagined_labels(current, resamples=resamples, seed=seed + 2)
    rows, bounds = [], [(1 - confidence) / 2, (1 + confidence) / 2]
    for metric in METRICS:
        by, promised = measured(reference)[metric], expected(reference)[metric]
        of_by, of_promised = drawn[f"measured_{metric}"], drawn[f"expected_{metric}"]
        if by_labels:
            value, of_value = measured(current)[metric], drawn_current[f"measured_{metric}"]
        else:
            value = expected(current)[metric] + by - promised
            of_value = drawn_current[f"expected_{metric}"] + of_by - of_promised
        margin = 0.0
        if imagined is not None:
            errors = imagined[metric] - expected(current)[metric] - (of_by - of_promised) + (by - promised)
            margin = float(np.nanquantile(np.abs(errors), confidence))
        low, high = np.nanquantile(of_value, bounds)
        difference_low, difference_high = np.nanquantile(of_value - of_by, bounds)
        rows.append(
            Quality(
                metric=metric,
                value=min(1.0, value),
                low=float(low),
                high=min(1.0, float(high)),
                reference=by,
                difference=value - by,
                difference_low=float(difference_low),
                difference_high=float(difference_high),
                deviation=by - promised,
                margin=margin,
            )
        )
    return rows


def resampled(scored: Scored, *, resamples: int, seed: int) -> dict[str, Numbers]:
    """Return the metrics of resampled tweets: `expected_<metric>`, and `measured_<metric>` if there are labels.

    Each has shape (resamples,); an area is NaN where a class was not drawn.
    """
    random, order = np.random.default_rng(seed), np.argsort(scored.probability, kind="stable")
    p, sure, count = scored.probability[order], chance_of_correct(scored)[order], len(order)
    starts, labels = starts_of(p), None if scored.negative is None else scored.negative[order]
    called, rows = scored.called[order], []
    for _ in range(resamples):
        times = np.bincount(random.integers(0, count, count), minlength=count).astype(np.float64)
        drawn = {
            "expected_roc_auc": auc_of_sorted(times * p, times * (1 - p), starts),
            "expected_accuracy": times @ sure / count,
        }
        if labels is not None:
            drawn["measured_roc_auc"] = auc_of_sorted(times * labels, times * (1 - labels), starts)
            drawn["measured_accuracy"] = times @ (called == labels) / count
        rows.append(drawn)
    return {name: np.array([drawn[name] for drawn in rows]) for name in rows[0]}


def with_imagined_labels(scored: Scored, *, resamples: int, seed: int) -> dict[str, Numbers]:
    """Return the metrics, shape (resamples,) each, of the same tweets with labels drawn from their probabilities."""
    random, p = np.random.default_rng(seed), scored.probability
    draws = ((random.random(len(p)) < p).astype(np.float64) for _ in range(resamples))
    rows = [measured(Scored(probability=p, called=scored.called, negative=labels)) for labels in draws]
    return {metric: np.array([row[metric] for row in rows]) for metric in METRICS}


def worse(qualities: list[Quality], *, max_drop: float) -> Worse:
    """Return whether a classifier is worse than on the reference, by any metric.

    `yes` if a metric is certainly lower, and by `max_drop` at least; `no` if no metric can be lower by that much;
    `cannot tell` in between, which more tweets may settle.
    """
    if any(each.difference_high < 0 and each.difference <= -max_drop for each in qualities):
        return "yes"
    return "no" if all(each.difference_low > -max_drop for each in qualities) else "cannot tell"
