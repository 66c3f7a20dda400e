"""The whole pipeline as a user runs it, on a little of the sample."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

PROJECT = Path(__file__).parents[2]
# Of 90 validation tweets, two that change places because of rounding move the AUC as much as the check would allow. So
# little training makes no good model either.
OPTIONS = (
    "data.rows=600 search.folds=2 train_baseline.classifier.C=1.0 embed.vector_size=16 embed.epochs=2 "
    "train_keras.epochs=1 train_keras.network.units=8 export.max_auc_drop=0.02 "
    "select.floor.roc_auc=null select.resamples=100"
)
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Chain:
    """A store that holds the runs and the registry of one run of the pipeline, and what that printed."""

    tracking_uri: str
    output: str

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.tracking_uri)

    def runs(self, step: str) -> list[Run]:
        """Return the runs of a step, the newest first."""
        experiments = [experiment.experiment_id for experiment in self.client.search_experiments()]
        return list(self.client.search_runs(experiments, f"tags.step = '{step}'"))

    def statuses(self, *steps: str) -> dict[str, list[str]]:
        """Return the statuses of the runs of steps, sorted."""
        return {step: sorted(run.info.status for run in self.runs(step)) for step in steps}


def environment(tracking_uri: str) -> dict[str, str]:
    """Return the environment of a command that is to use a store; what this process has of MLflow stays here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {
        **kept,
        "MLFLOW_TRACKING_URI": tracking_uri,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
    }


def pipeline(options: str = OPTIONS) -> list[str]:
    """Return the command that runs the pipeline."""
    return [str(BIN / "mlflow"), "run", str(PROJECT), "--env-manager=local", "-P", f"hydra_options={options}"]


def run_pipeline(tracking_uri: str, folder: Path, options: str = OPTIONS) -> Chain:
    """Run `mlflow run` from a folder that is not the project's, and return what it has made."""
    done = subprocess.run(
        pipeline(options), cwd=folder, env=environment(tracking_uri), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Chain(tracking_uri=tracking_uri, output=done.stdout + done.stderr)


def load(chain: Chain, uri: str) -> mlflow.pyfunc.PyFuncModel:
    """Load a model of a chain."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(chain.tracking_uri)
    try:
        return mlflow.pyfunc.load_model(uri)
    finally:
        mlflow.set_tracking_uri(before)
