"""Fit or load an embedding: vectors of words or of whole sentences.

In: a corpus. Out: `embedding/`, a vocabulary and its vectors (or a sentence encoder). The run also has a report
(`report/`): coverage, unknown words, neighbours.
"""

import logging
from pathlib import Path

import mlflow
import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import artifacts, door, runs
from sentiment.data import folders
from sentiment.data.corpus import read_tokenizer
from sentiment.reports import embedding_report
from sentiment.training.embedding import Corpus, Embedding, WordEmbedding, coverage, save

log = logging.getLogger(__name__)


def read_corpus(folder: Path, train: pd.DataFrame) -> Corpus:
    """Return the training tokens to fit on, and the texts of all splits: those to remove from extra texts."""
    texts = pd.concat(folders.read_splits(folder, columns=["text"]).values())
    return Corpus(
        tokens=[list(tokens) for tokens in train["tokens"]],
        texts=texts["text"].tolist(),
        tokenizer=read_tokenizer(folder),
    )


def describe(embedding: Embedding, frames: dict[str, pd.DataFrame], folder: Path) -> None:
    """Log the coverage of the validation split and a report, written to `folder` first."""
    mlflow.log_metric("vector_size", embedding.vector_size)
    if isinstance(embedding, WordEmbedding):
        covered = coverage(embedding.words, frames["validation"]["tokens"])
        mlflow.log_metrics(
            {
                "vocabulary": len(embedding.words),
                "val_token_coverage": covered.tokens,
                "val_word_coverage": covered.words,
            }
        )
        log.info("%d words cover %.1f %% of the validation tokens.", len(embedding.words), 100 * covered.tokens)
        embedding_report.write(folder, embedding, covered, frames["train"])
        artifacts.log_report(folder)


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the embedding."""
    with runs.start("embed", cfg) as scratch:
        folder = artifacts.fetch(cfg.inputs.corpus, "corpus", scratch)
        frames = artifacts.read_splits(folder)
        corpus = read_corpus(folder, frames["train"])
        embedding = instantiate(cfg.embed, _partial_=True, _convert_="all")(corpus=corpus)
        save(scratch / "embedding", embedding, corpus.tokenizer)
        describe(embedding, frames, scratch / "report")
        return artifacts.log_folder(scratch / "embedding", "embedding")


if __name__ == "__main__":
    main()
