"""What `main` tries: stages of candidates, read from conf/plan/, each stage keeping some choices of its winner."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import hydra
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pipeline import runs, settings
from sentiment.inference.errors import UserError

MAKERS = {"splits": "split", "corpus": "preprocess", "embedding": "embed"}
TRAINERS = ("train_baseline", "train_keras", "train_bert")
# The two steps of a plan that build on what earlier stages have found: the best of each family together, and the best
# of all once more, with other options.
BLEND, BEST = "blend", "best"
# The groups that tell two runs of a step apart, and so name them.
NAMED_BY = {
    "preprocess": ("preprocess",),
    "distill": ("preprocess",),
    "embed": ("embed", "preprocess"),
    "train_baseline": ("train_baseline", "preprocess"),
    "train_keras": ("train_keras", "embed", "preprocess"),
    "train_bert": ("train_bert",),
}


class PlanError(UserError):
    """A plan or an option that cannot be carried out, found before anything is run."""


@dataclass(frozen=True)
class CandidateSpec:
    """A candidate as the plan writes it.

    Attributes:
        step: a trainer, `blend` or `best`.
        options: that set it apart.
        when: false or null where it lacks what it needs.
        teacher: the trainer whose best model so far labels texts for it (step `distill`).
        called: what tells it apart in its name, instead of the values among its options.
    """

    step: str
    options: list[str] = field(default_factory=list)
    when: Any = True
    teacher: str | None = None
    called: str | None = None


@dataclass(frozen=True)
class Stage:
    """Candidates, and the groups and sections in which the next stages keep what the best of them has."""

    name: str
    candidates: list[CandidateSpec]
    keep: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Say where an error is."""
        return f"The stage {self.name!r} of the plan"


@dataclass(frozen=True)
class Candidate:
    """A step with the options that it and all that it eats are run with, and the configuration they give.

    Attributes:
        step: its trainer, or `blend`.
        options: of the command line, of the winners before it, and its own.
        cfg: what they give.
        name_parts: what sets it apart beside the alternatives of its groups.
        teacher: the trainer whose best model labels texts for it.
    """

    step: str
    options: list[str]
    cfg: DictConfig
    name_parts: tuple[str, ...] = ()
    teacher: str | None = None

    def name(self, step: str) -> str:
        """Name the run of its step, or of one that makes what it eats: by the alternatives that set it apart.

        The candidate itself is told apart by the values that the plan gives it, too.
        """
        choices: dict[str, Any] = self.cfg.hydra.runtime.choices
        alternatives = [str(choices[group]) for group in NAMED_BY.get(step, ())]
        return " ".join([step, *alternatives, *(self.name_parts if step == self.step else ())])


def read(cfg: DictConfig, overrides: list[str]) -> list[Stage]:
    """Read the stages of the plan, and find out what could not be carried out before anything is run.

    Left out are candidates whose `when` is false or null, and stages without any other.

    Raises:
        PlanError: the plan names an unknown step, option or section, no candidate may be served, or an override
            concerns none.
    """
    stages: list[Stage] = []
    for number, written in enumerate(settings.plain(cfg.plan).get("stages") or [], 1):
        known = fields(written, Stage, f"Stage {number} of the plan")
        items = [
            CandidateSpec(**fields(item, CandidateSpec, f"The stage {known['name']!r} of the plan"))
            for item in known["candidates"]
        ]
        stage = Stage(**{**known, "candidates": [item for item in items if item.when not in (None, False)]})
        for item in items:
            if item.step not in (*TRAINERS, BLEND, BEST):
                steps = ", ".join((*TRAINERS, BLEND, BEST))
                raise PlanError(f"{stage}: {item.step!r} is no step that makes a candidate. Take one of {steps}.")
            if item.teacher is not None and item.teacher not in {
                past.step for old in stages for past in old.candidates
            }:
                raise PlanError(f"{stage}: no stage before it has a candidate of {item.teacher!r} that could teach.")
            if item.teacher is not None and "corpus" not in inputs(item.step):
                raise PlanError(f"{stage}: {item.step} reads no corpus, so nothing can be taught to it (teacher).")
        if unknown := [name for name in stage.keep if name not in cfg]:
            raise PlanError(f"{stage} keeps {', '.join(unknown)}: there is no such group or section in conf/.")
        stages += [stage] if stage.candidates else []
    if not stages or {BLEND, BEST} & {item.step for item in stages[0].candidates}:
        raise PlanError("A plan begins with a stage of trainers: blend and best build on what earlier stages found.")

    families = {item.step.removeprefix("train_") for stage in stages for item in stage.candidates}
    if not families & set(cfg.select.families):
        raise PlanError(
            f"select.families={list(cfg.select.families)} allows none of the plan's candidates to be served, of "
            f"{', '.join(sorted(families))}."
        )
    read_by_some = {*settings.READS["distill"], *settings.REFERRED_TO}
    read_by_some = read_by_some.union(*(sections(step, cfg) for step in (*TRAINERS, BLEND)))
    unused = {override for override in overrides if root(override) in read_by_some}
    for stage in stages:
        for item in stage.candidates:
            own = candidate(stage, item, overrides, {})
            read_by_own = sections(item.step, own.cfg, item.teacher)
            unused -= {override for override in own.options if root(override) in read_by_own}
    if unused:
        raise PlanError(
            f"No candidate of the plan can use {', '.join(sorted(unused))}: leave it out, or edit the plan."
        )
    return stages


