"""How the benchmark against fastText draws its data and counts leads."""

from typing import Any

import pandas as pd
import pytest
from omegaconf import OmegaConf

from benchmarks.against_fasttext import FASTTEXT, Measurement, check, draw, leads

SHARES = OmegaConf.create({"validation": 0.2, "test": 0.2})


def rows(prefix: str, number: int) -> Any:
    """Return checked rows with texts of their own, half of them negative."""
    frame = pd.DataFrame(
        {"text": [f"{prefix} number {i}" for i in range(number)], "label": ["bad", "good"] * (number // 2)}
    )
    return check(frame, "text", "label", None, ["bad"])


@pytest.mark.parametrize(("size", "train"), [(100, 60), (200, 120), (300, 220), (10_000, 320)])
def test_rows_beyond_the_random_part_are_added_to_train_alone(size: int, train: int) -> None:
    frames = draw(rows("drawn", 200), rows("other", 200), SHARES, size=size, seed=0)
    assert len(frames["train"]) == train
    assert all(frames[name]["text"].str.startswith("drawn").all() for name in ("validation", "test"))


def test_another_seed_draws_and_splits_otherwise() -> None:
    first, again, other = (draw(rows("drawn", 200), None, SHARES, size=100, seed=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first["validation"], again["validation"])
    assert set(first["validation"]["text"]) != set(other["validation"]["text"])


def test_a_lead_is_taken_over_the_better_fasttext_of_each_draw() -> None:
    aucs = dict(zip([*FASTTEXT, "linear"], ([0.7, 0.9], [0.8, 0.8], [0.9, 0.85]), strict=True))
    draws = {name: [Measurement(auc, 0, 0, 0) for auc in each] for name, each in aucs.items()}
    assert leads(draws) == {"linear": pytest.approx([0.1, -0.05])}
