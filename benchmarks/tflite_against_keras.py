"""Compare the served form of a network (TensorFlow Lite) with its native form (`.keras`).

    python -m benchmarks.tflite_against_keras [--file TABLE --column COLUMN] [--tweets N]

Classifies one raw tweet at a time, on one thread, with the default network (`train_keras=bilstm`): with
`sentiment.inference.runtimes.tflite`, and with the same tokenizer and `keras.Model.predict`, as most projects serve
Keras models. Calling the model (`model(x)`) and a compiled function (`tf.function`, as in a SavedModel) are also
measured, to separate the overhead of `predict` from that of TensorFlow.

Fairness: All variants share tokenizer, vocabulary and weights. The weights are random and the vocabulary is that of
other tweets, which does not change the amount of work. These other tweets also fill the tokenizer's cache of words, as
in a running service. The variants take turns, so that other load on the machine affects all of them, and each gets its
own tweets, so that none finds words cached by another. Each figure is a median. A second pass, on tokens, measures the
network alone.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, cast

import hydra
import keras
import numpy as np
import tensorflow as tf
from hydra.utils import instantiate
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import corpus
from sentiment.inference import cores
from sentiment.inference.runtimes import tflite
from sentiment.inference.text import Tokenizer
from sentiment.training import network as networks
from sentiment.training.embedding import WordEmbedding, vocabulary
from tables import reading

TARGET = 50
WARM_UP = 10
VOCABULARY_TWEETS = 8000
SEED = 42
KERAS = "keras predict"
SERVED = "TensorFlow Lite"

Side = Callable[[str], object]
Read = Callable[[str], list[str]]
Network = Callable[[NDArray[np.int32]], object]


def read_texts(file: str | None, column: str, number: int) -> list[str]:
    """Return distinct texts of a table in random order, or those of the default data sets."""
    frame = reading.read(Path(file)).frame if file else corpus.read(*corpus.ALL)
    texts = frame[column].drop_duplicates()
    return texts.sample(min(number, len(texts)), random_state=SEED).astype(str).tolist()


class Forms(NamedTuple):
    """Text processing of both forms, and the ways to call the native form."""

    tokenizer: Tokenizer
    number: dict[str, int]
    length: int
    natives: dict[str, Network]


def make_forms(vocabulary_tweets: list[str], folder: Path) -> Forms:
    """Write the native and the served form to a folder, and load the native form.

    The vocabulary is that of `vocabulary_tweets`, which also fill the tokenizer's cache as in a running service.
    """
    with hydra.initialize(version_base="1.3", config_path="../conf"):
        cfg = hydra.compose("config", overrides=["train_keras=bilstm"])
    tokenizer: Tokenizer = instantiate(cfg.preprocess.tokenizer)
    words = vocabulary([tokenizer(text) for text in vocabulary_tweets], cfg.embed.min_count)
    vectors = np.random.default_rng(SEED).normal(size=(len(words), cfg.embed.vector_size)).astype(np.float32)
    embedding = WordEmbedding(words=words, vectors=vectors, vector_size=cfg.embed.vector_size)

    build = instantiate(cfg.train_keras.network, _partial_=True)
    length: int = cfg.train_keras.sequence_length
    network = networks.assemble(build, embedding, sequence_length=length, trainable_embedding=True)
    single = networks.assemble(build, embedding, sequence_length=length, trainable_embedding=True, batch_size=1)
    networks.save(network, embedding, folder / "native")
    networks.export(network, single, embedding, folder / "served")

    native = keras.models.load_model(folder / "native" / networks.NATIVE)
    compiled = tf.function(native, input_signature=[tf.TensorSpec((None, length), tf.int32)])
    natives: dict[str, Network] = {
        KERAS: lambda row: native.predict(row, verbose=0),
        "model(x)": lambda row: native(row).numpy(),
        "tf.function": lambda row: compiled(tf.constant(row)).numpy(),
    }
    return Forms(tokenizer, tflite.number_words(words), length, natives)


def make_sides(forms: Forms, read: Read, folder: Path) -> dict[str, Side]:
    """Return the functions to time: each reads a tweet with `read`, and returns its probability."""

    def side(call: Network) -> Side:
        return lambda text: call(tflite.token_numbers([read(text)], forms.number, forms.length))

    served = tflite.load(folder / "served", cast(Tokenizer, read))  # it only calls the tokenizer
    return {name: side(call) for name, call in forms.natives.items()} | {SERVED: lambda text: served([text])}


def milliseconds(sides: dict[str, Side], texts: list[str]) -> dict[str, float]:
    """Return the median time of each variant for one tweet; the variants take turns, each with its own tweets."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    turns = len(texts) // len(sides)
    for turn in track(range(turns), description="one tweet at a time", transient=True):
        for place, (name, side) in enumerate(sides.items()):
            text = texts[turn * len(sides) + place]
            started = time.perf_counter()
            side(text)
            times[name].append((time.perf_counter() - started) * 1000)
    return {name: median(each[WARM_UP:]) for name, each in times.items()}


def main() -> None:
    """Measure all variants; print times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", help="CSV or Parquet with real tweets (default: rated texts)")
    parser.add_argument("--column", default="text", help="column of texts (%(default)s)")
    parser.add_argument("--tweets", type=int, default=800, help="number of timed tweets (%(default)s)")
    options: Any = parser.parse_args()

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    texts = read_texts(options.file, options.column, options.tweets + VOCABULARY_TWEETS)
    timed, vocabulary_tweets = texts[: options.tweets], texts[options.tweets :]
    with tempfile.TemporaryDirectory() as scratch:
        forms = make_forms(vocabulary_tweets, Path(scratch))
        raw = milliseconds(make_sides(forms, forms.tokenizer, Path(scratch)), timed)
        tokens = {text: forms.tokenizer(text) for text in timed}
        bare = milliseconds(make_sides(forms, tokens.__getitem__, Path(scratch)), timed)

    table = Table(title=f"Milliseconds per tweet: medians of {len(timed) // len(raw) - WARM_UP} tweets, one thread")
    for heading in ("", "raw tweet", "ratio", "without tokenization", "ratio"):
        table.add_column(heading, justify="right" if heading else "left")
    for name in raw:
        table.add_row(
            name,
            f"{raw[name]:.3f}",
            f"{raw[name] / raw[SERVED]:.1f}",
            f"{bare[name]:.3f}",
            f"{bare[name] / bare[SERVED]:.1f}",
        )
    Console().print(table)
    ratio = raw[KERAS] / raw[SERVED]
    print(
        f"TensorFlow Lite is {ratio:.0f} times as fast as keras predict, including tokenization "
        f"(without: {bare[KERAS] / bare[SERVED]:.0f}). "
        f"Target (at least {TARGET}): {'reached' if ratio >= TARGET else 'missed'}. "
        f"{cores.available()} cores, load {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
