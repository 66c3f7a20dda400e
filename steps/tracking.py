"""How a run is written to MLflow: settings, folders, frames, a trained model. The only place that knows."""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import mlflow
import pandas as pd
import yaml
from matplotlib.figure import Figure
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from omegaconf import DictConfig, OmegaConf
from sklearn.metrics import roc_auc_score

from sentiment import classifier, metrics, plots
from sentiment.classifier import Classifier, Runtime
from sentiment.metrics import Cost, Probabilities
from sentiment.text import Cleaner, Tokenizer

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "sentiment"
# What sentiment/pyfunc.py imports: using a model needs no more of MLflow than this.
PYFUNC_REQUIREMENTS = ("mlflow-skinny", "pandas")
# What is in every folder that a step hands over, so that one made by another step is noticed before it is used.
DESCRIPTIONS = {"splits": "splits.yaml", "corpus": "preprocess.yaml", "embedding": "embedding.yaml"}
Kind = Literal["splits", "corpus", "embedding"]
# What of the library a served model needs, and carries.
SERVED_CODE = ("__init__.py", "classifier.py", "log_count_ratio.py", "text.py", "runtimes")
MODEL = "model"
VALIDATION = "validation_probabilities.parquet"
MOST_WRONG = 20
# The sections of the configuration that a step reads beside `seed` and `inputs`: nothing else changes what it makes.
READS = {
    "split": ("data", "split"),
    "preprocess": ("preprocess",),
    "embed": ("embed",),
    "train_baseline": ("train_baseline", "search", "cost", "export"),
    "train_keras": ("train_keras", "cost", "export"),
    "train_bert": ("train_bert", "cost", "export"),
    "select": ("select", "cost"),
    "main": ("plan", "cost", "select"),
}


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a trainer has made.

    Attributes:
        runtime: what runs the served form.
        text: how the served form reads text.
        served: folder with the files of the served form.
        native: folder with the form of the framework that trained it; the same folder where that is what is served.
        native_probability: probabilities of the native form on the validation split, shape (n,).
        fit_seconds: wall-clock time of the training alone, in seconds.
        figures: plots of the training, by name.
        tables: tables of the training, by name.
    """

    runtime: Runtime
    text: Cleaner | Tokenizer
    served: Path
    native: Path
    native_probability: Probabilities
    fit_seconds: float
    figures: dict[str, Figure] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)


class ArtifactError(ValueError):
    """An artifact that cannot be found, or that another step has made."""


class ExportError(RuntimeError):
    """A served form that does worse than the model it was made of."""


@contextmanager
def run(step: str, cfg: DictConfig) -> Iterator[Path]:
    """Open the run of a step, log the settings that it reads, and yield a folder that is gone afterwards.

    The run is the one that `mlflow run` has made, where there is one. It ends as FAILED if an exception leaves it.
    """
    connect()
    settings: dict[str, Any] = {
        "seed": cfg.seed,
        "inputs": {k: v for k, v in cfg.inputs.items_ex(resolve=False) if v != "???"},
    }
    name = None if os.environ.get("MLFLOW_RUN_ID") else step  # a run that exists has its name already
    settings |= read_settings(step, cfg)
    with tempfile.TemporaryDirectory(prefix=f"{step}-") as scratch, mlflow.start_run(run_name=name):
        mlflow.set_tag("step", step)
        mlflow.log_params(flatten(settings))
        mlflow.log_dict(settings, "config.yaml")
        check(settings)
        yield Path(scratch)


def check(settings: Mapping[str, Any]) -> None:
    """Refuse settings that would stop a run only after its work is done.

    Raises:
        ValueError: the costs mean nothing, or there is no such metric to select by.
    """
    if "cost" in settings:
        Cost(**settings["cost"])
    metric = settings.get("select", {}).get("metric", "roc_auc")
    if metric not in metrics.HIGHER_IS_BETTER:
        raise ValueError(f"select.metric={metric} is no metric: take one of {', '.join(metrics.HIGHER_IS_BETTER)}.")


def connect() -> None:
    """Point MLflow at the database in the project's folder, unless the environment names another store."""
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        mlflow.set_tracking_uri(f"sqlite:///{PROJECT / 'mlflow.db'}")


