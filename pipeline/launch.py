"""Run steps in subprocesses, after the steps that make their inputs; reuse finished runs."""

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
from pipeline.digests import digest
from pipeline.plan import MAKERS, TRAINERS, Candidate, inputs
from sentiment.inference.errors import UserError

log = logging.getLogger(__name__)

# Artifact of `select`: its terminal output.
SUMMARY = "comparison/summary.txt"
ARTIFACTS = {**{maker: name for name, maker in MAKERS.items()}, "distill": "corpus"}


class StepError(UserError):
    """A failed step, with the tag `error` of its run."""


class Launcher:
    """Runs the steps of one command, each at most once.

    If another command on this machine is running the same step, waits for its result.
    """

    def __init__(self, *, reuse_before: bool, since: int) -> None:
        """Allow reuse of all finished runs, or, with `reuse_before` false, only of runs since `since`.

        Args:
            reuse_before: whether to reuse runs of earlier commands.
            since: start of this command, in milliseconds since 1970.
        """
        self.began = since
        self.since = 0 if reuse_before else since
        self.made: dict[str, Run] = {}
        self.failed: dict[str, StepError] = {}

    def make(self, step: str, candidate: Candidate, existing: Mapping[str, Any]) -> str:
        """Run or reuse a step and the steps that make its inputs; return the URI of its artifact.

        Args:
            step: the candidate's step, or one that makes an input of it.
            candidate: the candidate whose options to use.
            existing: URIs of inputs that exist already, by name. With a `teacher`, the candidate's step reads the
                corpus of `distill` instead of a corpus or splits.

        Raises:
            StepError: the step failed, or a step before it.
        """
        taught = "teacher" in existing and step in TRAINERS + ("embed",)
        makers = {**MAKERS, "corpus": "distill", "splits": "distill"} if taught else MAKERS
        input_uris = {name: existing.get(name) or self.make(makers[name], candidate, existing) for name in inputs(step)}
        run = self.run(step, candidate.name(step), candidate.options, settings.read(step, candidate.cfg, input_uris))
        return f"runs:/{run.info.run_id}/{ARTIFACTS.get(step, artifacts.MODEL)}"

    def run(
        self,
        step: str,
        name: str,
        options: list[str],
        read: Mapping[str, Any],
        usable: Callable[[Run], bool] = lambda run: True,  # noqa: ARG005
    ) -> Run:
        """Return a finished run of a step with these settings: an existing one that is usable, or a new one.

        Raises:
            StepError: the step failed, now or earlier in this command.
        """
        parts = reuse.fingerprint(step, read)
        fingerprint = digest(parts)
        if fingerprint in self.failed:
            raise self.failed[fingerprint]
        if fingerprint not in self.made:
            with store.lock(fingerprint, mlflow.get_tracking_uri()):
                run = reuse.find(parts, runs.active().info.experiment_id, since=self.since)
                if run is not None and usable(run):
                    log.info("%s: unchanged, reusing run %s%s", name, run.info.run_id[:8], figures(run))
                else:
                    try:
                        run = launch(step, name, options, read["inputs"])
                    except StepError as error:
                        self.failed[fingerprint] = error
                        raise
                self.made[fingerprint] = run
        return self.made[fingerprint]

    def table(self) -> pd.DataFrame:
        """Return the runs of this command, new and reused: `step`, `name`, `run`, `seconds` and `used_again`."""
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
    """Run `select`, or reuse a run with the same inputs if the registry's aliases have not changed since."""
    read = settings.read("select", cfg, {"candidates": candidates, "splits": splits})

    def aliases_unchanged(run: Run) -> bool:
        return run.data.tags["aliases"] == str(registry.aliases(cfg.select.name))

    run = launcher.run("select", "select", overrides, read, usable=aliases_unchanged)
    if run.data.tags.get("mlflow.parentRunId") != runs.active().info.run_id:  # reused: show its output here, too
        summary = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/{SUMMARY}")
        Console().print(Text.from_ansi(summary), soft_wrap=True)
    return run


def package(launcher: Launcher, cfg: DictConfig, overrides: list[str]) -> None:
    """Run `package`, unless there is no champion, or a Bento of it exists already.

    Raises:
        StepError: `package` failed.
    """
    champion = registry.holder(cfg.select.name, registry.CHAMPION)
    if champion is None:
        log.warning("package: skipped, because %s has no champion.", cfg.select.name)
        return

    def has_packaged_champion(run: Run) -> bool:
        return run.data.tags["packaged"] == registry.identity(champion)

    launcher.run("package", "package", overrides, settings.read("package", cfg, {}), usable=has_packaged_champion)


def launch(step: str, name: str, options: list[str], inputs: Mapping[str, Any]) -> Run:
    """Run an entry point in a subprocess, as a child of the active run; return its run.

    Raises:
        StepError: the step failed.
    """
    log.info("%s ...", name)
    started = time.perf_counter()
    input_parameters = {key: uris if isinstance(uris, str) else ",".join(uris) for key, uris in inputs.items()}
    try:
        submitted = mlflow.run(
            str(runs.PROJECT),
            entry_point=step,
            parameters={**input_parameters, "hydra_options": shlex.join(options)},
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
    """Restore the status KILLED of interrupted steps, which MLflow has overwritten with FAILED."""
    run = children_of.info
    query = f"tags.`mlflow.parentRunId` = '{run.run_id}' and tags.error = '{door.INTERRUPTED}'"
    for child in mlflow.search_runs([run.experiment_id], query, output_format="list"):
        MlflowClient().set_terminated(child.info.run_id, RunStatus.to_string(RunStatus.KILLED))


def reason(failure: str) -> str:
    """Return why a step failed, given MLflow's message `Run (ID '...') failed`."""
    run_id = re.search("[0-9a-f]{32}", failure)
    error = None if run_id is None else mlflow.get_run(run_id[0]).data.tags.get("error")
    return "; see the error above." if error is None else f": {error}"


def figures(run: Run) -> str:
    """Return the validation AUC of a run for a log line, or an empty string."""
    auc = run.data.metrics.get("val_roc_auc")
    return "" if auc is None else f", validation AUC {auc:.3f}"
