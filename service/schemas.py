"""What is asked and what is answered."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

ONE, SEVERAL = "one", "several"
MOST_CHARACTERS = 2_000
MOST_TWEETS = 512
EXAMPLE = "@AirParadis two hours late and nobody tells us why :("


def readable(text: str) -> str:
    """Refuse a text without any visible character, or with one that no person types."""
    if not text.strip():
        raise ValueError("is empty")
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return text


Tweet = Annotated[
    str,
    Field(min_length=1, max_length=MOST_CHARACTERS, description="the text of a tweet, as it was typed"),
    AfterValidator(readable),
]


class Question(BaseModel):
    """One tweet."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [{"text": EXAMPLE}]})

    text: Tweet


class Questions(BaseModel):
    """Several tweets."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"texts": [EXAMPLE, "thank you for the upgrade!"]}]},
    )

    texts: Annotated[list[Tweet], Field(min_length=1, max_length=MOST_TWEETS)]


def one_or_several(asked: Any) -> str:
    """Return which of the two a request is meant to be."""
    return SEVERAL if isinstance(asked, dict) and "texts" in asked else ONE


Asked = Annotated[Annotated[Question, Tag(ONE)] | Annotated[Questions, Tag(SEVERAL)], Discriminator(one_or_several)]


Sentiment = Annotated[Literal["negative", "positive"], Field(description="negative from the model's threshold on")]


class Prediction(BaseModel):
    """What the model says of a tweet."""

    sentiment: Sentiment
    negative_probability: float = Field(ge=0, le=1, description="calibrated")
    certainty: Literal["certain", "uncertain"] = Field(
        description="uncertain in the band of probabilities in which a wrong answer costs more than a look by a human"
    )
    model_version: str = Field(description="version of the registered model")
    prediction_id: str = Field(description="names this prediction in a feedback")


class Predictions(BaseModel):
    """What the model says of several tweets, in the order in which they were given."""

    predictions: list[Prediction]


class Contribution(BaseModel):
    """What one word adds to the answer."""

    text: str = Field(description="the word")
    start: int = Field(ge=0, description="where it starts in the text, in code points")
    end: int = Field(ge=0, description="where it ends")
    contribution: float = Field(description="in log-odds; above 0 it pushes towards negative")


class Explanation(BaseModel):
    """Why the model says so: base and contributions add up to the log-odds of the probability."""

    sentiment: Sentiment
    negative_probability: float = Field(ge=0, le=1, description="calibrated")
    base: float = Field(description="log-odds (natural logarithm) without any word")
    contributions: list[Contribution] = Field(description="of each word, in their order")
    error: float = Field(description="log-odds of the probability, less the sum of base and contributions")
    method: Literal["coefficients", "shapley"] = Field(
        description="the model's own coefficients where it is linear, else Shapley values over an order and its reverse"
    )
    model_version: str = Field(description="version of the registered model")


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    title: str = Field(description="what the status means")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what is wrong with this request, and what to do")
