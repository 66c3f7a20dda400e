"""Convolutional filters for short phrases, with the maximum of each over the tweet.

Source: Kim, Convolutional Neural Networks for Sentence Classification, 2014.
"""

import keras
from keras import layers, ops


def build(*, words: keras.KerasTensor, widths: list[int], units: int, dropout: float) -> keras.KerasTensor:
    """Return the last hidden layer, shape (batch, len(widths) * units).

    Args:
        words: word vectors.
        widths: the filter widths in words, one for each set of filters.
        units: the number of filters of each width.
        dropout: the dropout rate before and after the filters.
    """
    # Keras' convolutions ignore masks, so take the mask from the input as in its guide (Understanding masking and
    # padding). Filter outputs are never below 0, so the 0 at padding never changes a maximum.
    mask = ops.expand_dims(ops.cast(words._keras_mask, words.dtype), -1)
    words = layers.SpatialDropout1D(dropout)(words) * mask
    matches = [layers.Conv1D(units, width, padding="same", activation="relu")(words) * mask for width in widths]
    best = [layers.GlobalMaxPooling1D()(match) for match in matches]
    return layers.Dropout(dropout)(layers.concatenate(best))
