"""How a version becomes champion: through the gate, or by hand."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient
from omegaconf import DictConfig

from pipeline import artifacts, candidates, registry, selection
from pipeline.candidates import CandidateError
from pipeline.registry import CHALLENGER, CHAMPION, WITHDRAWN, RegistryError
from pipeline.selection import Selection
from sentiment.data import splitting
from sentiment.evaluation import gate
from sentiment.evaluation.bootstrap import Interval
from sentiment.evaluation.gate import Verdict
from sentiment.reports import verdict as verdicts

log = logging.getLogger(__name__)

# Another command may be comparing its winner with the champion.
PATIENCE_SECONDS = 300
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


def challenge(found: Selection, data: Mapping[str, Any], cfg: DictConfig) -> Decision:
    """Register the winner, make it the challenger, and the champion if the gate lets it pass.

    The verdict is kept as tags of the version: `gate` (passed, refused, or undecided where the champion cannot be
    compared with it) and `gate_reasons`. A winner that is the champion already stays it, whatever the gate says.

    Args:
        found: the winner among the candidates.
        data: what the split step says of the data.
        cfg: the configuration.

    Raises:
        CandidateError: the champion cannot be compared with it.
    """
    name, winner = cfg.select.name, found.winner
    tags = {key: data[key] for key in ("data", "digest", "synthetic")}
    tags |= {"candidate": winner["name"], "threshold": winner["threshold"]}
    tags |= {f"val_{cfg.select.metric}": winner[cfg.select.metric]}
    with registry.locked(name, seconds=PATIENCE_SECONDS):
        version = registry.register(winner["uri"], name, tags)
        champion = registry.holder(name, CHAMPION)
        if champion is not None and champion.version == version.version:
            verdict = judge(version, found, None, None, cfg)
            crown(version, verdict.summary)
            return Decision(version=version, verdict=verdict, champion=True)
        registry.move(name, CHALLENGER, str(version.version), "the best candidate on validation")
        try:
            over_champion = None if champion is None else lead_over_champion(found, champion, cfg)
        except CandidateError as error:
            record(version, "undecided", str(error))
            raise CandidateError(
                f"Version {version.version} of {name} is the challenger, and cannot become the champion. {error}\n"
                "Decide by hand: mlflow run . --env-manager=local -e promote -P version=<number>"
            ) from error
        verdict = judge(version, found, champion, over_champion, cfg)
        record(version, "passed" if verdict.passed else "refused", verdicts.markdown(verdict))
        if verdict.passed:
            crown(version, verdict.summary)
    return Decision(version=version, verdict=verdict, champion=verdict.passed)


def lead_over_champion(found: Selection, champion: ModelVersion, cfg: DictConfig) -> Interval:
    """Return by how much the winner leads the champion, on the validation tweets that the champion was not trained on.

    Raises:
        CandidateError: the champion cannot be run, or was trained on too many of them.
    """
    told = f"Version {champion.version}, the champion, cannot be compared with it:"
    try:
        rival = candidates.read(f"runs:/{champion.run_id}/{artifacts.MODEL}")
        known = candidates.read_trained_on(rival["uri"])
        rows = found.validation[~splitting.text_hashes(found.validation["text"]).isin(known)]
        if len(rows) < cfg.select.min_compared or rows["negative"].nunique() < 2:
            raise CandidateError(
                f"it was trained on all but {len(rows)} of these validation tweets, and select.min_compared="
                f"{cfg.select.min_compared} are asked for."
            )
        answers = selection.answer(f"models:/{champion.name}/{champion.version}", rows["text"].tolist())
    except (mlflow.MlflowException, OSError, ValueError) as error:  # an artifact may be gone, damaged, or not its own
        raise CandidateError(f"{told} {error}") from error
    log.info("Compared with the champion on %d of %d validation tweets.", len(rows), len(found.validation))
    lead = selection.lead(found.winner, rows, answers, rival["threshold"], cfg)
    mlflow.log_metric("compared_with_champion_rows", len(rows))
    selection.log_lead("lead_over_champion", lead)
    return lead


def judge(
    version: ModelVersion,
    found: Selection,
    champion: ModelVersion | None,
    over_champion: Interval | None,
    cfg: DictConfig,
) -> Verdict:
    """Return what the gate says of a version."""
    winner = found.winner
    return gate.examine(
        selection.requirements(cfg),
        family=winner["family"],
        metric=cfg.select.metric,
        quality=winner[cfg.select.metric],
        megabytes=winner["megabytes"],
        milliseconds=winner["predict_seconds"],
        over_champion=over_champion,
        synthetic=version.tags.get("synthetic") == "True",
        champion_synthetic=None if champion is None else champion.tags.get("synthetic") != "False",
        withdrawn=version.tags.get(WITHDRAWN),
    )


def record(version: ModelVersion, verdict: str, reasons: str) -> None:
    """Keep what the gate said as tags of a version."""
    for key, value in (("gate", verdict), ("gate_reasons", reasons)):
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
        selection.answer(f"models:/{name}/{number}", [TWEET])
    except CandidateError as error:
        raise RegistryError(f"Version {number} of {name} does not work, so it is not promoted. {error}") from error
    return versions[number]
