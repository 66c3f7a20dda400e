"""The packaged model: a folder with the classifier, its metadata and its model card."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sentiment.inference import golden
from sentiment.inference.classifier import Classifier
from sentiment.inference.errors import UserError
from service import digests, signature
from service.version import version

CLASSIFIER = "classifier"
ABOUT = "about.json"
CARD = "model_card.md"
ROOT = Path(__file__).parents[1]
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
            bounds of reliable answers, model card, version of the service, digests, and whether its signature was
            verified.
    """

    classifier: Classifier
    about: dict[str, Any]

    @classmethod
    def load(cls, folder: Path, public_key: Path | None = None) -> "PackagedModel":
        """Verify the signature of a packaged model if there is a key, load it, and check its golden tweets.

        Raises:
            OSError: a file is missing or cannot be read.
            SignatureError: its signature is missing or wrong.
            ClassifierError: the folder holds no classifier that this version can serve.
            GoldenError: an answer differs from the stored one.
        """
        if public_key is not None:
            signature.verify(folder, public_key)
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        about.setdefault("languages", LANGUAGES)
        about.setdefault("faithfulness", None)
        about["card"] = (folder / CARD).read_text(encoding="utf-8")
        classifier = Classifier.load(folder / CLASSIFIER)
        about["reliability"] = None if classifier.reliability is None else asdict(classifier.reliability)
        golden.check(folder / CLASSIFIER, classifier)
        about["service_version"] = version()
        about["digests"] = {"model": digests.total(signature.signed_files(folder)), "code": digests.of_code(ROOT)}
        about["signature_verified"] = public_key is not None
        return cls(classifier=classifier, about=about)


def load(folder: Path, role: str, public_key: Path | None) -> PackagedModel:
    """Load a packaged model, whose signature is verified if there is a key; its role is named in errors.

    Raises:
        UnservableModel: it cannot be loaded, or fails its self-test.
    """
    try:
        return PackagedModel.load(folder, public_key)
    except (OSError, ValueError, ImportError, UserError) as error:
        raise UnservableModel(f"Cannot serve the {role} in {folder}. {error}") from error
