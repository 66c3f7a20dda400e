"""Golden tweets: whoever loads a model asks it for these first, to see that it answers as it did when it was trained.

They travel with the model, each with its probability. They are invented, and touch what models read in their own way:
negations, emoji, links, mentions, hashtags, entities, repeated letters, other languages, a text without words.
"""

import json
from pathlib import Path

import numpy as np

from sentiment.inference.classifier import Classifier, ClassifierError
from sentiment.inference.errors import UserError

FILE = "golden.json"
# Probabilities of one model on two processors differ by rounding alone: 32-bit sums in another order, and 8-bit ones,
# which round further. A model that is not the same is further off on one of the tweets at least.
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
    """A model that does not answer as it did when it was trained."""


def save(folder: Path, classifier: Classifier) -> None:
    """Write the golden tweets with what a classifier answers to the folder that it is served from."""
    probabilities = classifier.negative_probability(TEXTS).tolist()
    told = [{"text": text, "negative_probability": p} for text, p in zip(TEXTS, probabilities, strict=True)]
    (folder / FILE).write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def check(folder: Path, classifier: Classifier) -> None:
    """Compare what a classifier answers with what is written in its folder.

    Raises:
        GoldenError: the folder holds no golden tweets, or an answer is further off than `TOLERANCE`.
        ClassifierError: the classifier cannot score them.
    """
    path = folder / FILE
    if not path.is_file():
        raise GoldenError(f"{path} is missing: an older version of this project made the model. Train it again.")
    told = json.loads(path.read_text(encoding="utf-8"))
    expected = np.array([tweet["negative_probability"] for tweet in told])
    answered = classifier.negative_probability([tweet["text"] for tweet in told])
    if answered.shape != expected.shape:
        raise ClassifierError(f"The model gives {answered.shape} probabilities for {len(told)} tweets.")
    off = np.abs(answered - expected)
    if not (off <= TOLERANCE).all():  # a probability that is no number is off, too
        worst = int(np.argmax(np.nan_to_num(off, nan=np.inf)))
        raise GoldenError(
            f"The model does not answer as it did when it was trained: to {told[worst]['text']!r} "
            f"{answered[worst]:.4f}, and not {expected[worst]:.4f} (tolerance {TOLERANCE}). Its files are damaged, or "
            "the versions of its libraries differ: package it again."
        )
