"""What the reliability plot shows."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from sentiment.evaluation.metrics import calibration_error
from sentiment.reports import plots


def honest(tweets: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, and probabilities that are right."""
    random = np.random.default_rng(0)
    probability = random.random(tweets)
    return (random.random(tweets) < probability).astype(np.int8), probability


def bars(axes: Axes) -> list[np.ndarray]:
    """Return the lowest and the highest end of each interval."""
    return [segment[:, 1] for drawn in axes.collections for segment in drawn.get_segments()]


def test_the_plot_says_the_calibration_error_before_and_after() -> None:
    negative, probability = honest(1_000)
    before = np.sqrt(probability)
    upper, _ = plots.calibration(negative, probability, uncalibrated=before).axes
    after, worse = (f"{calibration_error(negative, said, bins=10):.3f}" for said in (probability, before))
    assert upper.get_title(loc="left") == f"Calibration error {after} ({worse} before)"
    assert [text.get_text() for text in upper.get_legend().get_texts()] == [
        "perfect", "before calibration", "as served",
    ]  # fmt: skip


def test_the_history_of_a_training_is_shown_by_epoch() -> None:
    figures = {"epoch": [1, 2], "loss": [0.6, 0.4], "auc": [0.7, 0.8], "val_loss": [0.6, 0.5], "val_auc": [0.7, 0.75]}
    titles = [axes.get_title("left") for axes in plots.history(pd.DataFrame(figures)).axes]
    assert titles[0].startswith("Log loss by epoch")


def test_what_no_calibration_has_changed_is_shown_once() -> None:
    negative, probability = honest(1_000)
    upper, _ = plots.calibration(negative, probability, uncalibrated=probability).axes
    assert "before" not in upper.get_title(loc="left")
    assert [text.get_text() for text in upper.get_legend().get_texts()] == ["perfect", "as served"]


def test_intervals_hold_what_is_observed_and_narrow_with_more_tweets() -> None:
    widths = []
    for tweets in (500, 5_000):
        negative, probability = honest(tweets)
        upper, _ = plots.calibration(negative, probability, uncalibrated=probability).axes
        observed = upper.lines[-1].get_ydata()
        assert len(observed) == len(bars(upper)) == 10
        assert all(low < share < high for (low, high), share in zip(bars(upper), observed, strict=True))
        widths.append(np.mean([high - low for low, high in bars(upper)]))
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(10), rel=0.1)


def test_the_histogram_counts_every_tweet() -> None:
    negative, probability = honest(777)
    sure = np.round(probability)
    _, lower = plots.calibration(negative, sure, uncalibrated=sure).axes
    assert sum(bar.get_height() for bar in lower.patches) == 777


@pytest.mark.parametrize("probability", [0.0, 0.4, 1.0])
def test_a_model_that_always_says_the_same_is_plotted_as_one_point(probability: float) -> None:
    negative, same = np.array([0, 1] * 20, dtype=np.int8), np.full(40, probability)
    upper, _ = plots.calibration(negative, same, uncalibrated=same).axes
    assert upper.lines[-1].get_xydata().tolist() == [[pytest.approx(probability), 0.5]]
