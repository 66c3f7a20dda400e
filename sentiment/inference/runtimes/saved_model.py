"""A sentence encoder with a dense head, both TensorFlow SavedModels: for comparison only, too heavy to serve."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from sentiment.inference.text import Cleaner

REQUIREMENTS = ("tensorflow", "tqdm")
ENCODER = "encoder"
HEAD = "head"
BATCH = 256


def load(folder: Path, text: Cleaner) -> Callable[[Sequence[str]], NDArray[np.float64]]:
    """Load the encoder, whose input is cleaned tweets, and the head, whose input is the encoder's vectors."""
    encoder = load_encoder(folder / ENCODER)
    head = tf.saved_model.load(str(folder / HEAD))

    def score(texts: Sequence[str]) -> NDArray[np.float64]:
        vectors = encode(encoder, [text(tweet) for tweet in texts])
        return np.asarray(head.serve(vectors), dtype=np.float64)[:, 0]

    return score


def load_encoder(folder: Path) -> Any:
    """Load the SavedModel of an encoder."""
    return tf.saved_model.load(str(folder))


def encode(encoder: Any, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the vector of each text, shape (texts, vector_size), with a progress bar if there are several batches.

    Raises:
        ValueError: the encoder's output has another shape.
    """
    starts = range(0, len(texts), BATCH)
    batches = []
    for start in tqdm(
        starts, desc="encode", unit_scale=BATCH, unit=" tweets", disable=None if len(starts) > 1 else True
    ):
        batch = list(texts[start : start + BATCH])
        vectors = np.asarray(encoder(tf.constant(batch)), dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(batch):
            raise ValueError(
                f"The encoder returned shape {vectors.shape} for {len(batch)} texts; expected one vector for each."
            )
        batches.append(vectors)
    return np.concatenate(batches)
