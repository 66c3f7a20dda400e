"""Compare a sweep of one step with what its trials cannot do without: the fits, and starting each.

    python -m benchmarks.sweep [--launcher joblib] [OVERRIDE ...]

What is compared: `mlflow run` of this project with `-m` over four sizes and two rates of dropout of a Keras network, 8
trials, on 16,000 tweets; against the sum of the trials' `fit_seconds` and of 8 runs of an empty entry point, half of
them before the sweep and half after.

Why it is fair: the sweep is one whole command, by the clock, to which all counts that it does beside the fits:
exporting, scoring and logging 8 models, comparing them, and selecting the best, which is told apart too. What the
trials eat is there already, made by a sweep over one other value: it would be made once for all trials, however many
they are. With a launcher that runs trials at the same time, fits slow each other down and their sum is the larger;
their ratio says how well the cores are used, and cannot be set against that of one trial after the other.
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
from sentiment.data import cores

TARGET = 1.3
STEP = "train_keras"
# Synthetic tweets of which 16,000 are left without repetitions.
DATA = ["data.rows=18000", "data.sample_size=16000"]
SWEPT = [f"{STEP}.network.units=32,64,96,128", f"{STEP}.network.dropout=0.2,0.4"]
TRIALS = 8
WARM_UP = [f"{STEP}.network.units=8,16", f"{STEP}.epochs=1", "export.max_auc_drop=1", "select.floor.roc_auc=1"]


def seconds(run: Run) -> float:
    """Return how long a run took by its own record."""
    return float(run.info.end_time - run.info.start_time) / 1000


def made_since(runs: Store, step: str, earlier: list[Run]) -> list[Run]:
    """Return the runs of a step that are not among earlier ones."""
    known = {run.info.run_id for run in earlier}
    return [run for run in runs.runs(step) if run.info.run_id not in known]


def main() -> None:
    """Measure the sweep and the empty runs, print where its time went, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launcher", default="basic", help="of Hydra; joblib: trials at the same time (%(default)s)")
    parser.add_argument("overrides", nargs="*", default=DATA, metavar="OVERRIDE", help=f"the data ({' '.join(DATA)})")
    options: Any = parser.parse_args()
    overrides = ["-m", f"hydra/launcher={options.launcher}", *options.overrides]

    with store.temporary() as runs:
        runs.mlflow_run(PROJECT, [*overrides, *WARM_UP])
        warm = runs.runs("%")
        empty = [runs.empty_run().seconds for _ in range(TRIALS // 2)]
        taken = runs.mlflow_run(PROJECT, [*overrides, *SWEPT])
        empty += [runs.empty_run().seconds for _ in range(TRIALS // 2)]
        steps, trials = made_since(runs, STEP, warm), made_since(runs, "trial", warm)
        selects = sum(map(seconds, made_since(runs, "select", warm)))
    if len(steps) != TRIALS or {run.info.status for run in (*steps, *trials)} != {"FINISHED"}:
        sys.exit(f"{len(steps)} steps for {TRIALS} trials, or some failed: nothing can be compared.")

    fits = sum(run.data.metrics["fit_seconds"] for run in steps)
    in_steps, in_trials = sum(map(seconds, steps)), sum(map(seconds, trials))
    owed = fits + sum(empty)
    shown = Table(title=f"A sweep of {TRIALS} trials, launcher {options.launcher}: seconds of all, and of one trial")
    for heading in ("", "seconds", "a trial"):
        shown.add_column(heading, justify="right" if heading else "left")
    for name, value in {
        "fits": fits,
        "their steps beside the fits": in_steps - fits,
        "their trials beside the steps": in_trials - in_steps,
        "selecting the best": selects,
        "the whole sweep, by the clock": taken.seconds,
        f"{TRIALS} empty runs": sum(empty),
        "fits and empty runs": owed,
    }.items():
        shown.add_row(name, f"{value:.1f}", f"{value / TRIALS:.1f}")
    Console().print(shown)
    print(
        f"The sweep took {taken.seconds / owed:.2f} times its fits and {TRIALS} empty runs "
        f"(without selecting: {(taken.seconds - selects) / owed:.2f}). Target, {TARGET:g} at most: "
        f"{'reached' if taken.seconds / owed <= TARGET else 'missed'}. "
        f"{cores.available()} cores, load {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
