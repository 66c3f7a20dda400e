"""The feedback event of an answer."""

import time
from typing import Any, Literal

from telemetry.events import Feedback, keep
from telemetry.settings import Settings
from ui import __version__

MOST_CHARACTERS = 500  # of a comment


def feedback(
    text: str,
    prediction: dict[str, Any],
    true_sentiment: Literal["negative", "positive"],
    comment: str,
    settings: Settings,
) -> Feedback:
    """Return the event that records the true sentiment of a tweet."""
    return Feedback(
        id=prediction["prediction_id"],
        time=time.time(),
        model_version=prediction["model_version"],
        negative_probability=prediction["negative_probability"],
        text=keep(text, settings.feedback_text),
        predicted_sentiment=prediction["sentiment"],
        true_sentiment=true_sentiment,
        comment=keep(comment.strip(), settings.feedback_text) or None,
        page_version=__version__,
    )


def other(sentiment: str) -> Literal["negative", "positive"]:
    """Return the opposite sentiment."""
    return "positive" if sentiment == "negative" else "negative"
