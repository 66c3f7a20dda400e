"""Plot of the trials of a sweep."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure

from sentiment.evaluation.metrics import HIGHER_IS_BETTER
from sentiment.reports.canvas import blank

# The style of a label on top of lines, and the maximum number of labels on an axis.
LABEL: dict[str, Any] = {"facecolor": "white", "edgecolor": "0.8", "boxstyle": "round,pad=0.25"}
MAX_LABELS = 12


def parallel_coordinates(trials: pd.DataFrame, swept: Sequence[str], metric: str) -> Figure:
    """Plot the trials of a sweep, each as a line across its values and its metric; darker lines are better.

    Each swept setting is an axis, with its values in order at equal distances; the last axis is the metric.

    Args:
        trials: one row per finished trial: the swept values, numbers or text, and the metric.
        swept: the names of the swept settings.
        metric: the name of the metric.
    """
    figure, axes = blank(f"Trials of the sweep ({len(trials)}): darker is better", width=2.4 * (len(swept) + 2))
    value_heights = {name: heights(trials[name]) for name in swept}
    points = pd.DataFrame({name: trials[name].map(value_heights[name]) for name in swept})
    low, high = trials[metric].min(), trials[metric].max()
    points[metric] = (trials[metric] - low) / (high - low) if high > low else 0.5
    quality = points[metric] if HIGHER_IS_BETTER[metric] else 1 - points[metric]
    lanes = np.arange(len(points.columns))
    for row in quality.sort_values().index:  # the best on top
        shade = colormaps["cividis_r"](0.1 + 0.9 * quality[row])
        axes.plot(lanes, points.loc[row], color=shade, linewidth=1 + 2 * quality[row], solid_capstyle="round")
    for lane, name in enumerate(swept):
        stride = -(-len(value_heights[name]) // MAX_LABELS)
        for value, height in list(value_heights[name].items())[::stride]:
            label = f"{value:.3g}" if isinstance(value, float) else str(value)
            axes.text(lane, height, label, ha="center", va="center", bbox=LABEL)
    for height, value in {0.0: low, 1.0: high}.items() if high > low else {0.5: low}.items():
        axes.annotate(f"{value:.4g}", (lanes[-1], height), xytext=(8, 0), textcoords="offset points", va="center")
    axes.set_xticks(lanes, [name.replace(".", ".\n") for name in points.columns])
    axes.set(yticks=[], xlim=(-0.3, len(lanes) - 0.7), ylim=(-0.08, 1.08))
    axes.vlines(lanes, 0, 1, color="0.8", linewidth=1, zorder=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    return figure


def heights(values: pd.Series) -> dict[Any, float]:
    """Return the height of each distinct value, from 0 to 1 at equal distances: numbers in order, then text."""
    order = sorted(values.unique(), key=lambda value: (isinstance(value, str), value))
    return dict(zip(order, np.linspace(0, 1, len(order)) if len(order) > 1 else [0.5], strict=True))
