"""The step `embed` on a small corpus."""

from pathlib import Path

import mlflow
import pandas as pd
import pytest

from pipeline import artifacts
from pipeline.artifacts import ArtifactError
from sentiment.data.corpus import read_tokenizer
from sentiment.training.embedding import EmbeddingError, SentenceEmbedding, WordEmbedding, load
from steps import embed
from tests.integration.chain import configuration, last_run

pytestmark = pytest.mark.usefixtures("store")


def download(uri: str, folder: Path) -> Path:
    return Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder)))


def report() -> str:
    """Return the report of the last run."""
    return str(mlflow.artifacts.load_text(f"{last_run().info.artifact_uri}/{artifacts.REPORT}/report.md"))


def test_word_vectors_are_logged_with_a_report(corpus: Path, tmp_path: Path) -> None:
    uri = embed.main(configuration(f"inputs.corpus={corpus}", "embed.vector_size=8", "embed.epochs=2"))
    assert uri == f"runs:/{last_run().info.run_id}/embedding"
    folder = download(uri, tmp_path / "download")
    words = load(folder, read_tokenizer(corpus))
    assert isinstance(words, WordEmbedding)
    assert words.vectors is not None
    assert words.vectors.shape == (len(words.words), 8)

    metrics = last_run().data.metrics
    assert metrics["vocabulary"] == len(words.words)
    assert metrics["vector_size"] == 8
    validation = pd.read_parquet(corpus / "validation.parquet")["tokens"].explode()
    assert metrics["val_token_coverage"] == pytest.approx(validation.isin(words.words).mean())
    assert metrics["val_word_coverage"] == pytest.approx(pd.Series(validation.unique()).isin(words.words).mean())

    assert not list(folder.glob("report*"))
    text = report()
    assert f"- Words: {len(words.words)}, with 8 values each." in text
    assert "| `late` | `" in text
    assert "| `lovely` | `" in text


def test_a_vocabulary_without_vectors_is_logged(corpus: Path, tmp_path: Path) -> None:
    folder = download(embed.main(configuration(f"inputs.corpus={corpus}", "embed=learned")), tmp_path / "download")
    words = load(folder, read_tokenizer(corpus))
    assert isinstance(words, WordEmbedding)
    assert words.vectors is None
    assert "the vectors are trained with the network" in report()


def test_a_sentence_encoder_is_logged(corpus: Path, encoder: Path, tmp_path: Path) -> None:
    uri = embed.main(configuration(f"inputs.corpus={corpus}", "embed=use_hub", f"embed.handle={encoder}"))
    sentences = load(download(uri, tmp_path / "download"), read_tokenizer(corpus))
    assert isinstance(sentences, SentenceEmbedding)
    assert sentences.vector_size == 4
    assert (sentences.encoder / "saved_model.pb").is_file()


def test_the_weights_of_a_package_are_logged(corpus: Path, tmp_path: Path) -> None:
    uri = embed.main(configuration(f"inputs.corpus={corpus}", "embed=use", "embed.max_tokens=9"))
    sentences = load(download(uri, tmp_path / "download"), read_tokenizer(corpus))
    assert isinstance(sentences, SentenceEmbedding)
    assert (sentences.kind, sentences.vector_size, sentences.max_tokens) == ("use", 512, 9)
    assert {file.name for file in sentences.encoder.iterdir()} == {"sp.model", "weights.npz"}


def test_extra_texts_that_occur_in_a_split_are_dropped(corpus: Path, tmp_path: Path) -> None:
    splits = [
        pd.read_parquet(corpus / f"{name}.parquet")["text"].str.upper() for name in ("train", "validation", "test")
    ]
    texts = pd.DataFrame({"tweet": [*pd.concat(splits), "Diverted to Reykjavik", "Back from Reykjavik"]})
    texts.to_csv(tmp_path / "extra.csv", index=False)
    options = [f"embed.extra_texts={tmp_path / 'extra.csv'}", "embed.extra_column=tweet", "embed.epochs=1"]
    uri = embed.main(configuration(f"inputs.corpus={corpus}", *options))
    words = load(download(uri, tmp_path / "download"), read_tokenizer(corpus))
    assert isinstance(words, WordEmbedding)
    assert "reykjavik" in words.words
    # Words of held-out texts only: the numbers of validation and test rows.
    assert not set(words.words) & {"8", "9", "10", "11", "12", "13", "14", "15"}


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        (["inputs.corpus={folder}"], ArtifactError, r"has no preprocess\.yaml"),
        (["inputs.corpus={corpus}", "embed.min_count=10000"], EmbeddingError, r"Lower embed\.min_count"),
        (["inputs.corpus={corpus}", "embed=glove", "embed.path=absent.txt"], FileNotFoundError, r"embed\.path"),
        (["inputs.corpus={corpus}", "embed=use_hub", "embed.handle=absent"], EmbeddingError, r"embed\.handle"),
    ],
)
def test_bad_inputs_fail_the_run(
    corpus: Path, tmp_path: Path, overrides: list[str], error: type[Exception], message: str
) -> None:
    cfg = configuration(*(override.format(corpus=corpus, folder=tmp_path) for override in overrides))
    with pytest.raises(error, match=message):
        embed.main(cfg)
    assert last_run().info.status == "FAILED"
