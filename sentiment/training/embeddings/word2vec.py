"""word2vec: a word's vector is trained to predict the words around it.

Source: Mikolov, Sutskever, Chen, Corrado and Dean, Distributed Representations of Words and Phrases, 2013.
"""

from gensim.models import Word2Vec

from sentiment.training.embedding import Corpus, WordEmbedding
from sentiment.training.gensim_vectors import Progress, sentences, word_embedding


def fit(
    *,
    corpus: Corpus,
    extra_texts: str | None,
    extra_column: str,
    vector_size: int,
    window: int,
    min_count: int,
    sg: int,
    negative: int,
    sample: float,
    epochs: int,
    workers: int,
    seed: int,
) -> WordEmbedding:
    """Train vectors on the training split and, if configured, extra texts; reproducible with one worker.

    Raises:
        EmbeddingError: no word occurs `min_count` times.
        ExtraTextsError: the extra texts cannot be read.
        MissingFileError: the file of extra texts does not exist.
    """
    model = Word2Vec(
        sentences=sentences(corpus, extra_texts, extra_column, min_count),
        vector_size=vector_size,
        window=window,
        min_count=min_count,
        sg=sg,
        negative=negative,
        sample=sample,
        epochs=epochs,
        workers=workers,
        seed=seed,
        callbacks=[Progress("word2vec", epochs)],
    )
    return word_embedding(model.wv)