def fields(written: Any, kind: type, where: str) -> dict[str, Any]:
    """Return the fields of a stage or of a candidate as the plan writes them.

    Raises:
        PlanError: one is missing, unknown, or no list where it should be.
    """
    known = {"name", "candidates", "keep"} if kind is Stage else {"step", "options", "when", "teacher", "called"}
    needed = {"name", "candidates"} if kind is Stage else {"step"}
    if not isinstance(written, Mapping) or not needed <= set(written) <= known:
        raise PlanError(f"{where}: {written} should have {sorted(needed)}, and of {sorted(known)} nothing else.")
    for name in {"candidates", "keep", "options"} & set(written):
        if not isinstance(written[name], list):
            raise PlanError(f"{where}: {name} should be a list, [...], not {written[name]!r}.")
    return dict(written)


def candidate(
    stage: Stage, item: CandidateSpec, overrides: list[str], kept: Mapping[str, str], best: Candidate | None = None
) -> Candidate:
    """Return a candidate with what earlier stages have kept and the overrides of the command line that concern it.

    A group that the plan names for a candidate keeps the plan's alternative. A setting that the candidate's
    alternatives do not have does not concern it.

    Args:
        stage: where it stands in the plan.
        item: how it is written there.
        overrides: of the command line.
        kept: options of winners, by what they set.
        best: whose step and options `best` stands for.

    Raises:
        PlanError: its options do not fit.
    """
    try:
        planned = {key(option) for option in item.options}
        values_told = (re.sub(r"^[^=]*\.", "", option) for option in item.options if "." in key(option))
        name_parts = tuple(values_told) if item.called is None else (item.called,)
        if item.step == BEST and best is not None:
            step, teacher, name_parts = best.step, best.teacher, (*best.name_parts, *name_parts)
            options = [*(option for option in best.options if key(option) not in planned), *item.options]
        else:
            step, teacher = item.step, item.teacher
            given = [*(override for override in overrides if key(override) not in kept), *kept.values()]
            groups = [option for option in given if "." not in key(option) and key(option) not in planned]
            values = [option for option in given if "." in key(option)]
            options = [*groups, *fitting(values, [*groups, *item.options]), *item.options]
        return Candidate(step, options, compose(options), name_parts, teacher)
    except (HydraException, OmegaConfBaseException) as error:
        raise PlanError(f"{stage}: the options {item.options} do not fit. {error}") from error


def kept_of(winner: Candidate, stage: Stage, overrides: list[str]) -> dict[str, str]:
    """Return the options of a stage's winner that the next stages keep, by what they set.

    Those of the command line reach every candidate anyway.
    """
    return {key(option): option for option in winner.options if root(option) in stage.keep and option not in overrides}


def depends(candidate: Candidate, overrides: Iterable[str]) -> bool:
    """Return whether a candidate, or what it eats, would be another without one of these overrides."""
    read = sections(candidate.step, candidate.cfg, candidate.teacher)
    return any(override in candidate.options and root(override) in read for override in overrides)


def sections(step: str, cfg: DictConfig, teacher: str | None = None) -> set[str]:
    """Return the sections of the configuration that decide what a step makes: those of its inputs' steps, too."""
    if step == BEST:  # its options are those of a candidate before it, and what the plan adds
        return set()
    own = {"seed", *settings.sections(step, cfg), *(settings.sections("distill", cfg) if teacher else ())}
    return own.union(*(sections(MAKERS[name], cfg) for name in inputs(step) if name in MAKERS))


def inputs(step: str) -> list[str]:
    """Return the names of what a step eats, from MLproject."""
    return [name for name in entry_points()[step]["parameters"] if name != "hydra_options"]


@cache
def entry_points() -> dict[str, Any]:
    """Return the entry points of MLproject by name."""
    project: dict[str, dict[str, Any]] = yaml.safe_load((runs.PROJECT / "MLproject").read_text(encoding="utf-8"))
    return project["entry_points"]


def root(override: str) -> str:
    """Return the section that an override belongs to."""
    return key(override).partition(".")[0]


def key(override: str) -> str:
    """Return what an override sets: `a.b` in `a.b=1`, `+a.b=1` and `~a.b`."""
    return str(OverridesParser.create().parse_override(override).key_or_group)


def compose(options: list[str]) -> DictConfig:
    """Compose the configuration that a step gets from these options, with the choices that Hydra made; read-only.

    What has been composed is remembered: it takes a tenth of a second, and a plan asks for the same several times.
    """
    return composed(tuple(options))


@cache
def composed(options: tuple[str, ...]) -> DictConfig:
    """Compose the configuration for `compose`."""
    cfg = hydra.compose("config", overrides=list(options), return_hydra_config=True)
    OmegaConf.set_readonly(cfg, True)
    return cfg


def fitting(overrides: list[str], options: list[str]) -> list[str]:
    """Return those of the overrides that can be applied to the configuration that the options give."""
    if not overrides or fits(tuple(overrides), tuple(options)):  # as a rule all can
        return overrides
    chosen = {root(option) for option in options}  # elsewhere all is as it was when Hydra read the command line
    return [override for override in overrides if root(override) not in chosen or fits((override,), tuple(options))]


@cache
def fits(overrides: tuple[str, ...], options: tuple[str, ...]) -> bool:
    """Return whether overrides can be applied to the configuration that the options give."""
    try:
        compose([*options, *overrides])
    except (HydraException, OmegaConfBaseException):
        return False
    return True
