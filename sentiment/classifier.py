"""The contract of every served model: raw tweets in, the probability that each is negative out.

A served model is a folder: `classifier.json`, which says what runs it, how it reads text and from which probability on
a tweet counts as negative, and beside it the files of its runtime. Neither the framework that trained it nor MLflow is
needed to use it.
"""

import importlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sentiment.text import Cleaner, Tokenizer

Runtime = Literal["sklearn", "tflite", "onnx", "saved_model"]
Probabilities = NDArray[np.float64]

DESCRIPTION = "classifier.json"
# What `sentiment.text` and this module import.
REQUIREMENTS = ("emoji", "nltk", "numpy", "simplemma")


class ClassifierError(ValueError):
    """A folder that holds no usable classifier, or input that no classifier can score."""


@dataclass(frozen=True)
class Classifier:
    """A model in its served form.

    Attributes:
        runtime: what runs it.
        threshold: the probability from which on a tweet counts as negative.
        score: from raw tweets to the probability that each is negative, shape (n,).
    """

    runtime: Runtime
    threshold: float
    score: Callable[[Sequence[str]], Probabilities]

    @classmethod
    def load(cls, folder: Path) -> "Classifier":
        """Load the classifier that a folder holds, with its own runtime only.

        Raises:
            ClassifierError: the folder holds no classifier, or one of a runtime unknown to this version.
        """
        description = read_description(folder)
        runtime = description["runtime"]
        return cls(
            runtime=runtime,
            threshold=description["threshold"],
            score=runtime_module(runtime).load(folder, read_text(description["text"])),
        )

    def negative_probability(self, texts: Sequence[str]) -> Probabilities:
        """Return the probability that each raw tweet is negative, shape (n,).

        Raises:
            ClassifierError: `texts` is one string, or holds something else than strings.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise ClassifierError("A classifier takes a list of tweets, each a string.")
        return self.score(texts) if len(texts) else np.empty(0)

    def is_negative(self, probability: Probabilities) -> NDArray[np.bool_]:
        """Return whether each probability, shape (n,), reaches the threshold."""
        return probability >= self.threshold


def save(folder: Path, *, runtime: Runtime, threshold: float, text: Cleaner | Tokenizer) -> None:
    """Write the description that makes a folder with a runtime's files a classifier."""
    description = {"runtime": runtime, "threshold": threshold, "text": asdict(text)}
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def requirements(runtime: Runtime) -> list[str]:
    """Return what a served model needs, `name==version`, with the versions installed here."""
    return pins({*REQUIREMENTS, *runtime_module(runtime).REQUIREMENTS})


def pins(names: Iterable[str]) -> list[str]:
    """Return distributions as `name==version`, with the versions installed here, in alphabetical order."""
    return [f"{name}=={version(name)}" for name in sorted(names)]


def read_description(folder: Path) -> dict[str, Any]:
    """Return the content of `classifier.json`.

    Raises:
        ClassifierError: there is none, or it names a runtime unknown to this version.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise ClassifierError(
            f"No classifier in {folder}: {DESCRIPTION} is missing. Give the folder of a served model."
        )
    description: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if description.get("runtime") not in get_args(Runtime):
        raise ClassifierError(
            f"{path} names the runtime {description.get('runtime')!r}, known are {get_args(Runtime)}."
        )
    return description


def read_text(description: dict[str, Any]) -> Cleaner | Tokenizer:
    """Rebuild the `Cleaner` or the `Tokenizer` that `dataclasses.asdict` took apart."""
    if "cleaner" in description:
        return Tokenizer(**{**description, "cleaner": Cleaner(**description["cleaner"])})
    return Cleaner(**description)


def runtime_module(runtime: Runtime) -> ModuleType:
    """Import the module of a runtime, only when it is needed."""
    return importlib.import_module(f"sentiment.runtimes.{runtime}")
