"""Write the run of a step to MLflow: its settings, tables and errors."""

import os
import shlex
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import mlflow
import pandas as pd
from mlflow.entities import Run, RunStatus
from omegaconf import DictConfig, OmegaConf

from pipeline import door, reuse, settings, store

PROJECT = store.PROJECT
# Tag of an experiment that tells the MLflow UI how to show it.
KIND = "mlflow.experimentKind"


@contextmanager
def start(step: str, cfg: DictConfig) -> Iterator[Path]:
    """Open the run of a step (that of `mlflow run`, if any), log its settings, and yield a temporary folder."""
    store.connect()
    inputs = OmegaConf.to_container(cfg.inputs)
    inputs_given = {name: uri for name, uri in cast(dict[str, Any], inputs).items() if uri != "???"}
    read = settings.read(step, cfg, inputs_given)
    name = None if os.environ.get("MLFLOW_RUN_ID") else step  # a run created by `mlflow run` already has a name
    with tempfile.TemporaryDirectory(prefix=f"{step}-") as scratch, opened(run_name=name) as run:
        show_as_model_training(run.info.experiment_id)
        mlflow.set_tag("step", step)
        mlflow.log_params(settings.flatten(read))
        mlflow.log_dict(read, "config.yaml")
        reuse.log_fingerprint(step, read)
        yield Path(scratch)


def show_as_model_training(experiment_id: str) -> None:
    """Have the MLflow UI open an experiment as model training, unless its users have chosen another kind."""
    if KIND not in mlflow.get_experiment(experiment_id).tags:
        mlflow.MlflowClient().set_experiment_tag(experiment_id, KIND, "custom_model_development")


@contextmanager
def opened(**arguments: Any) -> Iterator[Run]:
    """Open a run. An error ends it as FAILED and is stored in its tag `error`; Ctrl-C ends it as KILLED.

    Args:
        arguments: arguments of `mlflow.start_run`.
    """
    with mlflow.start_run(**arguments) as run:
        try:
            yield run
        except BaseException as error:
            with suppress(mlflow.MlflowException):  # the store itself may have failed
                mlflow.set_tag("error", door.summary(error))
                if isinstance(error, KeyboardInterrupt):
                    mlflow.end_run(RunStatus.to_string(RunStatus.KILLED))
            raise


def log_table(table: pd.DataFrame, path: str) -> None:
    """Log a table as a CSV artifact."""
    mlflow.log_text(table.to_csv(index=False), path)


def log_parquet(table: pd.DataFrame, name: str) -> None:
    """Log a table as a Parquet artifact, without loss of precision."""
    with tempfile.TemporaryDirectory() as folder:
        table.to_parquet(Path(folder) / name, index=False)
        mlflow.log_artifact(str(Path(folder) / name))


def link(run: Run) -> str:
    """Return the URL of a run in the MLflow UI; for a local store, at the default address of `mlflow ui`."""
    uri = store.shown(mlflow.get_tracking_uri())
    server = uri.rstrip("/") if uri.startswith("http") else "http://127.0.0.1:5000"
    return f"{server}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"


def command(options: Iterable[str]) -> str:
    """Return the command that runs the pipeline with these Hydra options."""
    words = shlex.join(options)
    return "mlflow run . --env-manager=local" + (f" -P {shlex.quote(f'hydra_options={words}')}" if words else "")


def active() -> Run:
    """Return the active run, in its state at the start.

    Raises:
        RuntimeError: no run is active.
    """
    run = mlflow.active_run()
    if run is None:
        raise RuntimeError("No run is active: log inside `with runs.start(step, cfg)`.")
    return run
