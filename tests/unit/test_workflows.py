"""The workflows of GitHub Actions, and the scripts that they run; actionlint and zizmor check the rest."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.documentation import PROJECT

CI = PROJECT / ".ci"
WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))
JOBS = [
    pytest.param(name, job, id=f"{path.stem}-{name}")
    for path in WORKFLOWS
    for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items()
]
PINNED = re.compile(r"uses: (\./\S+|[\w./-]+@[0-9a-f]{40} # v[0-9.]+)( # zizmor.*)?")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_grants_nothing_by_default_and_pins_every_action(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    assert "group" in workflow["concurrency"]
    uses = [line.strip().removeprefix("- ") for line in text.splitlines() if "uses:" in line]
    assert [line for line in uses if not PINNED.fullmatch(line)] == []


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_names_its_permissions_and_ends_in_time(name: str, job: Mapping[str, Any]) -> None:  # noqa: ARG001
    assert job["permissions"]
    assert "uses" in job or job["timeout-minutes"] <= 350


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_runs_targets_and_scripts_that_exist(name: str, job: Mapping[str, Any]) -> None:  # noqa: ARG001
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z -]+):(?!=)", makefile))
    for step in job.get("steps", ()):
        script = step.get("run", "")
        for file in re.findall(r"\.ci/[\w-]+", script):
            assert os.access(PROJECT / file, os.X_OK), file
        for target in re.findall(r"\bmake ([a-z-]+)", script):
            assert target in targets, target


def test_a_job_that_logs_in_to_azure_runs_in_an_environment() -> None:
    """Azure trusts only these (infra/)."""
    for parameter in JOBS:
        _, job = parameter.values
        if any(str(step.get("uses")).startswith("azure/login@") for step in job.get("steps", ())):
            assert job["environment"] in ("staging", "production")
            assert job["permissions"]["id-token"] == "write"


def test_the_environment_of_the_delivery_program_has_all_that_it_imports() -> None:
    code = (
        "import sys, delivery.__main__; from importlib.metadata import packages_distributions as p; d = p();"
        "print(*{n for m in {m.partition('.')[0] for m in sys.modules} & d.keys() for n in d[m]})"
    )
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=PROJECT, env=unmeasured, capture_output=True, text=True, check=True)
    imported = {name.lower().replace("_", "-") for name in done.stdout.split()}
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    (line,) = re.findall(r"(?m)^DELIVERY_PACKAGES := (.*)$", makefile)
    # Of httpx's command line, and Python's own.
    assert imported - {"click", "rich", "pygments", "idna", "setuptools"} == set(line.split())


def run(script: Path, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script, *arguments],
        cwd=cwd,
        env={"PATH": f"{cwd}:/usr/local/bin:/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def program(file: Path, script: str) -> None:
    """Write a stand-in for a program."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)


def test_a_missing_variable_or_secret_ends_a_job_before_it_changes_anything(tmp_path: Path) -> None:
    done = run(CI / "require", "REGISTRY", "SERVICE_KEY", "GROUP", cwd=tmp_path, REGISTRY="there", GROUP="")
    assert done.returncode == 2
    assert done.stderr.startswith("Not set: SERVICE_KEY GROUP. Define them as variables or secrets")
    assert run(CI / "require", "REGISTRY", cwd=tmp_path, REGISTRY="there").returncode == 0


ENGINE = """
echo "$@" >> calls
case $1 in
  manifest) test "$3" = registry.example.org/tweet_sentiment:v1 ;;
  push) test "$2" != registry.example.org/tweet_sentiment:v3 || { echo denied >&2; exit 1; } ;;
  image) printf 'other.example.org/tweet_sentiment@sha256:1\\nregistry.example.org/tweet_sentiment@sha256:2\\n' ;;
esac
"""


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    program(tmp_path / "engine", ENGINE)
    return tmp_path


