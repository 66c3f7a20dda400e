"""Report what word vectors know: Markdown and HTML."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from sentiment.reports.pages import page
from sentiment.reports.templates import render
from sentiment.training.embedding import Coverage, WordEmbedding, nearest

TELLING_WORDS = 12
NEIGHBOURS = 6
MISSING_WORDS = 20


def write(folder: Path, embedding: WordEmbedding, known: Coverage, train: pd.DataFrame) -> None:
    """Write `report.md` and `report.html` to a folder.

    Args:
        folder: made if missing.
        embedding: the words and their vectors.
        known: what of the validation split it knows.
        train: the training split, with `tokens`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(embedding, known, telling_words(train, embedding.words, count=TELLING_WORDS))
    (folder / "report.md").write_text(text, encoding="utf-8")
    (folder / "report.html").write_text(page(text, folder), encoding="utf-8")


def markdown(embedding: WordEmbedding, known: Coverage, telling: Iterable[str]) -> str:
    """Return the report as Markdown, with the nearest words of those that tell the classes apart best."""
    near = {} if embedding.vectors is None else nearest(embedding, list(telling), count=NEIGHBOURS)
    return render(
        "embedding_report",
        words=len(embedding.words),
        vector_size=embedding.vector_size,
        known=known,
        missing=[code(word) for word, _ in known.missing[:MISSING_WORDS]],
        trained=embedding.vectors is not None,
        nearest={code(word): [(code(other), cosine) for other, cosine in others] for word, others in near.items()},
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


def code(word: str) -> str:
    """Return a word as code in a Markdown table, where a bar would end the cell and a backtick the code."""
    return f"`{word.replace('|', chr(0xFF5C)).replace('`', chr(0x2018))}`"
