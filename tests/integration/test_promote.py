"""The step `promote`: the champion by hand, there and back, and what leaves it where it is."""

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

from pipeline import registry, runs, selection
from pipeline.registry import CHALLENGER, CHAMPION, WITHDRAWN, RegistryError
from steps import promote
from tests.integration.candidates import SharedCandidates, answer, folder_of, make_champion, put_back
from tests.integration.chain import configuration, last_run

pytestmark = pytest.mark.usefixtures("shared")


@pytest.fixture
def name(shared: SharedCandidates) -> str:
    """Register three models as versions 1 to 3 under a name of the test's own; the first is the champion."""
    name = f"small_{uuid4().hex}"
    make_champion(shared.logistic_regression, name)
    for uri in (shared.dummy, shared.other_dummy):
        registry.register(uri, name, {})
    return name


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have models answer in this process."""
    monkeypatch.setattr(selection, "predict_in_subprocess", answer)


def run(name: str, version: str, reason: str = "a test") -> None:
    promote.main(configuration(f"select.name={name}", f"promote.version={version}", f"promote.reason='{reason}'"))


def withdrawn(name: str) -> dict[str, str]:
    """Return why versions were withdrawn."""
    versions = MlflowClient().search_model_versions(f"name = '{name}'")
    return {str(found.version): found.tags[WITHDRAWN] for found in versions if WITHDRAWN in found.tags}


def moves(name: str) -> list[tuple[str, str | None, str | None, str]]:
    return [(move["alias"], move["from"], move["to"], move["why"]) for move in registry.history(name)[1:]]


@pytest.fixture
def folder(shared: SharedCandidates) -> Iterator[Path]:
    """Give the folder of version 2, to be damaged, and put it back as it was."""
    folder = folder_of(shared.dummy)
    with put_back(folder):
        yield folder


@pytest.mark.usefixtures("quick")
def test_a_version_is_made_champion_by_hand_and_rolled_back(name: str) -> None:
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


@pytest.mark.usefixtures("quick")
def test_a_challenger_that_is_promoted_is_no_challenger_any_more(name: str) -> None:
    registry.move(name, CHALLENGER, "2", "the best candidate on validation")
    run(name, "3")
    assert registry.aliases(name) == {CHAMPION: "3", CHALLENGER: "2"}
    run(name, "2")
    assert registry.aliases(name) == {CHAMPION: "2"}


@pytest.mark.usefixtures("quick")
def test_promoting_the_champion_changes_nothing(name: str) -> None:
    run(name, "1")
    assert registry.aliases(name) == {CHAMPION: "1"}
    assert moves(name) == []
    assert withdrawn(name) == {}


@pytest.mark.usefixtures("quick")
def test_a_promotion_that_was_killed_is_finished_by_the_same_command(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(registry, "move", killed)
        run(name, "2", "it is faster")
    assert registry.aliases(name) == {CHAMPION: "1"}
    run(name, "2", "it is faster")
    assert registry.aliases(name) == {CHAMPION: "2"}
    assert withdrawn(name) == {"1": "it is faster"}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("version", ["9", "abc", "champion", "01", "''"])
def test_a_version_that_is_not_there_is_refused_with_those_that_are(name: str, version: str) -> None:
    with pytest.raises(RegistryError, match=rf"{name} has no version .*\. Its versions are: 1, 2, 3\."):
        run(name, version)
    require_unmoved(name)


def test_a_registered_model_that_is_not_there_is_refused() -> None:
    with pytest.raises(RegistryError, match=r"unknown has no version '1'\. Its versions are: none\."):
        run("unknown", "1")


def test_a_version_that_fails_to_load_is_refused(name: str, folder: Path) -> None:
    shutil.rmtree(folder)
    with pytest.raises(RegistryError, match=rf"Version 2 of {name} does not work, so it was not promoted\. .*/2"):
        run(name, "2")
    require_unmoved(name)


def test_a_version_that_answers_no_probabilities_is_refused(name: str, folder: Path) -> None:
    code = folder / "code" / "sentiment" / "inference" / "classifier.py"
    told = code.read_text(encoding="utf-8")
    answered = "return self.score(texts) * float('nan')"
    code.write_text(told.replace("return self.calibration(self.score(texts))", answered), encoding="utf-8")
    assert code.read_text(encoding="utf-8") != told
    with pytest.raises(RegistryError, match="does not return a negative_probability between 0 and 1"):
        run(name, "2")
    require_unmoved(name)


def require_unmoved(name: str) -> None:
    """Check that a refused promotion has left everything as it was, but for its failed run."""
    assert last_run().info.status == "FAILED"
    assert registry.aliases(name) == {CHAMPION: "1"}
    assert moves(name) == []
    assert withdrawn(name) == {}


@pytest.mark.usefixtures("quick")
def test_a_promotion_while_another_command_moves_aliases_is_refused(name: str) -> None:
    with registry.locked(name, seconds=0), pytest.raises(RegistryError, match="Another command is moving the aliases"):
        run(name, "2")
    require_unmoved(name)
    run(name, "2")
    assert registry.aliases(name) == {CHAMPION: "2"}


@pytest.mark.slow
def test_of_two_promotions_at_once_one_is_done_and_the_other_told_so(
    name: str, shared: SharedCandidates, tmp_path: Path
) -> None:
    environment = {**os.environ, "MLFLOW_TRACKING_URI": shared.store, "PYTHONPATH": str(runs.PROJECT)}
    processes = {}
    for version in ("2", "3"):
        command = [sys.executable, "-m", "steps", "promote", f"select.name={name}", f"promote.version={version}"]
        processes[version] = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    told = {version: process.communicate(timeout=120) for version, process in processes.items()}
    done = [version for version, process in processes.items() if process.returncode == 0]
    refused = [version for version in processes if version not in done]
    errors = "\n".join(told[version][1] for version in refused)
    assert done, errors
    assert all("Another command is moving the aliases" in told[version][1] for version in refused), errors
    # Should one have begun when the other was over, both are done, one after the other.
    expected: list[tuple[str, str | None, str | None, str]] = [(CHAMPION, "1", done[0], "promoted by hand")]
    if len(done) == 2:
        last = registry.aliases(name)[CHAMPION]
        (first,) = {"2", "3"} - {last}
        expected = [(CHAMPION, "1", first, "promoted by hand"), (CHAMPION, first, last, "promoted by hand")]
    assert moves(name) == expected
    assert registry.aliases(name) == {CHAMPION: expected[-1][2]}
    assert withdrawn(name) == {move[1]: "promoted by hand" for move in expected}
