"""What word2vec and fastText share: the sentences they train on, a progress bar, and the trained vectors."""

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
    """Return the tokens of the training split, then those of the extra texts, if a file of them is given.

    An extra text that stands in any split, whatever its case, spaces and HTML entities, is left out: what validation
    and test hold is not to be known before, and what training holds is there already.

    Raises:
        ExtraTextsError: the file cannot be read.
        EmbeddingError: no word stands `min_count` times.
        MissingFileError: there is no such file.
    """
    texts = list(corpus.tokens)
    if path is not None:
        known = {text_key(text) for text in corpus.texts}
        given = extra_texts.read(path, column, "embed")
        kept = [text for text in given if text_key(text) not in known]
        log.info("%s: %d extra texts, %d left out for they stand in a split.", path, len(kept), len(given) - len(kept))
        texts += tokenize(kept, corpus.tokenizer)
    vocabulary(texts, min_count)
    return texts


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
