"""How the run of a step is written to MLflow: its settings, and small things beside them."""

import os
import shlex
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import mlflow
import pandas as pd
from mlflow.entities import Run
from omegaconf import DictConfig, OmegaConf

from pipeline import reuse

PROJECT = Path(__file__).parents[1]
# The sections of the configuration that a step reads beside `seed` and `inputs`: nothing else changes what it makes.
READS = {
    "split": ("data", "split"),
    "preprocess": ("preprocess",),
    "distill": ("distill",),
    "embed": ("embed",),
    "train_baseline": ("train_baseline", "search", "cost", "calibration", "export"),
    "train_keras": ("train_keras", "cost", "calibration", "export"),
    "train_bert": ("train_bert", "cost", "calibration", "export"),
    "blend": ("cost", "calibration", "export"),
    "select": ("select", "cost"),
    "promote": ("promote", "select"),
    "package": ("select",),
    "main": ("plan", "cost", "select"),
}


@contextmanager
def start(step: str, cfg: DictConfig) -> Iterator[Path]:
    """Open the run of a step, log the settings that it reads, and yield a folder that is gone afterwards.

    The run is the one that `mlflow run` has made, where there is one. It ends as FAILED if an exception leaves it.
    """
    connect()
    inputs = OmegaConf.to_container(cfg.inputs)
    given = {name: uri for name, uri in cast(dict[str, Any], inputs).items() if uri != "???"}
    settings: dict[str, Any] = {"seed": cfg.seed, "inputs": given, **read_settings(step, cfg)}
    name = None if os.environ.get("MLFLOW_RUN_ID") else step  # a run that exists has its name already
    with tempfile.TemporaryDirectory(prefix=f"{step}-") as scratch, mlflow.start_run(run_name=name):
        mlflow.set_tag("step", step)
        mlflow.log_params(flatten(settings))
        mlflow.log_dict(settings, "config.yaml")
        reuse.log_fingerprint(step, settings)
        yield Path(scratch)


def connect() -> None:
    """Point MLflow at the database in the project's folder, unless the environment names another store."""
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        mlflow.set_tracking_uri(f"sqlite:///{PROJECT / 'mlflow.db'}")


def read_settings(step: str, cfg: DictConfig) -> dict[str, Any]:
    """Return the sections of the configuration that a step reads, resolved."""
    return {section: plain(cfg[section]) for section in READS[step]}


def plain(section: DictConfig) -> dict[str, Any]:
    """Return a section of the configuration as plain Python values, resolved."""
    return cast(dict[str, Any], OmegaConf.to_container(section, resolve=True, throw_on_missing=True))


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as parameters with dotted names, as Hydra's command line writes them."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def log_table(table: pd.DataFrame, path: str) -> None:
    """Log a table as CSV, at a path among the artifacts of the run."""
    mlflow.log_text(table.to_csv(index=False), path)


def log_parquet(table: pd.DataFrame, name: str) -> None:
    """Log a table as Parquet, exactly, at the root of the run's artifacts."""
    with tempfile.TemporaryDirectory() as folder:
        table.to_parquet(Path(folder) / name, index=False)
        mlflow.log_artifact(str(Path(folder) / name))


def link(run: Run) -> str:
    """Return where the MLflow UI shows a run; a local store is shown where `mlflow ui` listens by default."""
    uri = mlflow.get_tracking_uri()
    server = uri.rstrip("/") if uri.startswith("http") else "http://127.0.0.1:5000"
    return f"{server}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"


def command(options: Iterable[str]) -> str:
    """Return the command line that runs the pipeline with options of Hydra."""
    words = shlex.join(options)
    return "mlflow run . --env-manager=local" + (f" -P {shlex.quote(f'hydra_options={words}')}" if words else "")


def active() -> Run:
    """Return the run that is open, as it was when it was opened.

    Raises:
        RuntimeError: none is.
    """
    run = mlflow.active_run()
    if run is None:
        raise RuntimeError("No run is open: log inside `with runs.start(step, cfg)`.")
    return run
