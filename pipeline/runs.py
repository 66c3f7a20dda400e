"""How the run of a step is written to MLflow: its settings, and small things beside them."""

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


@contextmanager
def start(step: str, cfg: DictConfig) -> Iterator[Path]:
    """Open the run of a step, log the settings that it reads, and yield a folder that is gone afterwards.

    The run is the one that `mlflow run` has made, where there is one.
    """
    store.connect()
    inputs = OmegaConf.to_container(cfg.inputs)
    given = {name: uri for name, uri in cast(dict[str, Any], inputs).items() if uri != "???"}
    read = settings.read(step, cfg, given)
    name = None if os.environ.get("MLFLOW_RUN_ID") else step  # a run that exists has its name already
    with tempfile.TemporaryDirectory(prefix=f"{step}-") as scratch, opened(run_name=name):
        mlflow.set_tag("step", step)
        mlflow.log_params(settings.flatten(read))
        mlflow.log_dict(read, "config.yaml")
        reuse.log_fingerprint(step, read)
        yield Path(scratch)


@contextmanager
def opened(**arguments: Any) -> Iterator[Run]:
    """Open a run. An error that leaves it ends it as FAILED and becomes its tag `error`; Ctrl-C ends it as KILLED.

    Args:
        arguments: those of `mlflow.start_run`.
    """
    with mlflow.start_run(**arguments) as run:
        try:
            yield run
        except BaseException as error:
            with suppress(mlflow.MlflowException):  # the store may be what the error is about
                mlflow.set_tag("error", door.summary(error))
                if isinstance(error, KeyboardInterrupt):
                    mlflow.end_run(RunStatus.to_string(RunStatus.KILLED))
            raise


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
    uri = store.shown(mlflow.get_tracking_uri())
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
