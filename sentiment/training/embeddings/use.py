"""Universal Sentence Encoder: one vector for a whole text, by a network that others have trained; it stays as it is.

Source: Cer et al., Universal Sentence Encoder, 2018.
"""

from pathlib import Path

import tensorflow as tf
import tensorflow_hub as hub

from sentiment.inference.runtimes.saved_model import encode
from sentiment.training.embedding import Corpus, EmbeddingError, SentenceEmbedding


def fit(*, corpus: Corpus, handle: str) -> SentenceEmbedding:
    """Return the encoder behind a handle, downloaded by TensorFlow Hub into its cache unless it is a local folder.

    Raises:
        EmbeddingError: there is none, or it does not take texts and give vectors.
    """
    if "://" not in handle and not Path(handle).expanduser().is_dir():
        raise EmbeddingError(
            f"No folder {Path(handle).absolute()} (embed.handle). Give it, or the https:// of an encoder."
        )
    try:
        folder = hub.resolve(handle if "://" in handle else str(Path(handle).expanduser()))
        vector_size = encode(hub.load(folder), corpus.texts[:1]).shape[1]
    except (OSError, RuntimeError, TypeError, ValueError, tf.errors.OpError) as error:
        raise EmbeddingError(
            f"embed.handle={handle} is no sentence encoder that can be loaded: {error}. "
            "Without a network, give a folder that holds its SavedModel."
        ) from error
    return SentenceEmbedding(encoder=Path(folder), vector_size=vector_size)
