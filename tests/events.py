"""Events for tests: predictions of the service, and feedback of users."""

import time
from typing import Any

from telemetry.events import Disagreement, Feedback, Prediction


def prediction(number: int, when: float | None = None, text: str | None = None, **overrides: Any) -> Prediction:
    """Return a prediction, by default a minute old."""
    fields = common_fields(number, when, text) | {"sentiment": "negative", "milliseconds": 1.5, "characters": 20}
    return Prediction(**(fields | overrides))


def feedback(
    number: int, when: float | None = None, text: str | None = None, *, correct: bool = False, **overrides: Any
) -> Feedback:
    """Return feedback on a prediction, by default that it is wrong, a minute old."""
    fields = common_fields(number, when, f"tweet {number}" if text is None else text)
    fields |= {"predicted_sentiment": "negative", "true_sentiment": "negative" if correct else "positive"}
    return Feedback(**(fields | {"comment": None, "fingerprint": str(fields["text"])} | overrides))


def disagreement(number: int, when: float | None = None, text: str | None = None, **overrides: Any) -> Disagreement:
    """Return a prediction to which a challenger gave another answer, by default a minute old."""
    fields = common_fields(number, when, text) | {"sentiment": "negative"}
    fields |= {"challenger_version": "8", "challenger_probability": 0.1, "challenger_sentiment": "positive"}
    return Disagreement(**(fields | overrides))


def common_fields(number: int, when: float | None, text: str | None) -> dict[str, Any]:
    """Return the fields of both kinds of events."""
    fields = {"id": f"{number:016x}", "time": time.time() - 60 if when is None else when, "text": text}
    return fields | {"source": "api", "model_version": "7", "negative_probability": 0.75}
