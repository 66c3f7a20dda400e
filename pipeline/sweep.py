"""Sweeps: Hydra's multirun as an MLflow run, with one nested run per trial; the best trial goes to `select`.

A trial runs the candidates of the plan that depend on the swept values. Everything else runs once, because finished
runs are reused (pipeline/launch.py), also across parallel trials.
"""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mlflow
import pandas as pd
from hydra._internal.utils import get_args_parser  # the parser of `hydra.main`
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from mlflow.entities import Run, RunStatus
from mlflow.tracking import MlflowClient
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from pipeline import candidates, door, launch, plan, preflight, runs, store
from pipeline.launch import Launcher
from pipeline.plan import PlanError
from pipeline.swept import affected, check, trained
from sentiment.evaluation import metrics
from sentiment.inference.errors import UserError
from sentiment.reports import comparison, sweep_plot

log = logging.getLogger(__name__)


class SweepError(UserError):
    """A sweep that cannot be run, or without a finished trial."""


# Environment variable with the run id of the sweep, for trials in other processes. On a cluster that does not pass the
# environment on, set hydra.job.env_copy=[TWEET_SENTIMENT_SWEEP,MLFLOW_TRACKING_URI].
SWEEP = "TWEET_SENTIMENT_SWEEP"


@contextmanager
def around(arguments: list[str]) -> Iterator[None]:
    """For a multirun, open the run of the sweep, and select the best trial at the end; otherwise do nothing.

    Args:
        arguments: arguments of the command line.

    Raises:
        SweepError: the sweep cannot be run, or no trial has finished.
        StepError: the step `select` failed.
    """
    options = get_args_parser().parse_args(arguments)
    if not options.multirun and "hydra.mode=MULTIRUN" not in options.overrides:
        yield
        return
    try:
        swept, cfg = check(options.overrides)
    except (HydraException, OmegaConfBaseException, UserError) as error:
        raise SweepError(f"The sweep cannot be run. {error}") from error
    store.connect()
    with runs.opened(run_name="sweep", tags={"step": "sweep", "swept": json.dumps(swept)}) as sweep:
        os.environ.pop("MLFLOW_RUN_ID", None)  # otherwise the first trial would open this run, too
        os.environ[SWEEP] = sweep.info.run_id
        try:
            yield
        except BaseException:  # Ctrl-C, or the process of a trial was killed
            end_interrupted(sweep, swept, cfg)
            raise
        finish(sweep, swept, cfg)


def trial(cfg: DictConfig, overrides: list[str]) -> float | None:
    """Run one trial; return its metric to select by, or None if it failed with an error that the user can fix.

    If a trial has several candidates, the best one that may be served counts.

    Raises:
        PlanError: the trial does not know its sweep.
    """
    if SWEEP not in os.environ:
        raise PlanError(
            f"The environment of this trial does not have {SWEEP}: pass it on with "
            f"hydra.job.env_copy=[{SWEEP},MLFLOW_TRACKING_URI]."
        )
    store.connect()
    sweep = mlflow.get_run(os.environ[SWEEP])
    swept = json.loads(sweep.data.tags["swept"])
    values = {name: value_of(cfg, name) for name in swept}
    name = " ".join(f"{short(setting, swept)}={rounded(value)}" for setting, value in values.items())
    tags = {"step": "trial", "values": json.dumps(values), "overrides": json.dumps(overrides)}
    launcher = Launcher(reuse_before=cfg.reuse, since=sweep.info.start_time)
    parent = {"parent_run_id": sweep.info.run_id, "experiment_id": sweep.info.experiment_id}
    with runs.opened(run_name=name, nested=True, tags=tags, **parent):
        mlflow.log_params(values)
        try:
            preflight.check(cfg)
            to_train = affected(trained(plan.read(cfg, overrides), overrides), overrides, swept)
            uris = list(dict.fromkeys(launcher.make(candidate.step, candidate, {}) for candidate in to_train))
            splits = launcher.make("split", to_train[0], {})
        except UserError as error:
            log.error("%s: %s", name, error)
            mlflow.set_tag("error", door.summary(error))
            mlflow.end_run(RunStatus.to_string(RunStatus.FAILED))
            return None
        rows, ranking = [candidates.read(uri) for uri in uris], metrics.on_target(cfg.select.metric, cfg.select.target)
        best = candidates.best_to_serve(candidates.rank(rows, cfg.select.metric, cfg.select.target), cfg)
        mlflow.set_tags({"candidate": best["name"], "model": best["uri"], "splits": splits})
        mlflow.log_metrics({column: float(best[column]) for column in figures(ranking)})
        return float(best[ranking])


