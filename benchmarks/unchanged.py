"""Compare a `mlflow run` of the whole pipeline in which nothing has changed with one of an empty entry point.

    python -m benchmarks.unchanged [--runs N] [OVERRIDE ...]

What is compared: `mlflow run` of this project with the overrides given, none by default, after the same command has
made everything once; and `mlflow run` of a project whose only entry point is `python -c pass`, which is what starting
MLflow alone costs. Ends with an error if any step runs again.

Why it is fair: both are whole commands, from the shell to their end, on the same database, which a first run has
filled; nothing is remembered from one to the next but what the store and the operating system's cache of files hold.
Sides take turns; each figure is a median. Seconds of the processors, which a busy machine changes least, stand beside
those of the clock.
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
from benchmarks.store import PROJECT, Store, Taken
from sentiment.data import cores

TARGET = 3.0
UNCHANGED, EMPTY = "this project, nothing changed", "an empty entry point"


def steps(runs: Store) -> int:
    """Return how many steps have run: all runs of the pipeline but those of `main`."""
    return len(runs.runs("%")) - len(runs.runs("main"))


def main() -> None:
    """Measure both sides, print them and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="of each side (%(default)s)")
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="of the pipeline (none)")
    options: Any = parser.parse_args()

    taken: dict[str, list[Taken]] = {UNCHANGED: [], EMPTY: []}
    with store.temporary() as runs:
        first = runs.mlflow_run(PROJECT, options.overrides)
        made = steps(runs)
        for _ in track(range(options.runs), description="nothing changed, and nothing", transient=True):
            taken[UNCHANGED].append(runs.mlflow_run(PROJECT, options.overrides))
            taken[EMPTY].append(runs.empty_run())
        if again := steps(runs) - made:
            sys.exit(f"{again} steps ran again. Was a file of the project edited, or the registry, in the meantime?")

    medians = {name: Taken(*map(median, zip(*each, strict=True))) for name, each in taken.items()}
    shown = Table(title=f"mlflow run, medians of {options.runs}; the first run, {made} steps, {first.seconds:.0f} s")
    for heading in ("", "seconds", "ratio", "CPU seconds", "ratio"):
        shown.add_column(heading, justify="right" if heading else "left")
    for name, (seconds, cpu) in medians.items():
        ratios = seconds / medians[EMPTY].seconds, cpu / medians[EMPTY].cpu
        shown.add_row(name, f"{seconds:.1f}", f"{ratios[0]:.2f}", f"{cpu:.1f}", f"{ratios[1]:.2f}")
    Console().print(shown)
    ratio = medians[UNCHANGED].seconds / medians[EMPTY].seconds
    print(
        f"No step ran again; {ratio:.2f} times an empty run. Target, {TARGET:g} at most: "
        f"{'reached' if ratio <= TARGET else 'missed'}. {cores.available()} cores, load {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
