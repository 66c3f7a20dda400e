"""What is known of a prediction, and what people say of it: one schema, written down as JSON."""

import re
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

SCHEMA = 2
# Who sends events, as Application Insights shows it.
SENDER = "tweet_sentiment"
Sentiment = Literal["negative", "positive"]
Text = Literal["none", "masked", "raw"]

LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
MENTION = re.compile(r"(?<!\w)@\w+")


@dataclass(frozen=True, kw_only=True)
class Event:
    """What all events tell.

    Attributes:
        id: of the prediction, made by the service.
        time: when, in seconds since 1970 (UTC).
        model_version: version of the registered model.
        negative_probability: what the model said.
        text: the tweet, as far as it may be kept.
    """

    id: str
    time: float
    model_version: str
    negative_probability: float
    text: str | None

    kind: ClassVar[str]

    def body(self) -> dict[str, Any]:
        """Return the event as it is kept and forwarded."""
        return {"schema": SCHEMA, "kind": self.kind, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Prediction(Event):
    """One tweet that was scored.

    Attributes:
        sentiment: `negative` or `positive`.
        milliseconds: from the request to its answer.
        characters: length of the text.
    """

    sentiment: Sentiment
    milliseconds: float
    characters: int

    kind = "prediction"


@dataclass(frozen=True, kw_only=True)
class Feedback(Event):
    """What a person says of one prediction; its `id` is that of the prediction, so that one is counted once.

    Attributes:
        predicted_sentiment: what the model said.
        true_sentiment: what it is.
        comment: what the person adds, as far as it may be kept.
        page_version: of the page on which it was given.
    """

    predicted_sentiment: Sentiment
    true_sentiment: Sentiment
    comment: str | None
    page_version: str

    kind = "feedback"


def keep(text: str, what: Text) -> str | None:
    """Return what may be kept of a text: nothing, the text with mentions and links masked, or all of it."""
    match what:
        case "none":
            return None
        case "masked":
            return MENTION.sub("@user", LINK.sub("http", text))
        case "raw":
            return text
