"""Small artifacts, quickly made, in the form of the real ones."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf
import yaml

from sentiment.inference.text import Cleaner, Tokenizer

TOKENIZER = Tokenizer(
    cleaner=Cleaner(links="http", mentions="@user", emoji=True, max_repeats=3),
    lowercase=True,
    negation=True,
    words="plain",
)


class Encoder(tf.Module):
    """Find four words in each text: shape (texts, 4)."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        found = [tf.strings.regex_full_match(texts, f".*{word}.*") for word in ("late", "rude", "thank", "lovely")]
        return tf.cast(tf.stack(found, axis=1), tf.float32)


class Length(tf.Module):
    """Count the bytes of each text: shape (texts,), which is no vector for each."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        return tf.strings.length(texts)


def save_encoder(folder: Path) -> Path:
    """Save a SavedModel with the signature of the Universal Sentence Encoder: 4 values a text."""
    tf.saved_model.save(Encoder(), str(folder))
    return folder


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
