"""Bags of words on scikit-learn, stored by skops: unlike loading a pickle, loading them runs no code from the file."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from sentiment.inference.log_count_ratio import LogCountRatio
from sentiment.inference.text import Tokenizer

REQUIREMENTS = ("scikit-learn", "skops")
FILE = "pipeline.skops"
# Types in our pipelines that skops does not trust by default; it refuses a file with any other type.
TRUSTED = [
    "sentiment.inference.log_count_ratio.LogCountRatio",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
]
# Part of scikit-learn that imports PyTorch.
TORCH_ADAPTER = "sklearn.externals.array_api_compat.torch"
# Vectorizer settings that leave a document's tokens unchanged.
UNCHANGED_TOKENS = {
    "lowercase": False,
    "preprocessor": None,
    "stop_words": None,
    "strip_accents": None,
    "tokenizer": None,
}


@contextmanager
def without_torch() -> Iterator[None]:
    """Import skops without PyTorch, where that is installed: it takes two seconds to import.

    At its import, skops lists all estimators of scikit-learn, which imports all packages of scikit-learn.
    """
    hidden = TORCH_ADAPTER not in sys.modules
    if hidden:
        sys.modules[TORCH_ADAPTER] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules[TORCH_ADAPTER]


def save(folder: Path, pipeline: Pipeline) -> None:
    """Write a fitted scikit-learn pipeline to a folder."""
    with without_torch():
        import skops.io
    skops.io.dump(pipeline, folder / FILE)


def load(folder: Path, text: Tokenizer) -> Callable[[Sequence[str]], NDArray[np.float64]]:
    """Load a fitted scikit-learn pipeline whose input is documents: tokens joined by spaces.

    Raises:
        skops.io.exceptions.UntrustedTypesFoundException: the file contains a type that is not trusted.
    """
    with without_torch():
        import skops.io
    pipeline = skops.io.load(folder / FILE, trusted=TRUSTED)
    if not is_linear(pipeline):
        return Score(pipeline, text)
    return AdditiveScore(pipeline, text) if is_additive(pipeline) else LinearScore(pipeline, text)


@dataclass(frozen=True)
class Score:
    """Score raw tweets: the probability that each is negative, shape (n,).

    Attributes:
        pipeline: scores documents.
        text: splits raw tweets into tokens.
    """

    pipeline: Pipeline
    text: Tokenizer

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the probabilities."""
        probabilities = self.pipeline.predict_proba([document(self.text(tweet)) for tweet in texts])
        return np.asarray(probabilities[:, 1], dtype=np.float64)


class LinearScore(Score):
    """The score of a pipeline that `is_linear`: each feature has a coefficient."""


class AdditiveScore(LinearScore):
    """The score of a pipeline that `is_additive`: `sentiment.inference.explain` explains it token by token."""

    def tokenize(self, text: str) -> list[str]:
        """Return the tokens of a raw tweet as a vectorizer sees them: tokens with spaces are in pieces."""
        return document(self.text(text)).split()

    def weigh(self, tokens: Sequence[str]) -> tuple[float, NDArray[np.float64]]:
        """Return the intercept, and how much each token adds to it, shape (tokens,).

        A feature's contribution (coefficient times value) is divided equally among its occurrences, and within an
        occurrence among the tokens it spans.
        """
        regression = self.pipeline[-1]
        row = self.pipeline[:-1].transform([document(tokens)]).tocsr()
        terms = dict(zip(row.indices.tolist(), row.data * regression.coef_[0, row.indices], strict=True))
        n_gram_spans = list(occurrences(vectorizers(self.pipeline), tokens))
        counts = Counter(column for column, _ in n_gram_spans)
        added = np.zeros(len(tokens))
        for column, span in n_gram_spans:  # a column scaled by 0 has no term
            added[span] += terms.get(column, 0.0) / counts[column] / (span.stop - span.start)
        return float(regression.intercept_[0]), added


def is_linear(pipeline: Pipeline) -> bool:
    """Return whether the logit is a sum over n-grams of tokens, or of the characters of single tokens."""
    steps = [step for _, step in pipeline.steps]
    return (
        isinstance(steps[-1], LogisticRegression)
        and steps[-1].classes_.tolist() == [0, 1]
        and all(isinstance(step, LogCountRatio) for step in steps[1:-1])
        and all(takes_tokens(vectorizer) for vectorizer in vectorizers(pipeline))
    )


def is_additive(pipeline: Pipeline) -> bool:
    """Return whether a word that is removed from a tweet leaves the terms of the others as they are.

    A vectorizer that normalises each tweet to the same length makes the others larger.
    """
    return is_linear(pipeline) and all(
        getattr(vectorizer, "norm", None) is None for vectorizer in vectorizers(pipeline)
    )


def vectorizers(pipeline: Pipeline) -> list[CountVectorizer]:
    """Return the vectorizers of a pipeline's first step, in the order of their columns."""
    first = pipeline[0]
    return [vectorizer for _, vectorizer in first.transformer_list] if isinstance(first, FeatureUnion) else [first]


def takes_tokens(vectorizer: object) -> bool:
    """Return whether a vectorizer counts n-grams of unchanged tokens, or of the characters of single tokens."""
    return (
        isinstance(vectorizer, CountVectorizer)  # includes its subclass TfidfVectorizer
        and UNCHANGED_TOKENS.items() <= vectorizer.get_params().items()
        and (vectorizer.analyzer == "char_wb" or (vectorizer.analyzer, vectorizer.token_pattern) == ("word", r"\S+"))
    )


def occurrences(vectorizers: Sequence[CountVectorizer], tokens: Sequence[str]) -> Iterator[tuple[int, slice]]:
    """Yield the column of every n-gram occurrence in a document, with the slice of tokens it spans."""
    offset = 0
    for vectorizer in vectorizers:
        for term, span in n_grams(vectorizer, tokens):
            if term in vectorizer.vocabulary_:
                yield offset + vectorizer.vocabulary_[term], span
        offset += len(vectorizer.vocabulary_)


def n_grams(vectorizer: CountVectorizer, tokens: Sequence[str]) -> Iterator[tuple[str, slice]]:
    """Yield every n-gram that a vectorizer finds in a document, with the slice of tokens it spans."""
    if vectorizer.analyzer == "char_wb":
        analyze = vectorizer.build_analyzer()
        for index, token in enumerate(tokens):
            for piece in analyze(token):
                yield piece, slice(index, index + 1)
    else:
        shortest, longest = vectorizer.ngram_range
        for length in range(shortest, longest + 1):
            for start in range(len(tokens) - length + 1):
                yield " ".join(tokens[start : start + length]), slice(start, start + length)


def document(tokens: Sequence[str]) -> str:
    """Join tokens into one string, the input of scikit-learn's vectorizers."""
    return " ".join(tokens)
