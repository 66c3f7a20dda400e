"""The step `train_keras` on a small corpus."""

from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run

from pipeline.artifacts import ArtifactError, fetch, run_id
from sentiment.data.corpus import read_tokenizer
from sentiment.training.embedding import Embedding, EmbeddingError, SentenceEmbedding, WordEmbedding, load, save
from sentiment.training.network import NetworkError
from steps import embed, train_keras
from tests.integration.chain import assert_repeated, configuration, last_run

QUICK = ["train_keras.network.units=8", "train_keras.epochs=8", "train_keras.learning_rate=0.02"]

pytestmark = pytest.mark.usefixtures("store", "no_plots")


@pytest.fixture(scope="module")
def settings(corpus: Path, store: str) -> list[str]:  # noqa: ARG001
    """Return the settings of a small network on word vectors."""
    embedding = embed.main(configuration(f"inputs.corpus={corpus}", "embed.vector_size=8", "embed.epochs=2"))
    inputs = [f"inputs.corpus={corpus}", f"inputs.embedding={embedding}"]
    return [*inputs, "train_keras=average", "train_keras.sequence_length=9", *QUICK]


@pytest.fixture(scope="module")
def network(settings: list[str]) -> str:
    uri: str = train_keras.main(configuration(*settings))
    return uri


def logged(run: Run, path: str) -> set[str]:
    logged_artifacts = mlflow.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path=path)
    return {artifact.path for artifact in logged_artifacts}


def save_embedding(embedding: Embedding, corpus: Path, folder: Path) -> str:
    save(folder, embedding, read_tokenizer(corpus))
    return f"inputs.embedding={folder}"


def test_a_network_on_words_is_served_by_tensorflow_lite(network: str) -> None:
    run = mlflow.get_run(run_id(network))
    assert network == f"runs:/{run.info.run_id}/model"
    assert run.data.tags["runtime"] == "tflite"
    assert run.data.metrics["val_roc_auc"] > 0.95
    assert abs(run.data.metrics["export_auc_drop"]) < 0.003
    assert "plots/history.png" in logged(run, "plots")
    assert "tables/history.csv" in logged(run, "tables")
    assert {"native/network.keras", "native/vocabulary.json"} <= logged(run, "native")

    model = mlflow.pyfunc.load_model(network)
    answers = model.predict(["Late again, RUDE crew", "Thank you, lovely staff", ""])
    assert answers["sentiment"].tolist()[:2] == ["negative", "positive"]
    assert answers["negative_probability"].notna().all()
    requirements = Path(mlflow.pyfunc.get_model_dependencies(network)).read_text(encoding="utf-8")
    assert "ai-edge-litert==" in requirements
    assert "tensorflow" not in requirements


def test_a_network_trained_again_is_the_same(network: str, settings: list[str]) -> None:
    assert_repeated(network, train_keras.main(configuration(*settings)))


@pytest.mark.parametrize(("option", "runtime"), [("use", "onnx"), ("use_hub", "saved_model")])
def test_a_network_on_sentences_is_served_with_its_encoder(
    corpus: Path, encoder: Path, option: str, runtime: str
) -> None:
    settings = [f"embed.handle={encoder}"] if option == "use_hub" else []
    embedding = embed.main(configuration(f"inputs.corpus={corpus}", f"embed={option}", *settings))
    inputs = [f"inputs.corpus={corpus}", f"inputs.embedding={embedding}"]
    uri = train_keras.main(configuration(*inputs, "train_keras=dense", *QUICK))
    run = last_run()
    assert run.data.tags["runtime"] == runtime
    assert run.data.metrics["val_roc_auc"] > 0.95
    answers = mlflow.pyfunc.load_model(uri).predict(["so late again", "lovely, thank you"])
    assert answers["sentiment"].tolist() == ["negative", "positive"]
    requirements = Path(mlflow.pyfunc.get_model_dependencies(uri)).read_text(encoding="utf-8")
    assert ("tensorflow" in requirements) == (option == "use_hub")


WORDS = WordEmbedding(words=["late"], vectors=None, vector_size=4)
SENTENCES = SentenceEmbedding(kind="saved_model", encoder=Path(), vector_size=4, max_tokens=None)


@pytest.mark.parametrize(
    ("option", "embedding", "message"),
    [
        ("bilstm", SENTENCES, "expects vectors of words"),
        ("dense", WORDS, "expects vectors of sentences"),
        ("average", WORDS, r"train_keras\.trainable_embedding=true"),
    ],
)
def test_a_network_that_does_not_fit_its_embedding_fails_before_training(
    corpus: Path, encoder: Path, tmp_path: Path, option: str, embedding: Embedding, message: str
) -> None:
    if isinstance(embedding, SentenceEmbedding):
        embedding = replace(embedding, encoder=encoder)
    embedding_input = save_embedding(embedding, corpus, tmp_path / "embedding")
    settings = [f"train_keras={option}", "train_keras.trainable_embedding=false"]
    with pytest.raises(NetworkError, match=message):
        train_keras.main(configuration(f"inputs.corpus={corpus}", embedding_input, *settings))
    assert last_run().info.status == "FAILED"
    assert "fit_seconds" not in last_run().data.metrics


def test_an_embedding_of_differently_tokenized_texts_is_refused(corpus: Path, tmp_path: Path) -> None:
    save(tmp_path / "embedding", WORDS, replace(read_tokenizer(corpus), words="stem"))
    with pytest.raises(EmbeddingError, match="words is 'stem' there and 'plain' here"):
        train_keras.main(configuration(f"inputs.corpus={corpus}", f"inputs.embedding={tmp_path / 'embedding'}"))
    assert last_run().info.status == "FAILED"


def test_an_artifact_of_another_step_is_refused(corpus: Path) -> None:
    with pytest.raises(ArtifactError, match=r"has no embedding\.yaml"):
        train_keras.main(configuration(f"inputs.corpus={corpus}", f"inputs.embedding={corpus}"))


def test_the_embedding_of_a_step_is_read_back(corpus: Path, tmp_path: Path) -> None:
    uri = embed.main(configuration(f"inputs.corpus={corpus}", "embed=learned", "embed.min_count=1"))
    folder = fetch(uri, "embedding", tmp_path / "scratch")
    assert isinstance(load(folder, read_tokenizer(corpus)), WordEmbedding)
