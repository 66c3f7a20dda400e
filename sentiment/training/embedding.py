"""What the embed step hands over: words with a vector each, or an encoder of whole sentences.

A folder holds `embedding.yaml`, which also says how its text was cut into tokens, and either `vocabulary.json` and
`vectors.npy` or the encoder's SavedModel in `encoder/`.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
    """An embedding that cannot be made of what was given, or that does not fit what it is used with."""


@dataclass(frozen=True, kw_only=True)
class WordEmbedding:
    """A vocabulary and the vectors of its words.

    Attributes:
        words: the vocabulary, the most frequent first.
        vectors: shape (words, vector_size), or None where they are to be trained with the network.
        vector_size: length of a vector.
    """

    words: list[str]
    vectors: NDArray[np.float32] | None
    vector_size: int


@dataclass(frozen=True, kw_only=True)
class SentenceEmbedding:
    """An encoder that turns a whole text into one vector.

    Attributes:
        encoder: folder of a SavedModel that takes a batch of strings and returns shape (texts, vector_size).
        vector_size: length of a vector.
    """

    encoder: Path
    vector_size: int


Embedding = WordEmbedding | SentenceEmbedding


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """What an embedding may be fitted on.

    Attributes:
        tokens: of the training split, one list a tweet.
        texts: of all splits, test included: only to keep them out of any further texts.
        tokenizer: what made the tokens.
    """

    tokens: Sequence[Tokens]
    texts: Sequence[str]
    tokenizer: Tokenizer


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How much of a text a vocabulary knows.

    Attributes:
        tokens: share of the running tokens.
        words: share of the distinct words.
        missing: unknown words with their counts, the most frequent first.
    """

    tokens: float
    words: float
    missing: list[tuple[str, int]]


def vocabulary(texts: Iterable[Tokens], min_count: int) -> list[str]:
    """Return the words that stand at least `min_count` times in the texts, the most frequent first.

    Raises:
        EmbeddingError: there is none.
    """
    counts = Counter(token for tokens in texts for token in tokens)
    words = [word for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= min_count]
    if not words:
        raise EmbeddingError(
            f"No word stands {min_count} times in the texts ({len(counts)} distinct words). "
            "Lower embed.min_count or give more texts."
        )
    return words


def coverage(words: Iterable[str], texts: Iterable[Tokens]) -> Coverage:
    """Measure how much of the texts a vocabulary knows; texts without any token count as known."""
    known = set(words)
    counts = Counter(token for tokens in texts for token in tokens)
    missing = Counter({word: count for word, count in counts.items() if word not in known})
    return Coverage(
        tokens=1 - missing.total() / max(counts.total(), 1),
        words=1 - len(missing) / max(len(counts), 1),
        missing=missing.most_common(),
    )


def nearest(embedding: WordEmbedding, words: Iterable[str], *, count: int) -> dict[str, list[tuple[str, float]]]:
    """Return for each word its nearest words with their cosine similarity, the nearest first.

    Words out of the vocabulary are left out, and all of them where the vectors are yet to be trained.
    """
    if embedding.vectors is None:
        return {}
    norms = np.linalg.norm(embedding.vectors, axis=1, keepdims=True)
    unit = embedding.vectors / np.maximum(norms, np.finfo(np.float32).tiny)
    row = {word: index for index, word in enumerate(embedding.words)}
    found = {}
    for word in words:
        if word in row:
            similarity = unit @ unit[row[word]]
            similarity[row[word]] = -np.inf
            best = np.argsort(-similarity, kind="stable")[: min(count, len(similarity) - 1)]
            found[word] = [(embedding.words[index], float(similarity[index])) for index in best]
    return found


def save(folder: Path, embedding: Embedding, tokenizer: Tokenizer) -> None:
    """Write an embedding and how its text was cut into tokens to a folder, which is made."""
    folder.mkdir(parents=True)
    description: dict[str, Any] = {"vector_size": embedding.vector_size, "tokenizer": asdict(tokenizer)}
    if isinstance(embedding, SentenceEmbedding):
        description["of"] = "sentences"
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
        EmbeddingError: its text was cut into tokens by another tokenizer than this one, or its files do not agree.
    """
    description: dict[str, Any] = yaml.safe_load((folder / DESCRIPTION).read_text(encoding="utf-8"))
    if read_text(description["tokenizer"]) != tokenizer:
        raise EmbeddingError(
            f"The embedding in {folder} was made of other tokens than the corpus holds: "
            f"{differences(description['tokenizer'], asdict(tokenizer))}. "
            "Run the embed step on this corpus (inputs.corpus), and give its embedding (inputs.embedding)."
        )
    size: int = description["vector_size"]
    if description["of"] == "sentences":
        return SentenceEmbedding(encoder=folder / ENCODER, vector_size=size)
    words = read_vocabulary(folder)
    path = folder / VECTORS
    vectors = np.load(path, allow_pickle=False) if path.is_file() else None
    found = (len(words), size) if vectors is None else vectors.shape
    if not (description["words"], size) == (len(words), size) == found:
        raise EmbeddingError(
            f"The embedding in {folder} is damaged: {DESCRIPTION} tells of {description['words']} words of {size} "
            f"values, {VOCABULARY} holds {len(words)} words, {VECTORS} is of shape {found}. Run the embed step again."
        )
    return WordEmbedding(words=words, vectors=vectors, vector_size=size)


def differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """Say in which settings two tokenizers, as dictionaries, differ: `words is 'stem' there and 'lemma' here`."""
    flat = [{**tokenizer, **tokenizer["cleaner"], "cleaner": None} for tokenizer in (theirs, ours)]
    keys = [key for key in flat[1] if flat[0].get(key) != flat[1][key]]
    return ", ".join(f"{key} is {flat[0].get(key)!r} there and {flat[1][key]!r} here" for key in keys)
