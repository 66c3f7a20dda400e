"""Encoders of TensorFlow Hub: SavedModels that take a batch of strings and return one vector for each."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from sentiment.inference.classifier import Runtime
from sentiment.inference.runtimes import saved_model

RUNTIME: Runtime = "saved_model"


def encode(folder: Path, texts: Sequence[str], *, max_tokens: None) -> NDArray[np.float32]:  # noqa: ARG001
    """Return the vector of each text, shape (texts, vector_size); such an encoder never truncates."""
    return saved_model.encode(saved_model.load_encoder(folder), texts)


def export(network: keras.Model, encoder: Path, folder: Path, *, max_tokens: None) -> None:  # noqa: ARG001
    """Write the encoder and the network on its vectors, both SavedModels, to a folder."""
    shutil.copytree(encoder, folder / saved_model.ENCODER)
    network.export(folder / saved_model.HEAD)
