"""Run the whole pipeline: make what the plan's candidates need, train them all on the same splits, select one.

In: nothing. Out: the registered champion. What is tried is written in conf/plan/, what a step eats in MLproject.
"""

import json
import logging
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hydra
import mlflow
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from steps import tracking

logger = logging.getLogger(__name__)

MAKERS = {"splits": "split", "corpus": "preprocess", "embedding": "embed"}
# The groups that tell two runs of a step apart, and so name them.
NAMED_BY = {
    "preprocess": ("preprocess",),
    "embed": ("embed", "preprocess"),
    "train_baseline": ("train_baseline", "preprocess"),
    "train_keras": ("train_keras", "embed", "preprocess"),
    "train_bert": ("train_bert",),
}
TRAINERS = tuple(step for step in NAMED_BY if step.startswith("train_"))


class PlanError(ValueError):
    """A plan or an option that cannot be carried out, found before anything is run."""


@dataclass(frozen=True)
class Candidate:
    """A trainer with the options that it and all that it eats are run with, and the configuration they give."""

    step: str
    options: list[str]
    cfg: DictConfig


def candidates(cfg: DictConfig, overrides: list[str]) -> list[Candidate]:
    """Read the candidates off the plan and give each the overrides of the command line that concern it.

    A group that the plan names for a candidate keeps the plan's alternative. A setting that the candidate's
    alternatives do not have does not concern it. An override that concerns none would do nothing, and is refused.

    Raises:
        PlanError: the plan names an unknown step or option, or an override concerns no candidate.
    """
    unused = {override for override in overrides if any(root(override) in sections(step) for step in NAMED_BY)}
    found = []
    for stage in cfg.plan.stages:
        for item in stage.candidates:
            where = f"The stage {stage.name!r} of the plan"
            if item.step not in TRAINERS:
                raise PlanError(f"{where}: {item.step!r} is no trainer. Trainers are {', '.join(TRAINERS)}.")
            own = [*concerning(overrides, list(item.options), where), *item.options]
            unused -= {override for override in own if root(override) in sections(item.step)}
            found.append(Candidate(item.step, own, compose(own)))
    if unused:
        raise PlanError(
            f"No candidate of the plan can use {', '.join(sorted(unused))}: leave it out, or edit the plan."
        )
    return found


def concerning(overrides: list[str], options: list[str], where: str) -> list[str]:
    """Return the overrides that a candidate with these options can use.

    Raises:
        PlanError: the options themselves do not fit.
    """
    try:
        compose(options)
    except (HydraException, OmegaConfBaseException) as error:
        raise PlanError(f"{where}: the options {options} do not fit. {error}") from error
    planned = {key(option) for option in options}
    groups = [override for override in overrides if "." not in key(override) and key(override) not in planned]
    return [*groups, *(o for o in overrides if "." in key(o) and fits(o, [*groups, *options]))]


def sections(step: str) -> set[str]:
    """Return the sections of the configuration that a step and all that it eats from read."""
    return set(tracking.READS[step]).union(*(sections(MAKERS[name]) for name in eats(step)))


def root(override: str) -> str:
    """Return the section that an override belongs to."""
    return key(override).partition(".")[0]


def compose(options: list[str]) -> DictConfig:
    """Compose the configuration that a step gets from these options, with the choices that Hydra made."""
    return hydra.compose("config", overrides=options, return_hydra_config=True)


def fits(override: str, options: list[str]) -> bool:
    """Return whether an override can be applied to the configuration that the options give."""
    try:
        compose([*options, override])
    except (HydraException, OmegaConfBaseException):
        return False
    return True


def key(override: str) -> str:
    """Return what an override sets: `a.b` in `a.b=1`, `+a.b=1` and `~a.b`."""
    return str(OverridesParser.create().parse_override(override).key_or_group)


def eats(step: str) -> Iterator[str]:
    """Return the artifacts that a step eats, from MLproject."""
    entry_points = yaml.safe_load((tracking.PROJECT / "MLproject").read_text(encoding="utf-8"))["entry_points"]
    return (name for name in entry_points[step]["parameters"] if name in MAKERS)


def make(step: str, candidate: Candidate, made: dict[str, str]) -> str:
    """Run a step after all that it eats, unless `made` has it already; return the URI of what it hands over."""
    inputs = {name: make(MAKERS[name], candidate, made) for name in eats(step)}
    settings = tracking.read_settings(step, candidate.cfg)
    identity = json.dumps([step, inputs, settings, candidate.cfg.seed], sort_keys=True)
    if identity not in made:
        artifact = {maker: name for name, maker in MAKERS.items()}.get(step, tracking.MODEL)
        made[identity] = f"runs:/{launch(step, inputs, candidate.options, run_name(step, candidate.cfg))}/{artifact}"
    return made[identity]


def launch(step: str, inputs: dict[str, str], options: list[str], name: str) -> str:
    """Run an entry point in a process of its own, as a child of the open run, and return the id of its run.

    Raises:
        SystemExit: it failed.
    """
    logger.info("%s ...", name)
    started = time.perf_counter()
    try:
        submitted = mlflow.run(
            str(tracking.PROJECT),
            entry_point=step,
            parameters={**inputs, "hydra_options": shlex.join(options)},
            env_manager="local",
            run_name=name,
            experiment_id=mlflow.get_run(tracking.active_run_id()).info.experiment_id,
        )
    except mlflow.exceptions.ExecutionException:
        sys.exit(f"{name} failed, and said why above. Nothing was registered.")
    auc = mlflow.get_run(submitted.run_id).data.metrics.get("val_roc_auc")
    told = "" if auc is None else f", validation AUC {auc:.3f}"
    logger.info("%s: done in %.0f s%s", name, time.perf_counter() - started, told)
    return str(submitted.run_id)


def run_name(step: str, cfg: DictConfig) -> str:
    """Name a run by its step and the alternatives that set it apart."""
    choices: dict[str, Any] = cfg.hydra.runtime.choices
    return " ".join([step, *(str(choices[group]) for group in NAMED_BY.get(step, ()))])


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(cfg: DictConfig) -> None:
    """Run the plan."""
    overrides = list(HydraConfig.get().overrides.task)
    planned = candidates(cfg, overrides)
    with tracking.run("main", cfg):
        made: dict[str, str] = {}
        models = [make(candidate.step, candidate, made) for candidate in planned]
        inputs = {"splits": make("split", planned[0], made), "candidates": ",".join(models)}
        launch("select", inputs, overrides, "select")


if __name__ == "__main__":
    main()
