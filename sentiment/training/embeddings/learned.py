"""Randomly initialised vectors, trained with the network: only the vocabulary is fitted."""

from sentiment.training.embedding import Corpus, WordEmbedding, vocabulary


def fit(*, corpus: Corpus, vector_size: int, min_count: int) -> WordEmbedding:
    """Return the vocabulary of the training split, without vectors.

    Raises:
        EmbeddingError: no word occurs `min_count` times in it.
    """
    return WordEmbedding(words=vocabulary(corpus.tokens, min_count), vectors=None, vector_size=vector_size)
