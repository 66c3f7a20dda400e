"""Stacked classifiers: a weighted sum of their logits."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentiment.inference.classifier import Classifier
from sentiment.inference.probabilities import logit

REQUIREMENTS: tuple[str, ...] = ()  # its members bring theirs
FILE = "blend.json"


def load(folder: Path, text: None) -> Callable[[Sequence[str]], NDArray[np.float64]]:  # noqa: ARG001
    """Load the weights and the members; each is a classifier in its own folder, with its own text settings."""
    blend = json.loads((folder / FILE).read_text(encoding="utf-8"))
    members = [Classifier.load(folder / name) for name in blend["weights"]]
    weights = np.array(list(blend["weights"].values()))

    def score(texts: Sequence[str]) -> NDArray[np.float64]:
        logits = np.column_stack([logit(member.negative_probability(texts)) for member in members])
        return probability(logits, weights, blend["intercept"])

    return score


def probability(logits: NDArray[np.float64], weights: NDArray[np.float64], intercept: float) -> NDArray[np.float64]:
    """Return the probability of each tweet, shape (n,), from logits, shape (n, members)."""
    with np.errstate(over="ignore"):  # 1 / infinity = 0 is the right probability
        return np.asarray(1 / (1 + np.exp(-(logits @ weights + intercept))), dtype=np.float64)


def write(folder: Path, weights: dict[str, float], intercept: float) -> None:
    """Write the weights of the members, keyed by folder name."""
    (folder / FILE).write_text(json.dumps({"weights": weights, "intercept": intercept}, indent=2), encoding="utf-8")
