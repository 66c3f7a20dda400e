"""Measure the step `score` against calling the MLflow model on the whole table, by size and number of processes.

    python -m benchmarks.score [--model URI] [--file FILE] [--sizes N ...] [--processes N ...] [--spark N ...]
        [--document score]

Runs `python -m steps score` as a user does, on rows drawn from a table with replacement, and a script that reads the
table, loads the model and calls `predict` once. Measures wall-clock time, imports included, CPU time, and the peak
memory of the process and its children (Linux's proportional set size, sampled four times a second).

`tweets/s` is the slope between the smallest and the largest size, so that the start (imports, loading the model) does
not count; `start` is what remains. A million tweets take the start and a million tweets at this rate. CPU time per
tweet is the slope, too; it depends less on what else the machine does. Each process should get as many chunks
(`score.chunk_size`) as any other. `--spark` needs PySpark and Java (make setup-spark). The store is that of
MLFLOW_TRACKING_URI, or of this project; runs go to the experiment `benchmark_score`.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import psutil
from rich.progress import track

from benchmarks import corpus, documented
from benchmarks.preprocessing import SAMPLING_SECONDS, memory_of
from benchmarks.store import PROJECT
from pipeline import registry, store
from tables import reading

# What to measure: overrides of the step; None is the script.
Variants = dict[str, list[str] | None]
TARGET = 1.8
MILLION = 1_000_000
SEED = 42
# What a user would write: the model's URI, the input and the output.
WHOLE = """
import sys
import mlflow, pandas as pd

model, source, output = sys.argv[1:]
frame = pd.read_parquet(source)
answers = mlflow.pyfunc.load_model(model).predict(frame["text"].tolist())
pd.concat([frame, answers], axis=1).to_parquet(output)
"""


class Measurement(NamedTuple):
    """Wall-clock seconds, CPU seconds and peak memory in GiB of a command."""

    seconds: float
    cpu: float
    peak: float


class Line(NamedTuple):
    """Tweets per second, seconds of the start, CPU milliseconds per tweet, and the peak memory by size."""

    rate: float
    start: float
    cpu: float
    peaks: list[float]


def variants_of(processes: Sequence[int], spark: Sequence[int]) -> Variants:
    """Return what to measure, by name: the script, then the step with these numbers of processes per engine."""
    variants: Variants = {"model on the whole table": None}
    for engine, numbers in (("processes", processes), ("spark", spark)):
        variants |= {name_of(engine, number): [f"engine={engine}", f"score.processes={number}"] for number in numbers}
    return variants


def name_of(engine: str, number: int) -> str:
    """Return the name of a variant."""
    return f"{'Spark' if engine == 'spark' else 'score'}, {number} process{'es' * (number > 1)}"


def command(model: str, source: Path, output: Path, overrides: Sequence[str] | None) -> list[str]:
    """Return the command that scores a table: the step with overrides, or the script if they are None."""
    if overrides is None:
        return [sys.executable, "-c", WHOLE, model, str(source), str(output)]
    settings = [f"score.{name}={value}" for name, value in (("input", source), ("output", output), ("model", model))]
    return [sys.executable, "-m", "steps", "score", *settings, *overrides]


def measure(arguments: list[str], scratch: Path) -> Measurement:
    """Run a command, and measure it.

    Raises:
        RuntimeError: it fails.
    """
    log, peak, cpu = scratch / "log", 0.0, 0.0
    started, before = time.perf_counter(), sum(os.times()[2:4])
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": os.environ.get("MLFLOW_TRACKING_URI", store.sqlite_uri(store.DATABASE)),
        "MLFLOW_EXPERIMENT_NAME": "benchmark_score",
    }
    with log.open("w") as file:
        process = subprocess.Popen(arguments, cwd=PROJECT, env=environment, stdout=file, stderr=file)
        while process.poll() is None:
            peak, cpu = max(peak, memory_of(process.pid)), max(cpu, cpu_of(process.pid))
            time.sleep(SAMPLING_SECONDS)
    if process.returncode:
        raise RuntimeError(log.read_text())
    # Java does not wait for its workers, so that they are missing in the second number.
    return Measurement(time.perf_counter() - started, max(cpu, sum(os.times()[2:4]) - before), peak)


def cpu_of(process: int) -> float:
    """Return the CPU seconds of a process and all its descendants, or 0 if one of them ends meanwhile."""
    try:
        root = psutil.Process(process)
        return float(sum(sum(each.cpu_times()[:4]) for each in [root, *root.children(recursive=True)]))
    except psutil.NoSuchProcess:
        return 0.0


def fitted(sizes: Sequence[int], measured: Sequence[Measurement]) -> Line:
    """Return the line through the smallest and the largest size, and all peaks."""
    first, last, rows = measured[0], measured[-1], sizes[-1] - sizes[0]
    rate = rows / (last.seconds - first.seconds)
    cpu = 1000 * (last.cpu - first.cpu) / rows
    return Line(rate, first.seconds - sizes[0] / rate, cpu, [measurement.peak for measurement in measured])


def output_of(folder: Path, size: int, name: str) -> Path:
    """Return the output of a variant; Hydra would take the comma in its name for a list."""
    return folder / f"{size} {name.replace(',', '')}.parquet"


def pays_from(line: Line, other: Line) -> int | None:
    """Return the number of tweets from which `line` takes less time than `other`, which starts faster, or None.

    None also if more tweets took no longer: so few were measured that their time drowns in that of the start.
    """
    if min(line.rate, other.rate) <= 0:
        return None
    saved = 1 / other.rate - 1 / line.rate
    return math.ceil(max(line.start - other.start, 0) / saved) if saved > 0 else None


def main() -> None:
    """Measure all variants; print rates, ratios and memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=f"models:/{registry.model_name()}@champion", help="model URI (%(default)s)")
    parser.add_argument("--file", help="table with a column `text` (default: 23,703 rated texts)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 6_000], help="rows, ascending (%(default)s)")
    parser.add_argument("--runs", type=int, default=1, help="runs, of which the fastest counts (%(default)s)")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2], help="of the step (%(default)s)")
    parser.add_argument("--spark", type=int, nargs="+", default=[], help="the same with engine=spark (default: none)")
    documented.add_option(parser, "score")
    options: Any = parser.parse_args()
    frame = reading.read(Path(options.file)).frame if options.file else corpus.read(*corpus.ALL)
    variants = variants_of(options.processes, options.spark)
    measured: dict[str, list[Measurement]] = {name: [] for name in variants}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for size in options.sizes:
            frame[["text"]].sample(size, replace=True, random_state=SEED).reset_index(drop=True).to_parquet(
                scratch / f"{size}.parquet"
            )
        for size, name in track([(size, name) for size in options.sizes for name in variants], transient=True):
            output = output_of(scratch, size, name)
            arguments = command(options.model, scratch / f"{size}.parquet", output, variants[name])
            runs = []
            for _ in range(options.runs):
                output.unlink(missing_ok=True)
                runs.append(measure(arguments, scratch))
            measured[name].append(min(runs))
        for size in options.sizes:
            require_same([output_of(scratch, size, name) for name in variants])
    lines = {name: fitted(options.sizes, each) for name, each in measured.items()}
    documented.publish(markdown(options.sizes, lines, options.spark), options.document)


