"""Calibration: whether, and how, the probabilities of a model are calibrated on the validation split."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from sentiment.evaluation.metrics import (
    CALIBRATION_BINS,
    Cost,
    Predictions,
    calibration_error,
    cheapest_threshold,
)
from sentiment.inference.arrays import Labels, Probabilities
from sentiment.inference.classifier import EPSILON, IDENTITY, Calibration, logit

Method = Literal["none", "temperature", "platt"]
# By how many standard errors a method must lower the log loss to be used: what helps less may be chance.
BEYOND_NOISE = 1.0
# Logits that lie no farther apart than this are all the same: a line through them would be drawn by rounding.
SAME = 1e-6


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The calibration that a model is served with, and what it was chosen by.

    Attributes:
        method: its name.
        calibration: the method, fitted on all rows.
        table: one row a method: `method`; `slope` and `intercept` fitted on all rows; and cross-validated `log_loss`,
            `gain` (by how much that is lower than with none), `standard_error` of the gain and `calibration_error`.
    """

    method: Method
    calibration: Calibration
    table: pd.DataFrame


def choose(negative: Labels, probability: Probabilities, *, folds: int, seed: int) -> Chosen:
    """Choose a calibration for probabilities of shape (n,) by cross-validated log loss.

    The method with the lowest loss is taken if it gains more than `BEYOND_NOISE` standard errors; otherwise there is
    none. There is none either where it cannot be judged: with fewer tweets of a class than folds, or where all
    probabilities are equal.
    """
    table = pd.DataFrame([judge(negative, probability, method, folds=folds, seed=seed) for method in get_args(Method)])
    best = table.nsmallest(1, "log_loss").iloc[0]
    if best["gain"] <= BEYOND_NOISE * best["standard_error"]:
        return Chosen(method="none", calibration=IDENTITY, table=table)
    calibration = Calibration(slope=float(best["slope"]), intercept=float(best["intercept"]))
    return Chosen(method=best["method"], calibration=calibration, table=table)


def judge(negative: Labels, probability: Probabilities, method: Method, *, folds: int, seed: int) -> dict[str, Any]:
    """Return the row of a method in the table of `Chosen`."""
    calibration = fit(negative, probability, method)
    calibrated = probability
    if calibration != IDENTITY:
        calibrated = cross_fitted(negative, probability, method, folds=folds, seed=seed)
    losses = log_losses(negative, calibrated)
    gains = log_losses(negative, probability) - losses  # by tweet: most of the noise is in both and goes
    return {
        "method": method,
        **asdict(calibration),
        "log_loss": losses.mean(),
        "gain": gains.mean(),
        "standard_error": gains.std() / np.sqrt(len(gains)),
        "calibration_error": calibration_error(negative, calibrated, bins=CALIBRATION_BINS),
    }


def fit(negative: Labels, probability: Probabilities, method: Method) -> Calibration:
    """Fit a calibration to labels and probabilities of shape (n,) by maximum likelihood.

    Labels are drawn a little to the middle, as by Platt, so that the slope stays finite where a model tells the classes
    apart without a mistake. What would turn the order of probabilities, or cannot be fitted (one class only, all
    probabilities equal), is not used: then probabilities stay as they are.

    Source: Platt, Probabilistic outputs for support vector machines, 1999.
    """
    ones, zeros = int(np.sum(negative == 1)), int(np.sum(negative == 0))
    logits = logit(probability)
    if method == "none" or min(ones, zeros) == 0 or np.ptp(logits) < SAME:
        return IDENTITY
    target = np.where(negative == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    # The likelihood is concave: its best slope is above 0 if it rises from slope 0 on, with the best intercept there.
    rise = np.dot(target - (target.mean() if method == "platt" else 0.5), logits)
    if rise <= SAME * np.abs(logits).sum():
        return IDENTITY
    # scikit-learn takes no labels between 0 and 1: each row stands twice, as 1 and as 0, weighted by its label.
    line = LogisticRegression(C=np.inf, fit_intercept=method == "platt", solver="newton-cholesky").fit(
        np.tile(logits, 2)[:, np.newaxis],
        np.repeat([1, 0], len(probability)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    return Calibration(slope=float(line.coef_[0, 0]), intercept=float(np.ravel(line.intercept_)[0]))


def cross_fitted(
    negative: Labels, probability: Probabilities, method: Method, *, folds: int, seed: int
) -> Probabilities:
    """Return probabilities of shape (n,), each calibrated by a fit to the other folds only.

    With fewer tweets of a class than folds they stay as they are.
    """
    calibrated = probability.copy()
    if np.bincount(negative, minlength=2).min() < folds:
        return calibrated
    for rows, held_out in StratifiedKFold(folds, shuffle=True, random_state=seed).split(probability, negative):
        calibrated[held_out] = fit(negative[rows], probability[rows], method)(probability[held_out])
    return calibrated


def cross_fit(negative: Labels, score: Probabilities, cost: Cost, *, folds: int, seed: int) -> Predictions:
    """Return what a classifier says of the tweets that its calibration and threshold are fitted on, without hindsight.

    The method of calibration, its fit and the cheapest threshold that a tweet is judged by are chosen on the other
    folds. With fewer tweets of a class than folds there is no honest way: all are chosen on all tweets.

    Source: Stone, Cross-validatory choice and assessment of statistical predictions, 1974.

    Args:
        negative: labels, shape (n,).
        score: uncalibrated probabilities, shape (n,).
        cost: what wrong answers cost.
        folds: how many, also of the cross-validation inside each.
        seed: of the cut.
    """
    everything = np.arange(len(negative))
    if np.bincount(negative, minlength=2).min() < folds:
        cuts = [(everything, everything)]
    else:
        cuts = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(score, negative))
    probability, called = np.empty(len(negative)), np.empty(len(negative), dtype=np.bool_)
    for rows, held_out in cuts:
        calibration = choose(negative[rows], score[rows], folds=folds, seed=seed).calibration
        probability[held_out] = calibration(score[held_out])
        called[held_out] = probability[held_out] >= cheapest_threshold(negative[rows], calibration(score[rows]), cost)
    return Predictions(score=score, probability=probability, called=called)


def log_losses(negative: Labels, probability: Probabilities) -> Probabilities:
    """Return the log loss of each tweet, shape (n,), in natural logarithms; finite, even where a model was sure."""
    of_truth: Probabilities = np.where(negative == 1, probability, 1 - probability)
    return -np.log(np.maximum(of_truth, EPSILON))
