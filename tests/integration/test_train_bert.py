"""The step `train_bert` on small splits with a tiny checkpoint."""

import logging
from pathlib import Path
from typing import Any

import mlflow
import pytest

from pipeline.artifacts import ArtifactError
from sentiment.training.bert import finetune
from sentiment.training.bert.checkpoints import CheckpointError
from steps import train_bert
from tests.checkpoints import save_checkpoint
from tests.corpora import save_corpus
from tests.integration.chain import assert_repeated, configuration, last_run

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"inputs.splits={save_corpus(tmp_path_factory.mktemp('small') / 'corpus')}"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = save_checkpoint(tmp_path_factory.mktemp("checkpoint"))
    return f"train_bert.checkpoint={folder}"


def logged(path: str) -> set[str]:
    logged_artifacts = mlflow.artifacts.list_artifacts(run_id=last_run().info.run_id, artifact_path=path)
    return {artifact.path for artifact in logged_artifacts}


def require_served_by_onnx_runtime(uri: str) -> None:
    """Check that a model answers raw tweets and requires ONNX Runtime, but no training framework."""
    answer = mlflow.pyfunc.load_model(uri).predict(["@AirParadis late again, RUDE crew", ""])
    assert answer["negative_probability"].between(0, 1).all()
    requirements = Path(mlflow.pyfunc.get_model_dependencies(uri)).read_text(encoding="utf-8")
    assert "onnxruntime==" in requirements
    assert "tokenizers==" in requirements
    assert "torch" not in requirements
    assert "transformers" not in requirements


def test_a_classifier_on_features_is_served_by_onnx_runtime(splits: str, checkpoint: str) -> None:
    uri = train_bert.main(configuration(splits, checkpoint, "train_bert=features", "train_bert.max_tokens=32"))
    run = last_run()
    assert uri == f"runs:/{run.info.run_id}/model"
    assert run.data.tags["runtime"] == "onnx"
    assert run.data.metrics["val_roc_auc"] > 0.95
    assert float(run.data.params["best.C"]) > 0
    assert "tables/search.csv" in logged("tables")
    assert {"native/model.safetensors", "native/tokenizer.json", "native/head.safetensors"} <= logged("native")
    require_served_by_onnx_runtime(uri)


def test_a_fine_tuned_network_is_reproducible_and_served_by_onnx_runtime(splits: str, checkpoint: str) -> None:
    settings = ["train_bert=finetune", "train_bert.max_tokens=32", "train_bert.fit.learning_rate=3e-3"]
    cfg = configuration(splits, checkpoint, *settings)
    uri = train_bert.main(cfg)
    run = last_run()
    assert run.data.metrics["val_roc_auc"] > 0.95
    assert run.data.metrics["fit_seconds"] > 0
    assert "plots/history.png" in logged("plots")
    assert "tables/history.csv" in logged("tables")
    require_served_by_onnx_runtime(uri)
    assert_repeated(uri, train_bert.main(cfg))


def test_an_interrupted_run_is_resumed_by_the_next_one(
    splits: str, checkpoint: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO, logger="sentiment")
    monkeypatch.setenv("TWEET_SENTIMENT_CACHE", str(tmp_path))
    monkeypatch.setattr(train_bert, "SAVED_MINUTES", 0.0)
    cfg = configuration(splits, checkpoint, "train_bert.max_tokens=32", "train_bert.fit.epochs=2")
    train_on_batch, batches = finetune.step, iter(range(3))

    def interrupted(*arguments: Any) -> Any:
        if next(batches, None) is None:
            raise KeyboardInterrupt
        return train_on_batch(*arguments)

    with monkeypatch.context() as interruption, pytest.raises(KeyboardInterrupt):
        interruption.setattr(finetune, "step", interrupted)
        train_bert.main(cfg)
    assert last_run().info.status == "KILLED"
    (progress,) = tmp_path.glob("trainings/*")
    train_bert.main(cfg)
    assert "Resuming in epoch 1, after 3 batches" in caplog.text
    assert last_run().info.status == "FINISHED"
    assert not progress.exists()


def test_a_missing_checkpoint_fails_the_run(splits: str) -> None:
    with pytest.raises(CheckpointError, match="is not a local folder"):
        train_bert.main(configuration(splits, "train_bert.checkpoint=no/such/folder"))
    assert last_run().info.status == "FAILED"


def test_an_artifact_of_another_step_is_refused(tmp_path: Path, checkpoint: str) -> None:
    with pytest.raises(ArtifactError, match=r"has no splits\.yaml"):
        train_bert.main(configuration(f"inputs.splits={tmp_path}", checkpoint))
