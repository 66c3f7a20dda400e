"""Tokenize every tweet.

In: splits. Out: `corpus/`, the same rows with a column `tokens` (`text` is unchanged), the targets, and
`preprocess.yaml`, the settings of the tokenizer, with which models trained on the corpus process text in production.
"""

import shutil

import mlflow
from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import artifacts, door, runs
from sentiment.data import folders
from sentiment.data.corpus import tokenize, write_tokenizer
from sentiment.inference.text import Tokenizer


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the corpus."""
    tokenizer: Tokenizer = instantiate(cfg.preprocess.tokenizer)
    with runs.start("preprocess", cfg) as scratch:
        splits = artifacts.fetch(cfg.inputs.splits, "splits", scratch)
        corpus = scratch / "corpus"
        corpus.mkdir()
        frames = folders.read_splits(splits)
        for name, frame in frames.items():
            frame["tokens"] = tokenize(frame["text"].tolist(), tokenizer)
            mlflow.log_metric(f"{name}_tokens_per_tweet", frame["tokens"].map(len).mean())
        folders.write_splits(corpus, frames)
        folders.write_targets(corpus, folders.read_targets(splits))
        shutil.copy(splits / folders.DESCRIPTIONS["splits"], corpus)
        write_tokenizer(corpus, tokenizer)
        return artifacts.log_folder(corpus, "corpus")


if __name__ == "__main__":
    main()
