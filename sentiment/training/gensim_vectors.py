"""Shared by word2vec and fastText: their training sentences, a progress bar, and the conversion of their vectors."""

import logging
from typing import Any

import numpy as np
from gensim.models.callbacks import CallbackAny2Vec
from gensim.models.keyedvectors import KeyedVectors
from tqdm import tqdm

from sentiment.data import extra_texts
from sentiment.data.corpus import tokenize
from sentiment.data.keys import text_key
from sentiment.training.embedding import Corpus, Tokens, WordEmbedding, vocabulary

log = logging.getLogger(__name__)


def sentences(corpus: Corpus, path: str | None, column: str, min_count: int) -> list[Tokens]:
    """Return the tokens of the training split, then those of the extra texts, if there is a file of them.

    Drops extra texts that are already in a split, ignoring case, spaces and HTML entities: texts of validation and test
    must stay unseen, and texts of train would be there twice.

    Raises:
        ExtraTextsError: the file cannot be read.
        EmbeddingError: no word occurs `min_count` times.
        MissingFileError: the file does not exist.
    """
    texts = list(corpus.tokens)
    if path is not None:
        split_keys = {text_key(text) for text in corpus.texts}
        read_texts = extra_texts.read(path, column, "embed")
        kept = [text for text in read_texts if text_key(text) not in split_keys]
        dropped = len(read_texts) - len(kept)
        log.info("%s: using %d extra texts; dropped %d that are already in a split.", path, len(kept), dropped)
        texts += tokenize(kept, corpus.tokenizer)
    vocabulary(texts, min_count)
    return texts


class Progress(CallbackAny2Vec):  # type: ignore[misc]
    """Show a progress bar over the epochs."""

    def __init__(self, name: str, epochs: int) -> None:
        """Set the name of the bar and the number of epochs."""
        self.bar = tqdm(total=epochs, desc=name, unit=" epoch", disable=None)

    def on_epoch_end(self, model: Any) -> None:  # noqa: ARG002
        """Advance by one epoch."""
        self.bar.update()

    def on_train_end(self, model: Any) -> None:  # noqa: ARG002
        """Close the bar."""
        self.bar.close()


def word_embedding(vectors: KeyedVectors) -> WordEmbedding:
    """Return gensim's vocabulary, most frequent first, with its vectors."""
    return WordEmbedding(
        words=list(vectors.index_to_key),
        vectors=np.array(vectors.vectors, dtype=np.float32),
        vector_size=vectors.vector_size,
    )
