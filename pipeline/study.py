"""A plan carried out stage by stage: each stage's candidates are made and ranked, and its winner's choices kept."""

import logging
from typing import Any

import mlflow
import pandas as pd
from omegaconf import DictConfig
from rich.console import Console

from pipeline import candidates, plan
from pipeline.launch import Launcher, StepError
from pipeline.plan import BLEND, Candidate, Stage
from sentiment.reports import comparison

log = logging.getLogger(__name__)


class Study:
    """What a plan has found so far: finished candidates, and what the next stages keep of the winners."""

    def __init__(self, cfg: DictConfig, overrides: list[str], launcher: Launcher) -> None:
        """Begin with nothing found."""
        self.cfg, self.overrides, self.launcher = cfg, overrides, launcher
        self.rows: list[dict[str, Any]] = []
        self.candidates: dict[str, Candidate] = {}
        self.kept: dict[str, str] = {}
        self.splits = ""

    def run(self, stage: Stage, number: int) -> None:
        """Run the candidates of a stage, show and log its table, and keep what it says of the best.

        A candidate that fails is shown as failed. `number` is that of the stage, from 1.

        Raises:
            StepError: every one failed.
        """
        rows, failed = [], []
        for item in stage.candidates:
            best = self.best() if item.step == plan.BEST else None
            candidate = plan.candidate(stage, item, self.overrides, self.kept, best)
            try:
                uri = self.launcher.make(candidate.step, candidate, self.given(candidate))
            except StepError as error:
                log.error("%s", error)
                failed.append(candidate.name(candidate.step).partition(" ")[2])
                continue
            rows.append(candidates.read(uri))
            self.candidates[uri] = candidate
        if not rows:
            raise StepError(f"{stage}: no candidate has finished, {', '.join(failed)} failed. Nothing was registered.")
        self.rows += [row for row in rows if row["uri"] not in {known["uri"] for known in self.rows}]
        ranked = candidates.rank(rows, self.cfg.select.metric)
        self.kept |= plan.kept_of(self.candidates[ranked["uri"].iloc[0]], stage, self.overrides)
        show(stage, number, ranked, failed, self.kept)

    def given(self, candidate: Candidate) -> dict[str, Any]:
        """Return what a candidate eats of what was found so far; the splits of the first candidate are those of all.

        Raises:
            StepError: the splits cannot be made, or no teacher has finished.
        """
        self.splits = self.splits or self.launcher.make("split", candidate, {})
        if candidate.step != BLEND and candidate.teacher is None:
            return {}
        ranked = candidates.rank([row for row in self.rows if row["family"] != BLEND], self.cfg.select.metric)
        best = ranked.groupby("family", sort=False).head(1).set_index("family")["uri"]
        if candidate.step == BLEND:
            return {"splits": self.splits, "candidates": best.tolist()}
        teacher = best.get(str(candidate.teacher).removeprefix("train_"))
        if teacher is None:
            raise StepError(
                f"{candidate.name(candidate.step)}: no {candidate.teacher} that could teach it has finished."
            )
        return {"teacher": teacher}

    def best(self) -> Candidate:
        """Return the best candidate so far that is one model and may be served."""
        allowed = [row for row in self.rows if row["family"] in self.cfg.select.families and row["family"] != BLEND]
        ranked = candidates.rank(allowed or self.rows, self.cfg.select.metric)
        return self.candidates[ranked["uri"].iloc[0]]


def show(stage: Stage, number: int, ranked: pd.DataFrame, failed: list[str], kept: dict[str, str]) -> None:
    """Show the table of a stage on the terminal, and log it."""
    mlflow.log_text(ranked.to_csv(index=False), f"stages/{number:02} {stage.name}.csv")
    title = f"Stage {stage.name}: candidates on the validation split, best first"
    note = f"Failed: {', '.join(failed)}." if failed else ""
    note += f" Kept: {', '.join(kept.values())}." if stage.keep else ""
    mlflow.log_text(comparison.markdown(ranked, title, note, plots=()), f"stages/{number:02} {stage.name}.md")
    Console().print("", comparison.terminal(ranked, title), note.strip(), sep="\n", soft_wrap=True)
