"""How a step reports errors, tested with a small step."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STEP = """
import atexit, os, pathlib, signal, sys, time
from hydra.utils import instantiate
from pipeline import door
from sentiment.inference.errors import UserError

def user_error(**settings):
    raise UserError("The file is empty. Give another one.")

def broken(**settings):
    return {}["no such key"]

@door.step
def main(cfg):
    if cfg.target == "sleep":
        atexit.register(os.kill, os.getpid(), signal.SIGTERM)  # which arrives when all has ended
        pathlib.Path(cfg.started).touch()
        time.sleep(60)
    if cfg.target == "direct":
        broken()
    if cfg.target == "inputs":
        return cfg.inputs.splits
    return instantiate({"_target_": f"verbs.step.{cfg.target}", "value": cfg.value})

def whole(value):
    return value

if __name__ == "__main__":
    with door.leave():
        try:
            main()
        finally:
            sys.stderr.write("printed on exit\\n")
"""
CONFIG = """
target: whole
value: 1
started: null
inputs:
  splits: ???
hydra:
  run: {dir: .}
  sweep: {dir: .sweep, subdir: .}
  output_subdir: null
  job_logging: {root: {level: WARNING}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "verbs").mkdir()
    (folder / "conf").mkdir()
    (folder / "verbs" / "step.py").write_text(STEP, encoding="utf-8")
    (folder / "conf" / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return folder


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "verbs.step", *options]


def environment(**variables: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **variables}


def run(project: Path, *options: str, **variables: str) -> tuple[int, list[str]]:
    completed = subprocess.run(
        command(*options),
        cwd=project,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )
    return completed.returncode, completed.stderr.splitlines()


USER_ERROR_OUTPUT = ["printed on exit", "The file is empty. Give another one."]


def test_a_step_without_errors_prints_nothing(project: Path) -> None:
    assert run(project) == (0, ["printed on exit"])


@pytest.mark.parametrize(
    "options",
    [[], ["-m", "value=1,2"], ["-m", "value=1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]],
    ids=["alone", "in a sweep", "in a parallel sweep"],
)
def test_a_user_error_is_printed_alone_and_last(project: Path, options: list[str]) -> None:
    assert run(project, *options, "target=user_error") == (2, USER_ERROR_OUTPUT)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["valu=2"], "Could not override 'valu'."),
        (["data=csv"], "Could not override 'data'."),
        (["value=${nothing}"], "Interpolation key 'nothing' not found"),
        (["target=inputs"], "inputs.splits is not set: add inputs.splits=<value> to the command."),
        (["value=1,2"], "Ambiguous value for argument 'value=1,2'"),
        (["value=[1"], "no viable alternative at input"),
        (["target=no_such_function"], "Error locating target 'verbs.step.no_such_function'"),
        (["target=user_error", "--config-dir", "absent"], "Additional config directory"),
    ],
)
def test_invalid_settings_are_printed_alone_and_last(project: Path, options: list[str], message: str) -> None:
    status, lines = run(project, *options)
    assert status == 2
    assert lines[0] == "printed on exit"
    assert lines[1].startswith(message)
    assert not any("Traceback" in line or "Error executing job" in line for line in lines)


def test_an_invalid_settings_file_is_named_with_its_line(project: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("value: [1\n", encoding="utf-8")
    status, lines = run(project, "--config-path", str(tmp_path))
    assert status == 2
    assert lines[1] == "while parsing a flow sequence"
    assert f'in "{tmp_path / "config.yaml"}", line 1' in lines[2]


@pytest.mark.parametrize("target", ["broken", "direct"], ids=["wrapped by Hydra", "direct"])
@pytest.mark.parametrize(
    "options",
    [[], ["-m", "value=1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]],
    ids=["alone", "in a parallel sweep"],
)
def test_a_bug_keeps_its_traceback(project: Path, target: str, options: list[str]) -> None:
    status, lines = run(project, *options, f"target={target}")
    assert status == 1
    assert lines[0] == "printed on exit"
    assert '    return {}["no such key"]' in lines
    assert "KeyError: 'no such key'" in lines
    assert not any("Error executing job" in line for line in lines)


def test_hydra_full_error_shows_every_traceback(project: Path) -> None:
    status, lines = run(project, "target=user_error", HYDRA_FULL_ERROR="1")
    assert status == 2
    assert '    raise UserError("The file is empty. Give another one.")' in lines


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_prints_nothing(project: Path, tmp_path: Path, number: signal.Signals, status: int) -> None:
    started = tmp_path / "started"
    process = subprocess.Popen(
        command("target=sleep", f"started={started}"),
        cwd=project,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not started.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    process.send_signal(signal.SIGTERM)  # as MLflow does
    assert process.communicate(timeout=60)[1] == "printed on exit\n"
    assert process.returncode == status


@pytest.mark.parametrize("options", [["--cfg", "job"], ["--help"]])
def test_hydras_information_options_work(project: Path, options: list[str]) -> None:
    completed = subprocess.run(
        command(*options), cwd=project, env=environment(), capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0
    assert "target: whole" in completed.stdout
