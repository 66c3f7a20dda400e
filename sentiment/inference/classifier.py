"""The contract of every served model: raw tweets in, the probability that each is negative out.

A served model is a folder: `classifier.json`, which says what runs it, how it reads text, how its probabilities are
calibrated, from which probability on a tweet counts as negative and in which band of them a human should look, and
beside it the files of its runtime. Neither the framework that trained it nor MLflow is needed to use it.
"""

import importlib
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sentiment.inference.arrays import Probabilities
from sentiment.inference.errors import UserError
from sentiment.inference.text import Cleaner, Tokenizer, read_text

Runtime = Literal["sklearn", "tflite", "onnx", "saved_model", "blend"]
Band = tuple[float, float]

DESCRIPTION = "classifier.json"
# What `sentiment.inference.text` and this module import.
REQUIREMENTS = ("emoji", "nltk", "numpy", "simplemma")
# What a classifier must say of itself: the fields of `Classifier`, but for what its runtime loads.
CONTRACT = ("runtime", "calibration", "threshold", "uncertain", "text")
# Probabilities nearer to 0 or 1 than this count as so near: their logit would be infinite, or outweigh all others.
EPSILON = 1e-12


class ClassifierError(UserError):
    """A folder that holds no usable classifier, or input that no classifier can score."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Put probabilities right: sigmoid(slope * logit(probability) + intercept), natural logarithms.

    Their order stays. Slope 1 and intercept 0 leave them as they are; with intercept 0 it is temperature scaling.

    Source: Platt, Probabilistic outputs for support vector machines, 1999; Guo et al., On calibration of modern neural
    networks, 2017.

    Attributes:
        slope: above 1 makes the model surer of itself, below 1 less sure; never 0 or less, which would turn the order.
        intercept: above 0 makes every tweet more probably negative.
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        """Refuse what does not keep the order of probabilities."""
        if not (0 < self.slope < math.inf and math.isfinite(self.intercept)):
            raise ClassifierError(
                f"A calibration with slope={self.slope} and intercept={self.intercept}: give finite numbers and a "
                "slope above 0."
            )

    def __call__(self, probability: Probabilities) -> Probabilities:
        """Return the calibrated probabilities, shape (n,)."""
        if self == IDENTITY:  # not even rounded
            return probability
        with np.errstate(over="ignore"):  # 1 / infinity is the probability of 0 that it should be
            odds_against = np.exp(-(self.slope * logit(probability) + self.intercept))
        return 1 / (1 + odds_against)


IDENTITY = Calibration(slope=1.0, intercept=0.0)


@dataclass(frozen=True)
class Classifier:
    """A model in its served form.

    Attributes:
        runtime: what runs it.
        calibration: what raw probabilities go through; all others here are calibrated.
        threshold: the probability from which on a tweet counts as negative.
        uncertain: the lowest and the highest probability at which a human should look; None where none should.
        score: from raw tweets to the raw probability that each is negative, shape (n,).
    """

    runtime: Runtime
    calibration: Calibration
    threshold: float
    uncertain: Band | None
    score: Callable[[Sequence[str]], Probabilities]

    @classmethod
    def load(cls, folder: Path) -> "Classifier":
        """Load the classifier that a folder holds, with its own runtime only.

        Raises:
            ClassifierError: the folder holds no classifier, or one that this version cannot serve.
        """
        description = read_description(folder)
        runtime = description["runtime"]
        return cls(
            runtime=runtime,
            calibration=read_calibration(folder),
            threshold=description["threshold"],
            uncertain=read_band(description["uncertain"]),
            score=runtime_module(runtime).load(folder, read_text(description["text"])),
        )

    def negative_probability(self, texts: Sequence[str]) -> Probabilities:
        """Return the calibrated probability that each raw tweet is negative, shape (n,).

        Raises:
            ClassifierError: `texts` is one string, or holds something else than strings.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise ClassifierError("A classifier takes a list of tweets, each a string.")
        return self.calibration(self.score(texts)) if len(texts) else np.empty(0)

    def is_negative(self, probability: Probabilities) -> NDArray[np.bool_]:
        """Return whether each probability, shape (n,), reaches the threshold."""
        return probability >= self.threshold

    def is_uncertain(self, probability: Probabilities) -> NDArray[np.bool_]:
        """Return whether a human should look at the tweet of each probability, shape (n,)."""
        if self.uncertain is None:
            return np.zeros(probability.shape, dtype=np.bool_)
        low, high = self.uncertain
        return (low <= probability) & (probability <= high)


def save(
    folder: Path,
    *,
    runtime: Runtime,
    calibration: Calibration,
    threshold: float,
    uncertain: Band | None,
    text: Cleaner | Tokenizer | None,
) -> None:
    """Write the description that makes a folder with a runtime's files a classifier.

    `text` is None where the runtime holds classifiers that each read text in their own way.
    """
    description = {
        "runtime": runtime,
        "calibration": asdict(calibration),
        "threshold": threshold,
        "uncertain": uncertain,
        "text": None if text is None else asdict(text),
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def logit(probability: Probabilities) -> Probabilities:
    """Return log(p / (1 - p)) of probabilities, shape (n,): finite, as they are kept `EPSILON` away from 0 and 1."""
    inside = np.clip(probability, EPSILON, 1 - EPSILON)
    return np.log(inside / (1 - inside))


def requirements(*runtimes: Runtime) -> list[str]:
    """Return what a served model needs, `name==version`, with the versions installed here."""
    return pins({*REQUIREMENTS, *(name for runtime in runtimes for name in runtime_module(runtime).REQUIREMENTS)})


def runtimes_in(folder: Path) -> set[Runtime]:
    """Return the runtime of the classifier in a folder, and those of the classifiers that it holds."""
    return {read_description(path.parent)["runtime"] for path in folder.rglob(DESCRIPTION)}


def pins(names: Iterable[str]) -> list[str]:
    """Return distributions as `name==version`, with the versions installed here, in alphabetical order."""
    return [f"{name}=={version(name)}" for name in sorted(names)]


def read_description(folder: Path) -> dict[str, Any]:
    """Return the content of `classifier.json`.

    Raises:
        ClassifierError: there is none, it was written before the contract asked for what it lacks, or it names a
            runtime unknown to this version.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise ClassifierError(
            f"No classifier in {folder}: {DESCRIPTION} is missing. Give the folder of a served model."
        )
    description: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    missing = [key for key in CONTRACT if key not in description]
    if missing:
        raise ClassifierError(
            f"{path} lacks {', '.join(missing)}: an older version of this project wrote it. Train the model again."
        )
    if description["runtime"] not in get_args(Runtime):
        raise ClassifierError(f"{path} names the runtime {description['runtime']!r}, known are {get_args(Runtime)}.")
    return description


def read_calibration(folder: Path) -> Calibration:
    """Return the calibration of the classifier in a folder; errors are those of `read_description`."""
    return Calibration(**read_description(folder)["calibration"])


def read_band(bounds: Sequence[float] | None) -> Band | None:
    """Rebuild the band that JSON holds as a list, or as null where it is empty."""
    if bounds is None:
        return None
    low, high = bounds
    return low, high


def runtime_module(runtime: Runtime) -> ModuleType:
    """Import the module of a runtime, only when it is needed."""
    return importlib.import_module(f"sentiment.inference.runtimes.{runtime}")
