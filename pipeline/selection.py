"""Select the best candidate on validation, measure its lead, and evaluate it once on the test split."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from omegaconf import DictConfig

from pipeline import artifacts, candidates, runs, scoring, settings, stored_predictions
from pipeline.candidates import CandidateError
from sentiment.data import keys
from sentiment.evaluation import abstention, bootstrap, metrics
from sentiment.evaluation.bootstrap import Interval, Resampling
from sentiment.evaluation.gate import Requirements
from sentiment.evaluation.metrics import Cost, Predictions
from sentiment.reports import comparison, pages

log = logging.getLogger(__name__)

COMPARISON, QUALITY_PLOT = "comparison", "quality_against_time.png"
# Gap between validation and test, in standard errors. By chance, 3 are exceeded once in 370 runs. 2 would be exceeded
# once in 20 runs, and more often here: the winner was chosen on validation, so its validation metrics are optimistic.
SUSPICIOUS = 3.0


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The compared candidates and the winner.

    Attributes:
        ranked: the candidates, the best first, as returned by `candidates.rank`.
        winner: the row of the best candidate that may be served.
        data: description of the winner's training data, with `limits`.
        validation: the validation split: columns `text`, `negative` and `group`.
        predictions: predictions of each candidate on the validation split, by URI.
        leads: the winner's lead over each other candidate on the tweets that rank, by name, in ranking order.
        intervals: the winner's validation metrics, with confidence intervals.
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
    """The winner's results on the test split.

    Attributes:
        tweets: the test split: columns `text`, `negative` and `group`.
        predictions: predictions of the served form.
        scores: its metrics.
        gap: the difference between its AUC on validation and on test, in words.
        reliable: how its promise about reliable answers is kept, `sentiment.evaluation.abstention.table`.
    """

    tweets: pd.DataFrame
    predictions: Predictions
    scores: Mapping[str, float]
    gap: str
    reliable: pd.DataFrame


def requirements(cfg: DictConfig) -> Requirements:
    """Return the gate's requirements, from the section `select`."""
    section, metric = settings.plain(cfg.select), cfg.select.metric
    metric_independent = ("max_megabytes", "max_milliseconds", "families")
    of_metric = {name: section[name][metric] for name in ("floor", "margin")}
    return Requirements(**of_metric, **{name: section[name] for name in metric_independent})


def resampling(cfg: DictConfig, tweets: pd.DataFrame) -> Resampling:
    """Return the bootstrap settings for intervals on tweets (column `group`)."""
    bootstrap_settings = {"resamples": cfg.select.resamples, "confidence": cfg.select.confidence, "seed": cfg.seed}
    return Resampling(**bootstrap_settings, groups=tweets["group"].to_numpy())


def compare(uris: Sequence[str], splits: Path, data: Mapping[str, Any], cfg: DictConfig) -> Selection:
    """Rank candidates on the target to select by, choose the best that may be served, and measure its leads.

    Args:
        uris: URIs of the candidates.
        splits: a splits folder.
        data: its description, written by the step `split`.
        cfg: the configuration.

    Raises:
        CandidateError: no candidate may be served, or one cannot be compared with the others.
    """
    if not uris:
        raise CandidateError(
            f"There are no candidates to select from (inputs.candidates): pass runs:/<run id>/{artifacts.MODEL}."
        )
    target = cfg.select.target
    ranked = candidates.rank([candidates.read(uri) for uri in dict.fromkeys(uris)], cfg.select.metric, target)
    candidates.require_same_splits(ranked, data)
    winner = choose(ranked, cfg)
    validation = artifacts.read_split(splits, "validation", data)
    predictions = {uri: stored_predictions.read(uri, validation, None) for uri in ranked["uri"]}
    tweets, of_tweets = validation, predictions
    if target is not None:
        tweets = read_ranking(splits, data, cfg)
        of_tweets = {uri: stored_predictions.read(uri, tweets, target) for uri in ranked["uri"]}
    others = ranked[ranked["uri"] != winner["uri"]]
    return Selection(
        ranked=ranked,
        winner=winner,
        data={**candidates.read_data(winner["uri"]), "limits": data["limits"]},
        validation=validation,
        predictions=predictions,
        leads={
            other.name: lead(tweets, of_tweets[winner["uri"]], of_tweets[other.uri], cfg)
            for other in others[["name", "uri"]].itertuples(index=False)
        },
        intervals=bootstrap.intervals(
            validation["negative"].to_numpy(),
            predictions[winner["uri"]],
            cost=Cost(**cfg.cost),
            resampling=resampling(cfg, validation),
        ),
    )


def read_ranking(splits: Path, data: Mapping[str, Any], cfg: DictConfig) -> pd.DataFrame:
    """Return the tweets that rank candidates, those of `select.target` or of the validation split.

    Raises:
        ArtifactError: their file has changed since the step `split` wrote it.
        CandidateError: the splits have no such target.
    """
    target, known = cfg.select.target, list(data.get("targets", {}))
    if target is None:
        return artifacts.read_split(splits, "validation", data)
    if target not in known:
        raise CandidateError(
            f"Unknown select.target={target}. Targets of these splits: {', '.join(known) or 'none'}. Choose one of "
            "them, or null for the validation split, or hold out others (split.targets)."
        )
    return artifacts.read_target(splits, target, data)


