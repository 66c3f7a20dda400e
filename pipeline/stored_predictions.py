"""How the predictions of a model on validation, and what it has seen, are stored and read again."""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import fields

import mlflow
import numpy as np
import pandas as pd

from pipeline.artifacts import SEEN, VALIDATION, ArtifactError, run_id
from sentiment.data import keys
from sentiment.evaluation.metrics import Predictions


def as_table(validation: pd.DataFrame, predictions: Predictions) -> pd.DataFrame:
    """Return predictions of the validation split as they are stored, each with its tweet's label and hash."""
    identity = {"text": keys.hash_of(validation["text"]), "negative": validation["negative"].to_numpy()}
    return pd.DataFrame(identity | {field.name: getattr(predictions, field.name) for field in fields(predictions)})


def read(uri: str, validation: pd.DataFrame) -> Predictions:
    """Read what a model says of the tweets of the validation split.

    Raises:
        ArtifactError: what is stored is of other tweets, of the same in another order, or of other labels.
    """
    stored = read_parquet(uri, VALIDATION)
    asked = {"text": keys.hash_of(validation["text"]), "negative": validation["negative"].to_numpy()}
    if len(stored) != len(validation):
        raise ArtifactError(
            f"{uri} has stored predictions of {len(stored):,} validation tweets, the splits hold {len(validation):,}. "
            "Train it on these splits."
        )
    different = np.logical_or.reduce([stored[column].to_numpy() != values for column, values in asked.items()])
    if different.any():
        raise ArtifactError(
            f"{uri} has stored predictions of other validation tweets than the splits hold: {different.sum():,} of "
            f"{len(stored):,} texts or labels differ, the first in row {int(np.argmax(different)) + 1}. Train it on "
            "these splits."
        )
    return Predictions(**{field.name: stored[field.name].to_numpy() for field in fields(Predictions)})


def seen_by(frames: Mapping[str, pd.DataFrame], learned_from: Iterable[str]) -> pd.DataFrame:
    """Return the hashes of the texts that decided anything about a model, or about those that it has learned from."""
    hashes = {int(value) for frame in frames.values() for value in keys.text_hashes(frame["text"])}
    hashes = hashes.union(*(read_seen(uri) for uri in learned_from))
    return pd.DataFrame({"text": pd.Series(sorted(hashes), dtype="uint64")})


def read_seen(uri: str) -> set[int]:
    """Read the hashes of the texts that decided anything about a model: those of its train and validation splits."""
    return set(read_parquet(uri, SEEN)["text"])


def read_parquet(uri: str, name: str) -> pd.DataFrame:
    """Read a table that the run of a model has logged; its rows are named by `text`.

    Raises:
        ArtifactError: it is gone or damaged, or an older version of this project wrote it.
    """
    source = f"{mlflow.get_run(run_id(uri)).info.artifact_uri}/{name}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            table = pd.read_parquet(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=folder))
    except (mlflow.MlflowException, OSError, ValueError) as error:
        raise ArtifactError(f"{name} of {uri} cannot be read: {error}") from error
    if "text" not in table:
        raise ArtifactError(f"{name} of {uri} was written by an older version of this project. Train it again.")
    return table