def read_settings(step: str, cfg: DictConfig) -> dict[str, Any]:
    """Return the sections of the configuration that a step reads, resolved."""
    return {section: plain(cfg[section]) for section in READS[step]}


def plain(section: DictConfig) -> dict[str, Any]:
    """Return a section of the configuration as plain Python values, resolved."""
    return cast(dict[str, Any], OmegaConf.to_container(section, resolve=True, throw_on_missing=True))


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as parameters with dotted names, as Hydra's command line writes them."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


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
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "validation")}


def read_tokenizer(corpus: Path) -> Tokenizer:
    """Read how the tokens of a corpus were made.

    Raises:
        ArtifactError: the corpus does not say.
    """
    path = corpus / DESCRIPTIONS["corpus"]
    tokenizer = classifier.read_text(yaml.safe_load(path.read_text(encoding="utf-8")))
    if not isinstance(tokenizer, Tokenizer):
        raise ArtifactError(f"{path} tells of no tokenizer. Run the preprocess step again.")
    return tokenizer


def log_folder(folder: Path, kind: Kind) -> str:
    """Log a folder as the artifact that the run hands over, and return its URI."""
    mlflow.log_artifacts(str(folder), kind)
    return f"runs:/{active_run_id()}/{kind}"


def describe_data(folder: Path) -> dict[str, Any]:
    """Read what the split step has written about the data in a splits or corpus folder.

    The digest is cut to the 36 characters that MLflow keeps of one.
    """
    description: dict[str, Any] = yaml.safe_load((folder / DESCRIPTIONS["splits"]).read_text(encoding="utf-8"))
    return {**description, "digest": description["digest"][:36]}


