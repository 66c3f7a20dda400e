"""Train a network on word or sentence vectors, in Keras, and export it to the light form that is served.

In: a corpus and an embedding that was made of it. Out: `model`, with the plot and the table of its training.
"""

import time
from pathlib import Path

import hydra
import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig

from sentiment import plots
from sentiment.embedding import Embedding, WordEmbedding, load
from sentiment.text import Tokenizer
from steps import tracking


def train(
    cfg: DictConfig, embedding: Embedding, frames: dict[str, pd.DataFrame], tokenizer: Tokenizer, scratch: Path
) -> tracking.Trained:
    """Return the network that the settings describe, trained and exported into a folder."""
    import keras  # with TensorFlow: seconds, and only here

    from sentiment import network as networks

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
    negative = {name: frame["negative"].to_numpy() for name, frame in frames.items()}
    history = networks.fit(network, inputs, negative, **settings)
    fit_seconds = time.perf_counter() - started

    networks.save(network, embedding, scratch / "native")
    single = networks.assemble(build, embedding, **shape, batch_size=1)
    networks.export(network, single, embedding, scratch / "served")
    on_words = isinstance(embedding, WordEmbedding)
    return tracking.Trained(
        runtime="tflite" if on_words else "saved_model",
        text=tokenizer if on_words else tokenizer.cleaner,
        served=scratch / "served",
        native=scratch / "native",
        native_probability=networks.negative_probability(network, inputs["validation"]),
        fit_seconds=fit_seconds,
        figures={"history": plots.history(history)},
        tables={"history": history},
    )


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the model."""
    with tracking.run("train_keras", cfg) as scratch:
        corpus = tracking.fetch(cfg.inputs.corpus, "corpus", scratch)
        tokenizer = tracking.read_tokenizer(corpus)
        embedding = load(tracking.fetch(cfg.inputs.embedding, "embedding", scratch), tokenizer)
        frames = tracking.read_splits(corpus)
        tracking.log_data(frames, corpus)
        return tracking.log_trained(train(cfg, embedding, frames, tokenizer, scratch), frames, cfg)


if __name__ == "__main__":
    main()
