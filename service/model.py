"""The packaged model: a folder with the classifier, its metadata and its model card."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sentiment.inference import golden
from sentiment.inference.classifier import Classifier
from sentiment.inference.errors import UserError

CLASSIFIER = "classifier"
ABOUT = "about.json"
CARD = "model_card.md"
# Languages that a model reads if its description names none.
LANGUAGES = ("en",)


class UnservableModel(Exception):
    """A model that cannot be loaded, or fails its self-test."""


@dataclass(frozen=True)
class PackagedModel:
    """A model that has passed its self-test on the golden tweets.

    Attributes:
        classifier: maps raw tweets to probabilities.
        about: the response of `GET /model`: name, version, origin, languages, metrics, faithfulness of explanations,
            bounds of reliable answers and model card.
    """

    classifier: Classifier
    about: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> "PackagedModel":
        """Load a packaged model, and check its answers to the golden tweets.

        Raises:
            OSError: a file is missing or cannot be read.
            ClassifierError: the folder holds no classifier that this version can serve.
            GoldenError: an answer differs from the stored one.
        """
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        about.setdefault("languages", LANGUAGES)
        about.setdefault("faithfulness", None)
        about["card"] = (folder / CARD).read_text(encoding="utf-8")
        classifier = Classifier.load(folder / CLASSIFIER)
        about["reliability"] = None if classifier.reliability is None else asdict(classifier.reliability)
        golden.check(folder / CLASSIFIER, classifier)
        return cls(classifier=classifier, about=about)


def load(folder: Path, role: str) -> PackagedModel:
    """Load a packaged model; its role is named in errors.

    Raises:
        UnservableModel: it cannot be loaded, or fails its self-test.
    """
    try:
        return PackagedModel.load(folder)
    except (OSError, ValueError, ImportError, UserError) as error:
        raise UnservableModel(f"Cannot serve the {role} in {folder}. {error}") from error
