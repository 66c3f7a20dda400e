"""What one run of the pipeline logs, registers and prints."""

from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pytest

from pipeline.artifacts import ArtifactError
from sentiment.inference.classifier import Classifier
from sentiment.inference.runtimes import onnx
from sentiment.training.bert import network
from steps import predict
from tests.e2e.commands import Chain
from tests.exported_bert import CLEANER, TEXTS
from tests.integration.candidates import folder_of
from tests.integration.conftest import using_store

pytestmark = pytest.mark.slow
TRAINERS = ("train_baseline", "train_keras", "train_bert")
STAGES = ("simple", "advanced", "bert")


def test_every_step_runs_once_per_output_and_finishes(chain: Chain) -> None:
    steps = {"main": 1, "split": 1, "preprocess": 1, "embed": 1, "train_baseline": 2, "train_keras": 1, "train_bert": 1}
    steps |= {"select": 1, "package": 1}
    assert {step: len(chain.runs(step)) for step in steps} == steps
    assert {run.info.status for step in steps for run in chain.runs(step)} == {"FINISHED"}


def test_steps_are_children_of_main_named_by_their_differences(chain: Chain) -> None:
    (main,) = chain.runs("main")
    children = [
        run for step in ("split", "train_baseline", "train_keras", "select", "package") for run in chain.runs(step)
    ]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {main.info.run_id}
    assert {run.info.run_name for run in chain.runs("train_baseline")} == {
        "train_baseline dummy lemmatize",
        "train_baseline logistic_regression lemmatize",
    }


def test_all_candidates_use_the_same_splits(chain: Chain) -> None:
    inputs = [data for step in TRAINERS for run in chain.runs(step) for data in run.inputs.dataset_inputs]
    assert {data.dataset.name for data in inputs} == {"vader train", "vader validation"}
    assert len({data.dataset.digest for data in inputs}) == 2


def test_every_stage_logs_and_prints_its_table(chain: Chain) -> None:
    (main,) = chain.runs("main")
    logged = {artifact.path for artifact in chain.client.list_artifacts(main.info.run_id, "stages")}
    numbered = [f"stages/{number:02} {stage}" for number, stage in enumerate(STAGES, 1)]
    assert logged == {f"{name}.{ending}" for name in numbered for ending in ("csv", "md")}
    for stage in STAGES:
        assert f"Stage {stage}: candidates on the validation split, best first" in chain.output


def test_the_best_servable_candidate_is_the_champion(chain: Chain) -> None:
    trained = [run for step in ("train_keras", "train_bert") for run in chain.runs(step)]
    best = max(trained, key=lambda run: run.data.metrics["val_roc_auc"])
    assert chain.client.get_model_version_by_alias("tweet_sentiment", "champion").run_id == best.info.run_id


def test_the_served_form_of_minilm_agrees_with_its_native_form(chain: Chain, tmp_path: Path) -> None:
    (run,) = chain.runs("train_bert")
    with using_store(chain.tracking_uri, tmp_path, "Default"):
        native = Path(mlflow.artifacts.download_artifacts(f"{run.info.artifact_uri}/native"))
        (graph,) = folder_of(f"runs:/{run.info.run_id}/model").rglob(onnx.GRAPH)
    model, tokenizer = network.load(native, max_tokens=64)
    tokens = network.tokenize(tokenizer, map(CLEANER, TEXTS))
    with network.progress(len(tokens), "test") as bar:
        probability = network.negative_probability(model, tokens, bar)
    assert np.abs(Classifier.load(graph.parent).score(TEXTS) - probability).max() < 0.03
    assert graph.stat().st_size < 25e6


def test_the_output_shows_the_candidates_and_the_next_steps(chain: Chain) -> None:
    for expected in ("dummy lemmatize", "bilstm word2vec lemmatize", "Registered:"):
        assert expected in chain.output
    for expected in ("source .venv/bin/activate", "python -m steps predict", "mlflow run . --env-manager=local"):
        assert expected in chain.output


def test_predict_uses_the_champion(chain: Chain, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Call in this process what `test_documented_commands` runs as a command."""
    with using_store(chain.tracking_uri, tmp_path, "Default"):
        predict.main(["@AirParadis lost my bag again [sic]", "thank you!"])
    output = capsys.readouterr().out
    assert "lost my bag again [sic]" in output
    assert output.count("negative") + output.count("positive") >= 2


def test_predicting_without_a_model_explains_how_to_train_one(tmp_path: Path, new_store: Callable[[Path], str]) -> None:
    with using_store(new_store(tmp_path), tmp_path) as store, pytest.raises(ArtifactError) as error:
        predict.main(["hello"])
    assert str(error.value) == f"There is no model tweet_sentiment in {store}. Train one: make run"
