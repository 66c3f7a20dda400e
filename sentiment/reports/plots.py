"""Plots of the quality of classifiers. Each function returns a figure; none shows or writes it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from scipy.stats import binomtest
from sklearn.metrics import ConfusionMatrixDisplay, average_precision_score, precision_recall_curve, roc_auc_score
from sklearn.metrics import roc_curve as roc_points

from sentiment.evaluation.metrics import (
    CALIBRATION_BINS,
    Predictions,
    calibration_error,
    reliability,
)
from sentiment.inference.arrays import Labels, Probabilities
from sentiment.reports.canvas import COLOURS, REFERENCE, blank, cycle_to


def roc_curve(negative: Labels, predictions: Predictions, threshold: float) -> Figure:
    """Plot the ROC curve, with the model's threshold marked."""
    figure, axes = blank("ROC: negative tweets found against false alarms")
    false_positive_rate, true_positive_rate, _ = roc_points(negative, predictions.score)
    area = roc_auc_score(negative, predictions.score)
    axes.plot(false_positive_rate, true_positive_rate, color=COLOURS[0], label=f"model, AUC {area:.3f}")
    axes.plot(
        predictions.called[negative == 0].mean(),
        predictions.called[negative == 1].mean(),
        "o",
        color=COLOURS[1],
        label=f"threshold {threshold:.2f}",
    )
    label_roc(axes)
    return figure


def precision_recall(negative: Labels, predictions: Predictions, threshold: float) -> Figure:
    """Plot precision against recall of the negative class, with the model's threshold marked."""
    figure, axes = blank("Precision against recall of negative tweets")
    precision, recall, _ = precision_recall_curve(negative, predictions.score)
    area = average_precision_score(negative, predictions.score)
    axes.plot(recall, precision, color=COLOURS[0], label=f"model, average precision {area:.3f}")
    called = predictions.called
    if called.any():
        at_threshold = f"threshold {threshold:.2f}"
        axes.plot(called[negative == 1].mean(), negative[called].mean(), "o", color=COLOURS[1], label=at_threshold)
    axes.axhline(negative.mean(), label="chance", **REFERENCE)
    axes.set(
        xlabel="recall (share of the negative tweets that are found)", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02)
    )
    axes.legend(loc="lower left", frameon=False)
    return figure


def calibration(negative: Labels, probability: Probabilities, *, uncalibrated: Probabilities) -> Figure:
    """Plot the share of negative tweets against the predicted probability, in groups of equal size.

    Bars are 95 % intervals of that share (Wilson, Probable inference, the law of succession, and statistical inference,
    1927). Below is a histogram of the probabilities. `uncalibrated`, shape (n,), are the probabilities before
    calibration; they are plotted only if calibration changed them.
    """
    figure = Figure(figsize=(6.4, 6.4), layout="constrained", dpi=120)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], label="perfect", **REFERENCE)
    error = f"{calibration_error(negative, probability, bins=CALIBRATION_BINS):.3f}"
    twentieths = np.linspace(0, 1, 21)
    if not np.array_equal(uncalibrated, probability):
        error += f" ({calibration_error(negative, uncalibrated, bins=CALIBRATION_BINS):.3f} before)"
        add_reliability(upper, negative, uncalibrated, label="before calibration", color=COLOURS[1], alpha=0.6)
        lower.hist(uncalibrated, bins=twentieths, histtype="step", color=COLOURS[1], alpha=0.8, zorder=2)
    add_reliability(upper, negative, probability, label="as served", color=COLOURS[0])
    lower.hist(probability, bins=twentieths, color=COLOURS[0], alpha=0.4)
    upper.set_title(f"Calibration error {error}", loc="left", fontweight="bold")
    upper.set(ylabel="share that is negative, 95 % interval", ylim=(0, 1))
    lower.set(xlabel="probability of a negative tweet", ylabel="tweets", xlim=(0, 1))
    upper.legend(loc="upper left", frameon=False)
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def add_reliability(axes: Axes, negative: Labels, probability: Probabilities, **style: Any) -> None:
    """Draw the reliability of probabilities, shape (n,), with the interval of each group; `style` is Matplotlib's."""
    groups = reliability(negative, probability, bins=CALIBRATION_BINS)
    counts = zip(groups["observed"] * groups["tweets"], groups["tweets"], strict=True)
    intervals = [binomtest(round(negatives), tweets).proportion_ci(method="wilson") for negatives, tweets in counts]
    axes.vlines(groups["predicted"], *zip(*intervals, strict=True), color=style["color"], alpha=0.5)
    axes.plot(groups["predicted"], groups["observed"], "o-", markersize=5, clip_on=False, **style)


