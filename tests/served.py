"""Served models, written in a moment: the description that makes a folder of files a classifier."""

from pathlib import Path

import skops.io
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from sentiment.inference import classifier
from sentiment.inference.classifier import Classifier, Runtime
from sentiment.inference.probabilities import IDENTITY, Calibration
from sentiment.inference.runtimes.sklearn import FILE
from sentiment.inference.text import Cleaner, Tokenizer
from tests.corpora import TOKENIZER


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


def save_bag_of_words(folder: Path, alpha: float, calibration: Calibration = IDENTITY) -> Classifier:
    """Save a classifier in a new folder, and load it; a smaller `alpha` makes it more confident."""
    folder.mkdir()
    pipeline = make_pipeline(CountVectorizer(token_pattern=r"\S+"), MultinomialNB(alpha=alpha))
    skops.io.dump(pipeline.fit(["late lost", "late rude", "thanks", "lovely crew"], [1, 1, 0, 0]), folder / FILE)
    return describe_and_load(folder, "sklearn", TOKENIZER, calibration)
