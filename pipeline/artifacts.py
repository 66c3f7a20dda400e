"""Artifacts that steps pass on: folders identified by URIs, and the description of their data."""

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
from sentiment.data import folders, keys
from sentiment.data.folders import DESCRIPTIONS
from sentiment.inference.errors import UserError

Kind = Literal["splits", "corpus", "embedding"]
# Reports for people: no part of what a run passes on, so a change of wording does not prevent reuse.
REPORT = "report"
# Artifacts of a trainer's run: the model, its validation predictions, and hashes of all texts that it has seen.
MODEL = "model"
VALIDATION = "validation_predictions.parquet"
SEEN = "seen.parquet"
# An artifact of the run of `select`, and a tag of the model version that points to it.
MODEL_CARD = "model_card"
# Imports of sentiment/inference/pyfunc.py: loading a model does not need all of MLflow.
PYFUNC_REQUIREMENTS = ("mlflow-skinny", "pandas")

# Prefix of the metrics of `select` and `explain` that say how far explanations may be trusted.
FAITHFULNESS = "faithfulness_"
# Tag of a trainer's run: digest of the test split, on which the model must not be trained.
TEST_DIGEST = "test_digest"


# Advice if files or runs of a registered model are missing.
RESTORE = (
    "They may have been deleted by `mlflow gc`, or with the folder mlruns. Restore them from a backup, train again "
    "(make run), or promote another version: mlflow run . --env-manager=local -e promote -P version=<number>."
)


class ArtifactError(UserError):
    """An artifact that is missing, or was made by another step."""


def fetch(uri: str, kind: Kind, scratch: Path) -> Path:
    """Return the local folder of an artifact, given as a URI (downloaded to `scratch`) or as a local folder.

    Raises:
        ArtifactError: it does not exist, or is not of this kind.
    """
    folder = Path(uri).expanduser()
    if re.match(r"\w{2,}:/", uri):  # a single letter is a Windows drive
        try:
            folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(scratch / "inputs")))
        except (mlflow.MlflowException, OSError) as error:
            raise ArtifactError(f"inputs.{kind}={uri} cannot be downloaded: {error}") from error
    if not folder.is_dir():
        raise ArtifactError(
            f"inputs.{kind}={uri}: there is no such folder. Pass runs:/<run id>/{kind} or a local folder."
        )
    if not (folder / DESCRIPTIONS[kind]).is_file():
        raise ArtifactError(
            f"inputs.{kind}={uri} has no {DESCRIPTIONS[kind]}: it is not an artifact of kind {kind}. "
            f"Pass runs:/<run id>/{kind}."
        )
    return folder


