"""The real configuration, what the first steps make of a little of the sample, and what is promised of every model."""

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
# By how much the probabilities of a network may differ when it is trained again on the same machine: threads may add
# up numbers in another order. Measured on two cores: 0 to 8e-16.
REPEATED = 1e-6


def configuration(*overrides: str) -> DictConfig:
    """Compose the configuration that a step gets from overrides."""
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        return compose("config", overrides=list(overrides))


@dataclass(frozen=True)
class Chain:
    """The URIs of what the first steps have made."""

    splits: str
    corpus: str


def last_run() -> Run:
    """Return the run that was started last."""
    return mlflow.search_runs(
        search_all_experiments=True, order_by=["start_time DESC"], max_results=1, output_format="list"
    )[0]


def quality(run: Run) -> dict[str, float]:
    """Return the metrics of a model that its training decides, which are all but times and sizes."""
    return {name: value for name, value in run.data.metrics.items() if name.startswith("val_") or name == "threshold"}


def assert_repeated(first: str, second: str) -> None:
    """Check that two networks are the same but for how numbers were rounded."""
    probabilities = [stored_predictions.read_parquet(uri, artifacts.VALIDATION)["score"] for uri in (first, second)]
    np.testing.assert_allclose(*probabilities, rtol=0, atol=REPEATED)
    metrics = [quality(mlflow.get_run(artifacts.run_id(uri))) for uri in (first, second)]
    assert metrics[0] == pytest.approx(metrics[1], rel=REPEATED, abs=REPEATED)
