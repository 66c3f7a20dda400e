"""Watch a model: have its tweets changed, and is it worse?"""

import math
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities.model_registry import ModelVersion
from omegaconf import DictConfig

from monitoring import drift, performance
from monitoring.drift import Limits
from monitoring.performance import Quality, Scored
from pipeline import artifacts, current, preflight, reference, registry, runs, served
from pipeline.current import Current
from pipeline.reference import SCORES, DriftError, Reference
from sentiment.evaluation.features import FEATURES
from sentiment.inference.errors import SettingsError
from sentiment.reports import drift as report
from sentiment.reports.drift import PROBABILITY, Watched

# Prefix of the metrics.
PREFIX = "drift_"
TABLE, EVENTS = "data", "events"
# Exit codes for schedulers. That the model is worse is the graver news.
CHANGED, WORSE = 3, 4


def check(cfg: DictConfig) -> None:
    """Validate the settings before anything is read.

    Raises:
        SettingsError: one of them has no usable value.
    """
    section = cfg.drift
    if section.tweets not in (TABLE, EVENTS):
        raise SettingsError(f"drift.tweets={section.tweets}: set it to {EVENTS} or {TABLE}.")
    if section.tweets == TABLE and cfg.data.extra_training:
        raise SettingsError("data.extra_training: `drift` compares the main data only. Leave data.extra_training out.")
    preflight.check_number("drift.days", section.days, least=1 / 24, most=3650)
    preflight.check_number("drift.min_tweets", section.min_tweets, least=30, whole=True)
    preflight.check_number("drift.max_tweets", section.max_tweets, least=section.min_tweets, whole=True)
    preflight.check_number("drift.min_psi", section.min_psi, least=0)
    preflight.check_number("drift.false_alarms", section.false_alarms, least=0.0001, most=0.5)
    preflight.check_number("drift.max_drop", section.max_drop, least=0.001, most=0.5)
    preflight.check_number("drift.confidence", section.confidence, least=0.5, most=0.999)
    # With fewer, no p-value is small enough for so many features.
    least = math.ceil((len(FEATURES) + 1) / section.false_alarms)
    preflight.check_number("drift.resamples", section.resamples, least=least, whole=True)


def find(cfg: DictConfig) -> ModelVersion:
    """Return the registered version to watch.

    Raises:
        ArtifactError: there is no such model, alias or version.
        DriftError: it is the model of a run.
    """
    version = registry.resolve(cfg.drift.model, "drift.model")
    if version is None:
        raise DriftError(
            f"drift.model={cfg.drift.model}: only registered versions have a reference. Set it to "
            "models:/<name>@champion or models:/<name>/<version>."
        )
    return version


def watch(cfg: DictConfig, scratch: Path) -> Watched:
    """Compare current tweets with the reference of a version; log and return the results.

    Args:
        cfg: the configuration.
        scratch: a temporary folder.

    Raises:
        UserError: the model, its reference or the tweets cannot be used.
    """
    version = find(cfg)
    mlflow.set_tag("model", f"models:/{version.name}/{version.version}")
    before = reference.read(version, scratch)
    if cfg.drift.tweets == TABLE:
        now = current.from_table(served.find(cfg.drift.model, "drift.model", scratch), before, cfg)
    else:
        now = current.from_events(version, before, cfg)
    watched = judge(version, before, now, cfg)
    log_results(watched)
    report.write(watched, before.tweets, now.tweets, scratch / artifacts.REPORT)
    artifacts.log_report(scratch / artifacts.REPORT)
    return watched


