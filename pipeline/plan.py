"""Plans: stages of candidates, read from conf/plan/. Each stage keeps some settings of its winner for the next."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from pipeline import runs, settings
from pipeline.composition import applicable, chooses, compose, key, root
from sentiment.inference.errors import UserError

MAKERS = {"splits": "split", "corpus": "preprocess", "embedding": "embed"}
TRAINERS = ("train_baseline", "train_keras", "train_bert")
# Steps that build on earlier stages: `blend` combines the best candidate of each family, `cascade` the best candidate
# with a much faster one, and `best` retrains the best candidate with additional options.
COMBINED = BLEND, CASCADE = "blend", "cascade"
BEST = "best"
# Config groups whose choices form the name of a step's run.
NAMED_BY = {
    "preprocess": ("preprocess",),
    "distill": ("preprocess",),
    "embed": ("embed", "preprocess"),
    "train_baseline": ("train_baseline", "preprocess"),
    "train_keras": ("train_keras", "embed", "preprocess"),
    "train_bert": ("train_bert",),
}


class PlanError(UserError):
    """An invalid plan or option, detected before anything runs."""


@dataclass(frozen=True)
class CandidateSpec:
    """A candidate as specified in a plan.

    Attributes:
        step: a trainer, `blend`, `cascade` or `best`.
        options: its overrides.
        when: false or null to skip it.
        unless: anything else to skip it.
        teacher: the trainer whose best model so far labels texts for it (step `distill`).
        called: replaces the values of its options in its name.
    """

    step: str
    options: list[str] = field(default_factory=list)
    when: Any = True
    unless: Any = None
    teacher: str | None = None
    called: str | None = None

    @property
    def skipped(self) -> bool:
        """Whether the settings leave this candidate out."""
        return self.when in (None, False) or self.unless not in (None, False)


@dataclass(frozen=True)
class Stage:
    """Candidates, and the groups and sections (`keep`) whose settings the next stages take from the winner."""

    name: str
    candidates: list[CandidateSpec]
    keep: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Name the stage in error messages."""
        return f"The stage {self.name!r} of the plan"


@dataclass(frozen=True)
class Candidate:
    """A step, with the overrides for it and for the steps that make its inputs, and the resulting configuration.

    Attributes:
        step: its trainer, `blend` or `cascade`.
        options: overrides: from the command line, from earlier winners, and its own.
        cfg: the configuration composed with these overrides.
        name_parts: what its name contains in addition to the choices of its groups.
        teacher: the trainer whose best model labels texts for it.
    """

    step: str
    options: list[str]
    cfg: DictConfig
    name_parts: tuple[str, ...] = ()
    teacher: str | None = None

    def name(self, step: str) -> str:
        """Return a name for the run of its own step, or of a step that makes an input.

        It consists of the step and its config choices; for the candidate's own step, also of `name_parts`.
        """
        choices: dict[str, Any] = self.cfg.hydra.runtime.choices
        alternatives = [str(choices[group]) for group in NAMED_BY.get(step, ())]
        return " ".join([step, *alternatives, *(self.name_parts if step == self.step else ())])


def read(cfg: DictConfig, overrides: list[str]) -> list[Stage]:
    """Read the stages of the plan, and validate them before anything runs.

    Skips candidates whose `when` is false or null or whose `unless` is neither, and stages without candidates.

    Raises:
        PlanError: the plan names an unknown step, option or section, none of its candidates may be served, or an
            override affects no candidate.
    """
    stages: list[Stage] = []
    for number, stage_entry in enumerate(settings.plain(cfg.plan).get("stages") or [], 1):
        stage_fields = fields(stage_entry, Stage, f"Stage {number} of the plan")
        specs = [
            CandidateSpec(**fields(spec, CandidateSpec, f"The stage {stage_fields['name']!r} of the plan"))
            for spec in stage_fields["candidates"]
        ]
        stage = Stage(**{**stage_fields, "candidates": [spec for spec in specs if not spec.skipped]})
        for spec in specs:
            if spec.step not in (*TRAINERS, *COMBINED, BEST):
                steps = ", ".join((*TRAINERS, *COMBINED, BEST))
                raise PlanError(f"{stage}: {spec.step!r} is not a step that trains a candidate. Choose one of {steps}.")
            if spec.teacher is not None and spec.teacher not in {
                earlier.step for earlier_stage in stages for earlier in earlier_stage.candidates
            }:
                raise PlanError(
                    f"{stage}: no earlier stage has a candidate of {spec.teacher!r}. Add one, or change the teacher."
                )
            if spec.teacher is not None and spec.step not in TRAINERS:
                raise PlanError(
                    f"{stage}: {spec.step} trains no network, so it cannot have a teacher. Remove `teacher`."
                )
        if unknown := [name for name in stage.keep if name not in cfg]:
            raise PlanError(f"{stage} keeps {', '.join(unknown)}: no such group or section in conf/.")
        stages += [stage] if stage.candidates else []
    if not stages or {*COMBINED, BEST} & {spec.step for spec in stages[0].candidates}:
        raise PlanError(
            "A plan begins with a stage of trainers: `blend`, `cascade` and `best` need results of earlier stages."
        )

    families = {spec.step.removeprefix("train_") for stage in stages for spec in stage.candidates}
    if not families & set(cfg.select.families):
        raise PlanError(
            f"select.families={list(cfg.select.families)} allows none of the plan's families to be served "
            f"({', '.join(sorted(families))}). Add one of them."
        )
    if cfg.select.target is not None and cfg.select.target not in (cfg.split.targets or {}):
        known = ", ".join(cfg.split.targets or {}) or "none"
        raise PlanError(
            f"Unknown select.target={cfg.select.target}. Targets (split.targets): {known}. Choose one of them, null "
            "for the validation split, or hold out another one."
        )
    read_by_trainers = {*settings.READS["distill"], *settings.REFERRED_TO}
    read_by_trainers = read_by_trainers.union(*(sections(step, cfg) for step in (*TRAINERS, *COMBINED)))
    unused = {override for override in overrides if root(override) in read_by_trainers}
    for stage in stages:
        for spec in stage.candidates:
            composed_candidate = candidate(stage, spec, overrides, {})
            read_by_candidate = sections(spec.step, composed_candidate.cfg, spec.teacher)
            unused -= {override for override in composed_candidate.options if root(override) in read_by_candidate}
    if unused:
        raise PlanError(f"No candidate of the plan uses {', '.join(sorted(unused))}: omit it, or edit the plan.")
    return stages


