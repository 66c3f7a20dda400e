"""Measure how the time and memory of each step grow with the size of the data: tables and a plot.

    python -m benchmarks.growth [--sizes N ...] [--steps STEP ...] [--output PREFIX] [OVERRIDE ...]

Runs each step as a process, `python -m steps ...`, once per size, in order, on the artifacts of the previous steps, in
a temporary store. Measures wall-clock time, including imports, and the peak memory of the process and its children
(Linux's proportional set size, sampled four times a second).

`{rows}` in an override is replaced by the size, for example to sample from a large data set:
`data=csv data.path=tweets.parquet ... data.sample_size={rows}`. Sizes count the rows of all three splits. `power` is
the exponent of growth between the two largest sizes: 1 is proportional to the rows, 0 is constant. Writes PREFIX.md and
PREFIX.png.
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
from benchmarks.preprocessing import SAMPLING_SECONDS, memory_of
from benchmarks.store import PROJECT, Store
from pipeline.plan import MAKERS, inputs
from sentiment.inference import cores
from sentiment.reports import canvas, pages

# By name: a step and its overrides.
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


class Measurement(NamedTuple):
    """Wall-clock seconds and peak memory in GiB of a step."""

    seconds: float
    memory: float


def measure(runs: Store, step: str, options: Sequence[str]) -> Measurement:
    """Run a step on the latest artifacts of the previous steps, and measure it.

    Raises:
        RuntimeError: the step failed; the message contains the end of its output.
    """
    input_options = [f"inputs.{name}=runs:/{runs.runs(MAKERS[name])[0].info.run_id}/{name}" for name in inputs(step)]
    command = [sys.executable, "-m", "steps", step, *input_options, *options]
    output = runs.folder / "output.txt"
    peak = 0.0
    with output.open("w", encoding="utf-8") as file:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=PROJECT, env=runs.environment, stdout=file, stderr=subprocess.STDOUT)
        while process.poll() is None:
            peak = max(peak, memory_of(process.pid))
            time.sleep(SAMPLING_SECONDS)
        seconds = time.perf_counter() - started
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{output.read_text(encoding='utf-8')[-3000:]}")
    return Measurement(seconds, peak)


def power(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Return the exponent of growth between the last two sizes (1: proportional), or NaN if there is only one size."""
    if len(sizes) < 2:
        return math.nan
    return math.log(values[-1] / values[-2]) / math.log(sizes[-1] / sizes[-2])


def wide(measured: pd.DataFrame, figure: str) -> pd.DataFrame:
    """Return a formatted table of a figure: one row per step, one column per size, and a column `power`.

    `measured` has one row per step and size: `step`, `rows`, `seconds` and `memory`.
    """
    table = measured.pivot(index="step", columns="rows", values=figure).loc[measured["step"].unique()]
    sizes = [int(size) for size in table.columns]
    formatted = table.map("{:.2f}".format if figure == "memory" else "{:.1f}".format)
    formatted.columns = [f"{size:,} rows" for size in sizes]
    powers = [power(sizes, row.tolist()) for _, row in table.iterrows()]
    formatted["power"] = ["" if math.isnan(value) else f"{value:.2f}" for value in powers]
    return formatted.reset_index()


def plot(measured: pd.DataFrame) -> Figure:
    """Plot time and memory of each step against the rows, on logarithmic axes; `measured` as in `wide`."""
    figure = Figure(figsize=(11.0, 4.4), layout="constrained", dpi=120)
    titles = {"seconds": "Time of each step", "memory": "Peak memory of each step"}
    sizes = sorted(measured["rows"].unique())
    for axes, name in zip(figure.subplots(1, 2), titles, strict=True):
        for colour, (step, rows) in zip(
            canvas.cycle_to(measured["step"].nunique()), measured.groupby("step", sort=False), strict=True
        ):
            axes.plot(rows["rows"], rows[name], "o-", markersize=5, color=colour, label=step)
        largest = measured.loc[measured["rows"] == sizes[-1], name].max()
        proportional = [largest * size / sizes[-1] for size in sizes]
        axes.plot(sizes, proportional, label="proportional to the rows", **canvas.REFERENCE)
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
    """Measure all steps at all sizes; print tables, and write tables and plot to files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    fast_steps = [name for name in STEPS if name not in SLOW]
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000], help="numbers of rows (%(default)s)")
    parser.add_argument("--steps", choices=STEPS, nargs="+", default=fast_steps, help=f"(all but {', '.join(SLOW)})")
    parser.add_argument("--output", default="growth", metavar="PREFIX", help="prefix of the output files (%(default)s)")
    parser.add_argument("overrides", nargs="*", default=DATA, metavar="OVERRIDE", help=f"the data ({' '.join(DATA)})")
    options: Any = parser.parse_args()

    sizes = sorted(options.sizes)
    names = [name for name in STEPS if name in options.steps]
    rows = []
    with store.temporary() as runs:
        for size, name in track([(size, name) for size in sizes for name in names], "step", transient=True):
            step, step_overrides = STEPS[name]
            overrides = [override.format(rows=size) for override in options.overrides]
            measurement = measure(runs, step, [*overrides, *step_overrides])
            rows.append({"step": name, "rows": size, **measurement._asdict()})
    measured = pd.DataFrame(rows)

    blocks = [f"# Growth of the steps with the data ({cores.available()} cores)"]
    for figure, title in FIGURES.items():
        frame = wide(measured, figure)
        table = Table(title=title)
        for heading in frame.columns:
            table.add_column(heading, justify="left" if heading == "step" else "right")
        for row in frame.itertuples(index=False):
            table.add_row(*row)
        Console().print(table)
        blocks += [f"## {title}", pages.grid(frame)]
    Path(f"{options.output}.md").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    plot(measured).savefig(f"{options.output}.png")
    print(f"Wrote {options.output}.md and {options.output}.png. Load {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