def log_data(frames: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Log which data a run has used, with the digest that the split step has written beside them."""
    described = describe_data(folder)
    for name, frame in frames.items():
        table = frame[["text", "negative"]].astype({"negative": bool})
        # MLflow knows a data set by its name and digest, and would take two splits of one name for the same.
        data = from_pandas(table, name=f"{described['data']} {name}", digest=described["digest"], targets="negative")
        mlflow.log_input(data, context=name)


def log_trained(trained: Trained, frames: Mapping[str, pd.DataFrame], cfg: DictConfig) -> str:
    """Check, score and log a trained model in its served form; return the URI of the model.

    The threshold is the one that costs least on the validation split, whose raw texts the served form is given. Logged
    are the metrics `val_*`, plots, the probabilities, the tweets that it gets most wrong, both forms and their sizes.

    Raises:
        ExportError: the served form's AUC is lower than the native form's by more than `export.max_auc_drop`.
    """
    validation = frames["validation"]
    negative = validation["negative"].to_numpy()
    cost = Cost(**cfg.cost)
    classifier.save(trained.served, runtime=trained.runtime, threshold=0.5, text=trained.text)
    served = Classifier.load(trained.served)
    started = time.perf_counter()
    probability = served.negative_probability(validation["text"].tolist())
    predict_seconds = (time.perf_counter() - started) * 1000 / len(validation)
    drop = roc_auc_score(negative, trained.native_probability) - roc_auc_score(negative, probability)
    mlflow.log_metric("export_auc_drop", drop)
    if drop > cfg.export.max_auc_drop:
        raise ExportError(
            f"The served form ({trained.runtime}) loses {drop:.4f} of validation AUC against the native one, more than "
            f"export.max_auc_drop={cfg.export.max_auc_drop}."
        )
    threshold = metrics.cheapest_threshold(negative, probability, cost)
    classifier.save(trained.served, runtime=trained.runtime, threshold=threshold, text=trained.text)

    scores = metrics.score(negative, probability, threshold, cost)
    mlflow.log_metrics({f"val_{name}": value for name, value in scores.items()})
    mlflow.log_metrics(
        {
            "threshold": threshold,
            "fit_seconds": trained.fit_seconds,
            "predict_seconds": predict_seconds,
            "served_bytes": size(trained.served),
            "native_bytes": size(trained.native),
        }
    )
    figures = {
        "roc": plots.roc_curve(negative, probability, threshold),
        "precision_recall": plots.precision_recall(negative, probability, threshold),
        "calibration": plots.calibration(negative, probability),
        "confusion": plots.confusion(negative, probability, threshold),
    }
    for name, figure in {**figures, **trained.figures}.items():
        mlflow.log_figure(figure, f"plots/{name}.png")
    for name, table in {**trained.tables, "most_wrong": most_wrong(validation, probability)}.items():
        log_table(table, f"tables/{name}.csv")
    mlflow.set_tag("runtime", trained.runtime)
    log_parquet(pd.DataFrame({"negative": negative, "probability": probability}), VALIDATION)
    if trained.native != trained.served:
        mlflow.log_artifacts(str(trained.native), "native")
    return log_model(trained)


def log_model(trained: Trained) -> str:
    """Log the served form as a pyfunc model that carries its code and names its own requirements only."""
    needs = [*classifier.requirements(trained.runtime), *classifier.pins(PYFUNC_REQUIREMENTS)]
    with tempfile.TemporaryDirectory() as scratch:
        mlflow.pyfunc.log_model(
            name=MODEL,
            python_model=str(PACKAGE / "pyfunc.py"),
            artifacts={"classifier": str(trained.served)},
            code_paths=[str(copy_served_code(Path(scratch) / PACKAGE.name))],
            pip_requirements=needs,
            input_example=["@AirParadis two hours late and nobody tells us why :("],
        )
    return f"runs:/{active_run_id()}/{MODEL}"


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


def link(run: Run) -> str:
    """Return where the MLflow UI shows a run; a local store is shown where `mlflow ui` listens by default."""
    uri = mlflow.get_tracking_uri()
    server = uri.rstrip("/") if uri.startswith("http") else "http://127.0.0.1:5000"
    return f"{server}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"


def read_validation(uri: str, scratch: Path) -> pd.DataFrame:
    """Read a model's probabilities on the validation split: columns `negative` and `probability`, one row a tweet."""
    source = f"runs:/{run_id(uri)}/{VALIDATION}"
    folder = scratch / run_id(uri)
    return pd.read_parquet(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(folder)))


def register(uri: str, name: str, alias: str, tags: Mapping[str, Any]) -> str:
    """Register a model under a name, with tags, and only then move the alias to it; return the new version."""
    version = mlflow.register_model(
        logged_model(mlflow.get_run(run_id(uri))), name, tags={key: str(value) for key, value in tags.items()}
    ).version
    MlflowClient().set_registered_model_alias(name, alias, version)
    return str(version)


def most_wrong(validation: pd.DataFrame, probability: Probabilities) -> pd.DataFrame:
    """Return the tweets whose probability is farthest from their label, the worst first."""
    table = validation[["text", "negative"]].assign(probability=probability)
    error = (table["probability"] - table["negative"]).abs()
    return table.loc[error.sort_values(ascending=False).index[:MOST_WRONG]]


def log_table(table: pd.DataFrame, path: str) -> None:
    """Log a table as CSV, at a path among the artifacts of the run."""
    mlflow.log_text(table.to_csv(index=False), path)


def log_parquet(table: pd.DataFrame, name: str) -> None:
    """Log a table as Parquet, exactly, at the root of the run's artifacts."""
    with tempfile.TemporaryDirectory() as folder:
        table.to_parquet(Path(folder) / name, index=False)
        mlflow.log_artifact(str(Path(folder) / name))


def size(folder: Path) -> int:
    """Return the size in bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def active_run_id() -> str:
    """Return the id of the run that is open.

    Raises:
        RuntimeError: none is.
    """
    active = mlflow.active_run()
    if active is None:
        raise RuntimeError("No run is open: log inside `with tracking.run(step, cfg)`.")
    return str(active.info.run_id)
