"""Promotion of a version to champion: through the gate, or manually."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient
from omegaconf import DictConfig

from pipeline import artifacts, candidates, feedback, registry, scoring, selection, stored_predictions
from pipeline.candidates import CandidateError
from pipeline.registry import CHALLENGER, CHAMPION, WITHDRAWN, RegistryError
from pipeline.selection import Selection, TestEvaluation
from sentiment.data import keys
from sentiment.evaluation import gate
from sentiment.evaluation.bootstrap import codes_of
from sentiment.evaluation.gate import Feedback, Rival
from sentiment.evaluation.metrics import Cost, Predictions, best_constant
from sentiment.evaluation.verdict import Verdict
from sentiment.inference.errors import UserError
from sentiment.reports import verdict as verdicts

log = logging.getLogger(__name__)

# How long to wait for another command that is comparing its winner with the champion.
LOCK_TIMEOUT_SECONDS = 300
# Prefix of a version's tag, followed by a metric: by how much the version is estimated to trail the best champion so
# far.
BEHIND = "behind_best_"
TWEET = "@AirParadis two hours late and nobody tells us why :("


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The result of registering the winner.

    Attributes:
        version: its version of the registered model.
        verdict: the gate's verdict.
        champion: whether it is the champion now.
    """

    version: ModelVersion
    verdict: Verdict
    champion: bool


def challenge(selected: Selection, test: TestEvaluation, cfg: DictConfig) -> Decision:
    """Register the winner as challenger, and promote it to champion if it passes the gate.

    The verdict is stored as tags of the version: `gate` (passed, refused or undecided) and `gate_reasons`. A winner
    that is already the champion remains champion, whatever the verdict.

    Args:
        selected: the candidates and the winner.
        test: the winner's results on the test split.
        cfg: the configuration.
    """
    name, winner = cfg.select.name, selected.winner
    tags = {key: selected.data[key] for key in ("data", "digest")}
    tags |= {"candidate": winner["name"], "threshold": winner["threshold"]}
    tags |= {"languages": ",".join(cfg.select.languages)}
    tags |= {f"val_{cfg.select.metric}": winner[cfg.select.metric]}
    with registry.locked(name, seconds=LOCK_TIMEOUT_SECONDS):
        version = registry.register(winner["uri"], name, tags)
        champion = registry.holder(name, CHAMPION)
        if champion is not None and champion.version == version.version:
            verdict = run_gate(selected, None, None, version.tags.get(WITHDRAWN), cfg)
            crown(version, verdict.summary)
            return Decision(version=version, verdict=verdict, champion=True)
        registry.move(name, CHALLENGER, str(version.version), "the best candidate on validation")
        rival = None if champion is None else compare(champion, test, cfg)
        compared = None if champion is None else feedback.compare(champion, winner, cfg)
        verdict = run_gate(selected, rival, compared, version.tags.get(WITHDRAWN), cfg)
        record(version, {"gate": verdict.result, "gate_reasons": verdicts.markdown(verdict)})
        if verdict.passed:
            if rival is not None and rival.lead is not None:
                behind = min(0.0, rival.behind + rival.lead.estimate)
                record(version, {f"{BEHIND}{cfg.select.metric}": str(behind)})
            crown(version, verdict.summary)
    return Decision(version=version, verdict=verdict, champion=verdict.passed)


def compare(champion: ModelVersion, test: TestEvaluation, cfg: DictConfig) -> Rival:
    """Compare the winner with the champion on the test tweets that neither has seen.

    The winner's own choices (model, epoch, calibration, threshold) were all made on validation. Texts of the champion's
    training and validation splits are excluded.
    """
    facts: dict[str, Any] = {"behind": behind_best(champion, cfg.select.metric)}
    try:
        champion_row = candidates.read(f"runs:/{champion.run_id}/{artifacts.MODEL}")
        seen = stored_predictions.read_seen(champion_row["uri"])
        unseen = ~keys.text_hashes(test.tweets["text"]).isin(seen).to_numpy()
        tweets = test.tweets[unseen]
        facts |= {"rows": len(tweets), "authors": int(codes_of(tweets["group"].to_numpy()).max(initial=-1)) + 1}
        if obstacle := too_few(tweets, facts["authors"], cfg):
            return Rival(**facts, lead=None, obstacle=obstacle)
        answers = scoring.predict_in_subprocess(f"models:/{champion.name}/{champion.version}", tweets["text"].tolist())
    except (mlflow.MlflowException, OSError, ValueError, UserError) as error:  # its files are missing or damaged
        obstacle = f"version {champion.version}, the champion: {str(error).rstrip('.')}."
        return Rival(**{"rows": 0, "authors": 0, **facts}, lead=None, obstacle=obstacle)
    log.info("Compared with the champion on %d of %d test tweets.", len(tweets), len(test.tweets))
    champion_predictions = Predictions.at(answers["negative_probability"].to_numpy(), champion_row["threshold"])
    lead = selection.lead(tweets, test.predictions[unseen], champion_predictions, cfg)
    mlflow.log_metric("compared_with_champion_rows", len(tweets))
    selection.log_lead("lead_over_champion", lead)
    return Rival(**facts, lead=lead)


