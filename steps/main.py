"""Run the whole pipeline: make what the plan's candidates need, train them on the same splits, select and package one.

In: nothing. Out: the registered champion, and a Bento of it. What is tried is written in conf/plan/, what a step eats
in MLproject. With `-m` it is run once for each combination of the swept values (pipeline/sweep.py).
"""

import logging
import os
import sys
from typing import Any

import hydra
import mlflow
import pandas as pd
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console

from pipeline import candidates, plan, runs, settings, sweep
from pipeline.launch import Launcher, StepError, package, select
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


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(cfg: DictConfig) -> float | None:
    """Run the plan, or one trial of a sweep."""
    overrides = list(HydraConfig.get().overrides.task)
    settings.check(cfg)
    stages = plan.read(cfg, overrides)
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        return sweep.trial(cfg, overrides, stages)
    with runs.start("main", cfg):
        launcher = Launcher(reuse_before=cfg.reuse, since=runs.active().info.start_time)
        study = Study(cfg, overrides, launcher)
        mlflow.set_tags({"command": runs.command(overrides), "cores": os.cpu_count()})
        try:
            for number, stage in enumerate(stages, 1):
                study.run(stage, number)
            selected = select(launcher, study.splits, list(study.candidates), cfg, overrides)
            mlflow.set_tag("select", selected.info.run_id)
            package(launcher, cfg, overrides)
        except StepError as error:
            sys.exit(str(error))
        finally:
            runs.log_table(launcher.table(), "steps.csv")
    return None


if __name__ == "__main__":
    with sweep.around(sys.argv[1:]):
        main()