def judge(version: ModelVersion, before: Reference, now: Current, cfg: DictConfig) -> Watched:
    """Answer both questions."""
    section = cfg.drift
    limits = Limits(min_psi=section.min_psi, false_alarms=section.false_alarms, resamples=section.resamples)
    counts = now.tweets[[*FEATURES, PROBABILITY]].notna().sum()
    enough = [name for name in counts.index if counts[name] >= section.min_tweets]
    table = drift.compare(before.tweets, now.tweets[enough], limits=limits, seed=cfg.seed)
    drifted = table.loc[table["drifted"], "feature"].tolist()
    labelled = now.tweets["negative"].notna().any()
    by_labels = assess(before, now, cfg, by_labels=True) if labelled else []
    estimated = assess(before, now, cfg, by_labels=False)
    precise = [each for each in estimated if each.margin <= section.max_drop]
    doubt = why_not_trusted(drifted, [name for name in FEATURES if name not in enough], estimated, precise)
    qualities = by_labels or ([] if doubt else precise)
    return Watched(
        title=f"{version.name} version {version.version}",
        uri=f"models:/{version.name}/{version.version}",
        tweets=now.title,
        created=f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC",
        total=now.total,
        compared=len(now.tweets),
        seen=now.seen,
        reference=len(before.tweets),
        features=table,
        unmeasured=[name for name in counts.index if name not in enough],
        new_words=now.new_words,
        limits=limits,
        by_labels=by_labels,
        estimated=estimated,
        doubt=doubt,
        qualities=qualities,
        worse=performance.worse(qualities, max_drop=section.max_drop) if qualities else "cannot tell",
        max_drop=section.max_drop,
        confidence=section.confidence,
    )


def assess(before: Reference, now: Current, cfg: DictConfig, *, by_labels: bool) -> list[Quality]:
    """Return the quality on the current tweets that the model has not learned from; empty if they are too few."""
    columns = list(SCORES) if by_labels else list(SCORES[:2])
    unseen = now.tweets.dropna(subset=columns)
    if len(unseen) < cfg.drift.min_tweets or (by_labels and unseen["negative"].nunique() < 2):
        return []
    section = cfg.drift
    return performance.assess(
        scored(before.tweets),
        scored(unseen),
        by_labels=by_labels,
        resamples=min(section.resamples, 1_000),
        confidence=section.confidence,
        seed=cfg.seed,
    )


def scored(tweets: pd.DataFrame) -> Scored:
    """Return tweets with their answers, and with their labels if all are known."""
    probability, called, negative = (tweets[name].to_numpy(dtype=np.float64) for name in SCORES)
    return Scored(probability=probability, called=called, negative=None if np.isnan(negative).any() else negative)


def why_not_trusted(drifted: list[str], unmeasured: list[str], estimated: list[Quality], precise: list[Quality]) -> str:
    """Return why an estimate without labels cannot be trusted; empty if it can, as far as this can be known."""
    if not estimated:
        return "too few tweets that the model has not learned from have a probability"
    if drifted:
        return (
            "the tweets have changed, so nobody knows without labels whether the probabilities are still right for them"
        )
    if unmeasured:
        return (
            "the texts are not stored, so it is not known whether they have changed (TELEMETRY_TEXT=masked stores them)"
        )
    if not precise:
        margin = min(each.margin for each in estimated)
        return (
            f"without labels it can only be estimated within {margin:.3f}, for lack of tweets here or in the reference"
        )
    return ""


def exit_code(watched: Watched) -> int:
    """Return the exit code that tells a scheduler the result: 0 if there is nothing to do."""
    return WORSE if watched.worse == "yes" else CHANGED if watched.changed else 0


def log_results(watched: Watched) -> None:
    """Log the verdicts as metrics and tags, and the tables."""
    figures: dict[str, float] = {
        "tweets": watched.compared,
        "seen_tweets": watched.seen,
        "changed": float(watched.changed),
        "trusted": float(not watched.doubt),
    }
    for row in watched.features.to_dict("records"):
        figures |= {f"psi_{row['feature']}": row["psi"], f"p_{row['feature']}": row["p_adjusted"]}
    for prefix, qualities in (("", watched.by_labels), ("estimated_", watched.estimated)):
        for each in qualities:
            name = f"{prefix}{each.metric}"
            figures |= {name: each.value, f"{name}_low": each.low, f"{name}_high": each.high}
            figures |= {f"{name}_difference": each.difference, f"{each.metric}_reference": each.reference}
            if prefix:
                figures[f"{name}_margin"] = each.margin
    if watched.worse != "cannot tell":
        figures["worse"] = float(watched.worse == "yes")
    mlflow.log_metrics({f"{PREFIX}{name}": float(value) for name, value in figures.items() if not math.isnan(value)})
    mlflow.set_tags({"changed": "yes" if watched.changed else "no", "worse": watched.worse})
    mlflow.set_tag("verdict", report.sentence(watched))
    runs.log_table(watched.features, "tables/features.csv")
    runs.log_table(watched.new_words, "tables/new_words.csv")
