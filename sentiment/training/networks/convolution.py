"""Filters that each look for a short phrase, wherever in the tweet it stands, and report their best match.

Source: Kim, Convolutional Neural Networks for Sentence Classification, 2014.
"""

import keras
from keras import layers, ops


def build(*, words: keras.KerasTensor, widths: list[int], units: int, dropout: float) -> keras.KerasTensor:
    """Return the last hidden layer, shape (batch, len(widths) * units).

    Args:
        words: what the embedding gives.
        widths: how many words a filter sees at once, one value for each set of filters.
        units: filters of each width.
        dropout: the share dropped before and after.
    """
    # Keras' convolutions know no masks; its guide (Understanding masking and padding) reads one off like this.
    # No filter answers less than 0, so a 0 at padding is never the best match.
    there = ops.expand_dims(ops.cast(words._keras_mask, words.dtype), -1)
    words = layers.SpatialDropout1D(dropout)(words) * there
    matches = [layers.Conv1D(units, width, padding="same", activation="relu")(words) * there for width in widths]
    best = [layers.GlobalMaxPooling1D()(match) for match in matches]
    return layers.Dropout(dropout)(layers.concatenate(best))
