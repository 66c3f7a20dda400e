"""Check, calibrate, score and log a trained model in its served form."""

import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import mlflow
import pandas as pd
from matplotlib.figure import Figure
from omegaconf import DictConfig
from sklearn.metrics import roc_auc_score

from pipeline import reuse, runs, settings, stored_predictions
from pipeline.artifacts import MODEL, PYFUNC_REQUIREMENTS, SEEN, VALIDATION, predictions_file
from sentiment.data import leakage
from sentiment.evaluation import abstention, calibration, metrics
from sentiment.evaluation.abstention import Promise
from sentiment.evaluation.metrics import Cost, Predictions
from sentiment.inference import classifier, golden
from sentiment.inference.arrays import Probabilities
from sentiment.inference.classifier import Classifier, Runtime
from sentiment.inference.errors import UserError
from sentiment.inference.probabilities import IDENTITY
from sentiment.inference.text import Cleaner, Tokenizer
from sentiment.reports import plots

PACKAGE = runs.PROJECT / "sentiment"
# The part of `sentiment` that every served model contains.
SERVED = "inference"
MOST_WRONG = 20


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The output of a trainer.

    Attributes:
        runtime: runtime of the served form.
        text: text processing of the served form; None if its members have their own.
        served: folder with the files of the served form.
        native: folder with the native form; the same folder if both forms are identical.
        native_probability: probabilities of the native form on the validation split, shape (n,).
        fit_seconds: wall-clock time of the training alone, in seconds.
        out_of_fold: out-of-fold probabilities on the validation split, shape (n,), if the model was fitted on that
            split; they are scored instead of the served form's.
        learned_from: URIs of its members or its teacher: it counts as having seen all texts that they have seen.
        figures: plots of the training, by name.
        tables: tables of the training, by name.
    """

    runtime: Runtime
    text: Cleaner | Tokenizer | None
    served: Path
    native: Path
    native_probability: Probabilities
    fit_seconds: float
    out_of_fold: Probabilities | None = None
    learned_from: Sequence[str] = ()
    figures: dict[str, Figure] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)


class ExportError(UserError):
    """A served form that performs worse than its native form."""


def log_trained(
    trained: Trained, frames: Mapping[str, pd.DataFrame], targets: Mapping[str, pd.DataFrame], cfg: DictConfig
) -> str:
    """Check, calibrate, score and log a trained model in its served form; return the URI of the model.

    The served form predicts the raw texts of the validation split. Its probabilities are calibrated there if that
    helps, and its threshold has the lowest expected cost there. Logs the metrics `val_*` (calibration and threshold are
    cross-fitted: each tweet is scored with values fitted without it), `<target>_*` for each target, plots, predictions,
    the worst errors, both forms and their sizes.

    Raises:
        ExportError: the served form's AUC is lower than the native form's by more than `export.max_auc_drop`.
    """
    validation = frames["validation"]
    negative = validation["negative"].to_numpy()
    cost = Cost(**cfg.cost)
    save = partial(classifier.save, trained.served, runtime=trained.runtime, text=trained.text)
    save(threshold=0.5, calibration=IDENTITY, uncertain=None, reliability=None)
    served = Classifier.load(trained.served)
    started = time.perf_counter()
    served_probability = served.negative_probability(validation["text"].tolist())
    predict_milliseconds = (time.perf_counter() - started) * 1000 / len(validation)
    drop = roc_auc_score(negative, trained.native_probability) - roc_auc_score(negative, served_probability)
    mlflow.log_metric("export_auc_drop", drop)
    if drop > cfg.export.max_auc_drop:
        raise ExportError(
            f"The validation AUC of the served form ({trained.runtime}) is {drop:.4f} below that of the native form, "
            f"more than export.max_auc_drop={cfg.export.max_auc_drop}. Change the model, or raise that limit."
        )
    raw = served_probability if trained.out_of_fold is None else trained.out_of_fold
    chosen = calibration.choose(negative, raw, **cfg.calibration, seed=cfg.seed)
    probability = chosen.calibration(raw)
    threshold = metrics.cheapest_threshold(negative, probability, cost)
    uncertain = metrics.uncertain_band(cost, threshold)
    reliability = abstention.find(negative, probability, threshold, Promise(**settings.plain(cfg.reliable)))
    save(threshold=threshold, calibration=chosen.calibration, uncertain=uncertain, reliability=reliability)
    served = Classifier.load(trained.served)
    golden.save(trained.served, served)

    predictions = calibration.cross_fit(negative, raw, cost, **cfg.calibration, seed=cfg.seed)
    scores = metrics.score(negative, predictions, cost)
    mlflow.log_metrics({f"val_{name}": value for name, value in scores.items()})
    if (new := ~leakage.near_duplicates(frames)["validation"]).any() and len(set(negative[new])) > 1:
        mlflow.log_metric("val_roc_auc_without_near_duplicates", roc_auc_score(negative[new], predictions.score[new]))
    mlflow.log_metrics(
        {
            "threshold": threshold,
            "negative_share": float(served.is_negative(probability).mean()),
            "uncertain_share": float(served.is_uncertain(probability).mean()),
            "reliable_share": float(served.is_reliable(probability).mean()),
            "fit_seconds": trained.fit_seconds,
            "predict_milliseconds": predict_milliseconds,
            "served_bytes": size(trained.served),
            "native_bytes": size(trained.native),
        }
    )
    needed = ",".join(sorted(classifier.runtimes_in(trained.served)))
    mlflow.set_tags({"runtime": trained.runtime, "runtimes": needed, "calibration": chosen.method})
    for name, tweets in targets.items():
        log_target(name, tweets, served, cost)
    figures = {
        "roc": plots.roc_curve(negative, predictions, threshold),
        "precision_recall": plots.precision_recall(negative, predictions, threshold),
        "calibration": plots.calibration(negative, predictions.probability, uncalibrated=raw),
        "confusion": plots.confusion(negative, predictions, threshold),
    }
    for name, figure in {**figures, **trained.figures}.items():
        mlflow.log_figure(figure, f"plots/{name}.png")
    tables = {"calibration": chosen.table, "most_wrong": most_wrong(validation, predictions.probability, MOST_WRONG)}
    for name, table in {**tables, **trained.tables}.items():
        runs.log_table(table, f"tables/{name}.csv")
    runs.log_parquet(stored_predictions.as_table(validation, predictions), VALIDATION)
    runs.log_parquet(stored_predictions.seen_by(frames, trained.learned_from), SEEN)
    if trained.native != trained.served:
        mlflow.log_artifacts(str(trained.native), "native")
    return log_model(trained, targets)


def log_target(name: str, tweets: pd.DataFrame, served: Classifier, cost: Cost) -> None:
    """Score the served form on a target, which nothing was fitted to; log its metrics and predictions."""
    predictions = Predictions.at(served.negative_probability(tweets["text"].tolist()), served.threshold)
    scores = metrics.score(tweets["negative"].to_numpy(), predictions, cost)
    mlflow.log_metrics({f"{name}_{metric}": value for metric, value in scores.items()})
    runs.log_parquet(stored_predictions.as_table(tweets, predictions), predictions_file(name))


def log_model(trained: Trained, targets: Iterable[str]) -> str:
    """Log the served form as a pyfunc model that contains its code and lists only its own requirements.

    `targets` are the names of the targets that it was scored on.
    """
    required_packages = [
        *classifier.requirements(*classifier.runtimes_in(trained.served)),
        *classifier.pins(PYFUNC_REQUIREMENTS),
    ]
    with tempfile.TemporaryDirectory() as scratch:
        logged = mlflow.pyfunc.log_model(
            name=MODEL,
            python_model=str(PACKAGE / SERVED / "pyfunc.py"),
            artifacts={"classifier": str(trained.served)},
            code_paths=[str(copy_served_code(Path(scratch) / PACKAGE.name))],
            pip_requirements=required_packages,
            input_example=["@AirParadis two hours late and nobody tells us why :("],
        )
    run = runs.active().info
    location = mlflow.get_logged_model(logged.model_id).artifact_location
    files = [VALIDATION, SEEN, *map(predictions_file, targets)]
    reuse.log_digest(location, *(f"{run.artifact_uri}/{file}" for file in files))
    return f"runs:/{run.run_id}/{MODEL}"


def copy_served_code(folder: Path) -> Path:
    """Copy the part of `sentiment` that a served model needs to a new folder, as a package; return the folder."""
    shutil.copytree(PACKAGE / SERVED, folder / SERVED, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE / "__init__.py", folder)
    return folder


def most_wrong(tweets: pd.DataFrame, probability: Probabilities, number: int) -> pd.DataFrame:
    """Return the tweets (`text`, `negative`) whose probability differs most from their label, the worst first."""
    table = tweets[["text", "negative"]].assign(probability=probability)
    error = (table["probability"] - table["negative"]).abs()
    return table.loc[error.sort_values(ascending=False).index[:number]]


def size(folder: Path) -> int:
    """Return the size in bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
