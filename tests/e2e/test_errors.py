"""What commands print and return when they fail."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run
from mlflow.exceptions import ExecutionException

from tests.e2e.commands import BIN, PROJECT, Chain, environment, step

pytestmark = pytest.mark.slow
# Data sets in the user's code: one has a bug, the other is slow.
USER_MODULE = """
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
def user_module(tmp_path: Path) -> dict[str, str]:
    """Write a module for Hydra to import; return the variables that make it importable."""
    (tmp_path / "user_module.py").write_text(USER_MODULE, encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(PROJECT), str(tmp_path)])}


def entry_point(name: str, *parameters: str) -> list[str]:
    command = [str(BIN / "mlflow"), "run", str(PROJECT), "--env-manager=local", "-e", name]
    return [*command, *(part for parameter in parameters for part in ("-P", parameter))]


def run(command: list[str], store: Chain, **variables: str) -> tuple[int, list[str]]:
    """Run a command; return its exit code and the lines of its standard error."""
    completed = subprocess.run(
        command,
        cwd=folder_of(store),
        env=environment(store.tracking_uri, **{"PYTHONPATH": str(PROJECT), **variables}),
        capture_output=True,
        text=True,
        check=False,
    )
    return completed.returncode, completed.stderr.splitlines()


def last_run(store: Chain) -> Run:
    """Return the run that started last, even if its step never opened it."""
    experiments = [experiment.experiment_id for experiment in store.client.search_experiments()]
    return store.client.search_runs(experiments, order_by=["attributes.start_time DESC"], max_results=1)[0]


SLOW = ["data=csv", "data.path=any.csv", "data.source._target_=user_module.slow"]


def missing_file_message(folder: Path) -> str:
    return f"No file {folder / 'absent.csv'} (data.path)."


def test_a_step_prints_only_its_message_and_exits_with_2(store: Chain) -> None:
    message = missing_file_message(folder_of(store))
    assert run(step("split", "data=csv", "data.path=absent.csv"), store) == (2, [message])
    assert (last_run(store).info.status, last_run(store).data.tags["error"]) == ("FAILED", message)


def test_an_entry_point_prints_its_message_and_one_line_of_mlflow(store: Chain) -> None:
    exit_code, lines = run(entry_point("split", "hydra_options=data=csv data.path=absent.csv"), store)
    assert exit_code == 1
    assert lines[-2] == missing_file_message(PROJECT), "MLflow runs the steps there"
    assert f"=== Run (ID '{last_run(store).info.run_id}') failed ===" in lines[-1]
    assert not any("Error executing job" in line or "Traceback" in line for line in lines)
    assert (last_run(store).info.status, last_run(store).data.tags["error"]) == (
        "FAILED",
        missing_file_message(PROJECT),
    )


def test_an_unknown_option_is_recorded_in_the_failed_run(store: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(store.tracking_uri).items():
        monkeypatch.setenv(name, value)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store.tracking_uri)
    with pytest.raises(ExecutionException, match=r"Run \(ID '[0-9a-f]{32}'\) failed"):
        mlflow.run(
            str(PROJECT), "split", parameters={"hydra_options": "data=nothing"}, env_manager="local", experiment_id="0"
        )
    mlflow.set_tracking_uri(before)
    assert last_run(store).info.status == "FAILED"
    assert last_run(store).data.tags["error"].startswith("In 'config': Could not find 'data/nothing'")


@pytest.mark.parametrize("arguments", [["split", "data=nothing"], ["predict", "--modell=x"], ["no_step"], []])
def test_a_wrong_command_line_exits_with_2(store: Chain, arguments: list[str]) -> None:
    exit_code, lines = run(step(*arguments), store)
    assert exit_code == 2
    assert not any("Traceback" in line or "HYDRA_FULL_ERROR" in line for line in lines)


def test_a_bug_keeps_its_traceback(store: Chain, user_module: dict[str, str]) -> None:
    command = step("split", "data=csv", "data.path=any.csv", "data.source._target_=user_module.broken")
    exit_code, lines = run(command, store, **user_module)
    assert exit_code == 1
    assert '    return {}["no such key"]' in lines
    assert any(f'{Path("steps", "split.py")}"' in line for line in lines), "the traceback includes the step"
    assert last_run(store).info.status == "FAILED"
    assert "KeyError" in last_run(store).data.tags["error"]


@pytest.mark.extended
@pytest.mark.parametrize(
    ("command", "exit_code", "run_statuses"),
    [
        (step("split", *SLOW), 130, {"split": "KILLED"}),
        (step("main", *SLOW), 130, {"split": "KILLED", "main": "KILLED"}),
        (entry_point("split", f"hydra_options={' '.join(SLOW)}"), 1, {"split": "FAILED"}),  # MLflow overwrites KILLED
    ],
    ids=["a step", "main", "mlflow run"],
)
def test_ctrl_c_ends_the_run_without_a_traceback(
    tmp_path: Path,
    new_store: Callable[[Path], str],
    user_module: dict[str, str],
    command: list[str],
    exit_code: int,
    run_statuses: dict[str, str],
) -> None:
    store = Chain(tracking_uri=new_store(tmp_path), output="")
    started = tmp_path / "started"
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(store.tracking_uri, STARTED=str(started), **user_module),
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
    stderr = process.communicate(timeout=60)[1]
    assert "Traceback" not in stderr
    assert process.returncode == exit_code
    for name, expected in run_statuses.items():
        (run,) = store.runs(name)
        assert (run.info.status, run.data.tags["error"]) == (expected, "Interrupted.")
