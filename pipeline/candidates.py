"""What selection reads of the models that trainers have logged."""

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
    """Return a model's row of a comparison: its metrics on validation, and what tells it apart.

    Raises:
        CandidateError: it is no finished model of a trainer.
    """
    try:
        run = mlflow.get_run(run_id(uri))
    except mlflow.MlflowException as error:
        raise CandidateError(f"The candidate {uri} cannot be found: {error}") from error
    scores = run.data.metrics
    if "served_bytes" in scores and not {"runtimes", TEST_DIGEST} <= set(run.data.tags):
        raise CandidateError(f"An older version of this project made the candidate {uri}. Train it again.")
    if run.info.status != "FINISHED" or "served_bytes" not in scores:
        raise CandidateError(f"The candidate {uri} is no finished model of a trainer (its run is {run.info.status}).")
    used = run.inputs.dataset_inputs if run.inputs else []
    (digest,) = {data.dataset.digest for data in used if {tag.value for tag in data.tags} == {"validation"}}
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
    return table.sort_values([metric, "predict_milliseconds"], ascending=ascending, ignore_index=True)


def may_be_served(rows: pd.DataFrame, cfg: DictConfig) -> pd.Series:
    """Return which candidates may be served: by their family, and by all runtimes that they need."""
    return runtimes_allowed(rows, cfg) & rows["family"].isin(list(cfg.select.families))


def runtimes_allowed(rows: pd.DataFrame, cfg: DictConfig) -> pd.Series:
    """Return which candidates need no other runtimes than those that may be served.

    A blend needs those of its members; that of its own does nothing but put them together.
    """
    runtimes = {*cfg.select.runtimes, "blend"}
    return rows["runtimes"].map(lambda needed: set(needed.split(",")) <= runtimes)


def best_to_serve(ranked: pd.DataFrame, cfg: DictConfig) -> pd.Series:
    """Return the best of ranked candidates that may be served; the best of all where none may."""
    allowed = ranked[may_be_served(ranked, cfg)]
    return (ranked if allowed.empty else allowed).iloc[0]


def require_same_splits(rows: pd.DataFrame, data: Mapping[str, Any]) -> None:
    """Refuse models whose validation or test tweets are not those of the data: they may have been trained on them.

    Raises:
        CandidateError: they are others.
    """
    for name in ("validation", "test"):
        digest = short(data["digests"][name])
        if set(rows[name]) != {digest}:
            other = ", ".join(rows[name].unique())
            raise CandidateError(
                f"{', '.join(rows['name'])}: the {name} split is {other}, that of the given data is {digest}. Give "
                "models that were trained on the same splits."
            )


def read_data(uri: str) -> dict[str, Any]:
    """Return what the split step said of the data that a model was trained on."""
    path = f"{mlflow.get_run(run_id(uri)).info.artifact_uri}/{DESCRIPTIONS['splits']}"
    description: dict[str, Any] = yaml.safe_load(mlflow.artifacts.load_text(path))
    return description


def read_table(run: Run, name: str) -> pd.DataFrame:
    """Read a table that a trainer has logged."""
    return pd.read_csv(StringIO(mlflow.artifacts.load_text(f"{run.info.artifact_uri}/tables/{name}.csv")))


def fetch_served(uri: str, folder: Path) -> Path:
    """Return the local folder of a model's served form, downloaded below a folder."""
    source = logged_model(mlflow.get_run(run_id(uri)))
    local = Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(folder)))
    return next(local.glob(f"artifacts/*/{classifier.DESCRIPTION}")).parent
