"""Golden tweets: a loaded model must classify these as it did after training.

They are stored with the model, each with its probability. They are invented, and cover what models treat specially:
negations, emoji, links, mentions, hashtags, entities, repeated letters, other languages, a text without words.
"""

import json
from pathlib import Path

import numpy as np

from sentiment.inference.classifier import Classifier
from sentiment.inference.errors import ClassifierError, UserError

FILE = "golden.json"
# One model's probabilities differ between processors only by rounding: 32-bit sums in another order, and 8-bit ones,
# which differ more. A different model exceeds this on at least one tweet.
TOLERANCE = 0.005
TEXTS = (
    "@AirParadis two hours late and nobody tells us why :(",
    "@AirParadis thank you so much, the crew was wonderful!",
    "Never again. My bag is lost and the hotline doesn't answer",
    "it wasn't bad at all, I would fly with them again",
    "Boarding now, see you tonight in Lisbon https://example.org/a1",
    "sooooo tired of waiting!!! #delayed #fail",
    "Best flight ever \U0001f60d\U0001f60d",
    "worst. seat. ever. \U0001f621",
    "Gate 12 &amp; no coffee &lt;3",
    "Le vol est encore annul\u00e9, quelle honte",
    "\u2708\ufe0f",
    "...",
)


class GoldenError(UserError):
    """A model that answers differently than after training."""


def save(folder: Path, classifier: Classifier) -> None:
    """Write the golden tweets with the classifier's probabilities to its folder."""
    probabilities = classifier.negative_probability(TEXTS).tolist()
    golden = [{"text": text, "negative_probability": p} for text, p in zip(TEXTS, probabilities, strict=True)]
    (folder / FILE).write_text(json.dumps(golden, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def check(folder: Path, classifier: Classifier) -> None:
    """Check that a classifier gives the golden tweets the probabilities stored in its folder.

    Raises:
        GoldenError: the folder has no golden tweets, or a probability differs by more than `TOLERANCE`.
        ClassifierError: the classifier cannot score them.
    """
    path = folder / FILE
    if not path.is_file():
        raise GoldenError(f"{path} is missing: an older version of this project made the model. Train it again.")
    golden = json.loads(path.read_text(encoding="utf-8"))
    expected = np.array([tweet["negative_probability"] for tweet in golden])
    actual = classifier.negative_probability([tweet["text"] for tweet in golden])
    if actual.shape != expected.shape:
        raise ClassifierError(f"The model returns probabilities of shape {actual.shape} for {len(golden)} tweets.")
    difference = np.abs(actual - expected)
    if not (difference <= TOLERANCE).all():  # NaN fails, too
        worst = int(np.argmax(np.nan_to_num(difference, nan=np.inf)))
        raise GoldenError(
            f"The model answers differently than after training: {golden[worst]['text']!r} gets {actual[worst]:.4f} "
            f"instead of {expected[worst]:.4f} (tolerance {TOLERANCE}). Its files are damaged or its libraries have "
            "other versions: package it again."
        )