def title(cfg: DictConfig) -> str:
    """Return the title of the comparison."""
    return f"Candidates on {tweets_that_rank(cfg.select.target)}, best first"


def tweets_that_rank(target: str | None) -> str:
    """Return how a title calls the tweets that rank candidates."""
    return "the validation split" if target is None else f"the target {target}"


def choose(ranked: pd.DataFrame, cfg: DictConfig) -> pd.Series:
    """Return the best candidate that may be served.

    Raises:
        CandidateError: no candidate may be served.
    """
    allowed = candidates.servable(ranked, cfg)
    if allowed.empty:
        names = ", ".join(f"{row.name} ({row.family}, {row.runtimes})" for row in ranked.itertuples(index=False))
        raise CandidateError(
            f"No candidate may be served: select.families={list(cfg.select.families)} and select.runtimes="
            f"{list(cfg.select.runtimes)} allow none of {names}."
        )
    return allowed.iloc[0]


def lead(tweets: pd.DataFrame, first: Predictions, second: Predictions, cfg: DictConfig) -> Interval:
    """Return the lead of one model over another on tweets (`negative`, `group`), in the metric to select by."""
    negative = tweets["negative"].to_numpy()
    cost, bootstrap_settings = Cost(**cfg.cost), resampling(cfg, tweets)
    return bootstrap.lead(negative, first, second, cfg.select.metric, cost=cost, resampling=bootstrap_settings)


def log_lead(name: str, interval: Interval) -> None:
    """Log a lead of the winner and its confidence interval, as three metrics."""
    mlflow.log_metrics({name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high})


def log_comparison(selected: Selection, cfg: DictConfig, note: str, scratch: Path) -> None:
    """Log the comparison as CSV, Markdown, HTML and plots, and the lead over the best other candidate."""
    from sentiment.reports import plots  # takes a second to import, which `main` saves

    folder = scratch / COMPARISON
    folder.mkdir()
    selected.ranked.to_csv(folder / "candidates.csv", index=False)
    ranking = metrics.on_target(cfg.select.metric, cfg.select.target)
    plots.quality_against_time(selected.ranked, ranking).savefig(folder / QUALITY_PLOT)
    names_and_uris = zip(selected.ranked["name"], selected.ranked["uri"], strict=True)
    curves = {name: selected.predictions[uri].score for name, uri in names_and_uris}
    plots.roc_curves(selected.validation["negative"].to_numpy(), curves).savefig(folder / "roc.png")
    text = comparison.markdown(selected.ranked, title(cfg), note, comparison.PLOTS)
    (folder / "candidates.md").write_text(text, encoding="utf-8")
    (folder / "candidates.html").write_text(pages.page(text, folder), encoding="utf-8")
    mlflow.log_artifacts(str(folder), COMPARISON)
    if selected.leads:
        log_lead("lead_over_second", next(iter(selected.leads.values())))


def evaluate_on_test(selected: Selection, splits: Path, cfg: DictConfig) -> TestEvaluation:
    """Score the winner's served form on the test split, and log its metrics `test_*`.

    Raises:
        CandidateError: the model cannot be run, has seen test tweets, or was trained by an older version.
    """
    winner = selected.winner
    test = artifacts.read_split(splits, "test", artifacts.describe_data(splits))
    if seen := keys.text_hashes(test["text"]).isin(stored_predictions.read_seen(winner["uri"])).sum():
        raise CandidateError(f"{winner['uri']} has seen {seen:,} of the {len(test):,} test tweets. Use other splits.")
    negative = test["negative"].to_numpy()
    answers = scoring.predict_in_subprocess(winner["uri"], test["text"].tolist())
    if "reliable" not in answers:
        raise CandidateError(f"{winner['uri']} was trained by an older version of this project. Train it again.")
    predictions = Predictions.at(answers["negative_probability"].to_numpy(), winner["threshold"])
    reliable = abstention.table(negative, predictions.called, answers["reliable"].to_numpy())
    scores = metrics.score(negative, predictions, Cost(**cfg.cost))
    mlflow.log_metrics({f"test_{name}": value for name, value in scores.items()})
    runs.log_table(reliable, "tables/reliable.csv")

    gap, errors = bootstrap.gap_in_standard_errors(
        (
            selected.validation["negative"].to_numpy(),
            selected.predictions[winner["uri"]],
            resampling(cfg, selected.validation),
        ),
        (negative, predictions, resampling(cfg, test)),
        cost=Cost(**cfg.cost),
    )
    mlflow.log_metrics({"validation_to_test_gap": gap, "validation_to_test_gap_in_standard_errors": errors})
    return TestEvaluation(
        tweets=test, predictions=predictions, scores=scores, gap=describe_gap(gap, errors), reliable=reliable
    )


def describe_gap(gap: float, errors: float) -> str:
    """Describe the gap between validation and test: `0.012 below validation (2.2 standard errors; ...)`."""
    side = "below" if gap > 0 else "above"
    chance = f"by chance, a gap at least as large occurs in {100 * metrics.chance_of(errors):.2g} % of runs"
    advice = ": SUSPICIOUS, check the splits" if abs(errors) > SUSPICIOUS else ""
    return f"{abs(gap):.3f} {side} validation ({abs(errors):.1f} standard errors; {chance}){advice}"
