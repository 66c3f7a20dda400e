"""Current tweets: what a model's reference is compared with. From a table, or from the events of the service."""

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pandas as pd
from hydra.utils import instantiate
from mlflow.entities.model_registry import ModelVersion
from omegaconf import DictConfig

from pipeline import evaluation, settings
from pipeline.reference import DriftError, Reference
from pipeline.served import ServedModel
from sentiment.data import keys, splits, unlabelled
from sentiment.evaluation import features
from sentiment.evaluation.features import FEATURES
from telemetry.database import StoreError, Unavailable
from telemetry.events import Prediction
from telemetry.sampling import Sample, sample
from telemetry.settings import Settings
from telemetry.settings import read as read_settings
from telemetry.store import Store

log = logging.getLogger(__name__)

# The variable without which nothing is known about the service.
DATABASE = "TELEMETRY_DATABASE"
# Words that the model did not know are listed if they occur in this many tweets: hardly anybody's name.
LISTED_FROM, MOST_LISTED = 5, 30


@dataclass(frozen=True, kw_only=True)
class Current:
    """Current tweets, without their texts.

    Attributes:
        title: what they are called: `csv (airline.csv)`, `predictions of the last 7 days`.
        tweets: a row per tweet: columns FEATURES and SCORES. NaN where a value is unknown: features of a tweet whose
            text is not stored, labels, and the probability of a tweet that the model has learned from.
        total: the number of tweets that these are a sample of.
        seen: the number of tweets that the model has learned from.
        new_words: `word` and `tweets`: frequent words that the model did not know.
    """

    title: str
    tweets: pd.DataFrame
    total: int
    seen: int
    new_words: pd.DataFrame


def from_table(model: ServedModel, reference: Reference, cfg: DictConfig) -> Current:
    """Read the table of `data`, with labels unless `data.label_column` is null, and score it.

    Raises:
        DataError: the table cannot be used.
        CandidateError: the model cannot be run.
    """
    table, data = instantiate(cfg.data.source, section="data"), settings.plain(cfg.data)
    if data["label_column"] is None:
        rows = pd.DataFrame({"text": unlabelled.texts(table, data), "negative": np.nan})
    else:
        rows = splits.check(table, data).frame[["text", "negative"]].astype({"negative": "float64"})
    title = evaluation.described(cfg.data)
    require(len(rows), title, cfg, "Use a longer table, or lower drift.min_tweets.")
    drawn = rows.sample(min(cfg.drift.max_tweets, len(rows)), random_state=cfg.seed).reset_index(drop=True)
    log.info("Comparing %s of the %s tweets of %s.", f"{len(drawn):,}", f"{len(rows):,}", title)
    texts = drawn["text"].tolist()
    answers = evaluation.answers_of(model, texts)
    seen = keys.text_hashes(drawn["text"]).isin(model.seen).to_numpy()
    scores = {
        "probability": answers["negative_probability"].where(~seen),
        "called": (answers["sentiment"] == "negative").astype("float64").where(~seen),
        "negative": drawn["negative"],
    }
    return Current(
        title=title,
        tweets=features.describe(texts, reference.known).assign(**scores),
        total=len(rows),
        seen=int(seen.sum()),
        new_words=new_words(texts, reference),
    )


def from_events(version: ModelVersion, reference: Reference, cfg: DictConfig) -> Current:
    """Read the predictions that the service has stored of a version in the last `drift.days` days.

    Raises:
        DriftError: there is no usable event store, or it has too few of these predictions.
    """
    drawn = read_events(str(version.version), cfg)
    title = f"predictions of the last {cfg.drift.days:g} days"
    others = ", ".join(f"{count:,} of version {name}" for name, count in sorted(drawn.others.items()))
    advice = "Wait, raise drift.days, or lower drift.min_tweets."
    if others:
        advice = f"The service has answered with other versions: {others}. Set drift.model to one of them. " + advice
    require(drawn.total, f"{title} by version {version.version}", cfg, advice)
    return described(drawn.events, reference, title=title, total=drawn.total)


def described(events: Sequence[Prediction], reference: Reference, *, title: str, total: int) -> Current:
    """Return stored predictions as current tweets: of those without their text, the length and the answer."""
    texts = pd.Series([event.text for event in events], dtype=object)
    stored = texts.notna().to_numpy()
    known = features.describe(texts[stored].tolist(), reference.known).astype("float64")
    tweets = known.set_axis(texts.index[stored]).reindex(texts.index)
    tweets["length"] = [float(event.characters) for event in events]
    scores = pd.DataFrame(
        {
            "probability": [event.negative_probability for event in events],
            "called": [float(event.sentiment == "negative") for event in events],
            "negative": np.nan,
        },
        index=texts.index,
    )
    return Current(
        title=title,
        tweets=tweets[list(FEATURES)].join(scores),
        total=total,
        seen=0,
        new_words=new_words(texts[stored].tolist(), reference),
    )


def open_store() -> tuple[Store, Settings]:
    """Open the event store that TELEMETRY_DATABASE names.

    Raises:
        DriftError: it is not set or invalid, there is no store, or it is of another version of this project.
    """
    try:
        telemetry = read_settings(Settings)
        if telemetry.database is None:
            raise DriftError(
                "There is no event store: set TELEMETRY_DATABASE to that of the service, or compare a table "
                "(drift.tweets=data data=csv data.path=...)."
            )
        store = Store(telemetry.database.get_secret_value())
        if not store.exists():
            raise DriftError(f"There is no event store at {store.database.name}: correct TELEMETRY_DATABASE.")
        store.create()  # it may have the tables of an earlier version
    except (StoreError, ValueError) as error:
        raise DriftError(str(error)) from error
    except Unavailable as error:
        raise DriftError(f"The event store cannot be read: {error}. Try again later.") from error
    return store, telemetry


def read_events(version: str, cfg: DictConfig) -> Sample:
    """Draw stored predictions of a version.

    Raises:
        DriftError: there is no usable event store.
    """
    store, _ = open_store()
    with closing(store):
        try:
            return sample(store, version, days=cfg.drift.days, most=cfg.drift.max_tweets, seed=cfg.seed)
        except Unavailable as error:
            raise DriftError(f"The event store cannot be read: {error}. Try again later.") from error


def require(count: int, title: str, cfg: DictConfig, advice: str) -> None:
    """Check that there are enough tweets to compare.

    Raises:
        DriftError: there are too few.
    """
    if count < cfg.drift.min_tweets:
        raise DriftError(
            f"{title}: {count or 'no'} tweets, but drift.min_tweets={cfg.drift.min_tweets} are needed. {advice}"
        )


def new_words(texts: Sequence[str], reference: Reference) -> pd.DataFrame:
    """Return the frequent words of tweets that the model did not know."""
    return features.frequent_words(texts, least=LISTED_FROM, most=MOST_LISTED, known=reference.known)
