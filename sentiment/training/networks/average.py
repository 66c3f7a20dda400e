"""The mean of a tweet's word vectors, ignoring their order, and a dense layer.

Source: Iyyer, Manjunatha, Boyd-Graber and Daume, Deep Unordered Composition Rivals Syntactic Methods, 2015.
"""

import keras
from keras import layers


def build(*, words: keras.KerasTensor, units: int, dropout: float) -> keras.KerasTensor:
    """Return the last hidden layer, shape (batch, units); `dropout` is the dropout rate of words and of units."""
    words = layers.Dropout(dropout, noise_shape=(None, words.shape[1], 1))(words)
    hidden = layers.Dense(units, activation="relu")(layers.GlobalAveragePooling1D()(words))
    return layers.Dropout(dropout)(hidden)
