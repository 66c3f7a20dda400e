"""Universal Sentence Encoder of TensorFlow Hub: like `use`, but it needs TensorFlow wherever it runs.

Source: Cer et al., Universal Sentence Encoder, 2018.
"""

from pathlib import Path

import tensorflow as tf
import tensorflow_hub as hub

from sentiment.training.embedding import Corpus, EmbeddingError, SentenceEmbedding
from sentiment.training.encoders.saved_model import encode


def fit(*, corpus: Corpus, handle: str) -> SentenceEmbedding:
    """Return the encoder at a handle: a local folder, or a URL that TensorFlow Hub downloads into its cache.

    Raises:
        EmbeddingError: it cannot be loaded, or does not map texts to vectors.
    """
    if "://" not in handle and not Path(handle).expanduser().is_dir():
        raise EmbeddingError(
            f"No folder {Path(handle).absolute()} (embed.handle). Set an existing folder or an https:// address."
        )
    try:
        folder = Path(hub.resolve(handle if "://" in handle else str(Path(handle).expanduser())))
        vector_size = encode(folder, corpus.texts[:1], max_tokens=None).shape[1]
    except (OSError, RuntimeError, TypeError, ValueError, tf.errors.OpError) as error:
        raise EmbeddingError(
            f"embed.handle={handle} cannot be loaded as a sentence encoder: {error}. "
            "Without a network, use a folder with its SavedModel."
        ) from error
    return SentenceEmbedding(kind="saved_model", encoder=folder, vector_size=vector_size, max_tokens=None)
