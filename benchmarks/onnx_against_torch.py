"""Compare BERT's served form (ONNX Runtime, 8 bits) with the same network in 32 bits and with PyTorch.

    python -m benchmarks.onnx_against_torch [--file TABLE --column COLUMN] [--native FOLDER]

All times include cleaning and tokenization. Measures single tweets (every eighth by length) and a request
of 512 tweets. Also prints sizes, and the largest difference of a probability from that of the tweet alone, and from
that of the network in 32 bits.

Fairness: All variants share tokenizer, weights and tweets. They take turns, so that other load on the machine affects
all of them. Each figure is the shortest of several rounds. PyTorch has one thread; the served form uses one per core
for a request.

Fails if ONNX Runtime is less than 4 times as fast as PyTorch for single tweets, if a request is less than 1.2 times as
fast per tweet as single tweets, or if a tweet's probability depends on the other tweets.
"""

import argparse
import copy
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from tqdm import tqdm

from benchmarks import corpus
from sentiment.inference import cores
from sentiment.inference.runtimes import onnx
from sentiment.inference.text import Cleaner
from sentiment.training.bert import checkpoints, export, network
from tables import reading

LEAD_ON_TORCH = 4.0
LEAD_OF_REQUEST = 1.2
MOST_DIFFERENCE = 1e-3
ROUNDS = 7
REQUEST = 512
EVERY = 8
MAX_TOKENS = 64
CLEANER = Cleaner(links="http", mentions="@user", emoji=True, max_repeats=3)
TORCH, FLOAT, SERVED = "PyTorch", "ONNX, 32 bits", "ONNX, 8 bits (served)"

Score = Callable[[Sequence[str]], NDArray[np.float64]]


def read_texts(file: str | None, column: str) -> list[str]:
    """Return the texts of one request in random order: of a table, or tweets of the default data set."""
    frame = reading.read(Path(file)).frame if file else corpus.read("vader")
    texts = frame[column].drop_duplicates()
    return texts.sample(REQUEST, random_state=0).astype(str).tolist()


def make_variants(native: Path | None, scratch: Path) -> dict[str, Score]:
    """Return the variants of a fine-tuned network, or of MiniLM with a randomly initialised head."""
    if native is None:
        encoder, tokenizer = checkpoints.load(checkpoints.MINILM, max_tokens=MAX_TOKENS)
        torch.manual_seed(0)
        model = network.SentenceClassifier(encoder, pad_token_id=tokenizer.pad_token_id).eval()
    else:
        model, tokenizer = network.load(native, max_tokens=MAX_TOKENS)
    export.export(model, tokenizer, scratch / SERVED, max_tokens=MAX_TOKENS)
    export.write(copy.deepcopy(model), tokenizer, scratch / FLOAT, max_tokens=MAX_TOKENS)

    @torch.inference_mode()
    def in_torch(texts: Sequence[str]) -> NDArray[np.float64]:
        tokens = network.tokenize(tokenizer, map(CLEANER, texts))
        return network.negative_probability(model, tokens, tqdm(disable=True))

    return {TORCH: in_torch} | {name: onnx.load(scratch / name, CLEANER) for name in (FLOAT, SERVED)}


def milliseconds(score: Score, requests: Sequence[Sequence[str]]) -> float:
    """Return the time per tweet."""
    started = time.perf_counter()
    for texts in requests:
        score(texts)
    return (time.perf_counter() - started) * 1000 / sum(map(len, requests))


def measure(variants: dict[str, Score], requests: Sequence[Sequence[str]], description: str) -> dict[str, float]:
    """Return the shortest time per tweet of each variant; the variants take turns."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in track(range(ROUNDS), description=description, transient=True):
        for name, score in variants.items():
            times[name].append(milliseconds(score, requests))
    return {name: min(each) for name, each in times.items()}


def main() -> None:
    """Measure all variants; print times, ratios, sizes and differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", help="CSV or Parquet with at least 512 tweets (default: rated tweets)")
    parser.add_argument("--column", default="text", help="column of texts (%(default)s)")
    parser.add_argument("--native", type=Path, help="native form of a trained model (default: MiniLM, untrained head)")
    options: Any = parser.parse_args()
    torch.set_num_threads(1)
    texts = read_texts(options.file, options.column)
    with tempfile.TemporaryDirectory() as scratch:
        variants = make_variants(options.native, Path(scratch))
        megabytes = {name: (Path(scratch) / name / onnx.GRAPH).stat().st_size / 1e6 for name in (FLOAT, SERVED)}
    single = measure(variants, [[text] for text in sorted(texts, key=len)[::EVERY]], "single tweets")
    request = measure(variants, [texts], f"requests of {REQUEST} tweets")
    together = {name: score(texts) for name, score in variants.items()}
    alone = {name: np.concatenate([score([text]) for text in texts]) for name, score in variants.items()}

    table = Table(title=f"Milliseconds per tweet: the shortest of {ROUNDS} rounds, {cores.available()} cores")
    for heading in ("", "single", f"request of {REQUEST}", "ratio", "MB", "from alone", "from 32 bits"):
        table.add_column(heading, justify="right" if heading else "left")
    for name in variants:
        table.add_row(
            name,
            f"{single[name]:.2f}",
            f"{request[name]:.2f}",
            f"{single[name] / request[name]:.2f}",
            f"{megabytes[name]:.1f}" if name in megabytes else "",
            f"{np.abs(together[name] - alone[name]).max():.0e}",
            f"{np.abs(together[name] - together[FLOAT]).max():.3f}",
        )
    Console().print(table)
    leads = {name: single[name] / single[SERVED] for name in (TORCH, FLOAT)}
    print(", ".join(f"{lead:.1f} times as fast as {name}" for name, lead in leads.items()))
    if leads[TORCH] < LEAD_ON_TORCH:
        sys.exit(f"ONNX Runtime is less than {LEAD_ON_TORCH:g} times as fast as PyTorch.")
    if single[SERVED] / request[SERVED] < LEAD_OF_REQUEST:
        sys.exit(f"A request of {REQUEST} tweets is less than {LEAD_OF_REQUEST:g} times as fast as single tweets.")
    if (difference := np.abs(together[SERVED] - alone[SERVED]).max()) > MOST_DIFFERENCE:
        sys.exit(f"Probabilities depend on the other tweets: one differs by {difference:.0e}.")


if __name__ == "__main__":
    main()
