"""What the watch report says about scored tweets; computed once, whatever the language."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from ui.proportions import interval

# Columns that the download adds; the last two only if the service has filled them.
COLUMNS = ("sentiment", "negative_probability", "certainty", "model_version")
LANGUAGE_COLUMNS = ("language", "uncertainty_reason")


class Scored(NamedTuple):
    """What is kept of the prediction for a text: less memory than the whole answer.

    Attributes:
        sentiment: `negative` or `positive`.
        negative_probability: probability of negative.
        certainty: `certain` or `uncertain`.
        model_version: version of the model.
        language: code of the text's language; None if it is unknown.
        uncertainty_reason: `cost`, `language` or None.
    """

    sentiment: str
    negative_probability: float
    certainty: str
    model_version: str
    language: str | None
    uncertainty_reason: str | None


class Findings(NamedTuple):
    """The figures of a report.

    Attributes:
        tweets: number of tweets.
        negative: how many are negative.
        low: lower end of the 95% interval of their share.
        high: its upper end.
        uncertain: how many a person should review.
        foreign: how many of them because they are in a language that the model does not read.
        authors: how many people wrote the negative tweets; None without a column of authors.
    """

    tweets: int
    negative: int
    low: float
    high: float
    uncertain: int
    foreign: int
    authors: int | None


def kept(prediction: Mapping[str, Any]) -> Scored:
    """Return what is kept of a prediction."""
    known: dict[str, Any] = {name: prediction[name] for name in COLUMNS}
    known |= {name: prediction.get(name) for name in LANGUAGE_COLUMNS}
    return Scored(**known)


def joined(tweets: pd.DataFrame, scored: Mapping[str, Scored]) -> pd.DataFrame:
    """Return tweets (column `text`, and others) with the columns of `Scored`."""
    rows = [scored[text] for text in tweets["text"]]
    return pd.concat([tweets, pd.DataFrame(rows, index=tweets.index, columns=list(Scored._fields))], axis=1)


def find(tweets: pd.DataFrame) -> Findings:
    """Return the figures of a report.

    Args:
        tweets: result of `joined`, with a column `author`; at least one row.
    """
    negative = tweets["sentiment"] == "negative"
    low, high = interval(int(negative.sum()), len(tweets))
    authors = int(tweets.loc[negative, "author"].nunique()) if tweets["author"].notna().any() else None
    return Findings(
        tweets=len(tweets),
        negative=int(negative.sum()),
        low=low,
        high=high,
        uncertain=int((tweets["certainty"] == "uncertain").sum()),
        foreign=int((tweets["uncertainty_reason"] == "language").sum()),
        authors=authors,
    )


def predicted(tweets: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that the download adds to the table."""
    filled = [name for name in LANGUAGE_COLUMNS if tweets[name].notna().any()]
    return tweets[[*COLUMNS, *filled]]
