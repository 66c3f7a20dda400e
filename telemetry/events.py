"""The events: predictions, disagreements of a challenger, and feedback."""

import re
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

SCHEMA = 3
# Name of the sender, shown in Application Insights.
SENDER = "tweet_sentiment"
Sentiment = Literal["negative", "positive"]
Source = Literal["api", "page", "batch"]
Text = Literal["none", "masked", "raw"]

# Fields that stay in the store.
HASHES = ("fingerprint", "author")

LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
MENTION = re.compile(r"(?<!\w)@\w+")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Fields of all events.

    Attributes:
        id: id of the prediction: the first characters of the `prediction_id` that the service returns.
        time: seconds since 1970 (UTC); of a prediction, when the tweet was written, if its source says so.
        source: where the tweet was classified: by a client of the API, on the page, or as part of a file (`batch`).
        model_version: version of the registered model.
        negative_probability: predicted probability of negative.
        text: the tweet, in full, masked, or None, depending on the settings.
    """

    id: str
    time: float
    source: Source
    model_version: str
    negative_probability: float
    text: str | None

    kind: ClassVar[str]

    def body(self) -> dict[str, Any]:
        """Return the event as it is forwarded."""
        fields = {name: value for name, value in asdict(self).items() if name not in HASHES}
        return {"schema": SCHEMA, "kind": self.kind, **fields}


@dataclass(frozen=True, kw_only=True)
class Prediction(Event):
    """The prediction for one tweet.

    Attributes:
        sentiment: `negative` or `positive`.
        milliseconds: latency of the request.
        characters: length of the text.
        trace_id: W3C trace of the request, 32 hexadecimal digits; the operation id in Application Insights.
        fingerprint: keyed hash of the tweet, equal for equal tweets, retweets among them; neither forwarded nor
            exported. None in events of earlier versions.
        author: keyed hash of who wrote it, likewise; None if unknown.
    """

    sentiment: Sentiment
    milliseconds: float
    characters: int
    trace_id: str | None = None
    fingerprint: str | None = None
    author: str | None = None

    kind = "prediction"


@dataclass(frozen=True, kw_only=True)
class Disagreement(Event):
    """A prediction to which a challenger gave another answer; it has the prediction's `id`.

    Attributes:
        sentiment: the model's answer.
        challenger_version: version of the challenger.
        challenger_probability: its probability of negative.
        challenger_sentiment: its answer.
    """

    sentiment: Sentiment
    challenger_version: str
    challenger_probability: float
    challenger_sentiment: Sentiment

    kind = "disagreement"


@dataclass(frozen=True, kw_only=True)
class Feedback(Event):
    """A person's feedback on one prediction; it has the prediction's `id`, so a prediction has at most one.

    Attributes:
        predicted_sentiment: the model's answer.
        true_sentiment: the person's answer.
        comment: optional comment, in full or masked.
        fingerprint: keyed hash of the tweet, equal for equal tweets; neither forwarded nor exported.
    """

    predicted_sentiment: Sentiment
    true_sentiment: Sentiment
    comment: str | None
    fingerprint: str

    kind = "feedback"

    @property
    def mistaken(self) -> bool:
        """Whether the prediction was wrong."""
        return self.predicted_sentiment != self.true_sentiment


def keep(text: str, mode: Text) -> str | None:
    """Return what may be stored of a text: nothing, the text with mentions and links masked, or all of it."""
    match mode:
        case "none":
            return None
        case "masked":
            return MENTION.sub("@user", LINK.sub("http", text))
        case "raw":
            return text
