"""The complete network: an embedding, a body from `sentiment.training.networks`, an output; training and export."""

import contextlib
import importlib
import inspect
import io
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_sample_weight

from sentiment.inference.classifier import Runtime
from sentiment.inference.errors import UserError
from sentiment.inference.runtimes import tflite
from sentiment.inference.text import Tokenizer
from sentiment.training.embedding import Embedding, SentenceEmbedding, WordEmbedding

log = logging.getLogger(__name__)

NATIVE = "network.keras"
OUTPUT = "negative"
PREDICTION_BATCH = 512

Build = Callable[..., keras.KerasTensor]


class NetworkError(UserError):
    """A network that does not match its embedding, or whose training failed."""


def require_fit(build: Build, embedding: Embedding, *, sequence_length: int | None, trainable_embedding: bool) -> None:
    """Raise a NetworkError if a network cannot take an embedding as its input."""
    provided = "words" if isinstance(embedding, WordEmbedding) else "sentences"
    expected = "words" if "words" in inspect.signature(build).parameters else "sentences"
    if provided != expected:
        raise NetworkError(
            f"This network (train_keras.network) expects vectors of {expected}, but this embedding (inputs.embedding) "
            f"has vectors of {provided}. Use word vectors with train_keras=average, bilstm or convolution, sentence "
            "vectors (embed=use) with train_keras=dense or linear."
        )
    if isinstance(embedding, SentenceEmbedding):
        if trainable_embedding:
            raise NetworkError(
                "A sentence encoder cannot be trained further: set train_keras.trainable_embedding=false."
            )
        return
    if embedding.vectors is None and not trainable_embedding:
        raise NetworkError(
            "embed=learned has only randomly initialised vectors: set train_keras.trainable_embedding=true."
        )
    if sequence_length is None:
        raise NetworkError("A network on words needs an input length: set train_keras.sequence_length.")


def assemble(
    build: Build,
    embedding: Embedding,
    *,
    sequence_length: int | None,
    trainable_embedding: bool,
    batch_size: int | None = None,
) -> keras.Model:
    """Return the complete network, with the embedding's vectors if it has any.

    Unknown words get the mean of all vectors. `batch_size` fixes the batch size; the export needs 1.
    """
    if isinstance(embedding, SentenceEmbedding):
        inputs = keras.Input((embedding.vector_size,), batch_size=batch_size, name="sentences")
        hidden = build(sentences=inputs)
    else:
        inputs = keras.Input((sequence_length,), batch_size=batch_size, dtype="int32", name="words")
        table = layers.Embedding(
            len(embedding.words) + tflite.FIRST_WORD,
            embedding.vector_size,
            mask_zero=True,
            trainable=trainable_embedding,
            name="embedding",
        )
        hidden = build(words=table(inputs))
        if embedding.vectors is not None:
            padding, unknown = np.zeros_like(embedding.vectors[0]), embedding.vectors.mean(axis=0)
            table.set_weights([np.vstack([padding, unknown, embedding.vectors])])
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid", name=OUTPUT)(hidden))


def features(
    embedding: Embedding, frame: pd.DataFrame, tokenizer: Tokenizer, *, sequence_length: int | None
) -> NDArray[Any]:
    """Return the network's input for each row: the numbers of its `tokens`, or the vector of its cleaned `text`."""
    if isinstance(embedding, SentenceEmbedding):
        texts = frame["text"].map(tokenizer.cleaner).tolist()
        vectors: NDArray[np.float32] = encoder_module(embedding).encode(
            embedding.encoder, texts, max_tokens=embedding.max_tokens
        )
        return vectors
    assert sequence_length is not None  # by `require_fit`
    return tflite.token_numbers(frame["tokens"].tolist(), tflite.number_words(embedding.words), sequence_length)


