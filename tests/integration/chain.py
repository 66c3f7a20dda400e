"""The real configuration, the first steps on a small part of the sample, and checks of reproducibility."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from mlflow.entities import Run
from omegaconf import DictConfig

from pipeline import artifacts, stored_predictions

CONF = Path(__file__).parents[2] / "conf"
Configure = Callable[..., DictConfig]
# Largest difference of probabilities when a network is trained again: threads may sum numbers in another order.
# Measured on two cores: 0 to 8e-16.
REPEATED = 1e-6


def configuration(*overrides: str) -> DictConfig:
    """Compose the configuration of a step from overrides."""
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        return compose("config", overrides=list(overrides))


@dataclass(frozen=True)
class Chain:
    """The URIs of the splits and the corpus."""

    splits: str
    corpus: str


def last_run() -> Run:
    """Return the run that started last."""
    return mlflow.search_runs(
        search_all_experiments=True, order_by=["start_time DESC"], max_results=1, output_format="list"
    )[0]


def quality(run: Run) -> dict[str, float]:
    """Return the metrics that depend on the training alone: all but times and sizes."""
    return {name: value for name, value in run.data.metrics.items() if name.startswith("val_") or name == "threshold"}


def assert_repeated(first: str, second: str) -> None:
    """Check that two networks are the same within rounding errors."""
    probabilities = [stored_predictions.read_parquet(uri, artifacts.VALIDATION)["score"] for uri in (first, second)]
    np.testing.assert_allclose(*probabilities, rtol=0, atol=REPEATED)
    metrics = [quality(mlflow.get_run(artifacts.run_id(uri))) for uri in (first, second)]
    assert metrics[0] == pytest.approx(metrics[1], rel=REPEATED, abs=REPEATED)
