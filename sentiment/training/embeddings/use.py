"""Universal Sentence Encoder: a pretrained network that gives one vector per text; it is not trained further.

Source: Cer et al., Universal Sentence Encoder, 2018.
"""

from pathlib import Path

import tensorflow as tf
import tensorflow_hub as hub

from sentiment.inference.runtimes.saved_model import encode
from sentiment.training.embedding import Corpus, EmbeddingError, SentenceEmbedding


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
        folder = hub.resolve(handle if "://" in handle else str(Path(handle).expanduser()))
        vector_size = encode(hub.load(folder), corpus.texts[:1]).shape[1]
    except (OSError, RuntimeError, TypeError, ValueError, tf.errors.OpError) as error:
        raise EmbeddingError(
            f"embed.handle={handle} cannot be loaded as a sentence encoder: {error}. "
            "Without a network, use a folder with its SavedModel."
        ) from error
    return SentenceEmbedding(encoder=Path(folder), vector_size=vector_size)
