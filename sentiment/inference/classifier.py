"""The contract of every served model: raw tweets in, the probability that each is negative out.

A served model is a folder with `classifier.json` and the files of its runtime. `classifier.json` contains the runtime,
the text settings, the calibration, the threshold, the uncertain band and the bounds of reliable answers. Using it
requires neither MLflow nor the training framework.
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

from sentiment.inference.arrays import Probabilities
from sentiment.inference.errors import ClassifierError
from sentiment.inference.probabilities import Calibration, Reliability
from sentiment.inference.text import Cleaner, Tokenizer, read_text

Runtime = Literal["sklearn", "tflite", "onnx", "saved_model", "blend", "cascade"]
Band = tuple[float, float]

DESCRIPTION = "classifier.json"
# Imported by `sentiment.inference.text` and this module.
REQUIREMENTS = ("emoji", "nltk", "numpy", "simplemma")
# Required keys of `classifier.json`.
CONTRACT = ("runtime", "calibration", "threshold", "uncertain", "reliability", "text")


@dataclass(frozen=True)
class Classifier:
    """A model in its served form.

    Attributes:
        runtime: its runtime.
        calibration: applied to raw probabilities; all other probabilities here are calibrated.
        threshold: the lowest probability that counts as negative.
        uncertain: the lowest and the highest uncertain probability; None if no answer is uncertain.
        reliability: the bounds of reliable answers; None if they were not determined.
        score: a function from raw tweets to the raw probability that each is negative, shape (n,).
    """

    runtime: Runtime
    calibration: Calibration
    threshold: float
    uncertain: Band | None
    reliability: Reliability | None
    score: Callable[[Sequence[str]], Probabilities]

    @classmethod
    def load(cls, folder: Path) -> "Classifier":
        """Load the classifier in a folder, importing only its own runtime.

        Raises:
            ClassifierError: there is no classifier, or this version cannot serve it.
        """
        description = read_description(folder)
        runtime = description["runtime"]
        return cls(
            runtime=runtime,
            calibration=read_calibration(folder),
            threshold=description["threshold"],
            uncertain=read_band(description["uncertain"]),
            reliability=read_reliability(folder),
            score=runtime_module(runtime).load(folder, read_text(description["text"])),
        )

    def negative_probability(self, texts: Sequence[str]) -> Probabilities:
        """Return the calibrated probability that each raw tweet is negative, shape (n,).

        Raises:
            ClassifierError: `texts` is a single string, or contains something other than strings.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise ClassifierError("A classifier expects a list of strings, one for each tweet.")
        return self.calibration(self.score(texts)) if len(texts) else np.empty(0)

    def is_negative(self, probability: Probabilities) -> NDArray[np.bool_]:
        """Return whether each probability, shape (n,), reaches the threshold."""
        return probability >= self.threshold

    def is_uncertain(self, probability: Probabilities) -> NDArray[np.bool_]:
        """Return whether each probability, shape (n,), is in the uncertain band."""
        if self.uncertain is None:
            return np.zeros(probability.shape, dtype=np.bool_)
        low, high = self.uncertain
        return (low <= probability) & (probability <= high)

    def is_reliable(self, probability: Probabilities) -> NDArray[np.bool_]:
        """Return whether each answer, shape (n,), is reliable."""
        return (
            np.zeros(probability.shape, dtype=np.bool_) if self.reliability is None else self.reliability(probability)
        )


def save(
    folder: Path,
    *,
    runtime: Runtime,
    calibration: Calibration,
    threshold: float,
    uncertain: Band | None,
    reliability: Reliability | None,
    text: Cleaner | Tokenizer | None,
) -> None:
    """Write `classifier.json`, which makes a folder with a runtime's files a classifier.

    `text` is None if the runtime combines classifiers, each with its own text settings.
    """
    description = {
        "runtime": runtime,
        "calibration": asdict(calibration),
        "threshold": threshold,
        "uncertain": uncertain,
        "reliability": None if reliability is None else asdict(reliability),
        "text": None if text is None else asdict(text),
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def requirements(*runtimes: Runtime) -> list[str]:
    """Return the requirements of served models, `name==version`, with the versions installed here."""
    return pins({*REQUIREMENTS, *(name for runtime in runtimes for name in runtime_module(runtime).REQUIREMENTS)})


def runtimes_in(folder: Path) -> set[Runtime]:
    """Return the runtimes of the classifier in a folder and of its members."""
    return {read_description(path.parent)["runtime"] for path in folder.rglob(DESCRIPTION)}


def pins(names: Iterable[str]) -> list[str]:
    """Return distributions as `name==version`, with the versions installed here, in alphabetical order."""
    return [f"{name}=={version(name)}" for name in sorted(names)]


def read_description(folder: Path) -> dict[str, Any]:
    """Return the content of `classifier.json`.

    Raises:
        ClassifierError: the file is missing, lacks a key because an older version wrote it, or names a runtime unknown
            to this version.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise ClassifierError(
            f"No classifier in {folder}: {DESCRIPTION} is missing. Choose the folder of a served model."
        )
    description: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    missing = [key for key in CONTRACT if key not in description]
    if missing:
        raise ClassifierError(
            f"{path} lacks {', '.join(missing)}: an older version of this project wrote it. Train the model again."
        )
    if description["runtime"] not in get_args(Runtime):
        known_runtimes = ", ".join(get_args(Runtime))
        raise ClassifierError(f"{path}: unknown runtime {description['runtime']!r}. Known runtimes: {known_runtimes}.")
    return description


def read_calibration(folder: Path) -> Calibration:
    """Return the calibration of the classifier in a folder; raises what `read_description` raises."""
    return Calibration(**read_description(folder)["calibration"])


def read_reliability(folder: Path) -> Reliability | None:
    """Return the bounds of reliable answers of the classifier in a folder; raises what `read_description` raises."""
    bounds = read_description(folder)["reliability"]
    if bounds is None:
        return None
    if "negative_share" not in bounds:
        raise ClassifierError(
            f"{folder / DESCRIPTION} has reliable answers without limits of the share of negative tweets: an older "
            "version of this project wrote it. Train the model again."
        )
    low, high = bounds["negative_share"]
    return Reliability(**bounds | {"negative_share": (low, high)})


def read_band(bounds: Sequence[float] | None) -> Band | None:
    """Return the uncertain band from its JSON form: a list, or null if there is no band."""
    if bounds is None:
        return None
    low, high = bounds
    return low, high


def runtime_module(runtime: Runtime) -> ModuleType:
    """Import the module of one runtime."""
    return importlib.import_module(f"sentiment.inference.runtimes.{runtime}")
