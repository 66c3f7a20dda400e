"""Hydra's multirun as MLflow sees it: one run of the sweep, in it one run a trial, and at the end the best is selected.

A trial runs the candidates of the plan that the swept values concern. What does not depend on them is made once, since
finished runs are used again (pipeline/launch.py), also by trials that other processes run at the same time.
"""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mlflow
import pandas as pd
from hydra import initialize_config_dir
from hydra._internal.utils import get_args_parser  # what `hydra.main` reads the command line with
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException
from mlflow.entities import Run, RunStatus
from mlflow.tracking import MlflowClient
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from pipeline import candidates, door, launch, plan, preflight, runs, store
from pipeline.launch import Launcher
from pipeline.plan import BEST, BLEND, Candidate, PlanError, Stage
from sentiment.evaluation import metrics
from sentiment.inference.errors import UserError
from sentiment.reports import comparison, plots

log = logging.getLogger(__name__)


class SweepError(UserError):
    """A sweep that cannot be run, or of which no trial has finished."""


# How trials, in whatever process, know the sweep that they belong to. On a cluster that does not hand the environment
# on: hydra.job.env_copy=[TWEET_SENTIMENT_SWEEP,MLFLOW_TRACKING_URI].
SWEEP = "TWEET_SENTIMENT_SWEEP"


@contextmanager
def around(arguments: list[str]) -> Iterator[None]:
    """Put the trials of a multirun into one run, and select the best when they are done; else do nothing.

    Args:
        arguments: of the command line.

    Raises:
        SweepError: the sweep cannot be run, or none of its trials has finished.
        StepError: the best trial could not be selected.
    """
    given = get_args_parser().parse_args(arguments)
    if not given.multirun and "hydra.mode=MULTIRUN" not in given.overrides:
        yield
        return
    try:
        swept, cfg = check(given.overrides)
    except (HydraException, OmegaConfBaseException, UserError) as error:
        raise SweepError(f"The sweep cannot be run. {error}") from error
    store.connect()
    with runs.opened(run_name="sweep", tags={"step": "sweep", "swept": json.dumps(swept)}) as sweep:
        os.environ.pop("MLFLOW_RUN_ID", None)  # it would be the run of the first trial, too
        os.environ[SWEEP] = sweep.info.run_id
        try:
            yield
        except BaseException:  # a process of a trial may have been killed, or all of them by Ctrl-C
            cut_off(sweep, swept, cfg)
            raise
        finish(sweep, swept, cfg)


def check(overrides: list[str]) -> tuple[list[str], DictConfig]:
    """Return the names of what is swept, and the configuration of the trial with the first value of each.

    Every value is tried out beside the first ones of the others.

    Raises:
        HydraException, OmegaConfBaseException: there is no such setting or alternative, or not for all of them.
        PlanError: nothing is swept, some of it concerns no candidate of the plan, or the sweeper would look for the
            worst.
        SettingsError: a value is unusable.
    """
    with initialize_config_dir(version_base="1.3", config_dir=str(runs.PROJECT / "conf")):
        written = OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(overrides)
        # hydra.job.env_copy names a variable that is not there yet.
        written = [override for override in written if not str(override.key_or_group).startswith("hydra.job.")]
        swept = sorted(str(override.key_or_group) for override in written if override.is_sweep_override())
        if not swept:
            raise PlanError("-m sweeps over values: give some setting several, as in train_keras.network.units=32,64.")
        tried = [with_each_value(override) for override in written]
        first = [each[0] for each in tried]
        cfg = plan.compose(first)
        preflight.check(cfg)
        require_direction(cfg)
        for place, each in enumerate(tried):
            for value in each[1:]:
                preflight.check(plan.compose([*first[:place], value, *first[place + 1 :]]))
        options = [option for option in first if not plan.key(option).startswith("hydra")]
        planned = trained(plan.read(cfg, options), options)
        if idle := [name for name in swept if not concerned(planned, options, [name])]:
            raise PlanError(f"No candidate of the plan depends on {', '.join(idle)}.")
    return swept, cfg


