"""The fastText benchmark: how it samples data and measures leads."""

from typing import Any

import pandas as pd
import pytest
from omegaconf import OmegaConf

from benchmarks.against_fasttext import FASTTEXT, Measurement, check, draw, leads

SHARES = OmegaConf.create({"validation": 0.2, "test": 0.2})


def rows(prefix: str, count: int) -> Any:
    """Return checked rows with distinct texts, half of them negative."""
    frame = pd.DataFrame(
        {"text": [f"{prefix} number {i}" for i in range(count)], "label": ["bad", "good"] * (count // 2)}
    )
    return check(frame, "text", "label", None, ["bad"])


@pytest.mark.parametrize(("size", "train"), [(100, 60), (200, 120), (300, 220), (10_000, 320)])
def test_rows_beyond_the_random_sample_go_to_train_only(size: int, train: int) -> None:
    frames = draw(rows("drawn", 200), rows("other", 200), SHARES, size=size, seed=0)
    assert len(frames["train"]) == train
    assert all(frames[name]["text"].str.startswith("drawn").all() for name in ("validation", "test"))


def test_the_seed_determines_the_splits() -> None:
    first, repeated, other = (draw(rows("drawn", 200), None, SHARES, size=100, seed=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first["validation"], repeated["validation"])
    assert set(first["validation"]["text"]) != set(other["validation"]["text"])


def test_a_lead_is_over_the_better_fasttext_of_each_draw() -> None:
    aucs = dict(zip([*FASTTEXT, "linear"], ([0.7, 0.9], [0.8, 0.8], [0.9, 0.85]), strict=True))
    draws = {name: [Measurement(auc, 0, 0, 0) for auc in values] for name, values in aucs.items()}
    assert leads(draws) == {"linear": pytest.approx([0.1, -0.05])}
