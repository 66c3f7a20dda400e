"""What is known of a prediction: one schema, written down as JSON."""

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

SCHEMA = 1
Text = Literal["none", "masked", "raw"]

LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
MENTION = re.compile(r"(?<!\w)@\w+")


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One tweet that was scored.

    Attributes:
        id: by which a feedback names it.
        time: when, in seconds since 1970 (UTC).
        model_version: version of the registered model.
        negative_probability: what the model said.
        sentiment: `negative` or `positive`.
        milliseconds: from the request to its answer.
        characters: length of the text.
        text: the text, as far as it may be kept.
    """

    id: str
    time: float
    model_version: str
    negative_probability: float
    sentiment: str
    milliseconds: float
    characters: int
    text: str | None

    kind = "prediction"

    def body(self) -> dict[str, Any]:
        """Return the event as it is kept and forwarded."""
        return {"schema": SCHEMA, "kind": self.kind, **asdict(self)}


def keep(text: str, what: Text) -> str | None:
    """Return what may be kept of a text: nothing, the text with mentions and links masked, or all of it."""
    match what:
        case "none":
            return None
        case "masked":
            return MENTION.sub("@user", LINK.sub("http", text))
        case "raw":
            return text
