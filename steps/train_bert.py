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

from pipeline import artifacts, door, preflight, runs, settings, store
from pipeline.trained import Trained, log_trained
from sentiment.reports import plots
from sentiment.training import stages

# In the cache folder: the progress of trainings, each in a folder named after its fingerprint.
TRAININGS = "trainings"
# Progress is saved this often, and deleted this long after its last change.
SAVED_MINUTES, KEPT_DAYS = 5.0, 14


def train(
    cfg: DictConfig, learned: list[pd.DataFrame], validation: pd.DataFrame, scratch: Path, progress: Path
) -> Trained:
    """Train a network as configured, on one stage of rows after another, and export it to `scratch`.

    If it was interrupted, resume from `progress`.
    """
    import torch  # here, because importing it and Transformers takes seconds

    from sentiment.training.bert import checkpoints, export, network
    from sentiment.training.bert.saved_progress import SavedProgress

    options = cfg.train_bert
    cleaner = instantiate(options.cleaner)
    encoder, tokenizer = checkpoints.load(options.checkpoint, max_tokens=options.max_tokens, revision=options.revision)
    validation = validation.assign(target=validation["negative"], weight=1.0)
    *tweets, held_out = (
        network.Tweets(
            tokens=network.tokenize(tokenizer, frame["text"].map(cleaner)),
            **{name: frame[name].to_numpy() for name in ("negative", "target", "weight", "group")},
        )
        for frame in (*learned, validation)
    )
    torch.manual_seed(cfg.seed)  # for the random initialisation of the head
    model = network.SentenceClassifier(encoder, pad_token_id=tokenizer.pad_token_id).to(network.device())
    started = time.perf_counter()
    fit = instantiate(options.fit, _partial_=True, _convert_="all")
    trainings = [
        fit(
            model,
            {"train": rows, "validation": held_out},
            seed=cfg.seed,
            stage=stage,
            stages=len(tweets),
            progress=SavedProgress(progress / f"stage {stage}", minutes=SAVED_MINUTES),
        )
        for stage, rows in enumerate(tweets, 1)
    ]
    fit_seconds = time.perf_counter() - started
    mlflow.log_params({f"best.{name}": value for name, value in trainings[-1].chosen.items()})
    tables = {name: stages.join([training.tables[name] for training in trainings]) for name in trainings[-1].tables}

    with network.progress(len(held_out.tokens), "validation") as bar:
        probability = network.negative_probability(model, held_out.tokens, bar)
    network.save(model, tokenizer, scratch / "native")
    export.export(model, tokenizer, scratch / "served", max_tokens=options.max_tokens)
    return Trained(
        runtime="onnx",
        text=cleaner,
        served=scratch / "served",
        native=scratch / "native",
        native_probability=probability,
        fit_seconds=fit_seconds,
        figures={name: plots.history(table) for name, table in tables.items() if name == "history"},
        tables=tables,
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
        learned = stages.divide(frames["train"], artifacts.sources(splits), **settings.plain(cfg.training))
        trained = train(cfg, learned, frames["validation"], scratch, progress)
        trained = replace(trained, learned_from=artifacts.teachers(splits))
        uri = log_trained(trained, frames, artifacts.read_targets(splits), cfg)
        delete(progress)
        return uri


if __name__ == "__main__":
    main()
