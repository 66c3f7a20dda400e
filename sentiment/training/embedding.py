"""The embeddings that the embed step hands over: word vectors, or an encoder of whole sentences.

A folder contains `embedding.yaml`, which also describes the tokenizer, and either `vocabulary.json` and `vectors.npy`
or, in `encoder/`, the files of the encoder.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray

from sentiment.data.folders import DESCRIPTIONS
from sentiment.inference.errors import UserError
from sentiment.inference.runtimes.tflite import VOCABULARY, read_vocabulary, write_vocabulary
from sentiment.inference.text import Tokenizer, read_text

DESCRIPTION = DESCRIPTIONS["embedding"]
VECTORS = "vectors.npy"
ENCODER = "encoder"

Tokens = Sequence[str]


class EmbeddingError(UserError):
    """An embedding that cannot be made from its inputs, or does not match the corpus or network it is used with."""


@dataclass(frozen=True, kw_only=True)
class WordEmbedding:
    """A vocabulary and its word vectors.

    Attributes:
        words: the vocabulary, most frequent first.
        vectors: shape (words, vector_size); None if they are trained with the network.
        vector_size: the length of a vector.
    """

    words: list[str]
    vectors: NDArray[np.float32] | None
    vector_size: int


@dataclass(frozen=True, kw_only=True)
class SentenceEmbedding:
    """An encoder that maps a whole text to one vector.

    Attributes:
        kind: its module in `sentiment.training.encoders`.
        encoder: the folder with its files.
        vector_size: the length of a vector.
        max_tokens: longer texts are truncated; None if the encoder reads all of them.
    """

    kind: Literal["use", "saved_model"]
    encoder: Path
    vector_size: int
    max_tokens: int | None


Embedding = WordEmbedding | SentenceEmbedding


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The data that an embedding may be fitted on.

    Attributes:
        tokens: the tokens of the training split, one list per tweet.
        texts: the texts of all splits, including test: only for excluding them from extra texts.
        tokenizer: the tokenizer of the corpus.
    """

    tokens: Sequence[Tokens]
    texts: Sequence[str]
    tokenizer: Tokenizer


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The part of a text that is in a vocabulary.

    Attributes:
        tokens: share of all tokens.
        words: share of the distinct words.
        missing: unknown words with their counts, most frequent first.
    """

    tokens: float
    words: float
    missing: list[tuple[str, int]]


def vocabulary(texts: Iterable[Tokens], min_count: int) -> list[str]:
    """Return the words that occur at least `min_count` times in the texts, most frequent first.

    Raises:
        EmbeddingError: there are none.
    """
    counts = Counter(token for tokens in texts for token in tokens)
    words = [word for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= min_count]
    if not words:
        raise EmbeddingError(
            f"No word occurs {min_count} times in the texts ({len(counts)} distinct words). "
            "Lower embed.min_count or use more texts."
        )
    return words


def coverage(words: Iterable[str], texts: Iterable[Tokens]) -> Coverage:
    """Measure which part of the texts is in a vocabulary; texts without tokens count as covered."""
    vocabulary_words = set(words)
    counts = Counter(token for tokens in texts for token in tokens)
    missing = Counter({word: count for word, count in counts.items() if word not in vocabulary_words})
    return Coverage(
        tokens=1 - missing.total() / max(counts.total(), 1),
        words=1 - len(missing) / max(len(counts), 1),
        missing=missing.most_common(),
    )


def nearest(embedding: WordEmbedding, words: Iterable[str], *, count: int) -> dict[str, list[tuple[str, float]]]:
    """Return the nearest words of each word with their cosine similarity, nearest first.

    Omits words outside the vocabulary; returns nothing if the vectors are not trained yet.
    """
    if embedding.vectors is None:
        return {}
    norms = np.linalg.norm(embedding.vectors, axis=1, keepdims=True)
    unit = embedding.vectors / np.maximum(norms, np.finfo(np.float32).tiny)
    row = {word: index for index, word in enumerate(embedding.words)}
    neighbours = {}
    for word in words:
        if word in row:
            similarity = unit @ unit[row[word]]
            similarity[row[word]] = -np.inf
            nearest_rows = np.argsort(-similarity, kind="stable")[: min(count, len(similarity) - 1)]
            neighbours[word] = [(embedding.words[index], float(similarity[index])) for index in nearest_rows]
    return neighbours


def save(folder: Path, embedding: Embedding, tokenizer: Tokenizer) -> None:
    """Write an embedding and the description of its tokenizer to a new folder."""
    folder.mkdir(parents=True)
    description: dict[str, Any] = {"vector_size": embedding.vector_size, "tokenizer": asdict(tokenizer)}
    if isinstance(embedding, SentenceEmbedding):
        description |= {"of": "sentences", "kind": embedding.kind, "max_tokens": embedding.max_tokens}
        shutil.copytree(embedding.encoder, folder / ENCODER)
    else:
        description |= {"of": "words", "words": len(embedding.words)}
        write_vocabulary(folder, embedding.words)
        if embedding.vectors is not None:
            np.save(folder / VECTORS, embedding.vectors.astype(np.float32))
    (folder / DESCRIPTION).write_text(yaml.safe_dump(description, sort_keys=False), encoding="utf-8")


def load(folder: Path, tokenizer: Tokenizer) -> Embedding:
    """Read the embedding in a folder.

    Raises:
        EmbeddingError: the embedding was made with another tokenizer than this one, or its files are inconsistent.
    """
    description: dict[str, Any] = yaml.safe_load((folder / DESCRIPTION).read_text(encoding="utf-8"))
    if read_text(description["tokenizer"]) != tokenizer:
        raise EmbeddingError(
            f"The embedding in {folder} was made with another tokenizer than the corpus: "
            f"{differences(description['tokenizer'], asdict(tokenizer))}. "
            "Run the embed step on this corpus (inputs.corpus), and use its embedding (inputs.embedding)."
        )
    size: int = description["vector_size"]
    if description["of"] == "sentences":
        return SentenceEmbedding(
            kind=description["kind"],
            encoder=folder / ENCODER,
            vector_size=size,
            max_tokens=description["max_tokens"],
        )
    words = read_vocabulary(folder)
    path = folder / VECTORS
    vectors = np.load(path, allow_pickle=False) if path.is_file() else None
    shape = (len(words), size) if vectors is None else vectors.shape
    if not (description["words"], size) == (len(words), size) == shape:
        raise EmbeddingError(
            f"The embedding in {folder} is damaged: {DESCRIPTION} describes {description['words']} words of {size} "
            f"values, {VOCABULARY} has {len(words)} words, {VECTORS} has shape {shape}. Run the embed step again."
        )
    return WordEmbedding(words=words, vectors=vectors, vector_size=size)


def differences(embedding: Mapping[str, Any], corpus: Mapping[str, Any]) -> str:
    """List the settings in which two tokenizers, as dictionaries, differ: `words is 'stem' there and 'lemma' here`."""
    flat = [{**tokenizer, **tokenizer["cleaner"], "cleaner": None} for tokenizer in (embedding, corpus)]
    keys = [key for key in flat[1] if flat[0].get(key) != flat[1][key]]
    return ", ".join(f"{key} is {flat[0].get(key)!r} there and {flat[1][key]!r} here" for key in keys)
