"""The reliability plot and the training history."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from sentiment.evaluation.metrics import calibration_error
from sentiment.reports import plots


def calibrated(tweets: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and perfectly calibrated probabilities."""
    random = np.random.default_rng(0)
    probability = random.random(tweets)
    return (random.random(tweets) < probability).astype(np.int8), probability


def intervals(axes: Axes) -> list[np.ndarray]:
    """Return the lower and the upper end of each interval."""
    return [segment[:, 1] for lines in axes.collections for segment in lines.get_segments()]


def test_the_title_gives_the_calibration_error_before_and_after() -> None:
    negative, probability = calibrated(1_000)
    before = np.sqrt(probability)
    upper, _ = plots.calibration(negative, probability, uncalibrated=before).axes
    after, uncorrected = (f"{calibration_error(negative, scores, bins=10):.3f}" for scores in (probability, before))
    assert upper.get_title(loc="left") == f"Calibration error {after} ({uncorrected} before)"
    assert [text.get_text() for text in upper.get_legend().get_texts()] == [
        "perfect", "before calibration", "as served",
    ]  # fmt: skip


def test_training_history_is_plotted_by_epoch() -> None:
    figures = {"epoch": [1, 2], "loss": [0.6, 0.4], "auc": [0.7, 0.8], "val_loss": [0.6, 0.5], "val_auc": [0.7, 0.75]}
    titles = [axes.get_title("left") for axes in plots.history(pd.DataFrame(figures)).axes]
    assert titles[0].startswith("Log loss by epoch")


def test_uncalibrated_probabilities_are_plotted_once() -> None:
    negative, probability = calibrated(1_000)
    upper, _ = plots.calibration(negative, probability, uncalibrated=probability).axes
    assert "before" not in upper.get_title(loc="left")
    assert [text.get_text() for text in upper.get_legend().get_texts()] == ["perfect", "as served"]


def test_intervals_contain_the_observed_share_and_narrow_with_size() -> None:
    widths = []
    for tweets in (500, 5_000):
        negative, probability = calibrated(tweets)
        upper, _ = plots.calibration(negative, probability, uncalibrated=probability).axes
        observed = upper.lines[-1].get_ydata()
        assert len(observed) == len(intervals(upper)) == 10
        assert all(low < share < high for (low, high), share in zip(intervals(upper), observed, strict=True))
        widths.append(np.mean([high - low for low, high in intervals(upper)]))
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(10), rel=0.1)


def test_the_histogram_counts_every_tweet() -> None:
    negative, probability = calibrated(777)
    rounded = np.round(probability)
    _, lower = plots.calibration(negative, rounded, uncalibrated=rounded).axes
    assert sum(bar.get_height() for bar in lower.patches) == 777


@pytest.mark.parametrize("probability", [0.0, 0.4, 1.0])
def test_a_constant_prediction_is_plotted_as_one_point(probability: float) -> None:
    negative, constant = np.array([0, 1] * 20, dtype=np.int8), np.full(40, probability)
    upper, _ = plots.calibration(negative, constant, uncalibrated=constant).axes
    assert upper.lines[-1].get_xydata().tolist() == [[pytest.approx(probability), 0.5]]
