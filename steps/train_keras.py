"""Train a Keras network on word or sentence vectors, and export it to its served form.

In: a corpus, and an embedding fitted on it. Out: `model`. The run also has the plot and the table of the training.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import artifacts, door, preflight, runs
from pipeline.trained import Trained, log_trained
from sentiment.data.corpus import read_tokenizer
from sentiment.inference.text import Tokenizer
from sentiment.reports import plots
from sentiment.training.embedding import Embedding, WordEmbedding, load


@contextmanager
def native_errors_hidden() -> Iterator[None]:
    """Hide standard error of C++ code: TensorFlow's start-up messages, which no log level turns off."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with Path(os.devnull).open("w") as devnull:
        os.dup2(devnull.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def train(
    cfg: DictConfig, embedding: Embedding, frames: dict[str, pd.DataFrame], tokenizer: Tokenizer, scratch: Path
) -> Trained:
    """Train a network as configured, and export it to `scratch`."""
    with native_errors_hidden():
        import keras  # here, because importing it and TensorFlow takes seconds

    from sentiment.training import network as networks

    settings = dict(cfg.train_keras)
    build = instantiate(settings.pop("network"), _partial_=True)
    shape = {name: settings.pop(name) for name in ("sequence_length", "trainable_embedding")}
    networks.require_fit(build, embedding, **shape)

    keras.utils.set_random_seed(cfg.seed)
    started = time.perf_counter()
    network = networks.assemble(build, embedding, **shape)
    inputs = {
        name: networks.features(embedding, frame, tokenizer, sequence_length=shape["sequence_length"])
        for name, frame in frames.items()
    }
    # Data with soft labels, and a corpus of the step `distill`, have a column `target`.
    target = {name: frame.get("target", frame["negative"]).to_numpy() for name, frame in frames.items()}
    history = networks.fit(network, inputs, target, **settings)
    fit_seconds = time.perf_counter() - started

    networks.save(network, embedding, scratch / "native")
    single = networks.assemble(build, embedding, **shape, batch_size=1)
    networks.export(network, single, embedding, scratch / "served")
    on_words = isinstance(embedding, WordEmbedding)
    return Trained(
        runtime=networks.runtime(embedding),
        text=tokenizer if on_words else tokenizer.cleaner,
        served=scratch / "served",
        native=scratch / "native",
        native_probability=networks.negative_probability(network, inputs["validation"]),
        fit_seconds=fit_seconds,
        figures={"history": plots.history(history)},
        tables={"history": history},
    )


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the model."""
    preflight.check(cfg)
    with runs.start("train_keras", cfg) as scratch:
        corpus = artifacts.fetch(cfg.inputs.corpus, "corpus", scratch)
        tokenizer = read_tokenizer(corpus)
        embedding = load(artifacts.fetch(cfg.inputs.embedding, "embedding", scratch), tokenizer)
        frames = artifacts.read_splits(corpus)
        artifacts.log_data(frames, artifacts.describe_data(corpus))
        trained = train(cfg, embedding, frames, tokenizer, scratch)
        return log_trained(replace(trained, learned_from=artifacts.teachers(corpus)), frames, cfg)


if __name__ == "__main__":
    main()
