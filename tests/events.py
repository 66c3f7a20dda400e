"""Events for tests: what a service has predicted, and what people say of it."""

import time
from typing import Any

from telemetry.events import Feedback, Prediction


def prediction(number: int, when: float | None = None, text: str | None = None, **other: Any) -> Prediction:
    """Return a prediction, by default of a minute ago."""
    told = about(number, when, text) | {"sentiment": "negative", "milliseconds": 1.5, "characters": 20}
    return Prediction(**(told | other))


def feedback(
    number: int, when: float | None = None, text: str | None = None, *, right: bool = False, **other: Any
) -> Feedback:
    """Return what a person says of a prediction, by default that it is wrong, a minute ago."""
    told = about(number, when, f"tweet {number}" if text is None else text)
    told |= {"predicted_sentiment": "negative", "true_sentiment": "negative" if right else "positive"}
    return Feedback(**(told | {"comment": None, "page_version": "1"} | other))


def about(number: int, when: float | None, text: str | None) -> dict[str, Any]:
    """Return what both kinds tell."""
    told = {"id": f"{number:032x}", "time": time.time() - 60 if when is None else when, "text": text}
    return told | {"model_version": "7", "negative_probability": 0.75}
