"""Measure the overhead of a sweep: compare its duration with that of its fits and of as many empty runs.

    python -m benchmarks.sweep [--launcher joblib] [OVERRIDE ...]

Compares `mlflow run` of this project with `-m` over four sizes and two dropout rates of a Keras network (8 trials,
10,000 texts) with the sum of the trials' `fit_seconds` and the duration of 8 runs of an empty entry point, half of
them before the sweep and half after.

Fairness: The duration is that of the whole command, including export, scoring and logging of 8 models, their
comparison, and the selection of the best (also shown separately). The inputs of the trials exist already, made by an
earlier sweep: they would be made only once, regardless of the number of trials. If a launcher runs trials in parallel,
fits slow each other down, so their sum is larger; the ratio then shows how well the cores are used, and cannot be
compared with that of sequential trials.
"""

import argparse
import os
import sys
from typing import Any

from mlflow.entities import Run
from rich.console import Console
from rich.table import Table

from benchmarks import store
from benchmarks.store import PROJECT, Store
from sentiment.inference import cores

TARGET = 1.3
STEP = "train_keras"
DATA = ["data=vader_movie", "data.sample_size=10000"]
SWEPT = [f"{STEP}.network.units=32,64,96,128", f"{STEP}.network.dropout=0.2,0.4"]
TRIALS = 8
WARM_UP = [f"{STEP}.network.units=8,16", f"{STEP}.epochs=1", "export.max_auc_drop=1", "select.floor.roc_auc=1"]


def seconds(run: Run) -> float:
    """Return the duration of a run."""
    return float(run.info.end_time - run.info.start_time) / 1000


def made_since(runs: Store, step: str, earlier: list[Run]) -> list[Run]:
    """Return the runs of a step, without earlier ones."""
    earlier_ids = {run.info.run_id for run in earlier}
    return [run for run in runs.runs(step) if run.info.run_id not in earlier_ids]


def main() -> None:
    """Measure the sweep and the empty runs; print a breakdown of the time and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launcher", default="basic", help="Hydra launcher; joblib for parallel trials (%(default)s)")
    parser.add_argument("overrides", nargs="*", default=DATA, metavar="OVERRIDE", help=f"the data ({' '.join(DATA)})")
    options: Any = parser.parse_args()
    overrides = ["-m", f"hydra/launcher={options.launcher}", *options.overrides]

    with store.temporary() as runs:
        runs.mlflow_run(PROJECT, [*overrides, *WARM_UP])
        warm = runs.runs("%")
        empty = [runs.empty_run().seconds for _ in range(TRIALS // 2)]
        sweep = runs.mlflow_run(PROJECT, [*overrides, *SWEPT])
        empty += [runs.empty_run().seconds for _ in range(TRIALS // 2)]
        steps, trials = made_since(runs, STEP, warm), made_since(runs, "trial", warm)
        selects = sum(map(seconds, made_since(runs, "select", warm)))
    if len(steps) != TRIALS or {run.info.status for run in (*steps, *trials)} != {"FINISHED"}:
        sys.exit(f"Expected {TRIALS} finished steps and trials, got {len(steps)} steps, or some failed. Run it again.")

    fits = sum(run.data.metrics["fit_seconds"] for run in steps)
    in_steps, in_trials = sum(map(seconds, steps)), sum(map(seconds, trials))
    minimum = fits + sum(empty)
    table = Table(title=f"A sweep of {TRIALS} trials, launcher {options.launcher}: total and per trial")
    for heading in ("", "seconds", "per trial"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, value in {
        "fits": fits,
        "steps, without fits": in_steps - fits,
        "trials, without steps": in_trials - in_steps,
        "selection": selects,
        "whole sweep, wall-clock": sweep.seconds,
        f"{TRIALS} empty runs": sum(empty),
        "fits and empty runs": minimum,
    }.items():
        table.add_row(name, f"{value:.1f}", f"{value / TRIALS:.1f}")
    Console().print(table)
    print(
        f"The sweep took {sweep.seconds / minimum:.2f} times as long as its fits and {TRIALS} empty runs "
        f"(without selection: {(sweep.seconds - selects) / minimum:.2f}). Target (at most {TARGET:g}): "
        f"{'reached' if sweep.seconds / minimum <= TARGET else 'missed'}. "
        f"{cores.available()} cores, load {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
