"""Report the coverage and the nearest words of word vectors: Markdown and HTML."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from sentiment.reports.pages import page
from sentiment.reports.templates import render
from sentiment.training.embedding import Coverage, WordEmbedding, nearest

CHARACTERISTIC_WORDS = 12
NEIGHBOURS = 6
MISSING_WORDS = 20


def write(folder: Path, embedding: WordEmbedding, coverage: Coverage, train: pd.DataFrame) -> None:
    """Write `report.md` and `report.html` to a folder.

    Args:
        folder: the folder; created if missing.
        embedding: the words and their vectors.
        coverage: its coverage of the validation split.
        train: the training split, with `tokens`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(embedding, coverage, characteristic_words(train, embedding.words, count=CHARACTERISTIC_WORDS))
    (folder / "report.md").write_text(text, encoding="utf-8")
    (folder / "report.html").write_text(page(text, folder), encoding="utf-8")


def markdown(embedding: WordEmbedding, coverage: Coverage, words: Iterable[str]) -> str:
    """Return the report as Markdown, with the nearest words of the most characteristic words."""
    near = {} if embedding.vectors is None else nearest(embedding, list(words), count=NEIGHBOURS)
    return render(
        "embedding_report",
        words=len(embedding.words),
        vector_size=embedding.vector_size,
        coverage=coverage,
        missing=[code(word) for word, _ in coverage.missing[:MISSING_WORDS]],
        trained=embedding.vectors is not None,
        nearest={code(word): [(code(other), cosine) for other, cosine in others] for word, others in near.items()},
    )


def characteristic_words(train: pd.DataFrame, words: Iterable[str], *, count: int) -> list[str]:
    """Return the most characteristic words in a vocabulary, half for each class.

    The score is the log-odds ratio over its standard error, with half a tweet added to each count.
    Source: Haldane, 1956; Monroe, Colaresi and Quinn, Fightin' Words, 2008.
    """
    rows = train[["tokens", "negative"]].assign(tokens=train["tokens"].map(set)).explode("tokens")
    table = pd.crosstab(rows["tokens"], rows["negative"]).reindex(columns=[0, 1], fill_value=0)
    with_word = table.loc[table.index.isin(set(words))] + 0.5
    without = train["negative"].value_counts().reindex([0, 1], fill_value=0) + 1 - with_word
    odds = np.log(with_word[1] / without[1]) - np.log(with_word[0] / without[0])
    score = (odds / np.sqrt((1 / with_word + 1 / without).sum(axis=1))).sort_values(kind="stable")
    return [*score.index[::-1][: count // 2], *score.index[: count - count // 2]]


def code(word: str) -> str:
    """Return a word as code for a Markdown table; replaces bars and backticks, which would end the cell or the code."""
    return f"`{word.replace('|', chr(0xFF5C)).replace('`', chr(0x2018))}`"
