"""The packaged model: a folder with the classifier, and what is known of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiment.inference import golden
from sentiment.inference.classifier import Classifier

CLASSIFIER = "classifier"
ABOUT = "about.json"
CARD = "model_card.md"


@dataclass(frozen=True)
class PackagedModel:
    """A model that answers as it did when it was trained.

    Attributes:
        classifier: from raw tweets to probabilities.
        about: what `GET /model` tells: name, version, where it comes from, how good it is.
    """

    classifier: Classifier
    about: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> "PackagedModel":
        """Load a packaged model, and have it answer its golden tweets.

        Raises:
            OSError: a file is missing or cannot be read.
            ClassifierError: there is no classifier that this version can serve.
            GoldenError: it does not answer as it did.
        """
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        about["card"] = (folder / CARD).read_text(encoding="utf-8")
        classifier = Classifier.load(folder / CLASSIFIER)
        golden.check(folder / CLASSIFIER, classifier)
        return cls(classifier=classifier, about=about)
