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

from pipeline import artifacts, candidates, settings
from pipeline.candidates import CandidateError
from sentiment.evaluation import bootstrap, metrics
from sentiment.evaluation.bootstrap import Interval
from sentiment.evaluation.gate import Requirements
from sentiment.evaluation.metrics import Cost
from sentiment.inference.arrays import Labels, Probabilities
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
        validation: columns `text`, `negative`, and one named by the URI of each candidate, its probabilities.
        leads: of the winner over each other candidate, by its name, the best of them first.
        intervals: the winner's metrics on validation.
    """

    ranked: pd.DataFrame
    winner: pd.Series
    validation: pd.DataFrame
    leads: Mapping[str, Interval]
    intervals: Mapping[str, Interval]


@dataclass(frozen=True, kw_only=True)
class Control:
    """The winner on the test split.

    Attributes:
        negative: labels, shape (n,).
        probability: what the served model answers, shape (n,).
        scores: its metrics, at its threshold.
        gap: what the difference between its AUC on validation and on test says, in words.
    """

    negative: Labels
    probability: Probabilities
    scores: Mapping[str, float]
    gap: str


def requirements(cfg: DictConfig) -> Requirements:
    """Return what a model must bring to be served.

    Raises:
        ValueError: the families are no list.
    """
    section = settings.plain(cfg.select)
    return Requirements(**{name: section[name] for name in ("floor", "max_megabytes", "max_milliseconds", "families")})


def drawing(cfg: DictConfig) -> dict[str, Any]:
    """Return how tweets are drawn for intervals, and what wrong answers cost, for `sentiment.evaluation`."""
    given = {"resamples": cfg.select.resamples, "confidence": cfg.select.confidence, "seed": cfg.seed}
    return {"cost": Cost(**cfg.cost), **given}


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
    candidates.require_scored_on(ranked, data)
    winner = choose(ranked, requirements(cfg).families, list(cfg.select.runtimes))
    validation = pd.read_parquet(splits / "validation.parquet", columns=["text", "negative"])
    for uri in ranked["uri"]:
        validation[uri] = candidates.read_validation(uri)["probability"].to_numpy()
    others = ranked[ranked["uri"] != winner["uri"]]
    negative, probability = (validation[column].to_numpy() for column in ("negative", winner["uri"]))
    return Selection(
        ranked=ranked,
        winner=winner,
        validation=validation,
        leads={
            other.name: lead(winner, validation, validation[other.uri], other.threshold, cfg)
            for other in others[["name", "uri", "threshold"]].itertuples(index=False)
        },
        intervals=bootstrap.intervals(negative, probability, threshold=winner["threshold"], **drawing(cfg)),
    )


def choose(ranked: pd.DataFrame, families: Sequence[str], runtimes: Sequence[str]) -> pd.Series:
    """Return the best candidate that may be served.

    Raises:
        CandidateError: none may.
    """
    allowed = ranked[ranked["runtime"].isin(runtimes) & ranked["family"].isin(families)]
    if allowed.empty:
        told = ", ".join(f"{row.name} ({row.family}, {row.runtime})" for row in ranked.itertuples(index=False))
        raise CandidateError(
            f"No candidate may be served: select.families={families} and select.runtimes={runtimes} allow none of "
            f"{told}."
        )
    return allowed.iloc[0]


def lead(winner: pd.Series, rows: pd.DataFrame, other: pd.Series, threshold: float, cfg: DictConfig) -> Interval:
    """Return by how much the winner leads another model, in the metric to select by.

    Args:
        winner: its row among the candidates.
        rows: of the validation split, as in `Selection`.
        other: the other model's probabilities on them, shape (n,).
        threshold: the other model's.
        cfg: the configuration.
    """
    return bootstrap.lead(
        rows["negative"].to_numpy(),
        rows[winner["uri"]].to_numpy(),
        other.to_numpy(),
        cfg.select.metric,
        thresholds=(winner["threshold"], threshold),
        **drawing(cfg),
    )


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
    curves = {name: found.validation[uri].to_numpy() for name, uri in names}
    plots.roc_curves(found.validation["negative"].to_numpy(), curves).savefig(folder / "roc.png")
    text = comparison.markdown(found.ranked, TITLE, note, comparison.PLOTS)
    (folder / "candidates.md").write_text(text, encoding="utf-8")
    (folder / "candidates.html").write_text(pages.page(text, folder), encoding="utf-8")
    mlflow.log_artifacts(str(folder), "comparison")
    if found.leads:
        log_lead("lead_over_second", next(iter(found.leads.values())))


def look_at_test(found: Selection, splits: Path, cfg: DictConfig) -> Control:
    """Score the winner on the test split, as it is served, and log its metrics `test_*`.

    Raises:
        CandidateError: it cannot be run.
    """
    winner = found.winner
    test = pd.read_parquet(splits / "test.parquet", columns=["text", "negative"])
    on_test = test["negative"].to_numpy(), answer(winner["uri"], test["text"].tolist()).to_numpy()
    scores = metrics.score(*on_test, winner["threshold"], Cost(**cfg.cost))
    mlflow.log_metrics({f"test_{name}": value for name, value in scores.items()})

    on_validation = found.validation["negative"].to_numpy(), found.validation[winner["uri"]].to_numpy()
    gap, errors = metrics.gap_in_standard_errors(on_validation, on_test)
    mlflow.log_metrics({"validation_to_test_gap": gap, "validation_to_test_gap_in_standard_errors": errors})
    told = f"{abs(gap):.3f} {'below' if gap > 0 else 'above'} validation, {abs(errors):.1f} standard errors: "
    told += "SUSPICIOUS, look at the splits" if abs(errors) > SUSPICIOUS else "chance explains it"
    return Control(negative=on_test[0], probability=on_test[1], scores=scores, gap=told)


def answer(uri: str, texts: list[str]) -> pd.Series:
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
            raise CandidateError(f"The model {uri} cannot be run: {done.stderr.strip().splitlines()[-1]}")
        table = pd.DataFrame(json.loads(answers.read_text(encoding="utf-8"))["predictions"])
    if "negative_probability" not in table or not table["negative_probability"].between(0, 1).all():
        raise CandidateError(f"The model {uri} answers no negative_probability from 0 to 1, but {table.head(3)}.")
    return table["negative_probability"]
