"""Plots of how well classifiers do. Each function returns a figure; none shows or writes one."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from sklearn.calibration import calibration_curve
from sklearn.metrics import ConfusionMatrixDisplay, average_precision_score, precision_recall_curve, roc_auc_score
from sklearn.metrics import roc_curve as roc_points

from sentiment.metrics import Labels, Probabilities

# Okabe and Ito, Color Universal Design, 2008: told apart by colour-blind readers too.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
REFERENCE: dict[str, Any] = {"color": "0.6", "linestyle": "--", "linewidth": 1}


def blank(title: str, *, width: float = 6.4, height: float = 4.8) -> tuple[Figure, Axes]:
    """Return a figure of a size in inches with one pair of titled axes, free of pyplot's global state."""
    figure = Figure(figsize=(width, height), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def roc_curve(negative: Labels, probability: Probabilities, threshold: float) -> Figure:
    """Plot the ROC curve, with the point at which the model works."""
    figure, axes = blank("ROC: negative tweets found against false alarms")
    false_alarms, found, _ = roc_points(negative, probability)
    axes.plot(false_alarms, found, color=COLOURS[0], label=f"model, AUC {roc_auc_score(negative, probability):.3f}")
    predicted = probability >= threshold
    axes.plot(
        predicted[negative == 0].mean(),
        predicted[negative == 1].mean(),
        "o",
        color=COLOURS[1],
        label=f"threshold {threshold:.2f}",
    )
    label_roc(axes)
    return figure


def precision_recall(negative: Labels, probability: Probabilities, threshold: float) -> Figure:
    """Plot precision against recall of the negative class, with the point at which the model works."""
    figure, axes = blank("Precision against recall of negative tweets")
    precision, recall, _ = precision_recall_curve(negative, probability)
    area = average_precision_score(negative, probability)
    axes.plot(recall, precision, color=COLOURS[0], label=f"model, average precision {area:.3f}")
    predicted = probability >= threshold
    if predicted.any():
        at_threshold = f"threshold {threshold:.2f}"
        found = predicted[negative == 1].mean()
        axes.plot(found, negative[predicted].mean(), "o", color=COLOURS[1], label=at_threshold)
    axes.axhline(negative.mean(), label="chance", **REFERENCE)
    axes.set(
        xlabel="recall (share of the negative tweets that are found)", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02)
    )
    axes.legend(loc="lower left", frameon=False)
    return figure


def calibration(negative: Labels, probability: Probabilities) -> Figure:
    """Plot how often tweets are negative against how probable the model says it is, in ten groups of equal size."""
    figure, axes = blank("Calibration: is a probability of 0.8 right 8 times in 10?")
    observed, said = calibration_curve(negative, probability, n_bins=10, strategy="quantile")
    axes.plot([0, 1], [0, 1], label="perfect", **REFERENCE)
    axes.plot(said, observed, "o-", color=COLOURS[0], label="model")
    axes.set(xlabel="probability of a negative tweet", ylabel="share that is negative", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left", frameon=False)
    return figure


def confusion(negative: Labels, probability: Probabilities, threshold: float) -> Figure:
    """Plot the confusion matrix at the threshold, in tweets."""
    figure, axes = blank(f"Confusion at the threshold {threshold:.2f}, tweets", width=4.8, height=4.2)
    ConfusionMatrixDisplay.from_predictions(
        negative,
        probability >= threshold,
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
    """Plot loss and AUC of each epoch of a training, and mark the one with the lowest validation loss, which is kept.

    `epochs` has one row an epoch: `epoch`, `loss`, `auc`, `val_loss` and `val_auc`.
    """
    figure = Figure(figsize=(9.6, 4.0), layout="constrained", dpi=120)
    best = epochs.iloc[int(epochs["val_loss"].argmin())]
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
    """Plot the ROC curves of several models on the same tweets, the best first in the legend."""
    figure, axes = blank("ROC of all candidates, validation split", width=7.2, height=5.4)
    areas = {name: float(roc_auc_score(negative, probability)) for name, probability in probabilities.items()}
    for colour, name in zip(cycle_to(len(areas)), sorted(areas, key=areas.__getitem__, reverse=True), strict=True):
        false_alarms, found, _ = roc_points(negative, probabilities[name])
        axes.plot(false_alarms, found, color=colour, label=f"{name}, AUC {areas[name]:.3f}")
    label_roc(axes)
    return figure


def quality_against_time(candidates: pd.DataFrame, metric: str) -> Figure:
    """Plot a validation metric against what a prediction costs in time; a dot's size says how large a model is.

    `candidates` has one row a model: `name`, `predict_seconds` (per 1,000 tweets), `megabytes` and the metric.
    """
    figure, axes = blank(f"{metric} on validation against time to predict", width=9.6, height=4.8)
    for colour, row in zip(cycle_to(len(candidates)), candidates.to_dict("records"), strict=True):
        area = 60 + 40 * np.sqrt(row["megabytes"])
        label = f"{row['name']}, {row['megabytes']:.1f} MB"
        axes.scatter(row["predict_seconds"], row[metric], s=area, color=colour, alpha=0.8, label=label)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.15, y=0.15)
    axes.grid(alpha=0.3)
    axes.set(xlabel="milliseconds to predict a tweet, in a batch (logarithmic)", ylabel=f"{metric} on validation")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, labelspacing=1.2)
    return figure


def label_roc(axes: Axes) -> None:
    """Give axes that hold ROC curves their reference, labels and legend."""
    axes.plot([0, 1], [0, 1], label="chance", **REFERENCE)
    axes.set(
        xlabel="false alarms (share of the positive tweets called negative)",
        ylabel="share of the negative tweets that are found",
        xlim=(0, 1),
        ylim=(0, 1.01),
    )
    axes.legend(loc="lower right", frameon=False)


def cycle_to(length: int) -> list[str]:
    """Return as many colours as asked for, starting again where they run out."""
    return [COLOURS[index % len(COLOURS)] for index in range(length)]