def confusion(negative: Labels, predictions: Predictions, threshold: float) -> Figure:
    """Plot the confusion matrix at the threshold, in tweets."""
    figure, axes = blank(f"Confusion at the threshold {threshold:.2f}, tweets", width=4.8, height=4.2)
    ConfusionMatrixDisplay.from_predictions(
        negative,
        predictions.called,
        labels=[0, 1],
        display_labels=["positive", "negative"],
        cmap="Blues",
        colorbar=False,
        ax=axes,
    )
    axes.set(xlabel="predicted", ylabel="true")
    axes.spines[["top", "right"]].set_visible(True)
    return figure


def history(epochs: pd.DataFrame) -> Figure:
    """Plot loss and AUC by epoch, and mark the kept epoch: that of the last stage with the highest validation AUC.

    `epochs` has one row per epoch: `epoch`, `loss`, `auc`, `val_loss` and `val_auc`; with several stages, `stage`.
    """
    figure = Figure(figsize=(9.6, 4.0), layout="constrained", dpi=120)
    last = epochs if "stage" not in epochs else epochs[epochs["stage"] == epochs["stage"].max()]
    best = last.iloc[int(last["val_auc"].argmax())]
    for axes, metric, name in zip(figure.subplots(1, 2), ("loss", "auc"), ("Log loss", "AUC"), strict=True):
        axes.plot(epochs["epoch"], epochs[metric], "o-", color=COLOURS[0], label="training")
        axes.plot(epochs["epoch"], epochs[f"val_{metric}"], "o-", color=COLOURS[1], label="validation")
        axes.axvline(best["epoch"], color="0.6", linestyle="--", linewidth=1, label=f"kept: epoch {best['epoch']:.0f}")
        axes.set_title(f"{name} by epoch, {best[f'val_{metric}']:.3f} on validation", loc="left", fontweight="bold")
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return figure


def roc_curves(negative: Labels, probabilities: Mapping[str, Probabilities]) -> Figure:
    """Plot the ROC curves of several models on the same tweets, with the best first in the legend."""
    figure, axes = blank("ROC of all candidates, validation split", width=7.2, height=5.4)
    areas = {name: float(roc_auc_score(negative, probability)) for name, probability in probabilities.items()}
    for colour, name in zip(cycle_to(len(areas)), sorted(areas, key=areas.__getitem__, reverse=True), strict=True):
        false_positive_rate, true_positive_rate, _ = roc_points(negative, probabilities[name])
        axes.plot(false_positive_rate, true_positive_rate, color=colour, label=f"{name}, AUC {areas[name]:.3f}")
    label_roc(axes)
    return figure


def quality_against_time(candidates: pd.DataFrame, metric: str) -> Figure:
    """Plot a metric against the time to predict a tweet; the size of a dot grows with that of the model.

    `candidates` has one row per model: `name`, `predict_milliseconds`, `megabytes` and the metric.
    """
    figure, axes = blank(f"{metric} against time to predict", width=9.6, height=4.8)
    for colour, row in zip(cycle_to(len(candidates)), candidates.to_dict("records"), strict=True):
        area = 60 + 40 * np.sqrt(row["megabytes"])
        label = f"{row['name']}, {row['megabytes']:.1f} MB"
        axes.scatter(row["predict_milliseconds"], row[metric], s=area, color=colour, alpha=0.8, label=label)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.15, y=0.15)
    axes.grid(alpha=0.3)
    axes.set(xlabel="milliseconds to predict a tweet, in a batch (logarithmic)", ylabel=metric)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, labelspacing=1.2)
    return figure


def label_roc(axes: Axes) -> None:
    """Add the diagonal, labels and a legend to axes with ROC curves."""
    axes.plot([0, 1], [0, 1], label="chance", **REFERENCE)
    axes.set(
        xlabel="false alarms (share of the positive tweets predicted negative)",
        ylabel="share of the negative tweets that are found",
        xlim=(0, 1),
        ylim=(0, 1.01),
    )
    axes.legend(loc="lower right", frameon=False)
