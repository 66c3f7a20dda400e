"""What selection reads of the models that trainers have logged."""

import re
import tempfile
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.entities import Run

from pipeline import runs
from pipeline.artifacts import MODEL, TRAINED_ON, VALIDATION, ArtifactError, short
from sentiment.evaluation import metrics
from sentiment.inference import classifier


class CandidateError(ValueError):
    """A model that cannot be compared."""


def read(uri: str) -> dict[str, Any]:
    """Return a model's row of a comparison: its metrics on validation, and what tells it apart.

    Raises:
        CandidateError: it is no finished model of a trainer.
    """
    try:
        run = mlflow.get_run(run_id(uri))
    except mlflow.MlflowException as error:
        raise CandidateError(f"The candidate {uri} cannot be found: {error}") from error
    scores = run.data.metrics
    if run.info.status != "FINISHED" or "served_bytes" not in scores:
        raise CandidateError(f"The candidate {uri} is no finished model of a trainer (its run is {run.info.status}).")
    used = run.inputs.dataset_inputs if run.inputs else []
    (digest,) = {data.dataset.digest for data in used if {tag.value for tag in data.tags} == {"validation"}}
    return {
        **{name.removeprefix("val_"): value for name, value in scores.items()},
        "name": run.info.run_name.partition(" ")[2] or run.info.run_name,
        "family": run.data.tags["step"].removeprefix("train_"),
        "runtime": run.data.tags["runtime"],
        "megabytes": scores["served_bytes"] / 1e6,
        "validation": digest,
        "uri": uri,
        "link": runs.link(run),
    }


def rank(rows: list[dict[str, Any]], metric: str) -> pd.DataFrame:
    """Return candidates as a table, the best first; of equals, the one that predicts faster.

    Names that more than one candidate has are told apart by their runs' ids.

    Raises:
        CandidateError: they were not scored on the same validation split.
    """
    table = pd.DataFrame(rows)
    if table["validation"].nunique() > 1:
        told = "; ".join(
            f"{row.name} on {row.validation}" for row in table[["name", "validation"]].itertuples(index=False)
        )
        raise CandidateError(f"The candidates were scored on different validation splits: {told}.")
    twins = table["name"].duplicated(keep=False)
    table["name"] = table["name"].where(~twins, table["name"] + " " + table["uri"].map(run_id).str[:4])
    ascending = [not metrics.HIGHER_IS_BETTER[metric], True]
    return table.sort_values([metric, "predict_seconds"], ascending=ascending, ignore_index=True)


def require_scored_on(candidates: pd.DataFrame, data: Mapping[str, Any]) -> None:
    """Refuse candidates that were scored on other validation tweets than those of the splits.

    Raises:
        CandidateError: they were.
    """
    digest = short(data["digests"]["validation"])
    if set(candidates["validation"]) != {digest}:
        other = ", ".join(candidates["validation"].unique())
        raise CandidateError(
            f"The candidates were scored on the validation split {other}, not on {digest} (inputs.splits)."
        )


def read_validation(uri: str) -> pd.DataFrame:
    """Read a model's probabilities on the validation split: columns `negative` and `probability`, one row a tweet."""
    return read_parquet(uri, VALIDATION)


def read_trained_on(uri: str) -> set[int]:
    """Read the hashes of the texts that a model was trained on."""
    return set(read_parquet(uri, TRAINED_ON)["text"])


def read_parquet(uri: str, name: str) -> pd.DataFrame:
    """Read a table that the run of a model has logged."""
    source = f"{mlflow.get_run(run_id(uri)).info.artifact_uri}/{name}"
    with tempfile.TemporaryDirectory() as folder:
        return pd.read_parquet(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=folder))


def read_table(run: Run, name: str) -> pd.DataFrame:
    """Read a table that a trainer has logged."""
    return pd.read_csv(StringIO(mlflow.artifacts.load_text(f"{run.info.artifact_uri}/tables/{name}.csv")))


def fetch_served(uri: str, folder: Path) -> Path:
    """Return the local folder of a model's served form, downloaded below a folder."""
    source = logged_model(mlflow.get_run(run_id(uri)))
    local = Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(folder)))
    return next(local.glob(f"artifacts/*/{classifier.DESCRIPTION}")).parent


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
