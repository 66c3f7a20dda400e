"""Turn words, or whole sentences, into vectors.

In: a corpus. Out: `embedding/`, a vocabulary and its vectors (or a sentence encoder), and `report.md` on what it knows.
"""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import artifacts, door, runs
from sentiment.data.corpus import read_tokenizer
from sentiment.training.embedding import Corpus, Coverage, Embedding, WordEmbedding, coverage, nearest, save

log = logging.getLogger(__name__)

TELLING_WORDS = 12
NEIGHBOURS = 6
MISSING_WORDS = 20


def read_corpus(folder: Path, train: pd.DataFrame) -> Corpus:
    """Return what an embedding may be fitted on; of the test split, only to keep its texts out of extra ones."""
    texts = [pd.read_parquet(folder / f"{name}.parquet", columns=["text"]) for name in ("train", "validation", "test")]
    return Corpus(
        tokens=[list(tokens) for tokens in train["tokens"]],
        texts=pd.concat(texts)["text"].tolist(),
        tokenizer=read_tokenizer(folder),
    )


def telling_words(train: pd.DataFrame, words: Iterable[str], *, count: int) -> list[str]:
    """Return the words of a vocabulary that tell the classes apart best, half of each class.

    Measured by the log-odds ratio over its standard error, with half a tweet added to each count.
    Source: Haldane, 1956; Monroe, Colaresi and Quinn, Fightin' Words, 2008.
    """
    rows = train[["tokens", "negative"]].assign(tokens=train["tokens"].map(set)).explode("tokens")
    table = pd.crosstab(rows["tokens"], rows["negative"]).reindex(columns=[0, 1], fill_value=0)
    with_word = table.loc[table.index.isin(set(words))] + 0.5
    without = train["negative"].value_counts().reindex([0, 1], fill_value=0) + 1 - with_word
    odds = np.log(with_word[1] / without[1]) - np.log(with_word[0] / without[0])
    score = (odds / np.sqrt((1 / with_word + 1 / without).sum(axis=1))).sort_values(kind="stable")
    return [*score.index[::-1][: count // 2], *score.index[: count - count // 2]]


def report(embedding: WordEmbedding, known: Coverage, telling: Sequence[str]) -> str:
    """Return what an embedding knows, in Markdown."""
    lines = [
        "# What this embedding knows",
        "",
        f"- Words: {len(embedding.words):,}, of {embedding.vector_size} values each.",
        f"- Known of the validation split: {known.tokens:.1%} of the running tokens, {known.words:.1%} of the words.",
        f"- Unknown to it, most frequent first: {', '.join(map(code, dict(known.missing[:MISSING_WORDS]))) or 'none'}.",
        "",
        "## Nearest words, by cosine, of those that tell the classes apart best",
        "",
    ]
    if embedding.vectors is None:
        return "\n".join([*lines, "None yet: the vectors are trained with the network.", ""])
    table = ["| word | nearest words |", "|---|---|"]
    for word, found in nearest(embedding, telling, count=NEIGHBOURS).items():
        table.append(f"| {code(word)} | {', '.join(f'{code(near)} {cosine:.2f}' for near, cosine in found)} |")
    return "\n".join([*lines, *table, ""])


def code(word: str) -> str:
    """Return a word as code in a Markdown table, where a bar would end the cell and a backtick the code."""
    return f"`{word.replace('|', chr(0xFF5C)).replace('`', chr(0x2018))}`"


def describe(embedding: Embedding, frames: dict[str, pd.DataFrame], folder: Path) -> None:
    """Log what an embedding knows of the validation split, and write its report into a folder."""
    mlflow.log_metric("vector_size", embedding.vector_size)
    if isinstance(embedding, WordEmbedding):
        known = coverage(embedding.words, frames["validation"]["tokens"])
        mlflow.log_metrics(
            {"vocabulary": len(embedding.words), "val_token_coverage": known.tokens, "val_word_coverage": known.words}
        )
        log.info("%d words, %.1f %% of the validation split's tokens.", len(embedding.words), 100 * known.tokens)
        telling = telling_words(frames["train"], embedding.words, count=TELLING_WORDS)
        (folder / "report.md").write_text(report(embedding, known, telling), encoding="utf-8")


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the embedding."""
    with runs.start("embed", cfg) as scratch:
        folder = artifacts.fetch(cfg.inputs.corpus, "corpus", scratch)
        frames = artifacts.read_splits(folder)
        corpus = read_corpus(folder, frames["train"])
        embedding = instantiate(cfg.embed, _partial_=True, _convert_="all")(corpus=corpus)
        save(scratch / "embedding", embedding, corpus.tokenizer)
        describe(embedding, frames, scratch / "embedding")
        return artifacts.log_folder(scratch / "embedding", "embedding")


if __name__ == "__main__":
    main()
