"""Run the whole pipeline: train the candidates of a plan on the same splits, select the best and package the champion.

In: nothing. Out: a registered version, and a Bento of the champion. Plans are in conf/plan/, the inputs of each step in
MLproject. With `-m`, every combination of the swept values is a trial (pipeline/sweep.py).
"""

import re
import sys
from collections.abc import Mapping

import mlflow
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from pipeline import door, feedback, plan, preflight, runs, sweep
from pipeline.launch import Launcher, package, select
from pipeline.study import Study
from sentiment.inference import cores

# A name that MLflow draws: `crawling-horse-848`.
DRAWN = re.compile(r"[a-z]+-[a-z]+-[0-9]+")


def name_run(choices: Mapping[str, str]) -> None:
    """Name the run by its plan and its data, unless the user has: `mlflow run` without `--run-name` draws a name."""
    if DRAWN.fullmatch(runs.active().info.run_name) or runs.active().info.run_name == "main":
        mlflow.set_tag("mlflow.runName", f"main {choices['plan']} {choices['data']}")


@door.step
def main(cfg: DictConfig) -> float | None:
    """Run the plan, or one trial of a sweep."""
    overrides = list(HydraConfig.get().overrides.task)
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        return sweep.trial(cfg, overrides)
    preflight.check(cfg)
    feedback.read(cfg)
    stages = plan.read(cfg, overrides)
    with runs.start("main", cfg):
        launcher = Launcher(reuse_before=cfg.reuse, since=runs.active().info.start_time)
        study = Study(cfg, overrides, launcher)
        mlflow.set_tags({"command": runs.command(overrides), "cores": cores.available()})
        name_run(HydraConfig.get().runtime.choices)
        try:
            for number, stage in enumerate(stages, 1):
                study.run(stage, number)
            selected = select(launcher, study.splits, list(study.candidates), cfg, overrides)
            mlflow.set_tag("select", selected.info.run_id)
            package(launcher, cfg, overrides)
        finally:
            runs.log_table(launcher.table(), "steps.csv")
    return None


if __name__ == "__main__":
    with sweep.around(sys.argv[1:]):
        main()
