"""A dense layer on the vector of a whole sentence."""

import keras
from keras import layers


def build(*, sentences: keras.KerasTensor, units: int, dropout: float) -> keras.KerasTensor:
    """Return the last hidden layer, shape (batch, units); `dropout` is the dropout rate of the units."""
    return layers.Dropout(dropout)(layers.Dense(units, activation="relu")(sentences))
