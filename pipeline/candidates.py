"""Candidates: reading, ranking and comparing the models that trainers have logged."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import yaml
from mlflow.entities import Run
from omegaconf import DictConfig

from pipeline import runs
from pipeline.artifacts import TEST_DIGEST, logged_model, run_id, short
from sentiment.data.folders import DESCRIPTIONS
from sentiment.evaluation import metrics
from sentiment.inference import classifier
from sentiment.inference.errors import UserError


class CandidateError(UserError):
    """A model that cannot be compared."""


def read(uri: str) -> dict[str, Any]:
    """Return a model's row in a comparison: its validation metrics, name, family, runtimes, digests and links.

    Raises:
        CandidateError: the URI is not a model of a trainer's finished run.
    """
    try:
        run = mlflow.get_run(run_id(uri))
    except mlflow.MlflowException as error:
        raise CandidateError(f"The candidate {uri} cannot be found: {error}") from error
    scores = run.data.metrics
    if "served_bytes" in scores and not {"runtimes", TEST_DIGEST} <= set(run.data.tags):
        raise CandidateError(f"The candidate {uri} was made by an older version of this project. Train it again.")
    if run.info.status != "FINISHED" or "served_bytes" not in scores:
        raise CandidateError(
            f"The candidate {uri} is not a model of a trainer's finished run (status {run.info.status})."
        )
    datasets = run.inputs.dataset_inputs if run.inputs else []
    (digest,) = {data.dataset.digest for data in datasets if {tag.value for tag in data.tags} == {"validation"}}
    return {
        **{name.removeprefix("val_"): value for name, value in scores.items()},
        "name": run.info.run_name.partition(" ")[2] or run.info.run_name,
        "family": run.data.tags["step"].removeprefix("train_"),
        "runtime": run.data.tags["runtime"],
        "runtimes": run.data.tags["runtimes"],
        "megabytes": scores["served_bytes"] / 1e6,
        "validation": digest,
        "test": run.data.tags[TEST_DIGEST],
        "uri": uri,
        "link": runs.link(run),
    }


def rank(rows: list[dict[str, Any]], metric: str, target: str | None) -> pd.DataFrame:
    """Return candidates as a table, the best on a target first (None: on validation); prediction time breaks ties.

    Adds run ids to names that are not unique.

    Raises:
        CandidateError: they were scored on different validation splits, or one was not scored on the target.
    """
    table, ranking = pd.DataFrame(rows), metrics.on_target(metric, target)
    if table["validation"].nunique() > 1:
        digests = "; ".join(
            f"{row.name} on {row.validation}" for row in table[["name", "validation"]].itertuples(index=False)
        )
        raise CandidateError(
            f"The candidates were scored on different validation splits: {digests}. Pass models of the same splits."
        )
    ambiguous = table["name"].duplicated(keep=False)
    table["name"] = table["name"].where(~ambiguous, table["name"] + " " + table["uri"].map(run_id).str[:4])
    if ranking not in table or table[ranking].isna().any():
        unscored = table["name"] if ranking not in table else table["name"][table[ranking].isna()]
        known = ", ".join(metrics.targets(table.columns)) or "none"
        raise CandidateError(
            f"{', '.join(unscored)}: not scored on select.target={target}. Targets of these candidates: {known}. "
            "Choose one of them, or null, or hold it out (split.targets) and train again."
        )
    ascending = [not metrics.HIGHER_IS_BETTER[metric], True]
    return table.sort_values([ranking, "predict_milliseconds"], ascending=ascending, ignore_index=True)


def may_be_served(rows: pd.DataFrame, cfg: DictConfig) -> pd.Series:
    """Return which candidates may be served, judged by their family and by all runtimes that they need."""
    return runtimes_allowed(rows, cfg) & rows["family"].isin(list(cfg.select.families))


def runtimes_allowed(rows: pd.DataFrame, cfg: DictConfig) -> pd.Series:
    """Return which candidates need only runtimes that may be served.

    A combined model needs the runtimes of its members; the runtime that combines them is always allowed.
    """
    allowed = {*cfg.select.runtimes, "blend", "cascade"}
    return rows["runtimes"].map(lambda needed: set(needed.split(",")) <= allowed)


def servable(ranked: pd.DataFrame, cfg: DictConfig) -> pd.DataFrame:
    """Return the candidates that may be served, best first.

    If some of them are within the limits of size and time, returns only these: a teacher that is too large to serve
    must not win over its students, only to be refused by the gate.
    """
    allowed = ranked[may_be_served(ranked, cfg)]
    within_limits = allowed[
        (allowed["megabytes"] <= cfg.select.max_megabytes)
        & (allowed["predict_milliseconds"] <= cfg.select.max_milliseconds)
    ]
    return allowed if within_limits.empty else within_limits


def best_to_serve(ranked: pd.DataFrame, cfg: DictConfig) -> pd.Series:
    """Return the best candidate that may be served, or the best of all if none may."""
    allowed = servable(ranked, cfg)
    return (ranked if allowed.empty else allowed).iloc[0]


def require_same_splits(rows: pd.DataFrame, data: Mapping[str, Any]) -> None:
    """Check that models have the same validation and test splits as the data; else they may be trained on its tweets.

    Raises:
        CandidateError: a split differs.
    """
    for name in ("validation", "test"):
        digest = short(data["digests"][name])
        if set(rows[name]) != {digest}:
            other = ", ".join(rows[name].unique())
            raise CandidateError(
                f"{', '.join(rows['name'])}: trained with {name} split {other}, but inputs.splits has {digest}. Pass "
                "models that were trained on these splits."
            )


def read_data(uri: str) -> dict[str, Any]:
    """Return the description of the data that a model was trained on, as written by the step `split`."""
    path = f"{mlflow.get_run(run_id(uri)).info.artifact_uri}/{DESCRIPTIONS['splits']}"
    description: dict[str, Any] = yaml.safe_load(mlflow.artifacts.load_text(path))
    return description


def read_table(run: Run, name: str) -> pd.DataFrame:
    """Read a table that a trainer has logged."""
    return pd.read_csv(StringIO(mlflow.artifacts.load_text(f"{run.info.artifact_uri}/tables/{name}.csv")))


def fetch_served(uri: str, folder: Path) -> Path:
    """Download a model into a folder, and return the folder of its served form."""
    source = logged_model(mlflow.get_run(run_id(uri)))
    local = Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(folder)))
    return next(local.glob(f"artifacts/*/{classifier.DESCRIPTION}")).parent
