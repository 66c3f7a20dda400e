"""Run a plan stage by stage: train and rank the candidates of each stage, and keep its winner's settings."""

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from omegaconf import DictConfig
from rich.console import Console

from pipeline import artifacts, candidates, latency, plan, selection, stored_predictions
from pipeline.launch import Launcher, StepError
from pipeline.plan import BLEND, CASCADE, COMBINED, Candidate, Stage
from sentiment.evaluation.bootstrap import signed
from sentiment.evaluation.metrics import Predictions
from sentiment.reports import comparison

log = logging.getLogger(__name__)

# In a cascade, the fast member takes at most half the time of the accurate one. It must answer more than that fraction
# of the tweets for the cascade to save time.
FASTER = 2


class Study:
    """The state of a plan in progress: finished candidates, and the settings kept from winners."""

    def __init__(self, cfg: DictConfig, overrides: list[str], launcher: Launcher) -> None:
        """Start without results."""
        self.cfg, self.overrides, self.launcher = cfg, overrides, launcher
        self.rows: list[dict[str, Any]] = []
        self.candidates: dict[str, Candidate] = {}
        self.kept: dict[str, str] = {}
        self.splits = ""
        self.tweets = pd.DataFrame()  # that rank

    def run(self, stage: Stage, number: int) -> None:
        """Run the candidates of a stage, print and log its table, and keep its winner's settings.

        Failed candidates are reported and do not stop the stage. `number` counts the stages from 1.

        Raises:
            StepError: all candidates failed, and later stages depend on the stage (the first, or one with `keep`).
        """
        rows: list[dict[str, Any]] = []
        failed: list[str] = []
        reasons: list[str] = []
        for spec in stage.candidates:
            best = self.best() if spec.step == plan.BEST else None
            candidate = plan.candidate(stage, spec, self.overrides, self.kept, best)
            try:
                uri = self.launcher.make(candidate.step, candidate, self.existing_inputs(candidate))
            except StepError as error:
                log.error("%s", error)
                reasons.append(str(error))
                failed.append(candidate.name(candidate.step).partition(" ")[2] or candidate.step)
                continue
            if uri not in {row["uri"] for row in rows}:
                rows.append(candidates.read(uri))
            self.candidates[uri] = candidate
        if not rows:
            message = f"{stage}: all candidates failed ({', '.join(failed)})."
            if stage.keep or not self.rows:  # later stages depend on it
                distinct_reasons = "\n".join(dict.fromkeys(reasons))
                raise StepError(f"{message} Nothing was registered.\n{distinct_reasons}")
            log.error("%s Continuing with the next stage.", message)
            return
        self.rows += [row for row in rows if row["uri"] not in {earlier["uri"] for earlier in self.rows}]
        ranked = self.rank(rows)
        uri, reason = self.choose(ranked, [row["uri"] for row in rows])
        self.kept |= plan.kept_of(self.candidates[uri], stage, self.overrides)
        notes = [f"Failed: {', '.join(failed)}."] if failed else []
        notes += [reason] if reason else []
        notes += [f"Kept for the next stages: {', '.join(self.kept.values()) or 'nothing new'}."] if stage.keep else []
        show(stage, number, ranked, " ".join(notes), self.cfg.select.target)

    def choose(self, ranked: pd.DataFrame, simplest_first: Sequence[str]) -> tuple[str, str]:
        """Return the URI of a stage's choice, and the reason as a sentence (empty if there is only one candidate).

        Chooses the simplest candidate that the best one does not outperform significantly, among those that may be
        served. A plan lists the candidates of a stage from simple to complex. The interval accounts for the sampling of
        tweets; it does not account for the variance between training seeds.

        Source: the one-standard-error rule of Breiman et al., Classification and regression trees, 1984, here with the
        paired interval of the lead.
        """
        servable = candidates.servable(ranked, self.cfg)
        names = (ranked if servable.empty else servable).set_index("uri")["name"]
        best, *others = names.index
        if not others:
            return best, ""
        best_predictions = self.predictions(best)
        leads = {uri: selection.lead(self.tweets, best_predictions, self.predictions(uri), self.cfg) for uri in others}
        simpler = simplest_first[: simplest_first.index(best)]
        for uri in simpler:
            if uri in leads and leads[uri].low <= 0:
                comparison_with_best = f"{names[best]} leads {names[uri]}, which is simpler, by {signed(leads[uri])}"
                return uri, f"{comparison_with_best}: not significant, so the simpler one is chosen."
        return best, f"{names[best]} leads {names[others[0]]} by {signed(leads[others[0]])}."

    def existing_inputs(self, candidate: Candidate) -> dict[str, Any]:
        """Return the inputs of a candidate that exist already; make the splits first, once for all candidates.

        Raises:
            StepError: the splits cannot be made, or a model that it needs is missing.
        """
        if not self.splits:
            self.splits = self.launcher.make("split", candidate, {})
            with tempfile.TemporaryDirectory() as scratch:
                folder = artifacts.fetch(self.splits, "splits", Path(scratch))
                self.tweets = selection.read_ranking(folder, artifacts.describe_data(folder), self.cfg)
        if candidate.step not in COMBINED and candidate.teacher is None:
            return {}
        ranked = self.single()
        if candidate.step in COMBINED:
            runnable = ranked[candidates.runtimes_allowed(ranked, self.cfg)]
            members = MEMBERS[candidate.step](ranked if runnable.empty else runnable, self.tweets["text"].tolist())
            return {"splits": self.splits, "candidates": members}
        best = ranked.groupby("family", sort=False).head(1).set_index("family")["uri"]
        teacher = best.get(str(candidate.teacher).removeprefix("train_"))
        if teacher is None:
            raise StepError(
                f"{candidate.name(candidate.step)}: its teacher, {candidate.teacher}, has no finished model."
            )
        return {"teacher": teacher}

    def rank(self, rows: list[dict[str, Any]]) -> pd.DataFrame:
        """Rank candidates by the metric, on the target to select by."""
        return candidates.rank(rows, self.cfg.select.metric, self.cfg.select.target)

    def predictions(self, uri: str) -> Predictions:
        """Read a candidate's predictions of the tweets that rank."""
        return stored_predictions.read(uri, self.tweets, self.cfg.select.target)

    def best(self) -> Candidate:
        """Return the best candidate so far, other than combined ones, that may be served."""
        return self.candidates[candidates.best_to_serve(self.single(), self.cfg)["uri"]]

    def single(self) -> pd.DataFrame:
        """Rank the candidates so far, other than combined ones."""
        return self.rank([row for row in self.rows if row["family"] not in COMBINED])


