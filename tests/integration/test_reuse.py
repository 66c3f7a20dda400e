"""Which steps run again and which runs are reused, with the steps run in this process."""

import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner
from hydra import compose
from mlflow.cli import gc
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from pipeline import artifacts, launch, plan
from pipeline.launch import Launcher, StepError
from pipeline.plan import Candidate, CandidateSpec, Stage
from sentiment.data.folders import LIMITS
from tests.corpora import data

pytestmark = pytest.mark.usefixtures("experiment")
OPTIONS = [*data(300), "train_baseline=dummy", "search.folds=2"]
Command = Callable[..., list[str]]


@pytest.fixture
def command(launched_steps: list[str]) -> Command:
    """Return a function that makes a step's output as a new command would, and returns the steps that ran."""

    def run(step: str, *overrides: str, reuse: bool = True, times: int = 1) -> list[str]:
        launched_steps.clear()
        spec = candidate(*OPTIONS, *overrides)
        with mlflow.start_run(run_name="main") as main:
            launcher = Launcher(reuse_before=reuse, since=main.info.start_time)
            for _ in range(times):
                launcher.make(step, spec, {})
        return list(launched_steps)

    return run


def candidate(*overrides: str) -> Candidate:
    spec = CandidateSpec("train_baseline")
    return plan.candidate(Stage("only", [spec]), spec, list(overrides), {})


def run_of(step: str) -> Run:
    """Return the last run of a step."""
    runs = mlflow.search_runs(filter_string=f"tags.step = '{step}'", max_results=1, output_format="list")
    return runs[0]


def folder_of(run: Run) -> Path:
    return Path(run.info.artifact_uri.removeprefix("file://"))


def model_of(run: Run) -> Path:
    """Return the folder in which the store keeps a run's model."""
    model = mlflow.get_logged_model(artifacts.logged_model(run).removeprefix("models:/"))
    return Path(model.artifact_location.removeprefix("file://"))


def test_an_unchanged_command_reuses_all_steps(command: Command, caplog: pytest.LogCaptureFixture) -> None:
    assert command("train_baseline") == ["split", "preprocess", "train_baseline"]
    caplog.set_level(logging.INFO, logger="pipeline")
    assert command("train_baseline") == []
    for step in ("split", "preprocess lemmatize", "train_baseline dummy lemmatize"):
        assert f"{step}: unchanged, reusing run {run_of(step.split()[0]).info.run_id[:8]}" in caplog.text


def test_a_changed_setting_reruns_only_the_steps_it_affects(command: Command) -> None:
    command("train_baseline")
    assert command("train_baseline", "cost.review=0.4") == ["train_baseline"]
    assert command("train_baseline", "preprocess=stem") == ["preprocess", "train_baseline"]
    assert command("train_baseline") == [], "the first runs are reused"


def test_a_changed_sentence_about_the_data_retrains_nothing(command: Command) -> None:
    command("train_baseline")
    assert command("train_baseline", "data.limits=[A program made them up.]") == ["split"]


def test_a_deleted_report_does_not_prevent_reuse(command: Command) -> None:
    command("preprocess")
    shutil.rmtree(folder_of(run_of("split")) / artifacts.REPORT)
    assert command("preprocess") == []


def test_without_reuse_each_step_runs_once_per_command(command: Command) -> None:
    assert command("preprocess", reuse=False) == ["split", "preprocess"]
    assert command("preprocess", reuse=False, times=2) == ["split", "preprocess"]


def test_a_damaged_artifact_is_made_again_and_steps_after_it_are_reused(
    command: Command, caplog: pytest.LogCaptureFixture
) -> None:
    command("preprocess")
    for damage in (shutil.rmtree, remove_a_file, remove_wording, add_a_file, flip_a_bit):
        damaged = run_of("split")
        damage(folder_of(damaged) / "splits")
        assert command("preprocess") == ["split"], "identical splits give an identical corpus"
        assert f"not reusing run {damaged.info.run_id}, its artifacts are missing or damaged" in caplog.text
    assert command("preprocess") == []


def remove_a_file(splits: Path) -> None:
    (splits / "test.parquet").unlink()


def remove_wording(splits: Path) -> None:
    (splits / LIMITS).unlink()


def add_a_file(splits: Path) -> None:
    (splits / "more.parquet").touch()


def flip_a_bit(splits: Path) -> None:
    flip(splits / "train.parquet")


def flip(file: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_damaged_or_deleted_model_is_trained_again(command: Command) -> None:
    command("train_baseline")
    (served,) = model_of(run_of("train_baseline")).rglob("*.skops")
    flip(served)
    assert command("train_baseline") == ["train_baseline"]
    shutil.rmtree(model_of(run_of("train_baseline")))
    assert command("train_baseline") == ["train_baseline"]
    (folder_of(run_of("train_baseline")) / artifacts.VALIDATION).unlink()
    assert command("train_baseline") == ["train_baseline"]


def test_loading_a_model_does_not_prevent_reuse(command: Command) -> None:
    command("train_baseline")
    run = run_of("train_baseline")
    mlflow.register_model(artifacts.logged_model(run), "loaded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", False)
        patch.setattr(sys, "path", list(sys.path))
        mlflow.pyfunc.load_model("models:/loaded/1").predict(["late again"])
    assert list(model_of(run).rglob("*.pyc")), "Python writes beside the code that the model carries"
    assert command("train_baseline") == []


def test_an_unfinished_run_is_never_reused(command: Command) -> None:
    command("split")
    for status in ("FAILED", "KILLED", "RUNNING"):
        MlflowClient().update_run(run_of("split").info.run_id, status=status)
        assert command("split") == ["split"]
    assert command("split") == []


def test_a_deleted_run_is_not_reused(command: Command, store: str) -> None:
    command("preprocess")
    deleted = run_of("preprocess").info.run_id
    mlflow.delete_run(deleted)
    assert command("preprocess") == ["preprocess"]
    result = CliRunner().invoke(gc, ["--backend-store-uri", store, "--run-ids", deleted])
    assert result.exit_code == 0, result.output
    assert command("preprocess") == []


def test_a_failed_step_is_tried_once_per_command(launched_steps: list[str], tmp_path: Path) -> None:
    broken = candidate("data=csv", f"data.path={tmp_path / 'tweets.csv'}")
    for _ in range(2):
        launched_steps.clear()
        with mlflow.start_run(run_name="main"):
            launcher = Launcher(reuse_before=True, since=0)
            for _ in range(2):
                with pytest.raises(StepError, match="split failed"):
                    launcher.make("train_baseline", broken, {})
        assert launched_steps == ["split"]


def test_select_runs_again_when_the_registry_has_changed(
    launched_steps: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def select_again() -> list[str]:
        launched_steps.clear()
        with mlflow.start_run(run_name="main") as main:
            launcher = Launcher(reuse_before=True, since=main.info.start_time)
            launch.select(launcher, "the splits", ["a model"], compose("config"), [])
        return list(launched_steps)

    assert select_again() == ["select"]
    assert capsys.readouterr().out == "", "select prints its summary itself"
    assert select_again() == []
    assert "the summary of select" in capsys.readouterr().out
    client = MlflowClient()
    client.create_registered_model("tweet_sentiment")
    client.create_model_version("tweet_sentiment", source="/nowhere", run_id=run_of("select").info.run_id)
    client.set_registered_model_alias("tweet_sentiment", "champion", "1")
    assert select_again() == ["select"]
    assert select_again() == []
