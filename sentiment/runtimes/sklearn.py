"""Bags of words on scikit-learn, stored by skops: unlike a pickle, loading one runs no code of the file's own."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import skops.io
from numpy.typing import NDArray

from sentiment.text import Tokenizer

REQUIREMENTS = ("scikit-learn", "skops")
FILE = "pipeline.skops"
# Types beyond skops' own list of trusted ones that our pipelines hold; a file with any other is refused.
TRUSTED = [
    "sentiment.log_count_ratio.LogCountRatio",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
]


def load(folder: Path, text: Tokenizer) -> Callable[[Sequence[str]], NDArray[np.float64]]:
    """Load a fitted scikit-learn pipeline that eats documents, tokens joined by spaces.

    Raises:
        skops.io.exceptions.UntrustedTypesFoundException: the file holds a type that is not trusted.
    """
    pipeline = skops.io.load(folder / FILE, trusted=TRUSTED)

    def score(texts: Sequence[str]) -> NDArray[np.float64]:
        probabilities = pipeline.predict_proba([document(text(tweet)) for tweet in texts])
        return np.asarray(probabilities[:, 1], dtype=np.float64)

    return score


def document(tokens: Sequence[str]) -> str:
    """Join tokens into the one string that scikit-learn's vectorizers eat."""
    return " ".join(tokens)
