"""What is made again and what is used again, on a store of its own; the steps are run in this process."""

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

pytestmark = pytest.mark.usefixtures("experiment")
SMALL = ["data.rows=300", "train_baseline=dummy", "search.folds=2"]
Command = Callable[..., list[str]]


@pytest.fixture
def command(launched: list[str]) -> Command:
    """Return a function that makes what a step makes, in a command of its own, and says which steps that took."""

    def run(step: str, *overrides: str, reuse: bool = True, times: int = 1) -> list[str]:
        launched.clear()
        small = candidate(*SMALL, *overrides)
        with mlflow.start_run(run_name="main") as main:
            launcher = Launcher(reuse_before=reuse, since=main.info.start_time)
            for _ in range(times):
                launcher.make(step, small, {})
        return list(launched)

    return run


def candidate(*overrides: str) -> Candidate:
    item = CandidateSpec("train_baseline")
    return plan.candidate(Stage("only", [item]), item, list(overrides), {})


def run_of(step: str) -> Run:
    """Return the last run of a step."""
    found = mlflow.search_runs(filter_string=f"tags.step = '{step}'", max_results=1, output_format="list")
    return found[0]


def folder_of(run: Run) -> Path:
    return Path(run.info.artifact_uri.removeprefix("file://"))


def model_of(run: Run) -> Path:
    """Return the folder in which the store keeps the model of a run."""
    model = mlflow.get_logged_model(artifacts.logged_model(run).removeprefix("models:/"))
    return Path(model.artifact_location.removeprefix("file://"))


def test_an_unchanged_command_runs_no_step_and_says_so(command: Command, caplog: pytest.LogCaptureFixture) -> None:
    assert command("train_baseline") == ["split", "preprocess", "train_baseline"]
    caplog.set_level(logging.INFO, logger="pipeline")
    assert command("train_baseline") == []
    for step in ("split", "preprocess lemmatize", "train_baseline dummy lemmatize"):
        assert f"{step}: unchanged, reusing run {run_of(step.split()[0]).info.run_id[:8]}" in caplog.text


def test_a_changed_setting_runs_again_what_it_concerns(command: Command) -> None:
    command("train_baseline")
    assert command("train_baseline", "cost.review=0.4") == ["train_baseline"]
    assert command("train_baseline", "preprocess=stem") == ["preprocess", "train_baseline"]
    assert command("train_baseline") == [], "the first ones are still there"


def test_another_sentence_about_the_data_trains_nothing_again(command: Command) -> None:
    command("train_baseline")
    assert command("train_baseline", "data.limits=[A program made them up.]") == ["split"]


def test_a_report_that_is_gone_is_not_missed(command: Command) -> None:
    command("preprocess")
    shutil.rmtree(folder_of(run_of("split")) / artifacts.REPORT)
    assert command("preprocess") == []


def test_without_reuse_each_thing_is_made_again_once(command: Command) -> None:
    assert command("preprocess", reuse=False) == ["split", "preprocess"]
    assert command("preprocess", reuse=False, times=2) == ["split", "preprocess"]


def test_a_damaged_artifact_is_made_again_and_what_eats_it_is_not(
    command: Command, caplog: pytest.LogCaptureFixture
) -> None:
    command("preprocess")
    for damage in (shutil.rmtree, remove_a_file, remove_wording, add_a_file, flip_a_bit):
        damaged = run_of("split")
        damage(folder_of(damaged) / "splits")
        assert command("preprocess") == ["split"], "the splits are the same as before, so the corpus is, too"
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


def test_a_model_that_is_damaged_or_gone_is_trained_again(command: Command) -> None:
    command("train_baseline")
    (served,) = model_of(run_of("train_baseline")).rglob("*.skops")
    flip(served)
    assert command("train_baseline") == ["train_baseline"]
    shutil.rmtree(model_of(run_of("train_baseline")))
    assert command("train_baseline") == ["train_baseline"]
    (folder_of(run_of("train_baseline")) / artifacts.VALIDATION).unlink()
    assert command("train_baseline") == ["train_baseline"]


def test_a_model_that_somebody_has_loaded_is_not_damaged(command: Command) -> None:
    command("train_baseline")
    run = run_of("train_baseline")
    mlflow.register_model(artifacts.logged_model(run), "loaded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", False)
        patch.setattr(sys, "path", list(sys.path))
        mlflow.pyfunc.load_model("models:/loaded/1").predict(["late again"])
    assert list(model_of(run).rglob("*.pyc")), "Python writes beside the code that the model carries"
    assert command("train_baseline") == []


def test_a_run_that_has_not_finished_is_never_used(command: Command) -> None:
    command("split")
    for status in ("FAILED", "KILLED", "RUNNING"):
        MlflowClient().update_run(run_of("split").info.run_id, status=status)
        assert command("split") == ["split"]
    assert command("split") == []


def test_a_run_that_was_deleted_is_not_used(command: Command, store: str) -> None:
    command("preprocess")
    deleted = run_of("preprocess").info.run_id
    mlflow.delete_run(deleted)
    assert command("preprocess") == ["preprocess"]
    done = CliRunner().invoke(gc, ["--backend-store-uri", store, "--run-ids", deleted])
    assert done.exit_code == 0, done.output
    assert command("preprocess") == []


def test_a_step_that_failed_is_tried_once_in_a_command_and_again_in_the_next(
    launched: list[str], tmp_path: Path
) -> None:
    broken = candidate("data=csv", f"data.path={tmp_path / 'tweets.csv'}")
    for _ in range(2):
        launched.clear()
        with mlflow.start_run(run_name="main"):
            launcher = Launcher(reuse_before=True, since=0)
            for _ in range(2):
                with pytest.raises(StepError, match="split failed"):
                    launcher.make("train_baseline", broken, {})
        assert launched == ["split"]


def test_select_runs_again_when_somebody_has_touched_the_registry(
    launched: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def select_again() -> list[str]:
        launched.clear()
        with mlflow.start_run(run_name="main") as main:
            launcher = Launcher(reuse_before=True, since=main.info.start_time)
            launch.select(launcher, "the splits", ["a model"], compose("config"), [])
        return list(launched)

    assert select_again() == ["select"]
    assert capsys.readouterr().out == "", "what it has said was shown"
    assert select_again() == []
    assert "what select has said" in capsys.readouterr().out
    client = MlflowClient()
    client.create_registered_model("tweet_sentiment")
    client.create_model_version("tweet_sentiment", source="/nowhere", run_id=run_of("select").info.run_id)
    client.set_registered_model_alias("tweet_sentiment", "champion", "1")
    assert select_again() == ["select"]
    assert select_again() == []
