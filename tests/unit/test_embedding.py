"""`sentiment.training.embedding`: vocabulary, coverage, nearest words and storage."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sentiment.training import embedding
from sentiment.training.embedding import EmbeddingError, SentenceEmbedding, WordEmbedding
from tests.corpora import TOKENIZER

# Difficult words of tweets: a quotation mark, Unicode white space, a line separator, an emoji, an accent.
WORDS = ["late", 'sa"y', "a\u0085b", "\u2028", "\U0001f620", "caf\u00e9"]
EMBEDDING = WordEmbedding(words=WORDS, vectors=np.arange(24, dtype=np.float32).reshape(6, 4) + 1, vector_size=4)


def test_vocabulary_is_sorted_by_frequency_then_by_spelling() -> None:
    assert embedding.vocabulary([["b", "a", "c"], ["c", "d", "b", "a"], ["c"]], min_count=2) == ["c", "a", "b"]


def test_an_empty_vocabulary_is_refused() -> None:
    with pytest.raises(EmbeddingError, match=r"No word occurs 3 times in the texts \(2 distinct words\)"):
        embedding.vocabulary([["a", "b"]], min_count=3)


def test_coverage_counts_all_tokens_and_distinct_words() -> None:
    coverage = embedding.coverage(["late", "ok"], [["late", "late", "late"], ["so", "so", "very"], []])
    assert coverage.tokens == 0.5
    assert coverage.words == pytest.approx(1 / 3)
    assert coverage.missing == [("so", 2), ("very", 1)]


def test_texts_without_tokens_count_as_covered() -> None:
    assert embedding.coverage(["late"], [[], []]).tokens == 1


def test_nearest_words_have_the_most_similar_direction() -> None:
    vectors = np.array([[1, 0], [0, 3], [5, 1], [0, 0]], dtype=np.float32)
    words = WordEmbedding(words=["a", "b", "c", "zero"], vectors=vectors, vector_size=2)
    neighbours = embedding.nearest(words, ["a", "zero", "unknown"], count=2)
    assert [word for word, _ in neighbours["a"]] == ["c", "b"]
    assert neighbours["a"][0][1] == pytest.approx(5 / 26**0.5)
    assert [cosine for _, cosine in neighbours["zero"]] == [0, 0]
    assert "unknown" not in neighbours


def test_untrained_vectors_have_no_nearest_words() -> None:
    assert embedding.nearest(WordEmbedding(words=["a"], vectors=None, vector_size=2), ["a"], count=2) == {}


@pytest.mark.parametrize("vectors", [EMBEDDING.vectors, None])
def test_words_are_loaded_as_saved(tmp_path: Path, vectors: np.ndarray | None) -> None:
    embedding.save(tmp_path / "embedding", replace(EMBEDDING, vectors=vectors), TOKENIZER)
    loaded = embedding.load(tmp_path / "embedding", TOKENIZER)
    assert isinstance(loaded, WordEmbedding)
    assert loaded.words == WORDS
    assert loaded.vector_size == 4
    assert np.array_equal(loaded.vectors, vectors) if vectors is not None else loaded.vectors is None


def test_an_encoder_is_saved_with_its_embedding(tmp_path: Path) -> None:
    (tmp_path / "hub" / "variables").mkdir(parents=True)
    (tmp_path / "hub" / "saved_model.pb").write_bytes(b"model")
    embedding.save(tmp_path / "embedding", SentenceEmbedding(encoder=tmp_path / "hub", vector_size=8), TOKENIZER)
    loaded = embedding.load(tmp_path / "embedding", TOKENIZER)
    assert loaded == SentenceEmbedding(encoder=tmp_path / "embedding" / "encoder", vector_size=8)
    assert (tmp_path / "embedding" / "encoder" / "saved_model.pb").read_bytes() == b"model"


def test_an_embedding_of_another_tokenizer_is_refused(tmp_path: Path) -> None:
    embedding.save(tmp_path / "embedding", EMBEDDING, TOKENIZER)
    other = replace(TOKENIZER, words="stem", cleaner=replace(TOKENIZER.cleaner, links=""))
    with pytest.raises(
        EmbeddingError, match="words is 'plain' there and 'stem' here, links is 'http' there and '' here"
    ):
        embedding.load(tmp_path / "embedding", other)


def test_inconsistent_files_are_refused(tmp_path: Path) -> None:
    embedding.save(tmp_path / "embedding", EMBEDDING, TOKENIZER)
    np.save(tmp_path / "embedding" / "vectors.npy", np.zeros((5, 4), dtype=np.float32))
    with pytest.raises(EmbeddingError, match=r"damaged: .* 6 words of 4 values, .* has shape \(5, 4\)"):
        embedding.load(tmp_path / "embedding", TOKENIZER)