def read_splits(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the splits that a trainer may use from a splits or corpus folder: `train` and `validation`, never `test`."""
    return folders.read_splits(folder, folders.IN_TRAINING)


def read_split(folder: Path, name: str, data: Mapping[str, Any]) -> pd.DataFrame:
    """Return a split: columns `text`, `negative` and `group`; `data` is its description.

    Raises:
        ArtifactError: the file has changed since the step `split` wrote it.
    """
    frame = folders.read_splits(folder, [name], ["text", "negative", "group"])[name]
    return unchanged(frame, name, data["digests"][name], folder)


def read_target(folder: Path, name: str, data: Mapping[str, Any]) -> pd.DataFrame:
    """Return a target: columns and errors as for `read_split`."""
    return unchanged(read_targets(folder)[name], name, data["targets"][name]["digest"], folder / folders.TARGETS)


def unchanged(frame: pd.DataFrame, name: str, digest: str, folder: Path) -> pd.DataFrame:
    """Return the rows of a file if they have this digest.

    Raises:
        ArtifactError: they have another one.
    """
    if keys.digest({name: frame}) != digest:
        raise ArtifactError(
            f"{folder / name}.parquet (inputs.splits) was changed after the step `split` wrote it. Run `split` again."
        )
    return frame


def read_targets(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the targets that a trainer is scored on from a splits or corpus folder."""
    return folders.read_targets(folder)


def log_folder(folder: Path, kind: Kind) -> str:
    """Log a folder as the artifact that the run passes on; return its URI."""
    mlflow.log_artifacts(str(folder), kind)
    run = runs.active().info
    reuse.log_digest(f"{run.artifact_uri}/{kind}")
    return f"runs:/{run.run_id}/{kind}"


def log_report(folder: Path) -> None:
    """Log a folder of reports for people, separate from what the run passes on."""
    mlflow.log_artifacts(str(folder), REPORT)


def describe_data(folder: Path) -> dict[str, Any]:
    """Read the description of the data in a splits or corpus folder, written by the step `split`.

    For a splits folder, it includes `limits`.
    """
    description: dict[str, Any] = yaml.safe_load((folder / DESCRIPTIONS["splits"]).read_text(encoding="utf-8"))
    if (limits := folder / folders.LIMITS).is_file():
        description["limits"] = yaml.safe_load(limits.read_text(encoding="utf-8"))
    return description


def predictions_file(target: str | None) -> str:
    """Return the artifact of a trainer's run with its predictions on a target; None for the validation split."""
    return VALIDATION if target is None else f"{target}_predictions.parquet"


def sources(folder: Path) -> list[str]:
    """Return the sources of the training rows in a splits or corpus folder, the main data first."""
    description = describe_data(folder)
    return [description["data"], *description.get("extra_training", {})]


def teachers(folder: Path) -> list[str]:
    """Return the URI of the model that pseudo-labelled texts of a corpus (step `distill`); empty if there is none."""
    distillation = describe_data(folder).get("taught")
    return [] if distillation is None else [distillation["teacher"]]


def log_data(frames: Mapping[str, pd.DataFrame], description: Mapping[str, Any]) -> None:
    """Log the data of a run: their description, and each split as an MLflow data set with its digest."""
    mlflow.log_dict(dict(description), DESCRIPTIONS["splits"])
    mlflow.set_tag(TEST_DIGEST, short(description["digests"]["test"]))
    for name, frame in frames.items():
        log_data_set(frame, f"{description['data']} {name}", description["digests"][name], context=name)
    if "taught" in description:  # set by the step `distill`
        mlflow.set_tags({"teacher": description["taught"]["teacher"], "taught_texts": description["taught"]["texts"]})


def log_data_set(frame: pd.DataFrame, name: str, digest: str, *, context: str) -> None:
    """Log labelled tweets as an MLflow data set with a digest: their number and columns, not their texts."""
    table = frame[["text", "negative"]].astype({"negative": bool})
    # MLflow identifies a data set by name and digest, so the name must contain the split.
    data = from_pandas(table, name=name, digest=short(digest), targets="negative")
    try:
        mlflow.log_input(data, context=context)
    except mlflow.MlflowException:
        # Another run has just created the same data set; the second attempt finds it.
        mlflow.log_input(data, context=context)


def short(digest: str) -> str:
    """Truncate a digest to the 36 characters that MLflow stores."""
    return digest[:36]


def run_id(uri: str) -> str:
    """Return the id of the run in `runs:/<run id>/<artifact>`.

    Raises:
        ArtifactError: the URI has another form.
    """
    match = re.fullmatch(r"runs:/([0-9a-f]{32})/.+", uri)
    if not match:
        raise ArtifactError(f"{uri!r} is not the URI of a run's model. Pass runs:/<run id>/{MODEL}.")
    return match[1]


def logged_model(run: Run) -> str:
    """Return the URI of the model logged by a run: `models:/<model id>`.

    Raises:
        ArtifactError: the run has not logged a model.
    """
    if run.outputs is None or not run.outputs.model_outputs:
        raise ArtifactError(f"The run {run.info.run_id} ({run.info.run_name}) has not logged a model. Use another run.")
    return f"models:/{run.outputs.model_outputs[0].model_id}"
