"""Which candidate is the best on validation, by how much, and, looked at once, how it does on the test split."""

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from omegaconf import DictConfig

from pipeline import artifacts, candidates, settings, stored_predictions
from pipeline.artifacts import ArtifactError
from pipeline.candidates import CandidateError
from sentiment.data import keys, splitting
from sentiment.data.folders import read_splits
from sentiment.evaluation import bootstrap, metrics
from sentiment.evaluation.bootstrap import Interval, Resampling
from sentiment.evaluation.gate import Requirements
from sentiment.evaluation.metrics import Cost, Predictions
from sentiment.reports import comparison, pages, plots

log = logging.getLogger(__name__)

TITLE = "Candidates on the validation split, best first"
# A gap of more standard errors than this comes by chance once in 370 times. Two of them are exceeded in every 20th
# honest run, and more often still since validation, on which the winner was chosen, flatters it.
SUSPICIOUS = 3.0
MOST_OF_AN_ERROR = 2_000


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The candidates, and the best of them.

    Attributes:
        ranked: the candidates, the best first, as `candidates.rank` returns them.
        winner: the row of the best that may be served.
        data: what the split step said of the data that the winner was trained on.
        validation: columns `text`, `negative` and `group`.
        predictions: of each candidate on them, by its URI.
        leads: of the winner over each other candidate, by its name, the best of them first.
        intervals: the winner's metrics on validation.
    """

    ranked: pd.DataFrame
    winner: pd.Series
    data: Mapping[str, Any]
    validation: pd.DataFrame
    predictions: Mapping[str, Predictions]
    leads: Mapping[str, Interval]
    intervals: Mapping[str, Interval]


@dataclass(frozen=True, kw_only=True)
class TestEvaluation:
    """The winner on the test split.

    Attributes:
        tweets: the test split: columns `text`, `negative` and `group`.
        predictions: of the served model on them.
        scores: its metrics.
        gap: what the difference between its AUC on validation and on test says, in words.
    """

    tweets: pd.DataFrame
    predictions: Predictions
    scores: Mapping[str, float]
    gap: str


def requirements(cfg: DictConfig) -> Requirements:
    """Return what a model must bring to be served."""
    section, metric = settings.plain(cfg.select), cfg.select.metric
    asked = ("max_megabytes", "max_milliseconds", "families")
    of_metric = {name: section[name][metric] for name in ("floor", "margin")}
    return Requirements(**of_metric, **{name: section[name] for name in asked})


def resampling(cfg: DictConfig, tweets: pd.DataFrame) -> Resampling:
    """Return how tweets (column `group`) are drawn for intervals."""
    given = {"resamples": cfg.select.resamples, "confidence": cfg.select.confidence, "seed": cfg.seed}
    return Resampling(**given, groups=tweets["group"].to_numpy())


def compare(uris: Sequence[str], splits: Path, data: Mapping[str, Any], cfg: DictConfig) -> Selection:
    """Rank candidates on the validation split, choose the best that may be served, and measure its leads.

    Args:
        uris: of the candidates.
        splits: a splits folder.
        data: what the split step says of it.
        cfg: the configuration.

    Raises:
        CandidateError: none may be served, or one cannot be compared with the others.
    """
    if not uris:
        raise CandidateError(
            f"There is nothing to select from (inputs.candidates): give runs:/<run id>/{artifacts.MODEL}."
        )
    ranked = candidates.rank([candidates.read(uri) for uri in dict.fromkeys(uris)], cfg.select.metric)
    candidates.require_same_splits(ranked, data)
    winner = choose(ranked, cfg)
    validation = read_split(splits, "validation", data)
    predictions = {uri: stored_predictions.read(uri, validation) for uri in ranked["uri"]}
    own, cost = predictions[winner["uri"]], Cost(**cfg.cost)
    others = ranked[ranked["uri"] != winner["uri"]]
    return Selection(
        ranked=ranked,
        winner=winner,
        data={**candidates.read_data(winner["uri"]), "limits": data["limits"]},
        validation=validation,
        predictions=predictions,
        leads={
            other.name: lead(validation, own, predictions[other.uri], cfg)
            for other in others[["name", "uri"]].itertuples(index=False)
        },
        intervals=bootstrap.intervals(
            validation["negative"].to_numpy(), own, cost=cost, resampling=resampling(cfg, validation)
        ),
    )


def read_split(splits: Path, name: str, data: Mapping[str, Any]) -> pd.DataFrame:
    """Return a split: columns `text`, `negative` and `group`.

    Raises:
        ArtifactError: it does not hold what the split step has written.
    """
    frame = read_splits(splits, [name], ["text", "negative", "group"])[name]
    if splitting.digest({name: frame}) != data["digests"][name]:
        raise ArtifactError(f"{splits / name}.parquet (inputs.splits) was changed after the split step wrote it.")
    return frame


def choose(ranked: pd.DataFrame, cfg: DictConfig) -> pd.Series:
    """Return the best candidate that may be served.

    Raises:
        CandidateError: none may.
    """
    allowed = ranked[candidates.may_be_served(ranked, cfg)]
    if allowed.empty:
        named = ", ".join(f"{row.name} ({row.family}, {row.runtimes})" for row in ranked.itertuples(index=False))
        raise CandidateError(
            f"No candidate may be served: select.families={list(cfg.select.families)} and select.runtimes="
            f"{list(cfg.select.runtimes)} allow none of {named}."
        )
    return allowed.iloc[0]


def lead(tweets: pd.DataFrame, first: Predictions, second: Predictions, cfg: DictConfig) -> Interval:
    """Return by how much one model leads another on tweets (`negative`, `group`), in the metric to select by."""
    negative = tweets["negative"].to_numpy()
    cost, drawing = Cost(**cfg.cost), resampling(cfg, tweets)
    return bootstrap.lead(negative, first, second, cfg.select.metric, cost=cost, resampling=drawing)


def log_lead(name: str, found: Interval) -> None:
    """Log a lead of the winner with its interval, as three metrics."""
    mlflow.log_metrics({name: found.estimate, f"{name}_low": found.low, f"{name}_high": found.high})


def log_comparison(found: Selection, metric: str, note: str, scratch: Path) -> None:
    """Log the comparison as tables, plots and a page, and the lead over the second."""
    folder = scratch / "comparison"
    folder.mkdir()
    found.ranked.to_csv(folder / "candidates.csv", index=False)
    plots.quality_against_time(found.ranked, metric).savefig(folder / "quality_against_time.png")
    names = zip(found.ranked["name"], found.ranked["uri"], strict=True)
    curves = {name: found.predictions[uri].score for name, uri in names}
    plots.roc_curves(found.validation["negative"].to_numpy(), curves).savefig(folder / "roc.png")
    text = comparison.markdown(found.ranked, TITLE, note, comparison.PLOTS)
    (folder / "candidates.md").write_text(text, encoding="utf-8")
    (folder / "candidates.html").write_text(pages.page(text, folder), encoding="utf-8")
    mlflow.log_artifacts(str(folder), "comparison")
    if found.leads:
        log_lead("lead_over_second", next(iter(found.leads.values())))


def look_at_test(found: Selection, splits: Path, cfg: DictConfig) -> TestEvaluation:
    """Score the winner on the test split, as it is served, and log its metrics `test_*`.

    Raises:
        CandidateError: it cannot be run.
    """
    winner = found.winner
    test = read_split(splits, "test", artifacts.describe_data(splits))
    if known := keys.text_hashes(test["text"]).isin(stored_predictions.read_seen(winner["uri"])).sum():
        raise CandidateError(f"{winner['uri']} has seen {known:,} of the {len(test):,} test tweets. Give other splits.")
    negative = test["negative"].to_numpy()
    probability = predict_in_subprocess(winner["uri"], test["text"].tolist()).to_numpy()
    predictions = Predictions.at(probability, winner["threshold"])
    scores = metrics.score(negative, predictions, Cost(**cfg.cost))
    mlflow.log_metrics({f"test_{name}": value for name, value in scores.items()})

    gap, errors = bootstrap.gap_in_standard_errors(
        (found.validation["negative"].to_numpy(), found.predictions[winner["uri"]], resampling(cfg, found.validation)),
        (negative, predictions, resampling(cfg, test)),
        cost=Cost(**cfg.cost),
    )
    mlflow.log_metrics({"validation_to_test_gap": gap, "validation_to_test_gap_in_standard_errors": errors})
    return TestEvaluation(tweets=test, predictions=predictions, scores=scores, gap=describe_gap(gap, errors))


def describe_gap(gap: float, errors: float) -> str:
    """Return a gap between validation and test in words: `0.012 below validation (2.2 standard errors; ...)`."""
    side = "below" if gap > 0 else "above"
    chance = f"chance alone makes one at least as large in {100 * metrics.chance_of(errors):.2g} % of runs"
    advice = ": SUSPICIOUS, check the splits" if abs(errors) > SUSPICIOUS else ""
    return f"{abs(gap):.3f} {side} validation ({abs(errors):.1f} standard errors; {chance}){advice}"


def predict_in_subprocess(uri: str, texts: list[str]) -> pd.Series:
    """Return a model's probabilities, computed in a process of its own, with the code that the model carries.

    Raises:
        CandidateError: it cannot be run, or answers something else than probabilities.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # an answer is none the worse for it
        question, answers = Path(folder) / "texts.json", Path(folder) / "answers.json"
        question.write_text(json.dumps({"inputs": texts}), encoding="utf-8")
        command = [sys.executable, "-m", "mlflow", "models", "predict", "--model-uri", uri, "--env-manager", "local"]
        command += ["--input-path", str(question), "--output-path", str(answers), "--content-type", "json"]
        # MLflow leaves downloads in the temporary folder.
        environment = {**os.environ, "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri(), "TMPDIR": folder}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            log.error("%s", done.stderr[-MOST_OF_AN_ERROR:])
            said = done.stderr.strip() or f"its process ended with {done.returncode} and no message"
            raise CandidateError(f"The model {uri} cannot be run: {said.splitlines()[-1]}")
        table = pd.DataFrame(json.loads(answers.read_text(encoding="utf-8"))["predictions"])
    if "negative_probability" not in table or not table["negative_probability"].between(0, 1).all():
        raise CandidateError(f"The model {uri} answers no negative_probability from 0 to 1, but {table.head(3)}.")
    return table["negative_probability"]
