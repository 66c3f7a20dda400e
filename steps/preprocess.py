"""Cut every tweet into tokens.

In: splits. Out: `corpus/`, the same rows with their `tokens` beside the untouched `text`, and `preprocess.yaml`, which
says how they were made, so that what is trained on the corpus can be served with the very same text processing.
"""

import shutil
from dataclasses import asdict

import mlflow
import pandas as pd
import yaml
from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import artifacts, door, runs
from sentiment.data.corpus import tokenize
from sentiment.inference.text import Tokenizer

SPLITS = ("train", "validation", "test")


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the corpus."""
    tokenizer: Tokenizer = instantiate(cfg.preprocess.tokenizer)
    with runs.start("preprocess", cfg) as scratch:
        splits = artifacts.fetch(cfg.inputs.splits, "splits", scratch)
        corpus = scratch / "corpus"
        corpus.mkdir()
        for name in SPLITS:
            frame = pd.read_parquet(splits / f"{name}.parquet")
            frame["tokens"] = tokenize(frame["text"].tolist(), tokenizer)
            frame.to_parquet(corpus / f"{name}.parquet", index=False)
            mlflow.log_metric(f"{name}_tokens_per_tweet", frame["tokens"].map(len).mean())
        shutil.copy(splits / "splits.yaml", corpus)
        (corpus / "preprocess.yaml").write_text(yaml.safe_dump(asdict(tokenizer)), encoding="utf-8")
        return artifacts.log_folder(corpus, "corpus")


if __name__ == "__main__":
    main()