def fit(
    network: keras.Model,
    inputs: dict[str, NDArray[Any]],
    target: dict[str, NDArray[Any]],
    weight: NDArray[np.float64],
    *,
    l2: float,
    learning_rate: float,
    batch_size: int,
    epochs: int,
    patience: int,
    class_weight: Literal["balanced"] | None,
) -> pd.DataFrame:
    """Train a network, keep the weights of its best epoch, and return the loss and AUC of each epoch.

    The best epoch is the one with the highest validation AUC. Confidence does not matter, because probabilities are
    calibrated afterwards.

    Args:
        network: the result of `assemble`.
        inputs: the `features` of `train` and `validation`.
        target: the labels of the same splits, 1 for a negative tweet; in `train`, pseudo-labels may be probabilities.
        weight: the weights of the tweets of `train` in the loss, shape (n,).
        l2: the L2 penalty on the weights of the output layer.
        learning_rate: the learning rate of Adam.
        batch_size: tweets per batch.
        epochs: the maximum number of epochs.
        patience: training stops after this many epochs without a higher AUC.
        class_weight: `balanced` gives both classes the same total weight in the loss; None gives each tweet the same.

    Raises:
        NetworkError: the loss became NaN.
    """
    weights = weight * compute_sample_weight(class_weight, np.round(target["train"]))
    network.get_layer(OUTPUT).kernel.regularizer = keras.regularizers.L2(l2)
    network.compile(keras.optimizers.Adam(learning_rate), "binary_crossentropy", metrics=[HardAUC(name="auc")])
    bar = sys.stdout.isatty()
    best = keras.callbacks.EarlyStopping("val_auc", mode="max", patience=patience, restore_best_weights=True)
    history = network.fit(
        inputs["train"],
        target["train"],
        validation_data=(inputs["validation"], target["validation"]),
        sample_weight=weights,
        batch_size=batch_size,
        epochs=epochs,
        callbacks=[best, keras.callbacks.TerminateOnNaN()] + ([] if bar else [LogEpochs()]),
        verbose=1 if bar else 0,
    ).history
    if not np.isfinite(history["loss"]).all():
        raise NetworkError(
            f"The loss became NaN in epoch {len(history['loss'])}. Lower train_keras.learning_rate={learning_rate}."
        )
    epoch = pd.RangeIndex(1, len(history["loss"]) + 1, name="epoch")
    return pd.DataFrame(history, index=epoch).reset_index()


class HardAUC(keras.metrics.AUC):  # type: ignore[misc]
    """AUC for targets that may be probabilities: from 0.5 on, a tweet counts as negative."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        super().update_state(keras.ops.round(keras.ops.cast(y_true, "float32")), y_pred, sample_weight)


class LogEpochs(keras.callbacks.Callback):  # type: ignore[misc]
    """Log one line per epoch, instead of a progress bar."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Log the metrics of an epoch."""
        metrics = ", ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        log.info("epoch %d of at most %d: %s", epoch + 1, self.params["epochs"], metrics)


def negative_probability(network: keras.Model, inputs: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probability that each tweet is negative, shape (n,)."""
    probabilities = network.predict(inputs, batch_size=PREDICTION_BATCH, verbose=0)
    return np.asarray(probabilities[:, 0], dtype=np.float64)


def save(network: keras.Model, embedding: Embedding, folder: Path) -> None:
    """Write the network in Keras' own format to a new folder, with the vocabulary of its input."""
    folder.mkdir()
    network.save(folder / NATIVE)
    if isinstance(embedding, WordEmbedding):
        tflite.write_vocabulary(folder, embedding.words)


def encoder_module(embedding: SentenceEmbedding) -> ModuleType:
    """Import the module of an encoder, and with it TensorFlow's or PyTorch's part of it."""
    return importlib.import_module(f"sentiment.training.encoders.{embedding.kind}")


def runtime(embedding: Embedding) -> Runtime:
    """Return the runtime that serves networks on an embedding."""
    if isinstance(embedding, WordEmbedding):
        return "tflite"
    served_by: Runtime = encoder_module(embedding).RUNTIME
    return served_by


def export(network: keras.Model, single: keras.Model, embedding: Embedding, folder: Path) -> None:
    """Write the files of the network's runtime to a new folder.

    A network on words becomes a TensorFlow Lite model with 8-bit weights; `single` is the network assembled for batches
    of one tweet, because an LSTM cannot be converted otherwise. On sentences, the encoder's module writes both.
    """
    folder.mkdir()
    single.set_weights(network.get_weights())
    with contextlib.redirect_stdout(io.StringIO()):  # Keras prints the signature of each model it saves
        if isinstance(embedding, SentenceEmbedding):
            encoder_module(embedding).export(network, embedding.encoder, folder, max_tokens=embedding.max_tokens)
        else:
            converter = tf.lite.TFLiteConverter.from_keras_model(single)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            (folder / tflite.NETWORK).write_bytes(converter.convert())
            tflite.write_vocabulary(folder, embedding.words)
