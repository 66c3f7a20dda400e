"""Calibration: choose whether and how to calibrate a model's probabilities, on the validation split."""

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
from sentiment.inference.probabilities import EPSILON, IDENTITY, Calibration, logit

Method = Literal["none", "temperature", "platt"]
# A method must lower the log loss by this many standard errors to be used: less may be chance.
BEYOND_NOISE = 1.0
# Logits within this range are treated as equal: a fit to them would only reflect rounding errors.
EQUAL_LOGITS = 1e-6


@dataclass(frozen=True, kw_only=True)
class CalibrationChoice:
    """The calibration that a model is served with, and the comparison that it was chosen by.

    Attributes:
        method: the name of the method.
        calibration: the method, fitted on all rows.
        table: one row per method: `method`; `slope` and `intercept` fitted on all rows; and cross-validated `log_loss`,
            its `gain` over no calibration, the `standard_error` of the gain, and `calibration_error`.
    """

    method: Method
    calibration: Calibration
    table: pd.DataFrame


def choose(negative: Labels, probability: Probabilities, *, folds: int, seed: int) -> CalibrationChoice:
    """Choose a calibration for probabilities of shape (n,) by cross-validated log loss.

    Takes the method with the lowest loss if its gain exceeds `BEYOND_NOISE` standard errors, otherwise none. Also takes
    none if there is no basis for a choice: fewer tweets of a class than folds, or equal probabilities only.
    """
    table = pd.DataFrame(
        [compare(negative, probability, method, folds=folds, seed=seed) for method in get_args(Method)]
    )
    best = table.nsmallest(1, "log_loss").iloc[0]
    if best["gain"] <= BEYOND_NOISE * best["standard_error"]:
        return CalibrationChoice(method="none", calibration=IDENTITY, table=table)
    calibration = Calibration(slope=float(best["slope"]), intercept=float(best["intercept"]))
    return CalibrationChoice(method=best["method"], calibration=calibration, table=table)


def compare(negative: Labels, probability: Probabilities, method: Method, *, folds: int, seed: int) -> dict[str, Any]:
    """Return a method's row in the table of `CalibrationChoice`."""
    calibration = fit(negative, probability, method)
    calibrated = probability
    if calibration != IDENTITY:
        calibrated = cross_fitted(negative, probability, method, folds=folds, seed=seed)
    losses = log_losses(negative, calibrated)
    gains = log_losses(negative, probability) - losses  # per tweet: most of the noise is common to both and cancels out
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

    As in Platt's paper, labels are moved slightly towards the middle, so that the slope stays finite even if the model
    separates the classes perfectly. Returns the identity if the fit would reverse the order of probabilities or is
    impossible (only one class, or equal probabilities only).

    Source: Platt, Probabilistic outputs for support vector machines, 1999.
    """
    ones, zeros = int(np.sum(negative == 1)), int(np.sum(negative == 0))
    logits = logit(probability)
    if method == "none" or min(ones, zeros) == 0 or np.ptp(logits) < EQUAL_LOGITS:
        return IDENTITY
    target = np.where(negative == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    # The likelihood is concave, so the best slope is above 0 if it rises at slope 0, given the best intercept there.
    rise = np.dot(target - (target.mean() if method == "platt" else 0.5), logits)
    if rise <= EQUAL_LOGITS * np.abs(logits).sum():
        return IDENTITY
    # scikit-learn needs labels of 0 or 1: each row occurs twice, as 1 and as 0, weighted by its label.
    line = LogisticRegression(C=np.inf, fit_intercept=method == "platt", solver="newton-cholesky").fit(
        np.tile(logits, 2)[:, np.newaxis],
        np.repeat([1, 0], len(probability)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    return Calibration(slope=float(line.coef_[0, 0]), intercept=float(np.ravel(line.intercept_)[0]))


def cross_fitted(
    negative: Labels, probability: Probabilities, method: Method, *, folds: int, seed: int
) -> Probabilities:
    """Return probabilities, shape (n,), each calibrated by a fit to the other folds only.

    With fewer tweets of a class than folds, they are returned unchanged.
    """
    calibrated = probability.copy()
    if np.bincount(negative, minlength=2).min() < folds:
        return calibrated
    for rows, held_out in StratifiedKFold(folds, shuffle=True, random_state=seed).split(probability, negative):
        calibrated[held_out] = fit(negative[rows], probability[rows], method)(probability[held_out])
    return calibrated


def cross_fit(negative: Labels, score: Probabilities, cost: Cost, *, folds: int, seed: int) -> Predictions:
    """Return out-of-fold predictions for the tweets that the calibration and the threshold are fitted on.

    For each tweet, the calibration method, its fit and the cheapest threshold are chosen on the other folds. With fewer
    tweets of a class than folds, this is impossible: all are chosen on all tweets.

    Source: Stone, Cross-validatory choice and assessment of statistical predictions, 1974.

    Args:
        negative: labels, shape (n,).
        score: uncalibrated probabilities, shape (n,).
        cost: the costs of wrong answers.
        folds: the number of folds, also of the cross-validation inside each.
        seed: the seed of the folds.
    """
    all_rows = np.arange(len(negative))
    if np.bincount(negative, minlength=2).min() < folds:
        splits = [(all_rows, all_rows)]
    else:
        splits = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(score, negative))
    probability, called = np.empty(len(negative)), np.empty(len(negative), dtype=np.bool_)
    for rows, held_out in splits:
        calibration = choose(negative[rows], score[rows], folds=folds, seed=seed).calibration
        probability[held_out] = calibration(score[held_out])
        called[held_out] = probability[held_out] >= cheapest_threshold(negative[rows], calibration(score[rows]), cost)
    return Predictions(score=score, probability=probability, called=called)


def log_losses(negative: Labels, probability: Probabilities) -> Probabilities:
    """Return the log loss of each tweet, shape (n,), natural logarithm; finite even for probabilities of 0 and 1."""
    label_probability: Probabilities = np.where(negative == 1, probability, 1 - probability)
    return -np.log(np.maximum(label_probability, EPSILON))
