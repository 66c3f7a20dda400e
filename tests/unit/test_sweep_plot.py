"""The parallel-coordinates plot of a sweep."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sentiment.reports import sweep_plot

SETTINGS: dict[str, list[Any]] = {
    "train_keras.network.units": [32, 64, 128],
    "embed": ["word2vec", "fasttext"],
    "train_keras.trainable_embedding": ["true", "false"],
    "train_keras.sequence_length": ["null", 8, 40],
}


def trials(swept: int, number: int = 4) -> tuple[pd.DataFrame, list[str]]:
    """Return trials over the first settings, each with its own AUC, and the names of the swept settings."""
    names = list(SETTINGS)[:swept]
    rows = list(product(*(SETTINGS[name] for name in names)))
    table = pd.DataFrame((rows * number)[:number], columns=names, dtype=object)
    return table.assign(roc_auc=np.linspace(0.8, 0.9, number)), names


def axes_of(figure: Figure) -> Axes:
    (axes,) = figure.axes
    return axes


def labels(axes: Axes, lane: int) -> list[str]:
    """Return the labels on an axis, the lowest first."""
    texts = [text for text in axes.texts if text.get_unitless_position()[0] == lane]
    return [text.get_text() for text in sorted(texts, key=lambda text: text.get_unitless_position()[1])]


@pytest.mark.parametrize("swept", [1, 2, 3, 4])
@pytest.mark.parametrize("number", [4, 40])
def test_each_trial_is_a_line_from_its_values_to_its_metric(swept: int, number: int) -> None:
    table, names = trials(swept, number)
    axes = axes_of(sweep_plot.parallel_coordinates(table, names, "roc_auc"))
    assert len(axes.lines) == number
    assert [tick.get_text().replace("\n", "") for tick in axes.get_xticklabels()] == [*names, "roc_auc"]
    ends = sorted(line.get_ydata()[-1] for line in axes.lines)
    np.testing.assert_allclose(ends, np.linspace(0, 1, number))


def test_the_best_trial_is_the_darkest_widest_and_top_line() -> None:
    table, names = trials(2)
    for metric, best in (("roc_auc", 3), ("expected_cost", 0)):
        axes = axes_of(sweep_plot.parallel_coordinates(table.rename(columns={"roc_auc": metric}), names, metric))
        top = axes.lines[-1]
        assert top.get_ydata()[-1] == best / 3
        assert top.get_linewidth() == max(line.get_linewidth() for line in axes.lines)
        assert sum(top.get_color()[:3]) == min(sum(line.get_color()[:3]) for line in axes.lines)


def test_numbers_are_sorted_by_size_before_text() -> None:
    table, names = trials(4, number=36)
    axes = axes_of(sweep_plot.parallel_coordinates(table, names, "roc_auc"))
    assert [labels(axes, lane) for lane in range(4)] == [
        ["32", "64", "128"], ["fasttext", "word2vec"], ["false", "true"], ["8", "40", "null"],
    ]  # fmt: skip


def test_small_numbers_are_sorted_as_numbers() -> None:
    table = pd.DataFrame({"rate": pd.Series([1e-4, 1e-5, 0.01], dtype=object), "roc_auc": [0.8, 0.9, 0.7]})
    assert labels(axes_of(sweep_plot.parallel_coordinates(table, ["rate"], "roc_auc")), 0) == [
        "1e-05",
        "0.0001",
        "0.01",
    ]


def test_labels_neither_overlap_nor_leave_the_figure() -> None:
    table, names = trials(4, number=36)
    table["train_baseline.classifier.C"] = np.linspace(0.123456, 7.654321, 36)
    figure = sweep_plot.parallel_coordinates(table, [*names, "train_baseline.classifier.C"], "roc_auc")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    axes = axes_of(figure)
    boxes = [text.get_window_extent() for text in (*axes.texts, *axes.get_xticklabels())]
    assert len(boxes) > 2 * 6, "labels on each axis, and its name"
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[:number])
    assert all(figure.bbox.containsx(box.x0) and figure.bbox.containsx(box.x1) for box in boxes)


def test_lines_are_drawn_below_labels() -> None:
    table, names = trials(2)
    axes = axes_of(sweep_plot.parallel_coordinates(table, names, "roc_auc"))
    on_axes = [text for text in axes.texts if text.get_bbox_patch()]
    assert len(on_axes) == 4
    assert all(text.get_bbox_patch().get_facecolor() == (1, 1, 1, 1) for text in on_axes)
    assert min(text.get_zorder() for text in on_axes) > max(line.get_zorder() for line in axes.lines)


def test_equal_trials_are_plotted() -> None:
    table = pd.DataFrame({"units": pd.Series([8, 8], dtype=object), "roc_auc": [0.8, 0.8]})
    axes = axes_of(sweep_plot.parallel_coordinates(table, ["units"], "roc_auc"))
    assert [line.get_ydata().tolist() for line in axes.lines] == [[0.5, 0.5]] * 2
    assert [text.get_text() for text in axes.texts] == ["8", "0.8"]
