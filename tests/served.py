"""The description that makes a folder of files a served model."""

from pathlib import Path

from sentiment.inference import classifier
from sentiment.inference.classifier import Classifier, Runtime
from sentiment.inference.probabilities import IDENTITY, Calibration
from sentiment.inference.text import Cleaner, Tokenizer


def describe_and_load(
    folder: Path, runtime: Runtime, text: Cleaner | Tokenizer | None, calibration: Calibration = IDENTITY
) -> Classifier:
    """Write the description of a served model to the folder with its files, and load the model."""
    describe(folder, runtime, text, calibration)
    return Classifier.load(folder)


def describe(
    folder: Path, runtime: Runtime, text: Cleaner | Tokenizer | None, calibration: Calibration = IDENTITY
) -> None:
    """Write the description of a served model with a threshold of 0.5."""
    classifier.save(
        folder, runtime=runtime, calibration=calibration, threshold=0.5, uncertain=None, reliability=None, text=text
    )
