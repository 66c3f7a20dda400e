"""`sentiment.training.networks`: properties of networks on words; test_network.py tests all networks."""

from pathlib import Path

import keras
import numpy as np
import pytest
from hydra import compose, initialize
from hydra.utils import instantiate

from sentiment.inference.runtimes import tflite
from sentiment.training import network
from sentiment.training.embedding import WordEmbedding

ON_WORDS = ["average", "bilstm", "convolution"]
LEARNED = WordEmbedding(words=["late", "rude", "thank", "lovely"], vectors=None, vector_size=6)
TWEETS = [["late", "rude", "late"], ["thank"], ["lovely", "unheard-of", "lovely", "late", "thank"]]


def assembled(option: str, sequence_length: int) -> keras.Model:
    with initialize(version_base="1.3", config_path="../../conf"):
        cfg = compose("config", overrides=[f"train_keras={option}", "train_keras.network.units=4"])
    build = instantiate(cfg.train_keras.network, _partial_=True)
    keras.utils.set_random_seed(1)
    return network.assemble(build, LEARNED, sequence_length=sequence_length, trainable_embedding=True)


def rows(sequence_length: int) -> np.ndarray:
    return tflite.token_numbers(TWEETS, tflite.number_words(LEARNED.words), sequence_length)


@pytest.mark.parametrize("option", ON_WORDS)
def test_padding_does_not_affect_probabilities(option: str) -> None:
    short, long = assembled(option, 5), assembled(option, 30)
    rng = np.random.default_rng(1)  # initial biases and padding vectors near 0 would hide errors
    long.set_weights([rng.normal(size=weights.shape) for weights in long.get_weights()])
    short.set_weights(long.get_weights())
    probability = network.negative_probability(short, rows(5))
    assert np.ptp(probability) > 1e-3
    assert np.allclose(network.negative_probability(long, rows(30)), probability, atol=1e-6)


@pytest.mark.parametrize("option", ON_WORDS)
def test_the_native_form_of_every_network_loads_without_its_code(option: str, tmp_path: Path) -> None:
    model = assembled(option, 7)
    network.save(model, LEARNED, tmp_path / "native")
    loaded = keras.models.load_model(tmp_path / "native" / network.NATIVE)
    assert np.array_equal(network.negative_probability(loaded, rows(7)), network.negative_probability(model, rows(7)))
