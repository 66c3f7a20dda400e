"""`pipeline.relocation`: a moved or copied project writes to its own folder."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

from pipeline import relocation, source_code, store
from pipeline.store import StoreError
from tests.corpora import data

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, new_store: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a project folder with one run, in MLflow's default layout."""
    folder = tmp_path / "air paradis é"
    folder.mkdir()
    (folder / "MLproject").touch()
    monkeypatch.chdir(folder)
    client = mlflow.MlflowClient(new_store(folder))
    experiment = client.create_experiment("test", artifact_location=str(folder / "mlruns" / "1"))
    run = client.create_run(experiment)
    client.log_text(run.info.run_id, "made", "corpus/data.txt")
    client.set_tag(run.info.run_id, "hands_over", json.dumps([f"{run.info.artifact_uri}/corpus"]))
    client.create_registered_model("small")
    source = f"{folder.as_uri()}/mlruns/1/models/m/artifacts"
    client.create_model_version("small", source=source, run_id=run.info.run_id)
    return folder


def locations(folder: Path) -> list[str]:
    """Return every value in a database that contains the path of a folder of runs."""
    with store.closing_connection(folder / "mlflow.db") as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [row for table in tables for row in connection.execute(f"SELECT * FROM {table}")]
    values = [value for row in rows for value in row if "mlruns" in str(value)]
    return [json.loads(value)[0] if value.startswith("[") else value for value in values]


def test_a_project_in_its_original_folder_is_unchanged(project: Path) -> None:
    store.require_own_files(project / "mlflow.db")
    assert relocation.relocate(project / "mlflow.db") == []
    assert not (project / "mlflow.db.before_relocation").exists()


@pytest.mark.parametrize("copied", [False, True], ids=["moved", "copied"])
def test_a_moved_or_copied_project_is_refused_until_it_is_relocated(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: bool
) -> None:
    here = tmp_path / "elsewhere à"
    number_of_locations = len(locations(project))
    assert number_of_locations >= 4, "of an experiment, a run, its tag and a model version"
    shutil.copytree(project, here)
    monkeypatch.chdir(here)
    if not copied:
        shutil.rmtree(project)
    with pytest.raises(StoreError, match=f"was moved or copied from there.*make relocate.* to {here / 'mlruns'}"):
        store.require_own_files(here / "mlflow.db")
    assert relocation.relocate(here / "mlflow.db") == [project]
    store.require_own_files(here / "mlflow.db")
    relocated = locations(here)
    assert len(relocated) == number_of_locations
    assert all(store.local_path(location).startswith(f"{here}/mlruns/") for location in relocated)
    assert (here / "mlflow.db.before_relocation").is_file()

    client = mlflow.MlflowClient(store.sqlite_uri(here / "mlflow.db"))
    (run,) = client.search_runs(["1"])
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/corpus/data.txt") == "made"
    client.log_text(client.create_run("1").info.run_id, "more", "more.txt")
    assert [path.name for path in here.rglob("more.txt")] == ["more.txt"]
    if copied:
        assert not list(project.rglob("more.txt"))
        originals = locations(project)
        assert len(originals) == number_of_locations
        assert all(store.local_path(location).startswith(f"{project}/mlruns/") for location in originals)


def test_relocation_is_refused_if_files_were_left_behind(project: Path, tmp_path: Path) -> None:
    here = tmp_path / "elsewhere"
    shutil.copytree(project, here, ignore=shutil.ignore_patterns("mlruns"))
    before = (here / "mlflow.db").read_bytes()
    with pytest.raises(StoreError, match=f"still in {project / 'mlruns'}: copy that folder to {here / 'mlruns'} first"):
        relocation.relocate(here / "mlflow.db")
    assert (here / "mlflow.db").read_bytes() == before


def test_runs_outside_a_project_folder_are_accepted(project: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    client = mlflow.MlflowClient(store.sqlite_uri(project / "mlflow.db"))
    client.create_experiment("other", artifact_location=str(tmp_path / "other" / "mlruns" / "2"))
    client.create_experiment("bucket", artifact_location="s3://bucket/mlruns/3")
    store.require_own_files(project / "mlflow.db")


@pytest.mark.extended
@pytest.mark.slow
def test_a_step_in_a_copied_project_writes_nothing_and_says_what_to_do(
    tmp_path: Path, new_store: Callable[[Path], str]
) -> None:
    project, here = tmp_path / "project", tmp_path / "here"
    for name in ("conf", *source_code.PACKAGES):
        shutil.copytree(ROOT / name, project / name)
    shutil.copy(ROOT / "MLproject", project)
    new_store(project)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}

    def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    split = ("steps", "split", *data(200))
    assert run(project, *split).returncode == 0
    shutil.copytree(project, here)
    before = sorted(project.rglob("*"))
    refused = run(here, *split)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"{here / 'mlflow.db'} stores the files of its runs in {project / 'mlruns'}")
    assert run(here, "pipeline.relocation").returncode == 0
    assert run(here, *split).returncode == 0
    assert sorted(project.rglob("*")) == before
