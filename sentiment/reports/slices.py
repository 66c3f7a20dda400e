"""Metrics by kind of tweet, as a table for people and as a plot."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sentiment.evaluation.slices import ALL, FEW
from sentiment.reports.canvas import COLOURS, REFERENCE, blank

# Replaces an undefined value.
NONE = "\u2013"


def formatted(slices: pd.DataFrame) -> pd.DataFrame:
    """Return the slices with headings and formatted values; AUC and accuracy are followed by their intervals."""
    area, accuracy = (
        slices[metric].map("{:.3f}".format)
        + slices[[f"{metric}_low", f"{metric}_high"]].apply(
            lambda bounds: " ({:.3f} to {:.3f})".format(*bounds), axis="columns"
        )
        for metric in ("roc_auc", "accuracy")
    )
    share = (100 * slices["negative_share"]).map("{:.0f} %".format)
    shown = {
        "slice": slices["slice"] + np.where(slices["few"], " (few)", ""),
        "tweets": slices["tweets"],
        "negative": share.where(slices["tweets"] > 0, NONE),
        "AUC (interval)": area.where(slices["roc_auc"].notna(), NONE),
        "accuracy (interval)": accuracy.where(slices["tweets"] > 0, NONE),
        "cost": slices["expected_cost"].map("{:.0f}".format).where(slices["tweets"] > 0, NONE),
    }
    return pd.DataFrame(shown)


def plot(slices: pd.DataFrame, title: str) -> Figure:
    """Plot the AUC of each slice with its interval against the AUC of all tweets; small slices are hollow."""
    shown = slices[slices["roc_auc"].notna()]
    figure, axes = blank(title, width=7.2, height=1.2 + 0.26 * len(shown))
    positions = np.arange(len(shown))
    margins = shown["roc_auc"] - shown["roc_auc_low"], shown["roc_auc_high"] - shown["roc_auc"]
    axes.errorbar(shown["roc_auc"], positions, xerr=margins, fmt="none", color=COLOURS[0], linewidth=1.5)
    faces = np.where(shown["few"], "white", COLOURS[0])
    axes.scatter(shown["roc_auc"], positions, color=faces, edgecolor=COLOURS[0], zorder=3)
    axes.axvline(shown.loc[shown["slice"] == ALL, "roc_auc"].item(), **REFERENCE)
    axes.set_yticks(
        positions, [f"{name}, {tweets:,}" for name, tweets in zip(shown["slice"], shown["tweets"], strict=True)]
    )
    axes.invert_yaxis()
    axes.margins(y=0.03)
    axes.set_xlabel(f"AUC (dashed: all tweets; hollow: fewer than {FEW} tweets)")
    return figure
