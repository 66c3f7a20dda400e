"""Small corpora: a table of labelled tweets, and one in the form in which the step `preprocess` writes it."""

import atexit
import tempfile
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from sentiment.inference.text import Cleaner, Tokenizer

TOKENIZER = Tokenizer(
    cleaner=Cleaner(links="http", mentions="@user", emoji=True, max_repeats=3),
    lowercase=True,
    negation=True,
    words="plain",
)


MOODS = {
    "negative": ["late", "rude", "lost", "awful", "dirty", "cancelled", "worst", "broken"],
    "positive": ["lovely", "thanks", "great", "smooth", "friendly", "clean", "best", "quick"],
}
SUBJECTS = ["flight", "crew", "bag", "seat", "food", "gate", "staff", "plane", "lounge", "desk"]
# How often a word is one of the tweet's own class.
TELLING = 0.75
FOLDER = tempfile.TemporaryDirectory(prefix="corpora-")
atexit.register(FOLDER.cleanup)


@cache
def labelled(rows: int) -> Path:
    """Write a table of tweets with label and author; a few rows repeat others, with the same or the other label."""
    random = np.random.default_rng(rows)
    repeated = max(1, rows // 100)
    tweets = []
    for number in range(rows - 2 * repeated):
        label, other = random.permutation(list(MOODS))
        words = [random.choice(MOODS[label if random.random() < TELLING else other]) for _ in range(3)]
        subjects = random.choice(SUBJECTS, 3)
        text = " ".join(f"{word} {subject}" for word, subject in zip(words, subjects, strict=True))
        tweets.append((f"@AirParadis {text} &amp; {number % 97} http://t.co/{number}", label, f"user{number // 2}"))
    tweets += tweets[:repeated]
    opposite = {"negative": "positive", "positive": "negative"}
    tweets += [(text, opposite[label], user) for text, label, user in tweets[repeated : 2 * repeated]]
    file = Path(FOLDER.name) / f"{rows} tweets.csv"
    pd.DataFrame(tweets, columns=["text", "label", "user"]).to_csv(file, index=False)
    return file


def data(rows: int) -> list[str]:
    """Return the options that choose a table of labelled tweets."""
    return ["data=csv", f"data.path='{labelled(rows)}'", "data.group_column=user"]


def save_corpus(folder: Path) -> Path:
    """Write a corpus as the step `preprocess` does: 288 rows, whose last token is the number of their group."""
    folder.mkdir()
    bad = [f"{what} {when}" for what in ("late", "so late", "rude crew") for when in ("again", "today", "and no seat")]
    good = [
        f"{what} {whom}" for what in ("thank you", "lovely", "so lovely") for whom in ("crew", "all", "staff today")
    ]
    for name, numbers in {"train": range(8), "validation": range(8, 12), "test": range(12, 16)}.items():
        texts = [f"{text} {number}" for number in numbers for text in (*bad, *good)]
        frame = pd.DataFrame({"text": texts, "group": [text.split()[-1] for text in texts]})
        frame["negative"] = np.array(([1] * len(bad) + [0] * len(good)) * len(numbers), dtype=np.int8)
        frame["tokens"] = [TOKENIZER(text) for text in texts]
        frame.to_parquet(folder / f"{name}.parquet")
    (folder / "preprocess.yaml").write_text(yaml.safe_dump(asdict(TOKENIZER)), encoding="utf-8")
    digests = {name: digit * 64 for name, digit in {"train": "1", "validation": "2", "test": "3"}.items()}
    described = {"data": "small", "limits": ["made up"], "digest": "0" * 64, "digests": digests}
    (folder / "splits.yaml").write_text(yaml.safe_dump(described), encoding="utf-8")
    return folder
