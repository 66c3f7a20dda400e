"""The step `promote`: manual promotions, rollbacks and refusals."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from uuid import uuid4

import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from pipeline import registry, runs, scoring
from pipeline.registry import CHALLENGER, CHAMPION, WITHDRAWN, RegistryError
from steps import promote
from tests.integration.candidates import SharedCandidates, folder_of, make_champion, predict_in_process, restored
from tests.integration.chain import configuration, last_run

pytestmark = pytest.mark.usefixtures("shared")


@pytest.fixture
def name(shared: SharedCandidates) -> str:
    """Register three models as versions 1 to 3 under a name used by one test only; the first is the champion."""
    name = f"small_{uuid4().hex}"
    make_champion(shared.logistic_regression, name)
    for uri in (shared.dummy, shared.other_dummy):
        registry.register(uri, name, {})
    return name


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run models in this process."""
    monkeypatch.setattr(scoring, "predict_in_subprocess", predict_in_process)


def run(name: str, version: str, reason: str = "a test") -> None:
    promote.main(configuration(f"select.name={name}", f"promote.version={version}", f"promote.reason='{reason}'"))


def withdrawn(name: str) -> dict[str, str]:
    """Return the withdrawn versions with their reasons."""
    versions = MlflowClient().search_model_versions(f"name = '{name}'")
    return {str(version.version): version.tags[WITHDRAWN] for version in versions if WITHDRAWN in version.tags}


def moves(name: str) -> list[tuple[str, str | None, str | None, str]]:
    return [(move["alias"], move["from"], move["to"], move["why"]) for move in registry.history(name)[1:]]


@pytest.fixture
def model_folder(shared: SharedCandidates) -> Iterator[Path]:
    """Return the folder of version 2, which a test may damage; restore it afterwards."""
    folder = folder_of(shared.dummy)
    with restored(folder):
        yield folder


@pytest.mark.usefixtures("in_process")
def test_a_version_is_promoted_manually_and_rolled_back(name: str) -> None:
    run(name, "2", "it is faster")
    assert registry.aliases(name) == {CHAMPION: "2"}
    assert withdrawn(name) == {"1": "it is faster"}
    assert {key: last_run().data.tags[key] for key in ("from", "to")} == {"from": "1", "to": "2"}
    run(name, "1", "but worse")
    assert registry.aliases(name) == {CHAMPION: "1"}
    assert withdrawn(name) == {"2": "but worse"}
    assert moves(name) == [(CHAMPION, "1", "2", "it is faster"), (CHAMPION, "2", "1", "but worse")]
    table = pd.read_csv(StringIO(mlflow.artifacts.load_text(f"{last_run().info.artifact_uri}/history.csv")))
    assert table["why"].tolist() == ["a test", "it is faster", "but worse"]


@pytest.mark.usefixtures("in_process")
def test_a_promoted_challenger_loses_its_alias(name: str) -> None:
    registry.move(name, CHALLENGER, "2", "the best candidate on validation")
    run(name, "3")
    assert registry.aliases(name) == {CHAMPION: "3", CHALLENGER: "2"}
    run(name, "2")
    assert registry.aliases(name) == {CHAMPION: "2"}


@pytest.mark.usefixtures("in_process")
def test_promoting_the_champion_changes_nothing(name: str) -> None:
    run(name, "1")
    assert registry.aliases(name) == {CHAMPION: "1"}
    assert moves(name) == []
    assert withdrawn(name) == {}


@pytest.mark.usefixtures("in_process")
def test_a_killed_promotion_is_completed_by_the_same_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(registry, "move", killed)
        run(name, "2", "it is faster")
    assert registry.aliases(name) == {CHAMPION: "1"}
    run(name, "2", "it is faster")
    assert registry.aliases(name) == {CHAMPION: "2"}
    assert withdrawn(name) == {"1": "it is faster"}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("version", ["9", "abc", "champion", "01", "''"])
def test_an_unknown_version_is_refused_with_a_list_of_versions(name: str, version: str) -> None:
    with pytest.raises(RegistryError, match=rf"{name} has no version .*\. Its versions are: 1, 2, 3\."):
        run(name, version)
    require_unchanged(name)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(RegistryError, match=r"unknown has no version '1'\. Its versions are: none\."):
        run("unknown", "1")


def test_a_version_that_fails_to_load_is_refused(name: str, model_folder: Path) -> None:
    shutil.rmtree(model_folder)
    with pytest.raises(RegistryError, match=rf"Version 2 of {name} does not work, so it was not promoted\. .*/2"):
        run(name, "2")
    require_unchanged(name)


def test_a_version_that_does_not_return_probabilities_is_refused(name: str, model_folder: Path) -> None:
    code = model_folder / "code" / "sentiment" / "inference" / "classifier.py"
    original = code.read_text(encoding="utf-8")
    broken = "return self.score(texts) * float('nan')"
    code.write_text(original.replace("return self.calibration(self.score(texts))", broken), encoding="utf-8")
    assert code.read_text(encoding="utf-8") != original
    with pytest.raises(RegistryError, match="does not return a negative_probability between 0 and 1"):
        run(name, "2")
    require_unchanged(name)


def require_unchanged(name: str) -> None:
    """Check that a refused promotion changed nothing and left a failed run."""
    assert last_run().info.status == "FAILED"
    assert registry.aliases(name) == {CHAMPION: "1"}
    assert moves(name) == []
    assert withdrawn(name) == {}


@pytest.mark.usefixtures("in_process")
def test_a_promotion_while_another_command_moves_aliases_is_refused(name: str) -> None:
    with registry.locked(name, seconds=0), pytest.raises(RegistryError, match="Another command is moving the aliases"):
        run(name, "2")
    require_unchanged(name)
    run(name, "2")
    assert registry.aliases(name) == {CHAMPION: "2"}


@pytest.mark.extended
@pytest.mark.slow
def test_concurrent_promotions_do_not_interleave(name: str, shared: SharedCandidates, tmp_path: Path) -> None:
    environment = {**os.environ, "MLFLOW_TRACKING_URI": shared.store, "PYTHONPATH": str(runs.PROJECT)}
    processes = {}
    for version in ("2", "3"):
        command = [sys.executable, "-m", "steps", "promote", f"select.name={name}", f"promote.version={version}"]
        processes[version] = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    outputs = {version: process.communicate(timeout=120) for version, process in processes.items()}
    promoted = [version for version, process in processes.items() if process.returncode == 0]
    refused = [version for version in processes if version not in promoted]
    errors = "\n".join(outputs[version][1] for version in refused)
    assert promoted, errors
    assert all("Another command is moving the aliases" in outputs[version][1] for version in refused), errors
    # If one started after the other had finished, both succeed, one after the other.
    expected: list[tuple[str, str | None, str | None, str]] = [(CHAMPION, "1", promoted[0], "promoted manually")]
    if len(promoted) == 2:
        last = registry.aliases(name)[CHAMPION]
        (first,) = {"2", "3"} - {last}
        expected = [(CHAMPION, "1", first, "promoted manually"), (CHAMPION, first, last, "promoted manually")]
    assert moves(name) == expected
    assert registry.aliases(name) == {CHAMPION: expected[-1][2]}
    assert withdrawn(name) == {move[1]: "promoted manually" for move in expected}
