"""Train a BERT-like Transformer: a classifier on sentence vectors of a frozen encoder, or fine-tuning.

In: splits, or the corpus of `distill`, whose tokens it does not use: each checkpoint has its own tokenizer and form of
links and mentions. Out: `model`. The run also has plots and tables of the training.
"""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import mlflow
import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import artifacts, door, preflight, runs, store
from pipeline.trained import Trained, log_trained
from sentiment.reports import plots

# In the cache folder: the progress of trainings, each in a folder named after its fingerprint.
TRAININGS = "trainings"
# Progress is saved this often, and deleted this long after its last change.
SAVED_MINUTES, KEPT_DAYS = 5.0, 14


def train(cfg: DictConfig, frames: dict[str, pd.DataFrame], scratch: Path, progress: Path) -> Trained:
    """Train a network as configured, and export it to `scratch`; if it was interrupted, resume from `progress`."""
    import torch  # here, because importing it and Transformers takes seconds

    from sentiment.training.bert import checkpoints, export, network
    from sentiment.training.bert.saved_progress import SavedProgress

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
    training = instantiate(settings.fit, _partial_=True, _convert_="all")(
        model, tweets, seed=cfg.seed, progress=SavedProgress(progress, minutes=SAVED_MINUTES)
    )
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


def delete(progress: Path) -> None:
    """Delete the progress of a finished training, and that of others which were not resumed for two weeks."""
    for file in progress.parent.glob("*/*"):
        if file.parent == progress or time.time() - file.stat().st_mtime > KEPT_DAYS * 24 * 3600:
            shutil.rmtree(file.parent, ignore_errors=True)


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the model."""
    preflight.check(cfg)
    with runs.start("train_bert", cfg) as scratch:
        splits = artifacts.fetch(cfg.inputs.splits, "splits", scratch)
        frames = artifacts.read_splits(splits)
        artifacts.log_data(frames, artifacts.describe_data(splits))
        fingerprint = mlflow.get_run(runs.active().info.run_id).data.tags["fingerprint"]
        progress = store.cache_folder() / TRAININGS / fingerprint
        trained = replace(train(cfg, frames, scratch, progress), learned_from=artifacts.teachers(splits))
        uri = log_trained(trained, frames, cfg)
        delete(progress)
        return uri


if __name__ == "__main__":
    main()
