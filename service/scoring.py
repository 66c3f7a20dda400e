"""Score tweets: the model's probability, and the language."""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from sentiment.inference.classifier import Classifier
from service import language

Reason = Literal["cost", "language"]


class Score(NamedTuple):
    """What is known about a tweet.

    Attributes:
        negative_probability: calibrated probability that it is negative.
        language: ISO 639-1, or None if unknown.
    """

    negative_probability: float
    language: str | None


class Scorer:
    """Score tweets with a classifier."""

    def __init__(self, classifier: Classifier) -> None:
        """Configure the model of sentiment, and load that of languages."""
        self._classifier = classifier
        language.identifier()

    def __call__(self, texts: Sequence[str]) -> list[Score]:
        """Return the score of each tweet."""
        probabilities = self._classifier.negative_probability(texts).tolist()
        return [Score(*both) for both in zip(probabilities, map(language.identify, texts), strict=True)]


def uncertainty(language: str | None, read: Collection[str], *, costly: bool) -> Reason | None:
    """Return why a person should look at an answer, or None.

    Args:
        language: of the tweet, if it is known.
        read: the languages that the model reads.
        costly: whether a wrong answer is expected to cost more than a review.
    """
    if language is not None and language not in read:
        return "language"
    return "cost" if costly else None
