"""Compare `sentiment.data.corpus.tokenize` with the loop over NLTK that most projects run.

    python -m benchmarks.preprocessing [--file TABLE --column COLUMN] [--tweets N] [--runs N]

What is compared: all texts of a table to tokens, from a fresh process to the list of results; by the plain loop, in one
process, with a `TweetTokenizer` made once and every token stemmed by `SnowballStemmer` (or lemmatized by
`simplemma.lemmatize`), and by this project with `preprocess=stem` (or `lemmatize`), on all cores and on one. The
tokenizer alone, without any stemming, stands beside them.

Why it is fair: the loop is what the libraries' documentation shows, and it does less: this project also decodes
entities, replaces links, mentions and emoji, shortens repeated letters and spells negations out. Every run is a process
of its own, so that nothing is remembered from an earlier one; its time includes loading dictionaries and starting
processes, but neither the imports nor reading texts and settings. Sides take turns; each figure is a median. The loop
runs on one core because that is what it is; this project on one core shows what is owed to the code, the rest is owed
to the cores. CPU seconds, of all processes together, show what a busy machine hides. Synthetic tweets, the default,
have few distinct words, which flatters whoever remembers words: give real ones.

Peak memory is that of the process and its children together, what they share counted once (Linux's
proportional set size, looked at four times a second and at the end, the texts and the imports included).
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

from sentiment.data import cores
from sentiment.data.corpus import tokenize, tokenize_chunk
from sentiment.data.datasets import sample
from tables import reading

TARGET = 3
MEMORY_TARGET = 2
SEED = 42
GIB = 2**30
LOOK_EVERY = 0.25

Texts = Sequence[str]
Tokens = list[list[str]]
Side = Callable[[Texts], Tokens]


class Taken(NamedTuple):
    """What one run took: seconds by the clock, of the processors, and GiB at the most."""

    seconds: float
    cpu: float
    peak: float


def loop_tokenizing(texts: Texts) -> Tokens:
    """Cut texts into tokens, and no more."""
    tokenizer = TweetTokenizer(preserve_case=False)
    return [tokenizer.tokenize(text) for text in texts]


def loop_stemming(texts: Texts) -> Tokens:
    """Cut texts into tokens and stem each."""
    tokenizer, stemmer = TweetTokenizer(preserve_case=False), SnowballStemmer("english")
    return [[stemmer.stem(token) for token in tokenizer.tokenize(text)] for text in texts]


def loop_lemmatizing(texts: Texts) -> Tokens:
    """Cut texts into tokens and lemmatize each."""
    tokenizer = TweetTokenizer(preserve_case=False)
    return [[simplemma.lemmatize(token, lang="en") for token in tokenizer.tokenize(text)] for text in texts]


def ours(preprocess: str, *, cores: bool) -> Side:
    """Return what the step does with an option of the group `preprocess`, on all cores or on one."""
    with hydra.initialize(version_base="1.3", config_path="../conf"):
        cfg = hydra.compose("config", overrides=[f"preprocess={preprocess}"])
    return partial(tokenize if cores else tokenize_chunk, tokenizer=instantiate(cfg.preprocess.tokenizer))


# What makes each side, and the loop that it is measured by.
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
    """Return texts of a table, drawn at random where not all are wanted, or synthetic ones."""
    frame = reading.read(Path(file)).frame if file else sample.load(rows=20_000, seed=SEED)
    texts = frame[column].astype(str)
    return (texts if number is None else texts.sample(min(number, len(texts)), random_state=SEED)).tolist()


def run(name: str, options: Any, line: Connection) -> None:
    """Time one side in this process, say how long it took, and keep its result until told to end."""
    multiprocessing.set_start_method(None, force=True)  # as in the step: not that by which this process was started
    texts = read_texts(options.file, options.column, options.tweets)
    side = SIDES[name][0]()
    busy, started = cpu_seconds(), time.perf_counter()
    tokens = side(texts)
    seconds = time.perf_counter() - started
    line.send((seconds, cpu_seconds() - busy))
    line.recv()
    assert len(tokens) == len(texts)


def cpu_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def measure(name: str, options: Any) -> Taken:
    """Measure one side in a fresh process."""
    fresh = multiprocessing.get_context("spawn")
    line, other_end = fresh.Pipe()
    process = fresh.Process(target=run, args=(name, options, other_end))
    process.start()
    other_end.close()
    peak = 0.0
    while not line.poll(LOOK_EVERY):
        peak = max(peak, memory_of(process.pid))
    try:
        seconds, cpu = line.recv()
    except EOFError:
        raise RuntimeError(f"The side {name!r} ended without an answer: its error is above.") from None
    peak = max(peak, memory_of(process.pid))
    line.send("end")
    process.join()
    return Taken(seconds, cpu, peak)


def memory_of(process: int | None) -> float:
    """Return the memory of a process and all its children in GiB; those that have just ended count nothing."""
    folder = Path("/proc") / str(process)
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
        children = [child for task in folder.glob("task/*/children") for child in task.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    own = sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return own / GIB + sum(memory_of(int(child)) for child in children)


def main() -> None:
    """Measure all sides, print them and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", help="CSV or Parquet with real tweets (default: 20,000 synthetic ones)")
    parser.add_argument("--column", default="text", help="its column of texts (%(default)s)")
    parser.add_argument("--tweets", type=int, help="how many, drawn at random (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="of each side (%(default)s)")
    options: Any = parser.parse_args()
    number = len(read_texts(options.file, options.column, options.tweets))

    runs: dict[str, list[Taken]] = {name: [] for name in SIDES}
    for name in track([name for _ in range(options.runs) for name in SIDES], description="run", transient=True):
        runs[name].append(measure(name, options))
    taken = {name: Taken(*map(median, zip(*each, strict=True))) for name, each in runs.items()}

    shown = Table(title=f"{number:,} {'tweets' if options.file else 'synthetic tweets'}, medians of {options.runs}")
    for heading in ("", "seconds", "ratio", "CPU seconds", "ratio", "peak GiB"):
        shown.add_column(heading, justify="right" if heading else "left")
    ratios = {name: taken[loop].seconds / taken[name].seconds for name, (_, loop) in SIDES.items()}
    for name, (seconds, cpu, peak) in taken.items():
        cpu_ratio = taken[SIDES[name][1]].cpu / cpu
        shown.add_row(name, f"{seconds:.1f}", f"{ratios[name]:.2f}", f"{cpu:.1f}", f"{cpu_ratio:.2f}", f"{peak:.2f}")
    Console().print(shown)
    verdicts = [
        f"{ratios[name]:.1f} times as fast as the {loop} ({'reached' if ratios[name] >= TARGET else 'missed'})"
        for name, loop in (("ours, stem", "loop, stem"), ("ours, lemmatize", "loop, lemmatize"))
    ]
    largest = max(taken["ours, stem"].peak, taken["ours, lemmatize"].peak)
    print(
        f"Target, {TARGET} times: {'; '.join(verdicts)}. "
        f"Under {MEMORY_TARGET} GiB: {'yes' if largest < MEMORY_TARGET else 'no'}. "
        f"{cores.available()} cores, load {os.getloadavg()[0]:.1f}: "
        "other work on the machine slows the side that uses all cores most."
    )


if __name__ == "__main__":
    main()
