"""How a trained model is checked, scored, logged, and read again."""

import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from matplotlib.figure import Figure
from mlflow.entities import Run
from omegaconf import DictConfig
from sklearn.metrics import roc_auc_score

from pipeline import reuse, runs
from pipeline.artifacts import ArtifactError, short
from sentiment.evaluation import calibration, metrics
from sentiment.inference import classifier, golden
from sentiment.reports import plots
from sentiment.data import splitting
from sentiment.inference.classifier import IDENTITY, Classifier, Runtime
from sentiment.evaluation.metrics import Cost, Probabilities
from sentiment.inference.text import Cleaner, Tokenizer

PACKAGE = runs.PROJECT / "sentiment"
# What sentiment/inference/pyfunc.py imports: using a model needs no more of MLflow than this.
PYFUNC_REQUIREMENTS = ("mlflow-skinny", "pandas")
# What of the library a served model needs, and carries.
SERVED_CODE = ("__init__.py", "classifier.py", "explain.py", "golden.py", "log_count_ratio.py", "text.py", "runtimes")
MODEL = "model"
# What may be compared: the steps that make a model, without `train_`.
FAMILIES = ("baseline", "keras", "bert", "blend")
VALIDATION = "validation_probabilities.parquet"
TRAINED_ON = "trained_on.parquet"
MOST_WRONG = 20


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a trainer has made.

    Attributes:
        runtime: what runs the served form.
        text: how the served form reads text; None where its parts do so themselves.
        served: folder with the files of the served form.
        native: folder with the form of the framework that trained it; the same folder where that is what is served.
        native_probability: probabilities of the native form on the validation split, shape (n,).
        fit_seconds: wall-clock time of the training alone, in seconds.
        judged: probabilities on the validation split to score instead of the served form's, shape (n,), where the model
            was fitted to that split: by models that have not seen the tweet.
        figures: plots of the training, by name.
        tables: tables of the training, by name.
    """

    runtime: Runtime
    text: Cleaner | Tokenizer | None
    served: Path
    native: Path
    native_probability: Probabilities
    fit_seconds: float
    judged: Probabilities | None = None
    figures: dict[str, Figure] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)


class ExportError(RuntimeError):
    """A served form that does worse than the model it was made of."""


class CandidateError(ValueError):
    """A model that cannot be compared."""


def check(cfg: DictConfig) -> None:
    """Refuse settings that would stop a run only after its work is done.

    Raises:
        ValueError: the costs mean nothing, or there is no such family or metric to select by.
    """
    Cost(**cfg.cost)
    if isinstance(cfg.select.families, str) or not set(cfg.select.families) <= set(FAMILIES):
        raise ValueError(f"select.families={cfg.select.families}: give a list of some of {', '.join(FAMILIES)}.")
    if cfg.select.resamples < 1 or not 0 < cfg.select.confidence < 1:
        raise ValueError(
            f"select.resamples={cfg.select.resamples} must be 1 or more, and select.confidence={cfg.select.confidence} "
            "between 0 and 1."
        )
    if cfg.calibration.folds < 2:
        raise ValueError(f"calibration.folds={cfg.calibration.folds}: cross-validation takes 2 at least.")
    if cfg.select.metric not in metrics.HIGHER_IS_BETTER:
        known = ", ".join(metrics.HIGHER_IS_BETTER)
        raise ValueError(f"select.metric={cfg.select.metric} is no metric: take one of {known}.")


def log_trained(trained: Trained, frames: Mapping[str, pd.DataFrame], cfg: DictConfig) -> str:
    """Check, calibrate, score and log a trained model in its served form; return the URI of the model.

    The served form is given the raw texts of the validation split. On them its probabilities are calibrated, if that
    helps, and the threshold is the one that costs least. Logged are the metrics `val_*`, plots, the probabilities, the
    tweets that it gets most wrong, both forms and their sizes.

    Raises:
        ExportError: the served form's AUC is lower than the native form's by more than `export.max_auc_drop`.
    """
    validation = frames["validation"]
    negative = validation["negative"].to_numpy()
    cost = Cost(**cfg.cost)
    save = partial(classifier.save, trained.served, runtime=trained.runtime, text=trained.text)
    save(threshold=0.5, calibration=IDENTITY, uncertain=None)
    served = Classifier.load(trained.served)
    started = time.perf_counter()
    answers = served.negative_probability(validation["text"].tolist())
    predict_seconds = (time.perf_counter() - started) * 1000 / len(validation)
    drop = roc_auc_score(negative, trained.native_probability) - roc_auc_score(negative, answers)
    mlflow.log_metric("export_auc_drop", drop)
    if drop > cfg.export.max_auc_drop:
        raise ExportError(
            f"The served form ({trained.runtime}) loses {drop:.4f} of validation AUC against the native one, more than "
            f"export.max_auc_drop={cfg.export.max_auc_drop}."
        )
    raw = answers if trained.judged is None else trained.judged
    chosen = calibration.choose(negative, raw, **cfg.calibration, seed=cfg.seed)
    probability = chosen.calibration(raw)
    threshold = metrics.cheapest_threshold(negative, probability, cost)
    uncertain = metrics.uncertain_band(cost, threshold)
    save(threshold=threshold, calibration=chosen.calibration, uncertain=uncertain)
    served = Classifier.load(trained.served)
    golden.save(trained.served, served)

    scores = metrics.score(negative, probability, threshold, cost)
    mlflow.log_metrics({f"val_{name}": value for name, value in scores.items()})
    mlflow.log_metrics(
        {
            "threshold": threshold,
            "negative_share": float(served.is_negative(probability).mean()),
            "uncertain_share": float(served.is_uncertain(probability).mean()),
            "fit_seconds": trained.fit_seconds,
            "predict_seconds": predict_seconds,
            "served_bytes": size(trained.served),
            "native_bytes": size(trained.native),
        }
    )
    mlflow.set_tags({"runtime": trained.runtime, "calibration": chosen.method})
    figures = {
        "roc": plots.roc_curve(negative, probability, threshold),
        "precision_recall": plots.precision_recall(negative, probability, threshold),
        "calibration": plots.calibration(negative, probability, uncalibrated=raw),
        "confusion": plots.confusion(negative, probability, threshold),
    }
    for name, figure in {**figures, **trained.figures}.items():
        mlflow.log_figure(figure, f"plots/{name}.png")
    tables = {"calibration": chosen.table, "most_wrong": most_wrong(validation, probability)}
    for name, table in {**tables, **trained.tables}.items():
        runs.log_table(table, f"tables/{name}.csv")
    runs.log_parquet(pd.DataFrame({"negative": negative, "probability": probability}), VALIDATION)
    runs.log_parquet(pd.DataFrame({"text": text_hashes(frames["train"]["text"])}), TRAINED_ON)
    if trained.native != trained.served:
        mlflow.log_artifacts(str(trained.native), "native")
    return log_model(trained)


def log_model(trained: Trained) -> str:
    """Log the served form as a pyfunc model that carries its code and names its own requirements only."""
    needs = [
        *classifier.requirements(*classifier.runtimes_in(trained.served)),
        *classifier.pins(PYFUNC_REQUIREMENTS),
    ]
    with tempfile.TemporaryDirectory() as scratch:
        logged = mlflow.pyfunc.log_model(
            name=MODEL,
            python_model=str(PACKAGE / "pyfunc.py"),
            artifacts={"classifier": str(trained.served)},
            code_paths=[str(copy_served_code(Path(scratch) / PACKAGE.name))],
            pip_requirements=needs,
            input_example=["@AirParadis two hours late and nobody tells us why :("],
        )
    run = runs.active().info
    location = mlflow.get_logged_model(logged.model_id).artifact_location
    reuse.log_digest(location, f"{run.artifact_uri}/{VALIDATION}", f"{run.artifact_uri}/{TRAINED_ON}")
    return f"runs:/{run.run_id}/{MODEL}"


def copy_served_code(folder: Path) -> Path:
    """Copy what a served model needs of the library to a new folder, and return that."""
    folder.mkdir()
    for name in SERVED_CODE:
        source = PACKAGE / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    return folder


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


def text_hashes(texts: pd.Series) -> pd.Series:
    """Return a hash, 64 bits, of each text: the same for texts that differ in case, spaces and HTML entities only."""
    return pd.Series(splitting.hash_of(texts.map(splitting.text_key)), index=texts.index)


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


def most_wrong(validation: pd.DataFrame, probability: Probabilities) -> pd.DataFrame:
    """Return the tweets whose probability is farthest from their label, the worst first."""
    table = validation[["text", "negative"]].assign(probability=probability)
    error = (table["probability"] - table["negative"]).abs()
    return table.loc[error.sort_values(ascending=False).index[:MOST_WRONG]]


def size(folder: Path) -> int:
    """Return the size in bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
