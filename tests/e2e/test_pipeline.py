"""What one command leaves behind."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest

from steps import predict
from tests.e2e.commands import BIN, PROJECT, Chain, environment

pytestmark = pytest.mark.slow
TRAINERS = ("train_baseline", "train_keras", "train_bert")
STAGES = ("simple", "advanced", "bert")


def test_every_step_ran_once_for_what_it_makes_and_finished(chain: Chain) -> None:
    steps = {"main": 1, "split": 1, "preprocess": 1, "embed": 1, "train_baseline": 2, "train_keras": 1, "train_bert": 1}
    steps |= {"select": 1, "package": 1}
    assert {step: len(chain.runs(step)) for step in steps} == steps
    assert {run.info.status for step in steps for run in chain.runs(step)} == {"FINISHED"}


def test_the_steps_are_children_of_main_and_named_by_what_sets_them_apart(chain: Chain) -> None:
    (main,) = chain.runs("main")
    children = [
        run for step in ("split", "train_baseline", "train_keras", "select", "package") for run in chain.runs(step)
    ]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {main.info.run_id}
    assert {run.info.run_name for run in chain.runs("train_baseline")} == {
        "train_baseline dummy lemmatize",
        "train_baseline logistic_regression lemmatize",
    }


def test_all_candidates_saw_the_same_splits(chain: Chain) -> None:
    used = [used for step in TRAINERS for run in chain.runs(step) for used in run.inputs.dataset_inputs]
    assert {data.dataset.name for data in used} == {"sample train", "sample validation"}
    assert len({data.dataset.digest for data in used}) == 2


def test_the_table_of_every_stage_is_logged_and_shown(chain: Chain) -> None:
    (main,) = chain.runs("main")
    logged = {artifact.path for artifact in chain.client.list_artifacts(main.info.run_id, "stages")}
    numbered = [f"stages/{number:02} {stage}" for number, stage in enumerate(STAGES, 1)]
    assert logged == {f"{name}.{ending}" for name in numbered for ending in ("csv", "md")}
    for stage in STAGES:
        assert f"Stage {stage}: candidates on the validation split, best first" in chain.output


def test_the_best_candidate_that_may_be_served_is_the_champion(chain: Chain) -> None:
    trained = [run for step in ("train_keras", "train_bert") for run in chain.runs(step)]
    best = max(trained, key=lambda run: run.data.metrics["val_roc_auc"])
    assert chain.client.get_model_version_by_alias("tweet_sentiment", "champion").run_id == best.info.run_id


def test_the_terminal_shows_the_table_and_how_to_go_on(chain: Chain) -> None:
    for said in ("dummy lemmatize", "bilstm word2vec lemmatize", "Registered:", "synthetic"):
        assert said in chain.output
    for said in ("source .venv/bin/activate", "python -m steps predict", "mlflow run . --env-manager=local"):
        assert said in chain.output


@pytest.fixture
def used(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the steps in this process use the chain's store."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", chain.tracking_uri)
    before = mlflow.get_tracking_uri()
    yield
    mlflow.set_tracking_uri(before)


@pytest.mark.usefixtures("used")
def test_a_newcomer_predicts_with_the_champion(capsys: pytest.CaptureFixture[str]) -> None:
    """As `python -m steps predict` does, which `test_documented_commands` runs."""
    predict.main(["@AirParadis lost my bag again [sic]", "thank you!"])
    printed = capsys.readouterr().out
    assert "lost my bag again [sic]" in printed
    assert printed.count("negative") + printed.count("positive") >= 2


def test_predicting_without_a_champion_says_how_to_get_one(tmp_path: Path, new_store: Callable[[Path], str]) -> None:
    store = new_store(tmp_path)
    command = [str(BIN / "python"), "-m", "steps", "predict", "hello"]
    done = subprocess.run(command, cwd=PROJECT, env=environment(store), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"There is no model tweet_sentiment in {store}. Train one: make run\n"
