"""The real configuration, and what the first steps make of a little of the sample."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mlflow
from hydra import compose, initialize_config_dir
from mlflow.entities import Run
from omegaconf import DictConfig

CONF = Path(__file__).parents[2] / "conf"
Configure = Callable[..., DictConfig]


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
