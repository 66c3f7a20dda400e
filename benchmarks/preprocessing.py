"""Compare `sentiment.data.corpus.tokenize` with the usual loop over NLTK.

    python -m benchmarks.preprocessing [--file TABLE --column COLUMN] [--tweets N] [--runs N]

Tokenizes all texts of a table
- with a plain loop in one process: one `TweetTokenizer`, and `SnowballStemmer` or `simplemma.lemmatize` on each token;
- with this project: `preprocess=stem` (or `lemmatize`), on all cores and on one core;
- with the tokenizer alone, for reference.

Fairness: The loop is that of the libraries' documentation, and does less: this project also decodes entities, replaces
links, mentions and emoji, shortens repeated letters and expands negations. Each run is a fresh process, so nothing is
cached from earlier runs. Times include loading dictionaries and starting processes, but not imports and reading texts
and settings. Runs alternate between the variants; each figure is a median. The result on one core shows the effect of
the code, that on all cores adds the effect of parallelism. CPU seconds are summed over all processes, and depend less
on the load of the machine.

Peak memory is the proportional set size (Linux) of the process and its children, including texts and imports, sampled
four times a second and at the end.
"""

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import hydra
import simplemma
from hydra.utils import instantiate
from nltk.stem.snowball import SnowballStemmer
from nltk.tokenize.casual import TweetTokenizer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import corpus
from sentiment.data.corpus import tokenize, tokenize_chunk
from sentiment.inference import cores
from tables import reading

TARGET = 3
MEMORY_TARGET = 2
SEED = 42
GIB = 2**30
SAMPLING_SECONDS = 0.25

Texts = Sequence[str]
Tokens = list[list[str]]
Side = Callable[[Texts], Tokens]


class Measurement(NamedTuple):
    """Wall-clock seconds, CPU seconds and peak memory in GiB of one run."""

    seconds: float
    cpu: float
    peak: float


def loop_tokenizing(texts: Texts) -> Tokens:
    """Tokenize texts only."""
    tokenizer = TweetTokenizer(preserve_case=False)
    return [tokenizer.tokenize(text) for text in texts]


def loop_stemming(texts: Texts) -> Tokens:
    """Tokenize texts and stem each token."""
    tokenizer, stemmer = TweetTokenizer(preserve_case=False), SnowballStemmer("english")
    return [[stemmer.stem(token) for token in tokenizer.tokenize(text)] for text in texts]


def loop_lemmatizing(texts: Texts) -> Tokens:
    """Tokenize texts and lemmatize each token."""
    tokenizer = TweetTokenizer(preserve_case=False)
    return [[simplemma.lemmatize(token, lang="en") for token in tokenizer.tokenize(text)] for text in texts]


def ours(preprocess: str, *, cores: bool) -> Side:
    """Return the step's function for a choice of `preprocess`, on all cores or on one."""
    with hydra.initialize(version_base="1.3", config_path="../conf"):
        cfg = hydra.compose("config", overrides=[f"preprocess={preprocess}"])
    return partial(tokenize if cores else tokenize_chunk, tokenizer=instantiate(cfg.preprocess.tokenizer))


# By name: a factory of the variant, and the loop that is its reference.
SIDES: dict[str, tuple[Callable[[], Side], str]] = {
    "loop, no stems": (lambda: loop_tokenizing, "loop, stem"),
    "loop, stem": (lambda: loop_stemming, "loop, stem"),
    "ours, stem, 1 core": (lambda: ours("stem", cores=False), "loop, stem"),
    "ours, stem": (lambda: ours("stem", cores=True), "loop, stem"),
    "loop, lemmatize": (lambda: loop_lemmatizing, "loop, lemmatize"),
    "ours, lemmatize, 1 core": (lambda: ours("lemmatize", cores=False), "loop, lemmatize"),
    "ours, lemmatize": (lambda: ours("lemmatize", cores=True), "loop, lemmatize"),
}


def read_texts(file: str | None, column: str, number: int | None) -> list[str]:
    """Return texts of a table (a random sample if `number` is given), or those of the default data sets."""
    frame = reading.read(Path(file)).frame if file else corpus.read(*corpus.ALL)
    texts = frame[column].astype(str)
    return (texts if number is None else texts.sample(min(number, len(texts)), random_state=SEED)).tolist()


