"""Sentence encoders with the signature of the Universal Sentence Encoder, and one without."""

from pathlib import Path

import tensorflow as tf


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
