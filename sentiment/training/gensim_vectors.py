"""What word2vec and fastText share: progress while gensim trains, and what it has trained."""

from typing import Any

import numpy as np
from gensim.models.callbacks import CallbackAny2Vec
from gensim.models.keyedvectors import KeyedVectors
from tqdm import tqdm

from sentiment.training.embedding import WordEmbedding


class Progress(CallbackAny2Vec):  # type: ignore[misc]
    """Show a progress bar over the epochs."""

    def __init__(self, name: str, epochs: int) -> None:
        """Name the bar and say how many epochs there will be."""
        self.bar = tqdm(total=epochs, desc=name, unit=" epoch", disable=None)

    def on_epoch_end(self, model: Any) -> None:  # noqa: ARG002
        """Move on by one epoch."""
        self.bar.update()

    def on_train_end(self, model: Any) -> None:  # noqa: ARG002
        """End the bar."""
        self.bar.close()


def word_embedding(vectors: KeyedVectors) -> WordEmbedding:
    """Return the words that gensim knows, the most frequent first, with their vectors."""
    return WordEmbedding(
        words=list(vectors.index_to_key),
        vectors=np.array(vectors.vectors, dtype=np.float32),
        vector_size=vectors.vector_size,
    )
