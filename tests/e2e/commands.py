"""Run the whole pipeline as a user does, with less training."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

PROJECT = Path(__file__).parents[2]
# After so little training, rounding may move the AUC of a network by more than the real check allows.
WITHOUT_BERT = (
    "data.sample_size=2000 search.folds=2 train_baseline.classifier.C=1.0 embed.vector_size=16 embed.epochs=2 "
    "train_keras.epochs=1 train_keras.network.units=8 export.max_auc_drop=0.02 select.floor.roc_auc=null "
    "select.resamples=100"
)
OPTIONS = f"{WITHOUT_BERT} train_bert.fit.epochs=1"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Chain:
    """One run of the pipeline: the store with its runs and registry, and its output."""

    tracking_uri: str
    output: str

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.tracking_uri)

    def runs(self, step: str) -> list[Run]:
        """Return the runs of a step, newest first."""
        experiments = [experiment.experiment_id for experiment in self.client.search_experiments()]
        return list(self.client.search_runs(experiments, f"tags.step = '{step}'"))

    def statuses(self, *steps: str) -> dict[str, list[str]]:
        """Return the sorted statuses of the runs of each step."""
        return {step: sorted(run.info.status for run in self.runs(step)) for step in steps}


def environment(tracking_uri: str, **added: str) -> dict[str, str]:
    """Return the environment of a command that uses a store: with `added`, without this process's MLflow variables."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {
        **inherited,
        "MLFLOW_TRACKING_URI": tracking_uri,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
        **added,
    }


def pipeline(options: str) -> list[str]:
    """Return the command that runs the pipeline as a user does."""
    return [str(BIN / "mlflow"), "run", str(PROJECT), "--env-manager=local", "-P", f"hydra_options={options}"]


def step(*arguments: str) -> list[str]:
    """Return the command that runs a step alone: the process of `mlflow run` costs as much as a step."""
    return [sys.executable, "-m", "steps", *arguments]


def run_pipeline(tracking_uri: str, folder: Path, command: list[str]) -> Chain:
    """Run a command that runs the pipeline in a folder outside the project."""
    variables = environment(tracking_uri, PYTHONPATH=str(PROJECT))
    completed = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return Chain(tracking_uri=tracking_uri, output=completed.stdout + completed.stderr)


def load(chain: Chain, uri: str) -> mlflow.pyfunc.PyFuncModel:
    """Load a model from the chain's store."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(chain.tracking_uri)
    try:
        return mlflow.pyfunc.load_model(uri)
    finally:
        mlflow.set_tracking_uri(before)
