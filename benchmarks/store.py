"""A store for the runs of one benchmark, and the commands that write to it; no benchmark itself."""

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
# What starting `mlflow run` costs, whatever is run.
EMPTY = """\
name: empty
entry_points:
  main:
    command: python -c pass
"""


class Taken(NamedTuple):
    """What a command took: seconds by the clock, and of the processors."""

    seconds: float
    cpu: float


@dataclass(frozen=True)
class Store:
    """A database and a folder of artifacts, as the commands of this project use them.

    Attributes:
        folder: that holds both, what commands print, and a project whose only entry point does nothing.
    """

    folder: Path

    @property
    def client(self) -> MlflowClient:
        """Return what reads the store."""
        return MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of a command that is to use the store, and this very Python."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        return {
            **kept,
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder / 'mlflow.db'}",
            "MLFLOW_EXPERIMENT_NAME": EXPERIMENT,
            "BENTOML_HOME": str(self.folder / "bentoml"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def mlflow_run(self, project: Path, options: Sequence[str] = ()) -> Taken:
        """Run the entry point `main` of a project, with Hydra options, and return what it took.

        Raises:
            RuntimeError: it failed; what it has printed last is part of the message.
        """
        command = ["mlflow", "run", str(project), "--env-manager=local"]
        command += ["-P", f"hydra_options={' '.join(options)}"] if options else []
        busy, started = children_cpu(), time.perf_counter()
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        taken = Taken(time.perf_counter() - started, children_cpu() - busy)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-3000:]}")
        return taken

    def empty_run(self) -> Taken:
        """Return what `mlflow run` of an entry point that does nothing takes."""
        return self.mlflow_run(self.folder / "empty")

    def runs(self, step: str) -> list[Run]:
        """Return the runs of a step, or of all (`%`), the newest first."""
        experiments = [experiment.experiment_id for experiment in self.client.search_experiments()]
        return list(self.client.search_runs(experiments, f"tags.step LIKE '{step}'"))


@contextmanager
def temporary() -> Iterator[Store]:
    """Make an empty store, and remove it afterwards."""
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells how it makes a database
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        store = Store(Path(folder))
        store.client.create_experiment(EXPERIMENT, artifact_location=(store.folder / "artifacts").as_uri())
        (store.folder / "empty").mkdir()
        (store.folder / "empty" / "MLproject").write_text(EMPTY, encoding="utf-8")
        yield store


def children_cpu() -> float:
    """Return the processor seconds of all processes started here that have ended, and of theirs."""
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
