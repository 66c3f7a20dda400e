"""A corpus of 288 tweets, in the form in which the step `preprocess` writes it."""

from dataclasses import asdict
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
    described = {"data": "small", "synthetic": True, "limits": ["made up"], "digest": "0" * 64, "digests": digests}
    (folder / "splits.yaml").write_text(yaml.safe_dump(described), encoding="utf-8")
    return folder
