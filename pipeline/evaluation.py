"""Evaluate a model on labelled tweets, and log the results."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from omegaconf import DictConfig
from tqdm import tqdm

from pipeline import artifacts, preflight, runs, scoring, settings
from pipeline.candidates import CandidateError
from pipeline.served import ServedModel
from pipeline.trained import most_wrong
from sentiment.data import keys
from sentiment.data.unseen import Unseen
from sentiment.evaluation import abstention, behaviour, bootstrap, calibration, slices
from sentiment.evaluation.bootstrap import Interval, Resampling
from sentiment.evaluation.metrics import HIGHER_IS_BETTER, Cost, Predictions
from sentiment.inference.errors import SettingsError
from sentiment.inference.text import Cleaner
from sentiment.reports import evaluation as report
from sentiment.reports.evaluation import Evaluation
from sentiment.reports.model_card import count_answers

# Prefix of the metrics of a run of `evaluate`; `val_` is that of trainers, `test_` that of `select`.
PREFIX = "eval_"
# How texts are shown: without the names and addresses of those who wrote them.
MASKED = Cleaner(links="http", mentions="@user", emoji=False, max_repeats=20)


def check(cfg: DictConfig) -> None:
    """Validate the settings before a model or a table is read.

    Raises:
        SettingsError: one of them has no usable value.
    """
    section = cfg.evaluate
    Cost(**cfg.cost)
    preflight.check_number("calibration.folds", cfg.calibration.folds, least=2, whole=True)
    preflight.check_number("evaluate.resamples", section.resamples, least=20, whole=True)
    preflight.check_number("evaluate.confidence", section.confidence, least=0.5, most=0.999)
    preflight.check_number("evaluate.most_wrong", section.most_wrong, least=0, whole=True)
    columns = settings.plain(section)["slice_columns"]
    if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
        raise SettingsError(f"evaluate.slice_columns={columns}: set it to a list of columns, [airline], or to [].")
    if cfg.data.extra_training:
        raise SettingsError(
            "data.extra_training: `evaluate` evaluates on the main data only. Choose the table by data=..., and leave "
            "data.extra_training out."
        )


def answers_of(model: ServedModel, texts: list[str]) -> pd.DataFrame:
    """Return a model's answers to tweets: `negative_probability`, `sentiment`, `uncertain` and `reliable`.

    Raises:
        CandidateError: the model cannot be run, or an older version of the project made it.
    """
    answers = scoring.predict_in_subprocess(model.uri, texts)
    if not {"sentiment", "uncertain", "reliable"} <= set(answers.columns):
        raise CandidateError(f"{model.uri} was trained by an older version of this project. Train it again.")
    return answers


def evaluate(model: ServedModel, rows: Unseen, cfg: DictConfig, scratch: Path) -> Evaluation:
    """Evaluate a model on labelled tweets; log metrics, tables and the report; return the results.

    Args:
        model: the model.
        rows: the tweets.
        cfg: the configuration.
        scratch: a temporary folder.

    Raises:
        CandidateError: the model cannot be run, or an older version of the project made it.
    """
    tweets, asked = rows.frame, behaviour.texts()
    answers = answers_of(model, [*tweets["text"], *asked])
    behaved = behaviour.cases(answers.tail(len(asked)))
    answers = answers.head(len(tweets))
    negative = tweets["negative"].to_numpy()
    predictions = Predictions.at(answers["negative_probability"].to_numpy(), model.threshold)
    evaluation = gather(model, rows, answers, predictions, behaved, cfg)
    log_metrics(evaluation)
    data = cfg.data.name
    artifacts.log_data_set(tweets, f"{data} evaluated", keys.digest({data: tweets}), context="evaluation")
    tables = {
        "slices": evaluation.slices,
        "behaviour": evaluation.behaviour,
        "behaviour_cases": behaved,
        "reliable": evaluation.reliable,
        "recalibration": evaluation.recalibration.table,
    }
    if not evaluation.most_wrong.empty:
        tables["most_wrong"] = evaluation.most_wrong
    for name, table in tables.items():
        runs.log_table(table, f"tables/{name}.csv")
    report.write(evaluation, negative, predictions, scratch / artifacts.REPORT)
    artifacts.log_report(scratch / artifacts.REPORT)
    return evaluation


def gather(
    model: ServedModel,
    rows: Unseen,
    answers: pd.DataFrame,
    predictions: Predictions,
    behaved: pd.DataFrame,
    cfg: DictConfig,
) -> Evaluation:
    """Measure everything; for the arguments, see `evaluate`.

    Args:
        model: the model.
        rows: the tweets.
        answers: the model's answers to them.
        predictions: the same, as predictions at its threshold.
        behaved: the results of the behavioural tests, `behaviour.cases`.
        cfg: the configuration.
    """
    tweets, section, cost = rows.frame, cfg.evaluate, Cost(**cfg.cost)
    negative, texts = tweets["negative"].to_numpy(), tweets["text"].tolist()
    counts = abstention.table(negative, predictions.called, answers["reliable"].to_numpy())
    in_slice = {**slices.masks(texts), **slices.language_masks(texts), **slices.column_masks(rows.columns)}
    return Evaluation(
        title=model.title,
        uri=model.uri,
        candidate=model.candidate,
        data=described(cfg.data),
        created=f"{datetime.now(UTC):%d %B %Y}",
        counts=rows.counts,
        include_seen=section.include_seen,
        authors=known_authors(tweets["group"]),
        negative_share=float(negative.mean()),
        mean_probability=float(predictions.probability.mean()),
        metrics=intervals(tweets, predictions, cost, cfg),
        threshold=model.threshold,
        answers=count_answers(negative, predictions.called),
        cost=cost,
        uncertain_share=float(answers["uncertain"].mean()),
        reliability=model.reliability,
        reliable=abstention.judge(counts, model.reliability, float(negative.mean()), section.confidence),
        calibration_method=model.calibration,
        recalibration=calibration.choose(negative, predictions.probability, **cfg.calibration, seed=cfg.seed),
        slices=slices.measure(in_slice, negative, predictions, cost=cost, confidence=section.confidence),
        behaviour=behaviour.table(behaved),
        most_wrong=masked(most_wrong(tweets, predictions.probability, section.most_wrong)),
    )


def described(data: DictConfig) -> str:
    """Return the name of a data set, and of its file if it has one: `csv (tweets.csv)`."""
    path = data.get("path")
    return str(data.name) if path is None else f"{data.name} ({Path(path).name})"


def intervals(tweets: pd.DataFrame, predictions: Predictions, cost: Cost, cfg: DictConfig) -> dict[str, Interval]:
    """Return all metrics with their intervals; if that takes more than two seconds, show progress."""
    negative = tweets["negative"].to_numpy()
    resampling = Resampling(
        resamples=cfg.evaluate.resamples,
        confidence=cfg.evaluate.confidence,
        seed=cfg.seed,
        groups=tweets["group"].to_numpy(),
    )
    return {
        metric: bootstrap.interval(negative, predictions, metric, cost=cost, resampling=resampling)
        for metric in tqdm(HIGHER_IS_BETTER, desc="intervals", unit=" metrics", delay=2)
    }


def known_authors(groups: pd.Series) -> int | None:
    """Return the number of authors, or None if no author is known to have two tweets."""
    authors = int(bootstrap.codes_of(groups.to_numpy()).max()) + 1
    return None if authors == len(groups) else authors


def masked(tweets: pd.DataFrame) -> pd.DataFrame:
    """Return tweets with mentions and links replaced in their texts."""
    return tweets.assign(text=tweets["text"].map(MASKED))


def log_metrics(evaluation: Evaluation) -> None:
    """Log all figures of an evaluation that are defined."""
    figures: dict[str, Any] = {
        "rows": evaluation.counts["evaluated"],
        **{f"{name}_rows": evaluation.counts[name] for name in ("seen", "duplicates", "contradictions")},
        "negative_share": evaluation.negative_share,
        "mean_probability": evaluation.mean_probability,
        "uncertain_share": evaluation.uncertain_share,
        "reliable_share": evaluation.reliable["reliable"].sum() / evaluation.counts["evaluated"],
        "recalibration_gain": evaluation.recalibration.table["gain"].max(),
    }
    for metric, interval in evaluation.metrics.items():
        figures |= {metric: interval.estimate, f"{metric}_low": interval.low, f"{metric}_high": interval.high}
    for row in evaluation.reliable.to_dict("records"):
        names = ("error", "error_low", "error_high", "judged", "judged_low", "judged_high")
        figures |= {f"reliable_{row['answer']}_{name}": row[name] for name in names}
    figures |= {
        f"behaviour_{row['test'].replace(' ', '_')}": row["share"] for row in evaluation.behaviour.to_dict("records")
    }
    mlflow.log_metrics({f"{PREFIX}{name}": float(value) for name, value in figures.items() if not np.isnan(value)})
