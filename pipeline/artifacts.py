"""What one step hands to the next: folders, named by URIs, and the data that they describe."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import mlflow
import pandas as pd
import yaml
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import Run

from pipeline import reuse, runs
from sentiment.data import folders
from sentiment.data.folders import DESCRIPTIONS
from sentiment.inference.errors import UserError

Kind = Literal["splits", "corpus", "embedding"]
# What people read of a run, beside what it hands over: another wording there runs no step again.
REPORT = "report"
# What the run of a trainer holds: the model, its predictions on validation, and hashes of all texts that it has seen.
MODEL = "model"
VALIDATION = "validation_predictions.parquet"
SEEN = "seen.parquet"
# What the run of `select` holds, and a version of the registered model points to.
MODEL_CARD = "model_card"

# A tag of the run of a trainer: which tweets a model must not be trained on.
TEST_DIGEST = "test_digest"


# What to do where files or runs that the registry points to are gone.
RESTORE = (
    "They are gone, deleted by `mlflow gc` or with the folder mlruns, say. Restore them from a backup, or train again: "
    "make run. Or go back to another version: mlflow run . --env-manager=local -e promote -P version=<number>."
)


class ArtifactError(UserError):
    """An artifact that cannot be found, or that another step has made."""


def fetch(uri: str, kind: Kind, scratch: Path) -> Path:
    """Return the local folder of an artifact that another step has made, from its URI or from a local folder.

    Raises:
        ArtifactError: there is none, or it is not of this kind.
    """
    folder = Path(uri).expanduser()
    if re.match(r"\w{2,}:/", uri):  # one letter would be a drive of Windows
        try:
            folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(scratch / "inputs")))
        except (mlflow.MlflowException, OSError) as error:
            raise ArtifactError(f"inputs.{kind}={uri} cannot be fetched: {error}") from error
    if not folder.is_dir():
        raise ArtifactError(
            f"inputs.{kind}={uri}: there is no such folder. Give runs:/<run id>/{kind} or a local folder."
        )
    if not (folder / DESCRIPTIONS[kind]).is_file():
        raise ArtifactError(
            f"inputs.{kind}={uri} holds no {DESCRIPTIONS[kind]}: it is not what the step for {kind} hands over. "
            f"Give runs:/<run id>/{kind}."
        )
    return folder


def read_splits(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the splits that a trainer may see from a splits or corpus folder: `train` and `validation`, never `test`."""
    return folders.read_splits(folder, folders.IN_TRAINING)


def log_folder(folder: Path, kind: Kind) -> str:
    """Log a folder as the artifact that the run hands over, and return its URI."""
    mlflow.log_artifacts(str(folder), kind)
    run = runs.active().info
    reuse.log_digest(f"{run.artifact_uri}/{kind}")
    return f"runs:/{run.run_id}/{kind}"


def log_report(folder: Path) -> None:
    """Log a folder that people read, outside of what the run hands over."""
    mlflow.log_artifacts(str(folder), REPORT)


def describe_data(folder: Path) -> dict[str, Any]:
    """Read what the split step has written about the data in a splits or corpus folder; in splits, also `limits`."""
    description: dict[str, Any] = yaml.safe_load((folder / DESCRIPTIONS["splits"]).read_text(encoding="utf-8"))
    if (limits := folder / folders.LIMITS).is_file():
        description["limits"] = yaml.safe_load(limits.read_text(encoding="utf-8"))
    return description


def teachers(folder: Path) -> list[str]:
    """Return the URI of the model that has labelled texts of a corpus (step `distill`), if one has."""
    taught = describe_data(folder).get("taught")
    return [] if taught is None else [taught["teacher"]]


def log_data(frames: Mapping[str, pd.DataFrame], described: Mapping[str, Any]) -> None:
    """Log which data a run has used: what the split step says of them, and each split with its digest."""
    mlflow.log_dict(dict(described), DESCRIPTIONS["splits"])
    mlflow.set_tag(TEST_DIGEST, short(described["digests"]["test"]))
    for name, frame in frames.items():
        table = frame[["text", "negative"]].astype({"negative": bool})
        # MLflow knows a data set by its name and digest, and would take two splits of one name for the same.
        data = from_pandas(
            table, name=f"{described['data']} {name}", digest=short(described["digests"][name]), targets="negative"
        )
        try:
            mlflow.log_input(data, context=name)
        except mlflow.MlflowException:
            # Another run has logged the same data set for the first time at this very moment: now MLflow will find it.
            mlflow.log_input(data, context=name)
    if "taught" in described:  # by the step `distill`
        mlflow.set_tags({"teacher": described["taught"]["teacher"], "taught_texts": described["taught"]["texts"]})


def short(digest: str) -> str:
    """Return the 36 characters that MLflow keeps of a digest."""
    return digest[:36]


def run_id(uri: str) -> str:
    """Return the id of the run in `runs:/<run id>/<artifact>`.

    Raises:
        ArtifactError: it is no such URI.
    """
    found = re.fullmatch(r"runs:/([0-9a-f]{32})/.+", uri)
    if not found:
        raise ArtifactError(f"{uri!r} is no model of a run: give runs:/<run id>/{MODEL}.")
    return found[1]


def logged_model(run: Run) -> str:
    """Return the URI under which MLflow keeps the model of a run: `models:/<model id>`.

    Raises:
        ArtifactError: the run has logged no model.
    """
    if run.outputs is None or not run.outputs.model_outputs:
        raise ArtifactError(f"The run {run.info.run_id} ({run.info.run_name}) has logged no model.")
    return f"models:/{run.outputs.model_outputs[0].model_id}"