def require_same(outputs: Sequence[Path]) -> None:
    """Check that all variants have given the same answers, to within rounding.

    Raises:
        RuntimeError: they differ.
    """
    first, *others = [pd.read_parquet(path)["negative_probability"] for path in outputs]
    for other in others:
        if not (first - other).abs().max() < 1e-5:
            raise RuntimeError("The variants differ in their answers.")


def markdown(sizes: Sequence[int], lines: dict[str, Line], spark: Sequence[int]) -> str:
    """Return the table in Markdown, and what follows from it."""
    columns = ["", "tweets/s", "ratio", "start, s", "CPU ms", "a million, min", *(f"GiB, {size:,}" for size in sizes)]
    reference = next(iter(lines.values())).rate
    rows = []
    for name, line in lines.items():
        minutes = (line.start + MILLION / line.rate) / 60
        peaks = [f"{peak:.2f}" for peak in line.peaks]
        ratio = f"{line.rate / reference:.2f}"
        rows.append(
            [name, f"{line.rate:,.0f}", ratio, f"{line.start:.1f}", f"{line.cpu:.2f}", f"{minutes:.0f}", *peaks]
        )
    return "\n\n".join([documented.table(columns, rows), "\n".join(f"- {each}" for each in conclusions(lines, spark))])


def conclusions(lines: dict[str, Line], spark: Sequence[int]) -> Iterator[str]:
    """Yield what two processes gain, from how many tweets Spark pays, and the load of the machine."""
    one, two = (lines.get(name_of("processes", number)) for number in (1, 2))
    if one and two:
        gain = two.rate / one.rate
        yield f"Two processes: {gain:.2f} times one (target {TARGET}: {'reached' if gain >= TARGET else 'missed'})."
    for number in spark:
        if other := lines.get(name_of("processes", number)):
            size = pays_from(lines[name_of("spark", number)], other)
            answer = "never pays here" if size is None else f"pays from {size:,} tweets"
            yield f"{name_of('spark', number)}: {answer}."
    yield f"Load at the end: {os.getloadavg()[0]:.1f} (load slows several processes most)."


if __name__ == "__main__":
    main()
