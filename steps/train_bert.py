"""Train a BERT-like Transformer: a classifier on sentence vectors of a frozen encoder, or fine-tuning.

In: splits (not a corpus, because each checkpoint has its own tokenizer and form of links and mentions). Out: `model`.
The run also has plots and tables of the training.
"""

import time
from pathlib import Path

import mlflow
import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import artifacts, door, preflight, runs
from pipeline.trained import Trained, log_trained
from sentiment.reports import plots


def train(cfg: DictConfig, frames: dict[str, pd.DataFrame], scratch: Path) -> Trained:
    """Train a network as configured, and export it to `scratch`."""
    import torch  # here, because importing it and Transformers takes seconds

    from sentiment.training.bert import checkpoints, export, network

    settings = cfg.train_bert
    cleaner = instantiate(settings.cleaner)
    encoder, tokenizer = checkpoints.load(
        settings.checkpoint, max_tokens=settings.max_tokens, revision=settings.revision
    )
    tweets = {
        name: network.Tweets(
            tokens=network.tokenize(tokenizer, frame["text"].map(cleaner)),
            negative=frame["negative"].to_numpy(),
            target=frame.get("target", frame["negative"]).to_numpy(),
            group=frame["group"].to_numpy(),
        )
        for name, frame in frames.items()
    }
    torch.manual_seed(cfg.seed)  # for the random initialisation of the head
    model = network.SentenceClassifier(encoder, pad_token_id=tokenizer.pad_token_id).to(network.device())
    started = time.perf_counter()
    training = instantiate(settings.fit, _partial_=True, _convert_="all")(model, tweets, seed=cfg.seed)
    fit_seconds = time.perf_counter() - started
    mlflow.log_params({f"best.{name}": value for name, value in training.chosen.items()})

    with network.progress(len(tweets["validation"].tokens), "validation") as bar:
        probability = network.negative_probability(model, tweets["validation"].tokens, bar)
    network.save(model, tokenizer, scratch / "native")
    export.export(model, tokenizer, scratch / "served", max_tokens=settings.max_tokens)
    return Trained(
        runtime="onnx",
        text=cleaner,
        served=scratch / "served",
        native=scratch / "native",
        native_probability=probability,
        fit_seconds=fit_seconds,
        figures={name: plots.history(table) for name, table in training.tables.items() if name == "history"},
        tables=training.tables,
    )


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the model."""
    preflight.check(cfg)
    with runs.start("train_bert", cfg) as scratch:
        splits = artifacts.fetch(cfg.inputs.splits, "splits", scratch)
        frames = artifacts.read_splits(splits)
        artifacts.log_data(frames, artifacts.describe_data(splits))
        return log_trained(train(cfg, frames, scratch), frames, cfg)


if __name__ == "__main__":
    main()