def best_of_each_family(ranked: pd.DataFrame, texts: Sequence[str]) -> list[str]:  # noqa: ARG001
    """Return the URI of the best candidate of each family."""
    uris: list[str] = ranked.groupby("family", sort=False).head(1)["uri"].tolist()
    return uris


def best_and_faster(ranked: pd.DataFrame, texts: Sequence[str]) -> list[str]:
    """Return the URIs of the best candidate and of the best one that is at least `FASTER` times as fast on some tweets.

    Raises:
        StepError: no candidate is that fast.
    """
    best, *others = ranked["uri"]
    faster = latency.first_faster(others, best, FASTER, texts)
    if faster is None:
        raise StepError(f"cascade: no candidate is {FASTER} times as fast as the best, {ranked.iloc[0]['name']}.")
    return [best, faster]


# The candidates that a combined model is made of.
MEMBERS = {BLEND: best_of_each_family, CASCADE: best_and_faster}


def show(stage: Stage, number: int, ranked: pd.DataFrame, note: str, target: str | None) -> None:
    """Print the table of a stage on the terminal, and log it."""
    mlflow.log_text(ranked.to_csv(index=False), f"stages/{number:02} {stage.name}.csv")
    title = f"Stage {stage.name}: candidates on {selection.tweets_that_rank(target)}, best first"
    mlflow.log_text(comparison.markdown(ranked, title, note, plots=()), f"stages/{number:02} {stage.name}.md")
    Console().print("", comparison.terminal(ranked, title), note, "", sep="\n", soft_wrap=True)