def run(name: str, options: Any, connection: Connection) -> None:
    """Time one variant in this process, send the times, and keep the result until the parent has measured memory."""
    multiprocessing.set_start_method(None, force=True)  # the default, as in the step, instead of `spawn`
    texts = read_texts(options.file, options.column, options.tweets)
    side = SIDES[name][0]()
    busy, started = cpu_seconds(), time.perf_counter()
    tokens = side(texts)
    seconds = time.perf_counter() - started
    connection.send((seconds, cpu_seconds() - busy))
    connection.recv()
    assert len(tokens) == len(texts)


def cpu_seconds() -> float:
    """Return the CPU time of this process and its finished children."""
    return sum(os.times()[:4])


def measure(name: str, options: Any) -> Measurement:
    """Measure one variant in a fresh process."""
    spawn = multiprocessing.get_context("spawn")
    connection, child_connection = spawn.Pipe()
    process = spawn.Process(target=run, args=(name, options, child_connection))
    process.start()
    child_connection.close()
    peak = 0.0
    while not connection.poll(SAMPLING_SECONDS):
        peak = max(peak, memory_of(process.pid))
    try:
        seconds, cpu = connection.recv()
    except EOFError:
        raise RuntimeError(f"{name!r} ended without a result; see the error above.") from None
    peak = max(peak, memory_of(process.pid))
    connection.send("end")
    process.join()
    return Measurement(seconds, cpu, peak)


def memory_of(process: int | None) -> float:
    """Return the memory of a process and all its descendants in GiB; finished processes count as 0."""
    folder = Path("/proc") / str(process)
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
        children = [child for task in folder.glob("task/*/children") for child in task.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    own = sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return own / GIB + sum(memory_of(int(child)) for child in children)


def main() -> None:
    """Measure all variants; print times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", help="CSV or Parquet with real tweets (default: 23,703 rated texts)")
    parser.add_argument("--column", default="text", help="column of texts (%(default)s)")
    parser.add_argument("--tweets", type=int, help="size of a random sample (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each variant (%(default)s)")
    options: Any = parser.parse_args()
    number = len(read_texts(options.file, options.column, options.tweets))

    runs: dict[str, list[Measurement]] = {name: [] for name in SIDES}
    for name in track([name for _ in range(options.runs) for name in SIDES], description="run", transient=True):
        runs[name].append(measure(name, options))
    medians = {name: Measurement(*map(median, zip(*each, strict=True))) for name, each in runs.items()}

    table = Table(title=f"{number:,} {'tweets' if options.file else 'rated texts'}, medians of {options.runs}")
    for heading in ("", "seconds", "ratio", "CPU seconds", "ratio", "peak GiB"):
        table.add_column(heading, justify="right" if heading else "left")
    ratios = {name: medians[loop].seconds / medians[name].seconds for name, (_, loop) in SIDES.items()}
    for name, (seconds, cpu, peak) in medians.items():
        cpu_ratio = medians[SIDES[name][1]].cpu / cpu
        table.add_row(name, f"{seconds:.1f}", f"{ratios[name]:.2f}", f"{cpu:.1f}", f"{cpu_ratio:.2f}", f"{peak:.2f}")
    Console().print(table)
    verdicts = [
        f"{ratios[name]:.1f} times as fast as the {loop} ({'reached' if ratios[name] >= TARGET else 'missed'})"
        for name, loop in (("ours, stem", "loop, stem"), ("ours, lemmatize", "loop, lemmatize"))
    ]
    largest = max(medians["ours, stem"].peak, medians["ours, lemmatize"].peak)
    print(
        f"Target ({TARGET} times): {'; '.join(verdicts)}. "
        f"Peak memory under {MEMORY_TARGET} GiB: {'yes' if largest < MEMORY_TARGET else 'no'}. "
        f"{cores.available()} cores, load {os.getloadavg()[0]:.1f} (load slows the variants on all cores most)."
    )


if __name__ == "__main__":
    main()