def push(engine: Path, version: str) -> subprocess.CompletedProcess[str]:
    arguments = ("localhost/tweet_sentiment:latest", "registry.example.org/tweet_sentiment", version)
    return run(CI / "push", *arguments, cwd=engine, ENGINE="engine", GITHUB_OUTPUT=str(engine / "output"))


def test_an_image_is_pushed_and_named_by_its_digest(engine: Path) -> None:
    assert push(engine, "v2").returncode == 0
    assert (engine / "output").read_text() == "image=registry.example.org/tweet_sentiment@sha256:2\n"


def test_a_version_that_the_registry_has_is_not_replaced(engine: Path) -> None:
    done = push(engine, "v1")
    assert done.returncode == 2
    assert done.stderr == (
        "registry.example.org/tweet_sentiment:v1 exists already: versions are never replaced. Release a new version.\n"
    )
    assert "push" not in (engine / "calls").read_text()


def test_a_registry_that_refuses_ends_the_release(engine: Path) -> None:
    done = push(engine, "v3")
    assert done.returncode == 2
    assert done.stderr == (
        "denied\nregistry.example.org/tweet_sentiment:v3 could not be pushed; see the error above. "
        "Nothing was deployed.\n"
    )
    assert not (engine / "output").exists()


def watch(folder: Path, *, code: int, open_issue: str = "") -> subprocess.CompletedProcess[str]:
    """Run the script of the workflow `watch` with a check that ends with a code."""
    (folder / ".ci").mkdir()
    shutil.copy(CI / "watch", folder / ".ci")
    check = f"echo 'Tweets (attention): longer than before'; echo 'Something needs attention.' >&2; exit {code}"
    program(folder / ".venv/bin/python", check)
    body = 'for word; do case $before in --body-file) cp "$word" body ;; esac; before=$word; done'
    program(folder / "gh", f'echo "$@" >> calls\n{body}\n[ "$2" != list ] || echo "{open_issue}"')
    return run(folder / ".ci/watch", "status", cwd=folder, RUN_URL="https://example.org/run")


@pytest.mark.parametrize("code", [3, 4])
def test_an_alarm_opens_an_issue_with_the_report(tmp_path: Path, code: int) -> None:
    done = watch(tmp_path, code=code)
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text()
    assert "issue create --title status: Something needs attention. --label watch-status" in calls
    body = (tmp_path / "body").read_text()
    assert body.startswith(f"`status` ended with {code}: Something needs attention.")
    assert "Tweets (attention): longer than before" in body
    assert "[the run](https://example.org/run)" in body


def test_an_alarm_that_is_known_adds_a_comment(tmp_path: Path) -> None:
    assert watch(tmp_path, code=3, open_issue="12").returncode == 0
    calls = (tmp_path / "calls").read_text()
    assert "issue comment 12 --body-file" in calls
    assert "create --title" not in calls


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_check_without_an_alarm_opens_no_issue_and_keeps_its_exit_code(tmp_path: Path, code: int) -> None:
    assert watch(tmp_path, code=code).returncode == code
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize(("after", "promoted"), [("7", "promoted=7\n"), ("6", None)])
def test_a_training_says_whether_there_is_a_new_champion(tmp_path: Path, after: str, promoted: str | None) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(CI / "train", tmp_path / ".ci")
    program(
        tmp_path / ".venv/bin/python",
        f"case $3 in champion) if [ -e trained ]; then echo {after}; else echo 6; fi ;;\n"
        'report) mkdir "$4"; echo table > "$4/summary.md" ;; esac',
    )
    program(tmp_path / ".venv/bin/mlflow", 'echo "$@" > trained')
    files = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    done = run(tmp_path / ".ci/train", "quick", "vader", "seed=2", cwd=tmp_path, **files)
    assert done.returncode == 0, done.stderr
    assert "hydra_options=plan=quick data=vader seed=2" in (tmp_path / "trained").read_text()
    assert (tmp_path / "summary").read_text() == "table\n"
    output = tmp_path / "output"
    assert (output.read_text() if output.exists() else None) == promoted
