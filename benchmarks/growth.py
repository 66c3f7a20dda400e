"""Show how time and memory of each step grow with the rows of the data: a table and a plot.

    python -m benchmarks.growth [--sizes N ...] [--steps STEP ...] [--output PREFIX] [OVERRIDE ...]

What is measured: each step as a process of its own, `python -m steps ...`, with all it does, on a store that is gone
afterwards: seconds by the clock from its start to its end, imports included, and the peak of the memory that it and
its children take together (Linux's proportional set size, looked at four times a second). Steps run one after the
other, each once for each size, and eat what the steps before them have made of that size.

`{rows}` in an override stands for the size, so that a large data set is drawn from:
`data=csv data.path=tweets.parquet ... data.sample_size={rows}`. Rows are those of all three splits together. What is
said of the power with which a figure grows is taken from the two largest sizes: 1 is in proportion to the rows, 0 is
not at all. Writes PREFIX.md and PREFIX.png.
"""

import argparse
import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import store
from benchmarks.preprocessing import LOOK_EVERY, memory_of
from benchmarks.store import PROJECT, Store
from pipeline.plan import MAKERS, inputs
from sentiment.data import cores
from sentiment.reports import pages, plots

# What is measured: a step and the alternatives it is run with.
STEPS = {
    "split": ("split", ()),
    "preprocess": ("preprocess", ()),
    "embed": ("embed", ()),
    "train_baseline": ("train_baseline", ()),
    "train_keras": ("train_keras", ()),
    "train_bert features": ("train_bert", ("train_bert=features",)),
    "train_bert finetune": ("train_bert", ("train_bert=finetune",)),
}
SLOW = ("train_bert finetune",)
DATA = ["data.rows={rows}"]
FIGURES = {"seconds": "Seconds", "memory": "Peak memory, GiB"}


class Taken(NamedTuple):
    """What a step took: seconds by the clock, and GiB at the most."""

    seconds: float
    memory: float


def measure(runs: Store, step: str, options: Sequence[str]) -> Taken:
    """Run a step on what the steps before it have made last, and measure it.

    Raises:
        RuntimeError: it failed; what it has printed last is part of the message.
    """
    eaten = [f"inputs.{name}=runs:/{runs.runs(MAKERS[name])[0].info.run_id}/{name}" for name in inputs(step)]
    command = [sys.executable, "-m", "steps", step, *eaten, *options]
    printed = runs.folder / "printed.txt"
    peak = 0.0
    with printed.open("w", encoding="utf-8") as file:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=PROJECT, env=runs.environment, stdout=file, stderr=subprocess.STDOUT)
        while process.poll() is None:
            peak = max(peak, memory_of(process.pid))
            time.sleep(LOOK_EVERY)
        seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{printed.read_text(encoding='utf-8')[-3000:]}")
    return Taken(seconds, peak)


def power(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Return the power of the size with which values grow from the last but one size to the last; 1 is in proportion.

    Not a number where there is one size only.
    """
    if len(sizes) < 2:
        return math.nan
    return math.log(values[-1] / values[-2]) / math.log(sizes[-1] / sizes[-2])


def wide(measured: pd.DataFrame, figure: str) -> pd.DataFrame:
    """Return a figure as a table for people: one row a step, one column a size, and the power of its growth.

    `measured` has one row a step and size: `step`, `rows`, `seconds` and `memory`.
    """
    table = measured.pivot(index="step", columns="rows", values=figure).loc[measured["step"].unique()]
    sizes = [int(size) for size in table.columns]
    written = table.map("{:.2f}".format if figure == "memory" else "{:.1f}".format)
    written.columns = [f"{size:,} rows" for size in sizes]
    powers = [power(sizes, row.tolist()) for _, row in table.iterrows()]
    written["power"] = ["" if math.isnan(value) else f"{value:.2f}" for value in powers]
    return written.reset_index()


def plot(measured: pd.DataFrame) -> Figure:
    """Plot seconds and memory of each step against the rows, all of them logarithmic; `measured` as in `wide`."""
    figure = Figure(figsize=(11.0, 4.4), layout="constrained", dpi=120)
    titles = {"seconds": "Time of each step", "memory": "Peak memory of each step"}
    sizes = sorted(measured["rows"].unique())
    for axes, name in zip(figure.subplots(1, 2), titles, strict=True):
        for colour, (step, rows) in zip(
            plots.cycle_to(measured["step"].nunique()), measured.groupby("step", sort=False), strict=True
        ):
            axes.plot(rows["rows"], rows[name], "o-", markersize=5, color=colour, label=step)
        largest = measured.loc[measured["rows"] == sizes[-1], name].max()
        in_proportion = [largest * size / sizes[-1] for size in sizes]
        axes.plot(sizes, in_proportion, label="in proportion to the rows", **plots.REFERENCE)
        axes.set(xscale="log", yscale="log", xlabel="rows of the data set (logarithmic)")
        axes.set(ylabel=f"{FIGURES[name].lower().replace('gib', 'GiB')} (logarithmic)")
        axes.set_ylim(bottom=measured[name].min() / 2)
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_title(titles[name], loc="left", fontweight="bold")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


def main() -> None:
    """Measure all steps at all sizes, print the tables and write them and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = [name for name in STEPS if name not in SLOW]
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000], help="rows (%(default)s)")
    parser.add_argument("--steps", choices=STEPS, nargs="+", default=usual, help=f"(all but {', '.join(SLOW)})")
    parser.add_argument("--output", default="growth", help="of the files to write (%(default)s)")
    parser.add_argument("overrides", nargs="*", default=DATA, metavar="OVERRIDE", help=f"the data ({' '.join(DATA)})")
    options: Any = parser.parse_args()

    sizes = sorted(options.sizes)
    wanted = [name for name in STEPS if name in options.steps]
    rows = []
    with store.temporary() as runs:
        for size, name in track([(size, name) for size in sizes for name in wanted], "step", transient=True):
            step, alternatives = STEPS[name]
            overrides = [override.format(rows=size) for override in options.overrides]
            taken = measure(runs, step, [*overrides, *alternatives])
            rows.append({"step": name, "rows": size, **taken._asdict()})
    measured = pd.DataFrame(rows)

    parts = [f"# How the steps grow with the data ({cores.available()} cores)"]
    for figure, title in FIGURES.items():
        table = wide(measured, figure)
        shown = Table(title=title)
        for heading in table.columns:
            shown.add_column(heading, justify="left" if heading == "step" else "right")
        for row in table.itertuples(index=False):
            shown.add_row(*row)
        Console().print(shown)
        parts += [f"## {title}", pages.grid(table)]
    Path(f"{options.output}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    plot(measured).savefig(f"{options.output}.png")
    print(f"Written: {options.output}.md and {options.output}.png. Load {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
