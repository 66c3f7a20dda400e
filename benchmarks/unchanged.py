"""Measure the overhead of reuse: compare `mlflow run` of the unchanged pipeline with that of an empty project.

    python -m benchmarks.unchanged [--runs N] [OVERRIDE ...]

Compares `mlflow run` of this project, after the same command has run everything once, with `mlflow run` of a project
whose only entry point is `python -c pass`, the cost of starting MLflow. Fails if any step runs again.

Fairness: Both are complete commands, on the same database, filled by the first run. Nothing but the store and the file
cache of the operating system is kept between them. They alternate; each figure is a median. CPU seconds are also shown,
because they depend less on the load of the machine.
"""

import argparse
import os
import sys
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import store
from benchmarks.store import PROJECT, Measurement, Store
from sentiment.inference import cores

TARGET = 3.0
UNCHANGED, EMPTY = "this project, unchanged", "empty project"


def steps(runs: Store) -> int:
    """Return how many steps have run: all runs except those of `main`."""
    return len(runs.runs("%")) - len(runs.runs("main"))


def main() -> None:
    """Measure both; print times and ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="runs of each (%(default)s)")
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="overrides of the pipeline (none)")
    options: Any = parser.parse_args()

    measurements: dict[str, list[Measurement]] = {UNCHANGED: [], EMPTY: []}
    with store.temporary() as runs:
        first = runs.mlflow_run(PROJECT, options.overrides)
        made = steps(runs)
        for _ in track(range(options.runs), description="unchanged and empty runs", transient=True):
            measurements[UNCHANGED].append(runs.mlflow_run(PROJECT, options.overrides))
            measurements[EMPTY].append(runs.empty_run())
        if rerun := steps(runs) - made:
            sys.exit(f"{rerun} steps ran again. Has a file of the project or the registry been changed meanwhile?")

    medians = {name: Measurement(*map(median, zip(*each, strict=True))) for name, each in measurements.items()}
    table = Table(title=f"mlflow run, medians of {options.runs}; first run: {made} steps, {first.seconds:.0f} s")
    for heading in ("", "seconds", "ratio", "CPU seconds", "ratio"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, (seconds, cpu) in medians.items():
        ratios = seconds / medians[EMPTY].seconds, cpu / medians[EMPTY].cpu
        table.add_row(name, f"{seconds:.1f}", f"{ratios[0]:.2f}", f"{cpu:.1f}", f"{ratios[1]:.2f}")
    Console().print(table)
    ratio = medians[UNCHANGED].seconds / medians[EMPTY].seconds
    print(
        f"No step ran again; {ratio:.2f} times as long as an empty run. Target (at most {TARGET:g}): "
        f"{'reached' if ratio <= TARGET else 'missed'}. {cores.available()} cores, load {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
