"""fastText: a word's vector is the mean of its parts' vectors, which also gives misspelt and rare words a useful one.

Source: Bojanowski, Grave, Joulin and Mikolov, Enriching Word Vectors with Subword Information, 2017.
"""

from gensim.models import FastText

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
    min_n: int,
    max_n: int,
    bucket: int,
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
    model = FastText(
        sentences=sentences(corpus, extra_texts, extra_column, min_count),
        vector_size=vector_size,
        window=window,
        min_count=min_count,
        min_n=min_n,
        max_n=max_n,
        bucket=bucket,
        sg=sg,
        negative=negative,
        sample=sample,
        epochs=epochs,
        workers=workers,
        seed=seed,
        callbacks=[Progress("fastText", epochs)],
    )
    return word_embedding(model.wv)
