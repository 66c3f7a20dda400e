"""What all plots share: an empty figure, and colours that everybody can tell apart."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito, Color Universal Design, 2008: colour-blind readers can tell them apart, too.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
REFERENCE: dict[str, Any] = {"color": "0.6", "linestyle": "--", "linewidth": 1}


def blank(title: str, *, width: float = 6.4, height: float = 4.8) -> tuple[Figure, Axes]:
    """Return a figure of a size in inches with one titled pair of axes, without pyplot's global state."""
    figure = Figure(figsize=(width, height), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def cycle_to(length: int) -> list[str]:
    """Return as many colours as requested, repeating them if necessary."""
    return [COLOURS[index % len(COLOURS)] for index in range(length)]
