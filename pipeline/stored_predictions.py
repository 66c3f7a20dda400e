"""Store and read a model's validation predictions, and the hashes of the texts that it has seen."""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import fields

import mlflow
import numpy as np
import pandas as pd

from pipeline.artifacts import SEEN, ArtifactError, predictions_file, run_id
from sentiment.data import keys
from sentiment.evaluation.metrics import Predictions


def as_table(tweets: pd.DataFrame, predictions: Predictions) -> pd.DataFrame:
    """Return predictions in their stored form, each with the label and the hash of its tweet."""
    identity = {"text": keys.hash_of(tweets["text"]), "negative": tweets["negative"].to_numpy()}
    return pd.DataFrame(identity | {field.name: getattr(predictions, field.name) for field in fields(predictions)})


def read(uri: str, tweets: pd.DataFrame, target: str | None) -> Predictions:
    """Read a model's stored predictions for the tweets of a target; with None, for those of the validation split.

    Raises:
        ArtifactError: the stored tweets, their order or their labels differ from those of the split.
    """
    stored, name = read_parquet(uri, predictions_file(target)), target or "validation"
    expected = {"text": keys.hash_of(tweets["text"]), "negative": tweets["negative"].to_numpy()}
    if len(stored) != len(tweets):
        raise ArtifactError(
            f"{uri} has stored predictions of {len(stored):,} {name} tweets, but the splits have {len(tweets):,}. "
            "Train it on these splits."
        )
    different = np.logical_or.reduce([stored[column].to_numpy() != values for column, values in expected.items()])
    if different.any():
        raise ArtifactError(
            f"{uri} has stored predictions of other {name} tweets than those of the splits: {different.sum():,} of "
            f"{len(stored):,} texts or labels differ, the first in row {int(np.argmax(different)) + 1}. Train it on "
            "these splits."
        )
    return Predictions(**{field.name: stored[field.name].to_numpy() for field in fields(Predictions)})


def seen_by(frames: Mapping[str, pd.DataFrame], learned_from: Iterable[str]) -> pd.DataFrame:
    """Return the hashes of all texts used for a model, and for the models that it has learned from."""
    hashes = {int(value) for frame in frames.values() for value in keys.text_hashes(frame["text"])}
    hashes = hashes.union(*(read_seen(uri) for uri in learned_from))
    return pd.DataFrame({"text": pd.Series(sorted(hashes), dtype="uint64")})


def read_seen(uri: str) -> set[int]:
    """Read the hashes of all texts used for a model: those of its training and validation splits."""
    return set(read_parquet(uri, SEEN)["text"])


def read_parquet(uri: str, name: str) -> pd.DataFrame:
    """Read a Parquet artifact of a model's run, with text hashes in column `text`.

    Raises:
        ArtifactError: it is missing or damaged, or was written by an older version of this project.
    """
    source = f"{mlflow.get_run(run_id(uri)).info.artifact_uri}/{name}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            table = pd.read_parquet(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=folder))
    except (mlflow.MlflowException, OSError, ValueError) as error:
        raise ArtifactError(f"{name} of {uri} cannot be read: {error}") from error
    if "text" not in table:
        raise ArtifactError(f"{name} of {uri} was written by an older version of this project. Train the model again.")
    return table
