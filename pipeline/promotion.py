"""How a version becomes champion: through the gate, or by hand."""

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

from pipeline import artifacts, candidates, registry, selection, stored_predictions
from pipeline.candidates import CandidateError
from pipeline.registry import CHALLENGER, CHAMPION, WITHDRAWN, RegistryError
from pipeline.selection import Selection, TestEvaluation
from sentiment.data import keys
from sentiment.evaluation import gate
from sentiment.evaluation.bootstrap import codes_of
from sentiment.evaluation.gate import Rival, Verdict
from sentiment.evaluation.metrics import Cost, Predictions, best_constant
from sentiment.inference.errors import UserError
from sentiment.reports import verdict as verdicts

log = logging.getLogger(__name__)

# Another command may be comparing its winner with the champion.
PATIENCE_SECONDS = 300
# Tag of a version, before a metric's name: by how much it is estimated to be worse than the best champion before it.
BEHIND = "behind_best_"
TWEET = "@AirParadis two hours late and nobody tells us why :("


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What became of the winner.

    Attributes:
        version: its version of the registered model.
        verdict: what the gate said.
        champion: whether it is the champion now.
    """

    version: ModelVersion
    verdict: Verdict
    champion: bool


def challenge(found: Selection, test: TestEvaluation, cfg: DictConfig) -> Decision:
    """Register the winner, make it the challenger, and the champion if the gate lets it pass.

    The verdict is kept as tags of the version: `gate` (passed, refused or undecided) and `gate_reasons`. A winner that
    is the champion already stays it, whatever the gate says.

    Args:
        found: the winner among the candidates.
        test: the winner on the test split.
        cfg: the configuration.
    """
    name, winner = cfg.select.name, found.winner
    tags = {key: found.data[key] for key in ("data", "digest", "synthetic")}
    tags |= {"candidate": winner["name"], "threshold": winner["threshold"]}
    tags |= {f"val_{cfg.select.metric}": winner[cfg.select.metric]}
    with registry.locked(name, seconds=PATIENCE_SECONDS):
        version = registry.register(winner["uri"], name, tags)
        champion = registry.holder(name, CHAMPION)
        if champion is not None and champion.version == version.version:
            verdict = judge(found, None, version.tags.get(WITHDRAWN), cfg)
            crown(version, verdict.summary)
            return Decision(version=version, verdict=verdict, champion=True)
        registry.move(name, CHALLENGER, str(version.version), "the best candidate on validation")
        rival = None if champion is None else compare(champion, test, cfg)
        verdict = judge(found, rival, version.tags.get(WITHDRAWN), cfg)
        record(version, {"gate": verdict.result, "gate_reasons": verdicts.markdown(verdict)})
        if verdict.passed:
            if rival is not None and rival.lead is not None:
                behind = min(0.0, rival.behind + rival.lead.estimate)
                record(version, {f"{BEHIND}{cfg.select.metric}": str(behind)})
            crown(version, verdict.summary)
    return Decision(version=version, verdict=verdict, champion=verdict.passed)


def compare(champion: ModelVersion, test: TestEvaluation, cfg: DictConfig) -> Rival:
    """Compare the winner with the champion on the tweets of the test split that the champion has not seen either.

    The winner was chosen on validation, and its epoch, calibration and threshold too: test tweets served for none of
    it. The texts of the champion's own train and validation splits are left out.
    """
    synthetic = champion.tags.get("synthetic") == "True"
    told: dict[str, Any] = {"synthetic": synthetic, "behind": behind_best(champion, cfg.select.metric)}
    try:
        trained = candidates.read(f"runs:/{champion.run_id}/{artifacts.MODEL}")
        seen = stored_predictions.read_seen(trained["uri"])
        unseen = ~keys.text_hashes(test.tweets["text"]).isin(seen).to_numpy()
        tweets = test.tweets[unseen]
        told |= {"rows": len(tweets), "authors": int(codes_of(tweets["group"].to_numpy()).max(initial=-1)) + 1}
        if obstacle := too_few(tweets, told["authors"], cfg):
            return Rival(**told, lead=None, obstacle=obstacle)
        probability = selection.predict_in_subprocess(
            f"models:/{champion.name}/{champion.version}", tweets["text"].tolist()
        )
    except (mlflow.MlflowException, OSError, ValueError, UserError) as error:  # files gone, damaged or not its own
        obstacle = f"version {champion.version}, the champion: {str(error).rstrip('.')}."
        return Rival(**{"rows": 0, "authors": 0, **told}, lead=None, obstacle=obstacle)
    log.info("Compared with the champion on %d of %d test tweets.", len(tweets), len(test.tweets))
    of_champion = Predictions.at(probability.to_numpy(), trained["threshold"])
    lead = selection.lead(tweets, test.predictions[unseen], of_champion, cfg)
    mlflow.log_metric("compared_with_champion_rows", len(tweets))
    selection.log_lead("lead_over_champion", lead)
    return Rival(**told, lead=lead)


def too_few(tweets: pd.DataFrame, authors: int, cfg: DictConfig) -> str | None:
    """Return why tweets are too few to compare two models on; None if they are not."""
    rarer = int(np.bincount(tweets["negative"], minlength=2).min())
    counts = {
        "min_compared": (len(tweets), "test tweets"),
        "min_of_class": (rarer, "test tweets of the rarer class"),
        "min_authors": (authors, "authors of test tweets"),
    }
    for name, (count, what) in counts.items():
        if count < cfg.select[name]:
            return f"only {count:,} {what} are unseen by the champion; select.{name}={cfg.select[name]} are required."
    return None


def behind_best(champion: ModelVersion, metric: str) -> float:
    """Return by how much a champion is estimated to be worse than the best one before it; 0 or below."""
    return float(champion.tags.get(f"{BEHIND}{metric}", 0.0))


def judge(found: Selection, champion: Rival | None, withdrawn: str | None, cfg: DictConfig) -> Verdict:
    """Return what the gate says of the winner; `withdrawn` says why somebody has withdrawn it, if so."""
    winner, metric = found.winner, cfg.select.metric
    return gate.examine(
        selection.requirements(cfg),
        family=winner["family"],
        metric=metric,
        quality=found.intervals[metric],
        constant=best_constant(found.validation["negative"].to_numpy(), metric, Cost(**cfg.cost)),
        megabytes=winner["megabytes"],
        milliseconds=winner["predict_milliseconds"],
        champion=champion,
        synthetic=found.data["synthetic"],
        withdrawn=withdrawn,
    )


def record(version: ModelVersion, tags: Mapping[str, str]) -> None:
    """Keep what the gate said as tags of a version."""
    for key, value in tags.items():
        MlflowClient().set_model_version_tag(version.name, version.version, key, value)


def crown(version: ModelVersion, why: str) -> None:
    """Make a version the champion; it is no challenger any more."""
    name, number = version.name, str(version.version)
    registry.move(name, CHAMPION, number, why)
    if registry.aliases(name).get(CHALLENGER) == number:
        registry.move(name, CHALLENGER, None, "it is the champion")


def promote(name: str, number: str, reason: str) -> str | None:
    """Make a usable version the champion by hand; return the version that it was before.

    That one is marked as withdrawn: the gate does not promote it again by itself. If this is killed, the same again
    finishes it.

    Raises:
        RegistryError: the version is not there or does not work, or another promotion is under way.
    """
    client = MlflowClient()
    with registry.locked(name, seconds=0):
        version = require_usable(name, number)
        before = registry.aliases(name).get(CHAMPION)
        if before not in (None, number):
            client.set_model_version_tag(name, before, WITHDRAWN, reason)
        if WITHDRAWN in version.tags:
            client.delete_model_version_tag(name, number, WITHDRAWN)
        crown(version, reason)
    return before


def require_usable(name: str, number: str) -> ModelVersion:
    """Return a version that answers one tweet.

    Raises:
        RegistryError: there is no such version, or it does not work.
    """
    versions = {str(version.version): version for version in MlflowClient().search_model_versions(f"name = '{name}'")}
    if number not in versions:
        known = ", ".join(sorted(versions, key=int)) or "none"
        raise RegistryError(f"{name} has no version {number!r}. Its versions are: {known}.")
    try:
        selection.predict_in_subprocess(f"models:/{name}/{number}", [TWEET])
    except CandidateError as error:
        raise RegistryError(f"Version {number} of {name} does not work, so it is not promoted. {error}") from error
    return versions[number]