def too_few(tweets: pd.DataFrame, authors: int, cfg: DictConfig) -> str | None:
    """Return why there are too few tweets to compare two models, or None."""
    rarer = int(np.bincount(tweets["negative"], minlength=2).min())
    counts = {
        "min_compared": (len(tweets), "test tweets"),
        "min_of_class": (rarer, "test tweets of the rarer class"),
        "min_authors": (authors, "authors of test tweets"),
    }
    for name, (count, unit) in counts.items():
        if count < cfg.select[name]:
            return f"only {count:,} {unit} are unseen by the champion; select.{name}={cfg.select[name]} are required."
    return None


def behind_best(champion: ModelVersion, metric: str) -> float:
    """Return by how much a champion is estimated to trail the best champion before it; 0 or below."""
    return float(champion.tags.get(f"{BEHIND}{metric}", 0.0))


def run_gate(
    selected: Selection, champion: Rival | None, compared: Feedback | None, withdrawn: str | None, cfg: DictConfig
) -> Verdict:
    """Return the gate's verdict on the winner.

    Args:
        selected: the candidates and the winner.
        champion: the comparison with the champion on the test split; None if there is no other champion.
        compared: that on the feedback set; None if there is no such set.
        withdrawn: the reason of an earlier withdrawal of the winner, if any.
        cfg: the configuration.
    """
    winner, metric = selected.winner, cfg.select.metric
    return gate.examine(
        selection.requirements(cfg),
        family=winner["family"],
        metric=metric,
        quality=selected.intervals[metric],
        constant=best_constant(selected.validation["negative"].to_numpy(), metric, Cost(**cfg.cost)),
        megabytes=winner["megabytes"],
        milliseconds=winner["predict_milliseconds"],
        champion=champion,
        feedback=compared,
        withdrawn=withdrawn,
    )


def record(version: ModelVersion, tags: Mapping[str, str]) -> None:
    """Set tags of a version."""
    for key, value in tags.items():
        MlflowClient().set_model_version_tag(version.name, version.version, key, value)


def crown(version: ModelVersion, why: str) -> None:
    """Make a version the champion, and remove the alias `challenger` from it."""
    name, number = version.name, str(version.version)
    registry.move(name, CHAMPION, number, why)
    if registry.aliases(name).get(CHALLENGER) == number:
        registry.move(name, CHALLENGER, None, "it is the champion")


def promote(name: str, number: str, reason: str) -> str | None:
    """Promote a version manually, after checking that it works; return the former champion's version.

    The former champion is marked as withdrawn: the gate does not promote it again. After an interruption, repeating the
    call completes the promotion.

    Raises:
        RegistryError: the version does not exist or does not work, or another promotion is in progress.
    """
    client = MlflowClient()
    with registry.locked(name, seconds=0):
        version = require_usable(name, number)
        former = registry.aliases(name).get(CHAMPION)
        if former not in (None, number):
            client.set_model_version_tag(name, former, WITHDRAWN, reason)
        if WITHDRAWN in version.tags:
            client.delete_model_version_tag(name, number, WITHDRAWN)
        crown(version, reason)
    return former


def require_usable(name: str, number: str) -> ModelVersion:
    """Return a version after it has classified one tweet.

    Raises:
        RegistryError: there is no such version, or it does not work.
    """
    versions = {str(version.version): version for version in MlflowClient().search_model_versions(f"name = '{name}'")}
    if number not in versions:
        existing = ", ".join(sorted(versions, key=int)) or "none"
        raise RegistryError(f"{name} has no version {number!r}. Its versions are: {existing}.")
    try:
        scoring.predict_in_subprocess(f"models:/{name}/{number}", [TWEET])
    except CandidateError as error:
        raise RegistryError(f"Version {number} of {name} does not work, so it was not promoted. {error}") from error
    return versions[number]
