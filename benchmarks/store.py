"""A temporary MLflow store for one benchmark, and commands that write to it. Not a benchmark itself."""

import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import NamedTuple

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

PROJECT = Path(__file__).parents[1]
EXPERIMENT = "benchmark"
# An empty project, to measure the overhead of `mlflow run`.
EMPTY = """\
name: empty
entry_points:
  main:
    command: python -c pass
"""


class Measurement(NamedTuple):
    """Wall-clock seconds and CPU seconds of a command."""

    seconds: float
    cpu: float


@dataclass(frozen=True)
class Store:
    """A database and a folder of artifacts.

    Attributes:
        folder: contains both, the output of commands, and the empty project.
    """

    folder: Path

    @property
    def client(self) -> MlflowClient:
        """Return a client of the store."""
        return MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")

    @property
    def environment(self) -> dict[str, str]:
        """Return environment variables for a command that uses the store and this Python environment."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        return {
            **inherited,
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder / 'mlflow.db'}",
            "MLFLOW_EXPERIMENT_NAME": EXPERIMENT,
            "BENTOML_HOME": str(self.folder / "bentoml"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def mlflow_run(self, project: Path, options: Sequence[str] = ()) -> Measurement:
        """Run the entry point `main` of a project with Hydra options, and measure it.

        Raises:
            RuntimeError: it failed; the message contains the end of its output.
        """
        command = ["mlflow", "run", str(project), "--env-manager=local"]
        command += ["-P", f"hydra_options={' '.join(options)}"] if options else []
        busy, started = children_cpu(), time.perf_counter()
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        measurement = Measurement(time.perf_counter() - started, children_cpu() - busy)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-3000:]}")
        return measurement

    def empty_run(self) -> Measurement:
        """Measure `mlflow run` of the empty project."""
        return self.mlflow_run(self.folder / "empty")

    def runs(self, step: str) -> list[Run]:
        """Return the runs of a step, or of all steps (`%`), the newest first."""
        experiments = [experiment.experiment_id for experiment in self.client.search_experiments()]
        return list(self.client.search_runs(experiments, f"tags.step LIKE '{step}'"))


@contextmanager
def temporary() -> Iterator[Store]:
    """Create an empty store, and remove it afterwards."""
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # hide the messages about creating a database
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        store = Store(Path(folder))
        store.client.create_experiment(EXPERIMENT, artifact_location=(store.folder / "artifacts").as_uri())
        (store.folder / "empty").mkdir()
        (store.folder / "empty" / "MLproject").write_text(EMPTY, encoding="utf-8")
        yield store


def children_cpu() -> float:
    """Return the CPU seconds of all finished child processes and their descendants."""
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
