"""The reference of a registered version: what is kept of its tweets, to compare later ones with. No text is kept.

It describes the validation split: tweets like those of training, whose probabilities and unknown words are not
flattered, as the model has not learned from them.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient
from omegaconf import DictConfig

from pipeline import artifacts, runs
from pipeline.artifacts import RESTORE, ArtifactError
from pipeline.selection import Selection
from sentiment.evaluation import features
from sentiment.evaluation.features import FEATURES
from sentiment.inference.errors import UserError

# An artifact of the run of `select`, and a tag of the model version that points to it.
REFERENCE = "reference"
# Version of its files; a change of FEATURES or of how they are computed is another one.
SCHEMA = 1
ABOUT, TWEETS, WORDS = "reference.json", "tweets.parquet", "words.txt"
# Of more validation tweets, a random sample is kept.
MOST_TWEETS = 5_000
# Columns beside FEATURES: the calibrated probability, whether the tweet was called negative, and its label, 0 or 1.
SCORES = ("probability", "called", "negative")


class DriftError(UserError):
    """A model without a usable reference, or tweets that cannot be compared with it."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a version keeps of its tweets.

    Attributes:
        tweets: a row per validation tweet: columns FEATURES and SCORES.
        known: the words of training.
    """

    tweets: pd.DataFrame
    known: frozenset[str]


def attach(selected: Selection, splits: Path, version: ModelVersion, cfg: DictConfig, scratch: Path) -> None:
    """Log the reference of a version in the active run, and set its URI as a tag of the version.

    Args:
        selected: the candidates and the winner, which is this version.
        splits: the splits folder.
        version: the registered version.
        cfg: the configuration.
        scratch: a temporary folder.
    """
    folder = scratch / REFERENCE
    folder.mkdir()
    train = artifacts.read_split(splits, "train", artifacts.describe_data(splits))
    known = features.vocabulary(train["text"])
    predictions = selected.predictions[selected.winner["uri"]]
    scored = selected.validation[["text"]].assign(
        probability=predictions.probability,
        called=predictions.called.astype("float64"),
        negative=selected.validation["negative"].astype("float64"),
    )
    drawn = scored.sample(min(MOST_TWEETS, len(scored)), random_state=cfg.seed).reset_index(drop=True)
    tweets = features.describe(drawn["text"].tolist(), frozenset(known)).join(drawn[list(SCORES)])
    tweets.to_parquet(folder / TWEETS, index=False)
    (folder / WORDS).write_text("\n".join(known) + "\n", encoding="utf-8")
    about = {"schema": SCHEMA, "tweets": len(tweets), "of": len(scored), "words": len(known)}
    (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    mlflow.log_artifacts(str(folder), REFERENCE)
    uri = f"runs:/{runs.active().info.run_id}/{REFERENCE}"
    MlflowClient().set_model_version_tag(version.name, version.version, REFERENCE, uri)


def read(version: ModelVersion, scratch: Path) -> Reference:
    """Return the reference of a version.

    Raises:
        DriftError: it has none, or one of another version of this project.
        ArtifactError: its files are missing or damaged.
    """
    name = f"{version.name} version {version.version}"
    again = "Run `select` on its candidates again (make run; it repeats only what has changed), or train a new one."
    if REFERENCE not in version.tags:
        raise DriftError(
            f"{name} has no reference to compare tweets with: an older version of this project registered it, or "
            f"`select` was interrupted. {again}"
        )
    try:
        path = mlflow.artifacts.download_artifacts(version.tags[REFERENCE], dst_path=str(scratch / REFERENCE))
        folder = Path(path)
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if about["schema"] != SCHEMA:
            raise DriftError(
                f"{name} has a reference of schema {about['schema']}, this version of the project reads schema "
                f"{SCHEMA}. {again} Or use the version of the project that registered it."
            )
        known = frozenset((folder / WORDS).read_text(encoding="utf-8").split())
        tweets = pd.read_parquet(folder / TWEETS, columns=[*FEATURES, *SCORES])
    except (mlflow.MlflowException, OSError, ValueError, KeyError) as error:
        raise ArtifactError(f"The reference of {name} cannot be read: {error}. {RESTORE}") from error
    return Reference(tweets=tweets, known=known)
