"""Run steps, each in a process of its own, after all that they eat; use again what is there already."""

import logging
import re
import shlex
import time
from collections.abc import Callable, Mapping
from typing import Any

import mlflow
import pandas as pd
from mlflow.entities import Run, RunStatus
from mlflow.tracking import MlflowClient
from omegaconf import DictConfig
from rich.console import Console
from rich.text import Text

from pipeline import artifacts, door, registry, reuse, runs, settings, store
from pipeline.plan import MAKERS, Candidate, inputs
from sentiment.inference.errors import UserError

log = logging.getLogger(__name__)

# What `select` has said on the terminal, among the artifacts of its run.
SUMMARY = "comparison/summary.txt"
ARTIFACTS = {**{maker: name for name, maker in MAKERS.items()}, "distill": "corpus"}


class StepError(UserError):
    """A step that failed, with the error that its run has as a tag."""


class Launcher:
    """Makes what the candidates of one command need, each thing once.

    What another command of this machine is making at the same time is waited for.
    """

    def __init__(self, *, reuse_before: bool, since: int) -> None:
        """Remember what may be used again: all runs, or with `reuse_before` false those since a time.

        Args:
            reuse_before: whether runs of earlier commands are used again.
            since: when this command began, in milliseconds since 1970.
        """
        self.began = since
        self.since = 0 if reuse_before else since
        self.made: dict[str, Run] = {}
        self.failed: dict[str, StepError] = {}

    def make(self, step: str, candidate: Candidate, given: Mapping[str, Any]) -> str:
        """Run a step after all that it eats, unless a finished run has made the same; return the URI of what it made.

        Args:
            step: the candidate's, or one that makes what it eats.
            candidate: whose options the step is run with.
            given: inputs that are there already, by name; with a `teacher`, the corpus is one that it has labelled.

        Raises:
            StepError: it failed, or a step before it.
        """
        makers = {**MAKERS, "corpus": "distill"} if "teacher" in given and step != "distill" else MAKERS
        eaten = {name: given.get(name) or self.make(makers[name], candidate, given) for name in inputs(step)}
        run = self.run(step, candidate.name(step), candidate.options, settings.read(step, candidate.cfg, eaten))
        return f"runs:/{run.info.run_id}/{ARTIFACTS.get(step, artifacts.MODEL)}"

    def run(
        self,
        step: str,
        name: str,
        options: list[str],
        read: Mapping[str, Any],
        usable: Callable[[Run], bool] = lambda run: True,  # noqa: ARG005
    ) -> Run:
        """Return the finished run of a step with these settings: one that is there and usable, or a new one.

        Raises:
            StepError: it failed now, or before in this command.
        """
        parts = reuse.fingerprint(step, read)
        known = reuse.digest(parts)
        if known in self.failed:
            raise self.failed[known]
        if known not in self.made:
            with store.lock(known, mlflow.get_tracking_uri()):
                run = reuse.find(parts, runs.active().info.experiment_id, since=self.since)
                if run is not None and usable(run):
                    log.info("%s: unchanged, run %s is used again%s", name, run.info.run_id[:8], figures(run))
                else:
                    try:
                        run = launch(step, name, options, read["inputs"])
                    except StepError as error:
                        self.failed[known] = error
                        raise
                self.made[known] = run
        return self.made[known]

    def table(self) -> pd.DataFrame:
        """Return what this command has made or used again: `step`, `name`, `run`, `seconds` and `used_again`."""
        return pd.DataFrame(
            [
                {
                    "step": run.data.tags["step"],
                    "name": run.info.run_name,
                    "run": run.info.run_id,
                    "seconds": (run.info.end_time - run.info.start_time) / 1000,
                    "used_again": run.info.start_time < self.began,
                }
                for run in self.made.values()
            ],
            columns=["step", "name", "run", "seconds", "used_again"],
        )


def select(launcher: Launcher, splits: str, candidates: list[str], cfg: DictConfig, overrides: list[str]) -> Run:
    """Return the run of `select`: a new one, or the one that did the same, if the registry is as it left it."""
    read = settings.read("select", cfg, {"candidates": candidates, "splits": splits})

    def untouched(run: Run) -> bool:
        return run.data.tags["aliases"] == str(registry.aliases(cfg.select.name))

    run = launcher.run("select", "select", overrides, read, usable=untouched)
    if run.data.tags.get("mlflow.parentRunId") != runs.active().info.run_id:  # another command's has shown it there
        summary = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/{SUMMARY}")
        Console().print(Text.from_ansi(summary), soft_wrap=True)
    return run


def package(launcher: Launcher, cfg: DictConfig, overrides: list[str]) -> None:
    """Run `package`, if there is a champion of which no Bento is there yet.

    Raises:
        StepError: it failed.
    """
    champion = registry.holder(cfg.select.name, registry.CHAMPION)
    if champion is None:
        log.warning("package: %s has no champion, so there is nothing to serve.", cfg.select.name)
        return

    def of_the_champion(run: Run) -> bool:
        return run.data.tags["packaged"] == registry.identity(champion)

    launcher.run("package", "package", overrides, settings.read("package", cfg, {}), usable=of_the_champion)


def launch(step: str, name: str, options: list[str], inputs: Mapping[str, Any]) -> Run:
    """Run an entry point in a process of its own, as a child of the open run, and return its run.

    Raises:
        StepError: it failed.
    """
    log.info("%s ...", name)
    started = time.perf_counter()
    joined = {key: uris if isinstance(uris, str) else ",".join(uris) for key, uris in inputs.items()}
    try:
        submitted = mlflow.run(
            str(runs.PROJECT),
            entry_point=step,
            parameters={**joined, "hydra_options": shlex.join(options)},
            env_manager="local",
            run_name=name,
            experiment_id=runs.active().info.experiment_id,
        )
    except mlflow.exceptions.ExecutionException as error:
        raise StepError(f"{name} failed{reason(str(error))}") from error
    except KeyboardInterrupt:
        mark_as_killed(children_of=runs.active())
        raise
    run = mlflow.get_run(submitted.run_id)
    log.info("%s: done in %.0f s%s", name, time.perf_counter() - started, figures(run))
    return run


def mark_as_killed(*, children_of: Run) -> None:
    """Correct the status of interrupted steps: MLflow overwrites what they have said of themselves by FAILED."""
    run = children_of.info
    asked = f"tags.`mlflow.parentRunId` = '{run.run_id}' and tags.error = '{door.INTERRUPTED}'"
    for child in mlflow.search_runs([run.experiment_id], asked, output_format="list"):
        MlflowClient().set_terminated(child.info.run_id, RunStatus.to_string(RunStatus.KILLED))


def reason(failure: str) -> str:
    """Return why a step failed, from what MLflow says of its failure: `Run (ID '...') failed`."""
    run_id = re.search("[0-9a-f]{32}", failure)
    error = None if run_id is None else mlflow.get_run(run_id[0]).data.tags.get("error")
    return "; see the error above." if error is None else f": {error}"


def figures(run: Run) -> str:
    """Return what there is to say of a trained model."""
    auc = run.data.metrics.get("val_roc_auc")
    return "" if auc is None else f", validation AUC {auc:.3f}"
