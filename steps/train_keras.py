"""Train a Keras network on word or sentence vectors, and export it to its served form.

In: a corpus, and an embedding fitted on it. Out: `model`. The run also has the plot and the table of the training.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import artifacts, door, preflight, runs, settings
from pipeline.trained import Trained, log_trained
from sentiment.data.corpus import read_tokenizer
from sentiment.inference.text import Tokenizer
from sentiment.reports import plots
from sentiment.training import stages
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
    cfg: DictConfig,
    embedding: Embedding,
    learned: list[pd.DataFrame],
    validation: pd.DataFrame,
    tokenizer: Tokenizer,
    scratch: Path,
) -> Trained:
    """Train a network as configured, on one stage of rows after another, and export it to `scratch`."""
    with native_errors_hidden():
        import keras  # here, because importing it and TensorFlow takes seconds

    from sentiment.training import network as networks

    options = dict(cfg.train_keras)
    build = instantiate(options.pop("network"), _partial_=True)
    shape = {name: options.pop(name) for name in ("sequence_length", "trainable_embedding")}
    networks.require_fit(build, embedding, **shape)

    keras.utils.set_random_seed(cfg.seed)
    started = time.perf_counter()
    network = networks.assemble(build, embedding, **shape)
    features = partial(networks.features, embedding, tokenizer=tokenizer, sequence_length=shape["sequence_length"])
    held_out = features(validation)
    histories = []
    for rows in learned:
        inputs = {"train": features(rows), "validation": held_out}
        target = {"train": rows["target"].to_numpy(), "validation": validation["negative"].to_numpy()}
        histories.append(networks.fit(network, inputs, target, rows["weight"].to_numpy(), **options))
    history = stages.join(histories)
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
        native_probability=networks.negative_probability(network, held_out),
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
        learned = stages.divide(frames["train"], artifacts.sources(corpus), **settings.plain(cfg.training))
        trained = train(cfg, embedding, learned, frames["validation"], tokenizer, scratch)
        return log_trained(
            replace(trained, learned_from=artifacts.teachers(corpus)), frames, artifacts.read_targets(corpus), cfg
        )


if __name__ == "__main__":
    main()
