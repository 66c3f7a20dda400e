"""Request and response schemas."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

from telemetry.events import Source

ONE, SEVERAL = "one", "several"
MOST_CHARACTERS = 2_000
MOST_TWEETS = 512
EXAMPLE = "@AirParadis two hours late and nobody tells us why :("


def readable(text: str) -> str:
    """Refuse a blank text and one with a NUL character."""
    if not text.strip():
        raise ValueError("is empty")
    if "\0" in text:
        raise ValueError("contains a NUL character")
    return text


Tweet = Annotated[
    str,
    Field(min_length=1, max_length=MOST_CHARACTERS, description="Text of a tweet, as typed."),
    AfterValidator(readable),
]


From = Annotated[Source, Field(description="Where the tweet comes from; reports count each source on its own.")]


class Question(BaseModel):
    """One tweet."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [{"text": EXAMPLE}]})

    text: Tweet
    source: From = "api"


class Questions(BaseModel):
    """Several tweets."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"texts": [EXAMPLE, "thank you for the upgrade!"]}]},
    )

    texts: Annotated[list[Tweet], Field(min_length=1, max_length=MOST_TWEETS)]
    source: From = "api"


def one_or_several(request: Any) -> str:
    """Return whether a request is meant as one tweet or as several."""
    return SEVERAL if isinstance(request, dict) and "texts" in request else ONE


PredictRequest = Annotated[
    Annotated[Question, Tag(ONE)] | Annotated[Questions, Tag(SEVERAL)], Discriminator(one_or_several)
]


Sentiment = Annotated[
    Literal["negative", "positive"], Field(description="`negative` if the probability reaches the model's threshold.")
]


class Prediction(BaseModel):
    """The prediction for one tweet."""

    sentiment: Sentiment
    negative_probability: float = Field(ge=0, le=1, description="Calibrated probability that the tweet is negative.")
    certainty: Literal["certain", "uncertain"] = Field(
        description="`uncertain` if the expected cost of a wrong answer exceeds the cost of a review by a person."
    )
    reliable: bool = Field(
        description="Whether the answer keeps the model's promise: at most a small share of such answers is wrong "
        "(`reliability` in `GET /model`)."
    )
    model_version: str = Field(description="Version of the registered model.")
    prediction_id: str = Field(description="Id of this prediction, to which feedback refers.")


class Predictions(BaseModel):
    """The predictions for several tweets, in the order of the request."""

    predictions: list[Prediction]


class Contribution(BaseModel):
    """The contribution of one word to the prediction."""

    text: str = Field(description="The word.")
    start: int = Field(ge=0, description="Start of the word in the text, in code points.")
    end: int = Field(ge=0, description="End of the word (exclusive), in code points.")
    contribution: float = Field(description="Contribution in log-odds; above 0 it pushes towards negative.")


class Explanation(BaseModel):
    """The explanation of a prediction: base and contributions add up to the log-odds of the probability."""

    sentiment: Sentiment
    negative_probability: float = Field(ge=0, le=1, description="Calibrated probability that the tweet is negative.")
    base: float = Field(description="Log-odds (natural logarithm) without any word.")
    contributions: list[Contribution] = Field(description="Contribution of each word, in the order of the text.")
    error: float = Field(
        description="Approximation error: log-odds of the probability minus the sum of base and contributions."
    )
    method: Literal["coefficients", "shapley"] = Field(
        description="`coefficients` for a linear model, else `shapley`: Shapley values averaged over one order of the "
        "words and its reverse."
    )
    model_version: str = Field(description="Version of the registered model.")


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    title: str = Field(description="Meaning of the status code.")
    status: int = Field(description="HTTP status code.")
    detail: str = Field(description="What is wrong with this request, and what to do.")
