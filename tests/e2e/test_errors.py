"""How errors leave the commands that people run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run
from mlflow.exceptions import ExecutionException

from tests.e2e.commands import BIN, PROJECT, Chain, environment

pytestmark = pytest.mark.slow
# Data sets of the user's own code: one has a mistake, the other takes its time.
PLANTED = """
import os, pathlib, time

def broken(**settings):
    return {}["no such key"]

def slow(**settings):
    pathlib.Path(os.environ["STARTED"]).touch()
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], str]) -> Chain:
    return Chain(tracking_uri=new_store(tmp_path_factory.mktemp("store")), output="")


def folder_of(store: Chain) -> Path:
    return Path(store.tracking_uri.removeprefix("sqlite:///")).parent


@pytest.fixture
def planted(tmp_path: Path) -> dict[str, str]:
    """Write a module for Hydra to find; return the environment in which it does."""
    (tmp_path / "planted.py").write_text(PLANTED, encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(PROJECT), str(tmp_path)])}


def step(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "steps", *arguments]


def entry_point(name: str, *parameters: str) -> list[str]:
    command = [str(BIN / "mlflow"), "run", str(PROJECT), "--env-manager=local", "-e", name]
    return [*command, *(part for parameter in parameters for part in ("-P", parameter))]


def run(command: list[str], store: Chain, **variables: str) -> tuple[int, list[str]]:
    """Run a command; return its exit code and the lines of its standard error."""
    done = subprocess.run(
        command,
        cwd=folder_of(store),
        env={**environment(store.tracking_uri), "PYTHONPATH": str(PROJECT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


def last(store: Chain) -> Run:
    """Return the run that was started last, whether or not its step came to open it."""
    experiments = [experiment.experiment_id for experiment in store.client.search_experiments()]
    return store.client.search_runs(experiments, order_by=["attributes.start_time DESC"], max_results=1)[0]


SLOW = ["data=csv", "data.path=any.csv", "data.source._target_=planted.slow"]


def absent(folder: Path) -> str:
    return f"No file {folder / 'absent.csv'} (data.path)."


def test_a_step_leaves_its_message_alone_and_the_exit_code_2(store: Chain) -> None:
    message = absent(folder_of(store))
    assert run(step("split", "data=csv", "data.path=absent.csv"), store) == (2, [message])
    assert (last(store).info.status, last(store).data.tags["error"]) == ("FAILED", message)


def test_an_entry_point_leaves_it_too_and_mlflow_one_line_of_its_own(store: Chain) -> None:
    status, lines = run(entry_point("split", "hydra_options=data=csv data.path=absent.csv"), store)
    assert status == 1
    assert lines[-2] == absent(PROJECT), "where MLflow runs the steps"
    assert f"=== Run (ID '{last(store).info.run_id}') failed ===" in lines[-1]
    assert not any("Error executing job" in line or "Traceback" in line for line in lines)
    assert (last(store).info.status, last(store).data.tags["error"]) == ("FAILED", absent(PROJECT))


def test_an_option_that_does_not_exist_is_the_error_of_the_run_that_was_made_for_the_step(
    store: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(store.tracking_uri).items():
        monkeypatch.setenv(name, value)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store.tracking_uri)
    with pytest.raises(ExecutionException, match=r"Run \(ID '[0-9a-f]{32}'\) failed"):
        mlflow.run(str(PROJECT), "split", parameters={"hydra_options": "data=nothing"}, env_manager="local")
    mlflow.set_tracking_uri(before)
    assert last(store).info.status == "FAILED"
    assert last(store).data.tags["error"].startswith("In 'config': Could not find 'data/nothing'")


@pytest.mark.parametrize("arguments", [["split", "data=nothing"], ["predict", "--modell=x"], ["no_step"], []])
def test_a_wrong_command_line_has_the_exit_code_2(store: Chain, arguments: list[str]) -> None:
    status, lines = run(step(*arguments), store)
    assert status == 2
    assert not any("Traceback" in line or "HYDRA_FULL_ERROR" in line for line in lines)


def test_an_error_of_the_program_keeps_its_traceback(store: Chain, planted: dict[str, str]) -> None:
    command = step("split", "data=csv", "data.path=any.csv", "data.source._target_=planted.broken")
    status, lines = run(command, store, **planted)
    assert status == 1
    assert '    return {}["no such key"]' in lines
    assert any(f'{Path("steps", "split.py")}"' in line for line in lines), "also the frames of the step"
    assert last(store).info.status == "FAILED"
    assert "KeyError" in last(store).data.tags["error"]


@pytest.mark.parametrize(
    ("command", "status", "ended"),
    [
        (step("split", *SLOW), 130, {"split": "KILLED"}),
        (step("main", *SLOW), 130, {"split": "KILLED", "main": "KILLED"}),
        (entry_point("split", f"hydra_options={' '.join(SLOW)}"), 1, {"split": "FAILED"}),  # MLflow changes it
    ],
    ids=["a step", "main", "mlflow run"],
)
def test_ctrl_c_kills_the_run_and_shows_nothing_of_the_program(
    tmp_path: Path,
    new_store: Callable[[Path], str],
    planted: dict[str, str],
    command: list[str],
    status: int,
    ended: dict[str, str],
) -> None:
    store = Chain(tracking_uri=new_store(tmp_path), output="")
    started = tmp_path / "started"
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**environment(store.tracking_uri), **planted, "STARTED": str(started)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not started.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    printed = process.communicate(timeout=60)[1]
    assert "Traceback" not in printed
    assert process.returncode == status
    for name, expected in ended.items():
        (run,) = store.runs(name)
        assert (run.info.status, run.data.tags["error"]) == (expected, "Interrupted.")