def fields(entry: Any, kind: type, where: str) -> dict[str, Any]:
    """Return the fields of a stage or a candidate, from its entry in the plan.

    Raises:
        PlanError: a field is missing, unknown, or not a list although it must be.
    """
    allowed = {each.name for each in dataclasses.fields(kind)}
    required = {"name", "candidates"} if kind is Stage else {"step"}
    if not isinstance(entry, Mapping) or not required <= set(entry) <= allowed:
        raise PlanError(f"{where}: {entry} must have the fields {sorted(required)}; allowed are {sorted(allowed)}.")
    for name in {"candidates", "keep", "options"} & set(entry):
        if not isinstance(entry[name], list):
            raise PlanError(f"{where}: {name} must be a list, [...], not {entry[name]!r}.")
    return dict(entry)


def candidate(
    stage: Stage, spec: CandidateSpec, overrides: list[str], kept: Mapping[str, str], best: Candidate | None = None
) -> Candidate:
    """Build a candidate from its spec, the settings kept by earlier stages, and the overrides that apply to it.

    If the plan chooses an alternative of a group for the candidate, that choice wins over the command line. An override
    of a setting that does not exist in the candidate's configuration does not apply to it.

    Args:
        stage: its stage.
        spec: its entry in the plan.
        overrides: overrides of the command line.
        kept: options kept from earlier winners, by key.
        best: the candidate to retrain, for the step `best`.

    Raises:
        PlanError: Hydra cannot compose its options.
    """
    try:
        planned = {key(option) for option in spec.options}
        values_in_name = (re.sub(r"^[^=]*\.", "", option) for option in spec.options if not chooses(option))
        name_parts = tuple(values_in_name) if spec.called is None else (spec.called,)
        if spec.step == BEST and best is not None:
            step, teacher, name_parts = best.step, best.teacher, (*best.name_parts, *name_parts)
            options = [*(option for option in best.options if key(option) not in planned), *spec.options]
        else:
            step, teacher = spec.step, spec.teacher
            inherited = [*(override for override in overrides if key(override) not in kept), *kept.values()]
            groups = [option for option in inherited if chooses(option) and key(option) not in planned]
            values = [option for option in inherited if not chooses(option)]
            options = [*groups, *applicable(values, [*groups, *spec.options]), *spec.options]
        return Candidate(step, options, compose(options), name_parts, teacher)
    except (HydraException, OmegaConfBaseException) as error:
        raise PlanError(f"{stage}: the options {spec.options} cannot be composed. {error}") from error


def kept_of(winner: Candidate, stage: Stage, overrides: list[str]) -> dict[str, str]:
    """Return the options of a stage's winner that the next stages keep, by key.

    Overrides of the command line are excluded, because every candidate gets them anyway.
    """
    return {key(option): option for option in winner.options if root(option) in stage.keep and option not in overrides}


def depends(candidate: Candidate, overrides: Iterable[str]) -> bool:
    """Return whether any of these overrides affects a candidate or its inputs."""
    read = sections(candidate.step, candidate.cfg, candidate.teacher)
    return any(override in candidate.options and root(override) in read for override in overrides)


def sections(step: str, cfg: DictConfig, teacher: str | None = None) -> set[str]:
    """Return the config sections that determine the output of a step, including those of the steps before it."""
    if step == BEST:  # takes the options of an earlier candidate, and those of the plan
        return set()
    read_by_step = {"seed", *settings.sections(step, cfg)}
    if teacher:
        read_by_step |= sections("distill", cfg)
    return read_by_step.union(*(sections(MAKERS[name], cfg) for name in inputs(step) if name in MAKERS))


def inputs(step: str) -> list[str]:
    """Return the names of a step's inputs, from MLproject."""
    return [name for name in entry_points()[step]["parameters"] if name != "hydra_options"]


@cache
def entry_points() -> dict[str, Any]:
    """Return the entry points of MLproject by name."""
    project: dict[str, dict[str, Any]] = yaml.safe_load((runs.PROJECT / "MLproject").read_text(encoding="utf-8"))
    return project["entry_points"]