def with_each_value(override: Override) -> list[str]:
    """Return an override with each of its values; of numbers in a range, which are all alike, with the first alone."""
    value = override.value()
    if isinstance(value, IntervalSweep | RangeSweep):
        return [f"{override.get_key_element()}={value.start}"]
    if override.is_sweep_override():
        return [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
    return [str(override.input_line)]


def require_direction(cfg: DictConfig) -> None:
    """Refuse a searching sweeper that takes a better model for a worse one.

    Raises:
        PlanError: it does.
    """
    direction = cfg.hydra.sweeper.get("direction")
    metric = cfg.select.metric
    wanted = "maximize" if metrics.HIGHER_IS_BETTER[metric] else "minimize"
    if direction is not None and getattr(direction, "name", direction) != wanted:
        raise PlanError(f"select.metric={metric} is to be {wanted}d: hydra.sweeper.direction={wanted}.")


def trained(stages: list[Stage], overrides: list[str]) -> list[Candidate]:
    """Return the candidates of the plan that build on no other."""
    return [
        plan.candidate(stage, item, overrides, {})
        for stage in stages
        for item in stage.candidates
        if item.step not in (BEST, BLEND) and item.teacher is None
    ]


def concerned(candidates: list[Candidate], overrides: list[str], swept: list[str]) -> list[Candidate]:
    """Return the candidates that depend on what is swept."""
    values = [override for override in overrides if plan.key(override) in swept]
    return [candidate for candidate in candidates if plan.depends(candidate, values)]


def trial(cfg: DictConfig, overrides: list[str]) -> float | None:
    """Run one trial, and return the metric to select by; None if it failed for a reason that a user can mend.

    Of several candidates, the best that may be served speaks for the trial.

    Raises:
        PlanError: it belongs to no sweep.
    """
    if SWEEP not in os.environ:
        raise PlanError(
            "A trial knows its sweep by the environment, which this process did not get: "
            f"hydra.job.env_copy=[{SWEEP},MLFLOW_TRACKING_URI] hands it on."
        )
    store.connect()
    sweep = mlflow.get_run(os.environ[SWEEP])
    swept = json.loads(sweep.data.tags["swept"])
    chosen = {name: value_of(cfg, name) for name in swept}
    name = " ".join(f"{short(setting, swept)}={rounded(value)}" for setting, value in chosen.items())
    tags = {"step": "trial", "values": json.dumps(chosen), "overrides": json.dumps(overrides)}
    launcher = Launcher(reuse_before=cfg.reuse, since=sweep.info.start_time)
    place = {"parent_run_id": sweep.info.run_id, "experiment_id": sweep.info.experiment_id}
    with runs.opened(run_name=name, nested=True, tags=tags, **place):
        mlflow.log_params(chosen)
        try:
            preflight.check(cfg)
            tried = concerned(trained(plan.read(cfg, overrides), overrides), overrides, swept)
            uris = list(dict.fromkeys(launcher.make(candidate.step, candidate, {}) for candidate in tried))
            splits = launcher.make("split", tried[0], {})
        except UserError as error:
            log.error("%s: %s", name, error)
            mlflow.set_tag("error", door.summary(error))
            mlflow.end_run(RunStatus.to_string(RunStatus.FAILED))
            return None
        rows = [candidates.read(uri) for uri in uris]
        best = candidates.best_to_serve(candidates.rank(rows, cfg.select.metric), cfg)
        mlflow.set_tags({"candidate": best["name"], "model": best["uri"], "splits": splits})
        mlflow.log_metrics({column: float(best[column]) for column in figures(cfg.select.metric)})
        return float(best[cfg.select.metric])


def value_of(cfg: DictConfig, name: str) -> str | int | float:
    """Return what a trial has for a setting, or the alternative for a group: a number, or text as YAML writes it."""
    value = HydraConfig.get().runtime.choices.get(name, OmegaConf.select(cfg, name))
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    return json.dumps(OmegaConf.to_container(value) if OmegaConf.is_config(value) else value)


def short(name: str, swept: list[str]) -> str:
    """Return the last part of a setting's name, or all of it where another swept setting ends in the same."""
    lasts = [other.rpartition(".")[2] for other in swept]
    last = name.rpartition(".")[2]
    return last if lasts.count(last) == 1 else name


def rounded(value: str | int | float) -> str:
    """Return a value for people: a number that a searching sweeper has drawn has many digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def finish(sweep: Run, swept: list[str], cfg: DictConfig) -> None:
    """Log and show the table and the plot of all trials, and have the best of them selected.

    Raises:
        SweepError: none has finished.
        StepError: the step `select` has failed.
    """
    table = show(sweep, swept, cfg)
    if table.iloc[0]["status"] != "FINISHED":
        why = "\n".join(dict.fromkeys(table["error"].dropna()))
        raise SweepError(f"None of the {len(table)} trials has finished. Nothing was registered.\n{why}".rstrip())
    if table["splits"].nunique() > 1:
        log.info("Nothing is selected: the trials have different splits, so that chance may decide which is the best.")
        return
    finished = table[table["status"] == "FINISHED"].reset_index(drop=True)
    models = pd.DataFrame([candidates.read(uri) for uri in finished["model"]])
    allowed = candidates.may_be_served(models, cfg)
    if not allowed.any():
        best = models.iloc[0]
        log.info(
            "Nothing is selected: select.families=%s and select.runtimes=%s do not allow %s (%s, %s), nor any other.",
            *(list(cfg.select.families), list(cfg.select.runtimes), best["name"], best["family"], best["runtimes"]),
        )
        return
    best = finished[allowed].iloc[0]
    launcher = Launcher(reuse_before=cfg.reuse, since=sweep.info.start_time)
    launch.select(launcher, best["splits"], [best["model"]], cfg, best["overrides"])


def cut_off(sweep: Run, swept: list[str], cfg: DictConfig) -> None:
    """Show and log the trials of a sweep that came to no end; those that were killed in their work say so."""
    for run in trials(sweep):
        if run.info.status == "RUNNING":
            MlflowClient().set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.KILLED))
    if trials(sweep):
        show(sweep, swept, cfg)
        log.error("The sweep was cut off. The same command goes on where it stopped: what has finished is used again.")


def show(sweep: Run, swept: list[str], cfg: DictConfig) -> pd.DataFrame:
    """Log and show the table and the plot of the trials; return the table, the best first, those that failed last."""
    metric = cfg.select.metric
    table = pd.DataFrame([row(run) for run in trials(sweep)], dtype=object)
    table = table.reindex(columns=list(dict.fromkeys([*table.columns, *figures(metric)])))
    table = table.astype(dict.fromkeys(figures(metric), float))
    table = table.sort_values(metric, ascending=not metrics.HIGHER_IS_BETTER[metric], ignore_index=True)
    runs.log_table(table, "sweep/trials.csv")
    finished = table[table["status"] == "FINISHED"]
    if not finished.empty:
        mlflow.log_figure(plots.parallel_coordinates(finished, swept, metric), "sweep/trials.png")
    heads = {short(name, swept): table[name].map(rounded) for name in swept}
    Console().print("", comparison.trials(table.assign(**heads), list(heads), metric), "", sep="\n", soft_wrap=True)
    return table


def figures(metric: str) -> list[str]:
    """Return the names of what is told of a trial: what the table shows, and the metric to select by."""
    return list(dict.fromkeys([*comparison.TRIAL_COLUMNS, metric]))


def trials(sweep: Run) -> list[Run]:
    """Return the trials of a sweep."""
    asked = f"tags.`mlflow.parentRunId` = '{sweep.info.run_id}' and tags.step = 'trial'"
    found: list[Run] = mlflow.search_runs([sweep.info.experiment_id], asked, output_format="list")
    return found


def row(run: Run) -> dict[str, Any]:
    """Return a trial's row of the table."""
    tags = run.data.tags
    told = {name: tags.get(name) for name in ("candidate", "splits", "model", "error")}
    overrides = json.loads(tags["overrides"])
    return {**json.loads(tags["values"]), **run.data.metrics, "status": run.info.status, **told, "overrides": overrides}
