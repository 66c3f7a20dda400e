"""Response schemas."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel as PydanticModel
from pydantic import ConfigDict, Field

# The form of an id; the service knows only those that it has given.
EXAMPLE_ID = "H4vBj8lrG6CDqMF0QdrC_dbdVLM_67PTaWSsEQAAnV0fr2Hjekc37r877ZbaNLEz30rj8Hk7ng"


class BaseModel(PydanticModel):
    """A response: all its fields are always there."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


Sentiment = Annotated[
    Literal["negative", "positive"], Field(description="`negative` if the probability reaches the model's threshold.")
]


class Prediction(BaseModel):
    """The prediction for one tweet."""

    sentiment: Sentiment
    negative_probability: float = Field(
        ge=0, le=1, description="Calibrated probability that the tweet is negative.", examples=[0.93]
    )
    certainty: Literal["certain", "uncertain"] = Field(
        description="`uncertain` if a person should review this answer; `uncertainty_reason` says why."
    )
    uncertainty_reason: Literal["cost", "language"] | None = Field(
        description="`language` if the tweet is in a language that the model does not support (`languages` in "
        "`GET /model`), `cost` if the expected cost of a wrong answer exceeds the cost of a review; null if certain."
    )
    language: str | None = Field(
        description="Language of the tweet (ISO 639-1); null if the tweet is too short or too mixed to tell."
    )
    reliable: bool = Field(
        description="Whether the model promises that few such answers are wrong (`reliability` in `GET /model`)."
    )
    model_version: str = Field(description="Version of the registered model.", examples=["3"])
    prediction_id: str = Field(description="Id of this prediction; needed to send feedback.", examples=[EXAMPLE_ID])


class PredictionBatch(BaseModel):
    """The predictions for several tweets, in the order of the request."""

    predictions: list[Prediction]


class Contribution(BaseModel):
    """The contribution of one word to the prediction."""

    text: str = Field(description="The word.")
    start: int = Field(ge=0, description="Start of the word in the text, in code points (Python).")
    end: int = Field(ge=0, description="End of the word (exclusive), in code points.")
    start_utf16: int = Field(ge=0, description="Start of the word in UTF-16 code units (JavaScript, Java, C#).")
    end_utf16: int = Field(ge=0, description="End of the word (exclusive), in UTF-16 code units.")
    contribution: float = Field(description="Contribution in log-odds; above 0 it pushes towards negative.")


class Explanation(BaseModel):
    """The explanation of a prediction: base and contributions add up to the log-odds of the probability."""

    sentiment: Sentiment
    negative_probability: float = Field(
        ge=0, le=1, description="Calibrated probability that the tweet is negative.", examples=[0.93]
    )
    base: float = Field(description="Log-odds (natural logarithm) without any word.")
    contributions: list[Contribution] = Field(description="Contribution of each word, in the order of the text.")
    error: float = Field(
        description="Approximation error: log-odds of the probability minus the sum of base and contributions."
    )
    method: Literal["coefficients", "shapley"] = Field(
        description="`coefficients` for a model whose log-odds are a sum over words, else `shapley`: what a word adds "
        "to those before it, averaged over some orders of the words."
    )
    model_version: str = Field(description="Version of the registered model.", examples=["3"])


class Digests(BaseModel):
    """SHA-256 digests, in hexadecimal, to compare with those in the run of the step `package`."""

    model: str = Field(description="Of all files of the packaged model, as its signature states it.")
    code: str = Field(description="Of the code that serves it.")


class Model(BaseModel):
    """The model in service. Further fields describe its origin and its metrics."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(description="Name in the registry.")
    version: str = Field(description="Version in the registry.")
    alias: str | None = Field(default=None, description="Alias in the registry at packaging time.")
    languages: list[str] = Field(description="Languages that the model supports (ISO 639-1).")
    reliability: dict[str, Any] | None = Field(description="Bounds of reliable answers, and what they promise.")
    faithfulness: dict[str, float] | None = Field(
        description="How far explanations (`POST /explain`) may be trusted, measured on short validation tweets: see "
        "the model card. Null if it was not measured."
    )
    card: str = Field(description="Model card, in Markdown.")
    service_version: str = Field(description="Version of the service.", examples=["1.0.0"])
    digests: Digests = Field(description="What is served, to the byte.")
    signature_verified: bool = Field(
        description="Whether the model's signature was verified (SERVICE_MODEL_PUBLIC_KEY)."
    )


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    title: str = Field(description="Meaning of the status code.")
    status: int = Field(description="HTTP status code.")
    detail: str = Field(description="What is wrong with this request, and what to do.")
