"""A cascade of two classifiers: the fast one answers what it is sure of, the accurate one the rest.

Source: Viola and Jones, Rapid object detection using a boosted cascade of simple features, CVPR 2001; for language
models, Chen, Zaharia and Zou, FrugalGPT, 2023.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentiment.inference.arrays import Probabilities
from sentiment.inference.classifier import Classifier
from sentiment.inference.probabilities import logit

REQUIREMENTS: tuple[str, ...] = ()  # its members bring theirs
FILE = "cascade.json"
# The folder of each member.
FAST, ACCURATE = "fast", "accurate"


def load(folder: Path, text: None) -> Callable[[Sequence[str]], Probabilities]:  # noqa: ARG001
    """Load both members, each a classifier in its own folder with its own text settings, and the bound."""
    bound = json.loads((folder / FILE).read_text(encoding="utf-8"))["bound"]
    fast, accurate = (Classifier.load(folder / name) for name in (FAST, ACCURATE))

    def score(texts: Sequence[str]) -> Probabilities:
        probability = fast.negative_probability(texts)
        unsure = np.flatnonzero(~is_sure(probability, bound))
        probability[unsure] = accurate.negative_probability([texts[row] for row in unsure.tolist()])
        return probability

    return score


def is_sure(probability: Probabilities, bound: float) -> NDArray[np.bool_]:
    """Return whether the fast member is sure: its logit is at least `bound` away from 0; shapes (n,)."""
    return np.abs(logit(probability)) >= bound


def write(folder: Path, bound: float) -> None:
    """Write the bound of a cascade."""
    (folder / FILE).write_text(json.dumps({"bound": bound}, indent=2) + "\n", encoding="utf-8")