def value_of(cfg: DictConfig, name: str) -> str | int | float:
    """Return the value of a setting, or the choice of a group, as a number or as text."""
    value = HydraConfig.get().runtime.choices.get(name, OmegaConf.select(cfg, name))
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    return json.dumps(OmegaConf.to_container(value) if OmegaConf.is_config(value) else value)


def short(name: str, swept: list[str]) -> str:
    """Return the last part of a setting's name, or the full name if another swept setting has the same last part."""
    lasts = [other.rpartition(".")[2] for other in swept]
    last = name.rpartition(".")[2]
    return last if lasts.count(last) == 1 else name


def rounded(value: str | int | float) -> str:
    """Format a value for display; sampled numbers have many digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def finish(sweep: Run, swept: list[str], cfg: DictConfig) -> None:
    """Show and log the table and the plot of all trials, and run `select` on the best.

    Raises:
        SweepError: no trial has finished.
        StepError: the step `select` failed.
    """
    table = show(sweep, swept, cfg)
    if table.iloc[0]["status"] != "FINISHED":
        errors = "\n".join(dict.fromkeys(table["error"].dropna()))
        raise SweepError(f"None of the {len(table)} trials finished. Nothing was registered.\n{errors}".rstrip())
    if table["splits"].nunique() > 1:
        log.info("Not selecting a trial: the trials have different splits, so their metrics cannot be compared.")
        return
    finished = table[table["status"] == "FINISHED"].reset_index(drop=True)
    models = pd.DataFrame([candidates.read(uri) for uri in finished["model"]])
    allowed = candidates.may_be_served(models, cfg)
    if not allowed.any():
        best = models.iloc[0]
        log.info(
            "Not selecting a trial: select.families=%s and select.runtimes=%s allow neither the best, %s (%s, %s), nor "
            "any other.",
            *(list(cfg.select.families), list(cfg.select.runtimes), best["name"], best["family"], best["runtimes"]),
        )
        return
    best = finished[allowed].iloc[0]
    launcher = Launcher(reuse_before=cfg.reuse, since=sweep.info.start_time)
    launch.select(launcher, best["splits"], [best["model"]], cfg, best["overrides"])


def end_interrupted(sweep: Run, swept: list[str], cfg: DictConfig) -> None:
    """Mark the unfinished trials of an interrupted sweep as KILLED, and show and log all trials."""
    for run in trials(sweep):
        if run.info.status == "RUNNING":
            MlflowClient().set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.KILLED))
    if trials(sweep):
        show(sweep, swept, cfg)
        log.error("The sweep was interrupted. Repeat the same command to resume it: finished runs are reused.")


def show(sweep: Run, swept: list[str], cfg: DictConfig) -> pd.DataFrame:
    """Show and log the table and the plot of the trials; return the table, sorted with failed trials last."""
    metric, ranking = cfg.select.metric, metrics.on_target(cfg.select.metric, cfg.select.target)
    table = pd.DataFrame([row(run) for run in trials(sweep)], dtype=object)
    table = table.reindex(columns=list(dict.fromkeys([*table.columns, *figures(ranking)])))
    table = table.astype(dict.fromkeys(figures(ranking), float))
    table = table.sort_values(ranking, ascending=not metrics.HIGHER_IS_BETTER[metric], ignore_index=True)
    runs.log_table(table, "sweep/trials.csv")
    finished = table[table["status"] == "FINISHED"]
    if not finished.empty:
        mlflow.log_figure(
            sweep_plot.parallel_coordinates(finished.rename(columns={ranking: metric}), swept, metric),
            "sweep/trials.png",
        )
    value_columns = {short(name, swept): table[name].map(rounded) for name in swept}
    trials_table = comparison.trials(table.assign(**value_columns), list(value_columns), ranking)
    Console().print("", trials_table, "", sep="\n", soft_wrap=True)
    return table


def figures(ranking: str) -> list[str]:
    """Return the metrics of a trial: the columns of the table, and the one that ranks."""
    return list(dict.fromkeys([*comparison.TRIAL_COLUMNS, ranking]))


def trials(sweep: Run) -> list[Run]:
    """Return the trials of a sweep."""
    query = f"tags.`mlflow.parentRunId` = '{sweep.info.run_id}' and tags.step = 'trial'"
    trial_runs: list[Run] = mlflow.search_runs([sweep.info.experiment_id], query, output_format="list")
    return trial_runs


def row(run: Run) -> dict[str, Any]:
    """Return a trial's row in the table."""
    tags = run.data.tags
    result = {name: tags.get(name) for name in ("candidate", "splits", "model", "error")}
    values, overrides = json.loads(tags["values"]), json.loads(tags["overrides"])
    return {**values, **run.data.metrics, "status": run.info.status, **result, "overrides": overrides}
