"""A bidirectional long short-term memory.

Source: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; Graves and Schmidhuber, 2005, for both directions.
"""

import keras
from keras import layers


def build(*, words: keras.KerasTensor, units: int, dropout: float) -> keras.KerasTensor:
    """Return the last hidden layer, shape (batch, 2 * units); `dropout` is the dropout rate before and after it."""
    words = layers.SpatialDropout1D(dropout)(words)
    return layers.Dropout(dropout)(layers.Bidirectional(layers.LSTM(units))(words))
