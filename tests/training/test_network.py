"""`training.network` and every network of conf/train_keras: assembly, training and export."""

import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize
from hydra.utils import get_method, instantiate
from sklearn.metrics import log_loss

from sentiment.inference import classifier
from sentiment.inference.runtimes import saved_model, tflite
from sentiment.reports import plots
from sentiment.training import network
from sentiment.training.embedding import Embedding, SentenceEmbedding, WordEmbedding
from sentiment.training.network import NetworkError
from sentiment.training.networks import bilstm, dense
from tests.corpora import TOKENIZER
from tests.sentence_encoder import save_encoder
from tests.served import describe_and_load

OPTIONS = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "train_keras").glob("*.yaml"))
NEGATIVE = ["Late again", "so RUDE", "late, rude crew and no seat", "rude", "how late!"]
POSITIVE = ["Thank you", "lovely crew", "thank you, lovely seat and all", "lovely", "thank them!"]
UNSEEN = ["", "   ", "unheard-of", "late " * 100, "@AirParadis lovely", "\U0001f620"]
WORDS = WordEmbedding(
    words=["late", "rude", "thank", "lovely", "crew", "seat", "and", "you"],
    vectors=np.random.default_rng(0).normal(size=(8, 16)).astype(np.float32),
    vector_size=16,
)
SHAPE: dict[str, Any] = {"sequence_length": 7, "trainable_embedding": True}
FIT: dict[str, Any] = {
    "l2": 0.0,
    "learning_rate": 0.03,
    "batch_size": 8,
    "epochs": 8,
    "patience": 8,
    "class_weight": None,
}


def configured(option: str, *overrides: str) -> dict[str, Any]:
    with initialize(version_base="1.3", config_path="../../conf"):
        return dict(compose("config", overrides=[f"train_keras={option}", *overrides]).train_keras)


def data() -> pd.DataFrame:
    texts = [*NEGATIVE, *POSITIVE] * 4
    negative = np.array(([1] * len(NEGATIVE) + [0] * len(POSITIVE)) * 4, dtype=np.int8)
    return pd.DataFrame({"text": texts, "negative": negative, "tokens": [TOKENIZER(text) for text in texts]})


def trained(
    build: network.Build, embedding: Embedding, *, shape: dict[str, Any] = SHAPE, **settings: Any
) -> tuple[keras.Model, pd.DataFrame]:
    keras.utils.set_random_seed(1)
    model = network.assemble(build, embedding, **shape)
    rows = network.features(embedding, data(), TOKENIZER, sequence_length=shape["sequence_length"])
    negative = data()["negative"].to_numpy()
    splits = {"train": rows, "validation": rows}
    weight = np.ones(len(negative))
    return model, network.fit(model, splits, dict.fromkeys(splits, negative), weight, **{**FIT, **settings})


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def embedding_for(encoder: Path) -> Callable[[network.Build], tuple[Embedding, dict[str, Any]]]:
    """Return a function that returns an embedding that fits a network, with the shape settings."""

    def choose(build: network.Build) -> tuple[Embedding, dict[str, Any]]:
        if "words" in inspect.signature(build).parameters:
            return WORDS, SHAPE
        sentences = SentenceEmbedding(kind="saved_model", encoder=encoder, vector_size=4, max_tokens=None)
        return sentences, {"sequence_length": None, "trainable_embedding": False}

    return choose


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_matches_the_signatures_that_it_configures(option: str) -> None:
    settings = configured(option)
    network_settings = dict(settings.pop("network"))
    build = get_method(network_settings.pop("_target_"))
    input_name = next(iter(inspect.signature(build).parameters))
    assert input_name in {"words", "sentences"}
    inspect.signature(build).bind(**{input_name: None}, **network_settings)
    shape = {name: settings.pop(name) for name in ("sequence_length", "trainable_embedding")}
    inspect.signature(network.require_fit).bind(build, WORDS, **shape)
    inspect.signature(network.fit).bind(None, {}, {}, None, **settings)
    for function in (build, network.fit):
        parameters = inspect.signature(function).parameters.values()
        assert all(parameter.default is parameter.empty for parameter in parameters)


def test_a_penalty_makes_the_weights_of_the_output_smaller() -> None:
    build = instantiate(configured("average", "train_keras.network.units=8")["network"], _partial_=True)
    free, penalised = (trained(build, WORDS, l2=l2)[0].get_layer(network.OUTPUT).kernel for l2 in (0.0, 1.0))
    assert np.linalg.norm(penalised) < 0.8 * np.linalg.norm(free)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_network_learns_and_agrees_with_its_served_form(
    option: str, embedding_for: Callable[[network.Build], tuple[Embedding, dict[str, Any]]], tmp_path: Path
) -> None:
    small = ["train_keras.network.units=8"] if "units" in configured(option)["network"] else []
    build = instantiate(configured(option, *small)["network"], _partial_=True)
    embedding, shape = embedding_for(build)
    network.require_fit(build, embedding, **shape)
    model, history = trained(build, embedding, shape=shape, epochs=24)
    assert history["val_auc"].max() > 0.95

    single = network.assemble(build, embedding, **shape, batch_size=1)
    network.export(model, single, embedding, tmp_path / "served")
    on_words = isinstance(embedding, WordEmbedding)
    text = TOKENIZER if on_words else TOKENIZER.cleaner
    served = describe_and_load(tmp_path / "served", network.runtime(embedding), text)
    texts = [*NEGATIVE, *POSITIVE, *UNSEEN]
    frame = pd.DataFrame({"text": texts, "tokens": [TOKENIZER(text) for text in texts]})
    inputs = network.features(embedding, frame, TOKENIZER, sequence_length=shape["sequence_length"])
    native = network.negative_probability(model, inputs)
    probability = served.negative_probability(texts)
    assert probability.shape == (len(texts),)
    assert np.isfinite(probability).all()
    assert np.abs(probability - native).max() < 0.02

    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(probability, repeated) for repeated in pool.map(served.score, [texts] * 16))


def test_the_native_form_survives_saving_and_loading(tmp_path: Path) -> None:
    build = instantiate(configured("bilstm", "train_keras.network.units=4")["network"], _partial_=True)
    model = network.assemble(build, WORDS, **SHAPE)
    network.save(model, WORDS, tmp_path / "native")
    rows = network.features(WORDS, data(), TOKENIZER, sequence_length=7)
    loaded = keras.models.load_model(tmp_path / "native" / network.NATIVE)
    assert np.array_equal(network.negative_probability(loaded, rows), network.negative_probability(model, rows))
    assert tflite.read_vocabulary(tmp_path / "native") == WORDS.words


def test_known_words_get_their_vectors_and_unknown_words_the_mean() -> None:
    build = instantiate(configured("average")["network"], _partial_=True)
    (table,) = network.assemble(build, WORDS, **SHAPE).get_layer("embedding").get_weights()
    assert WORDS.vectors is not None
    assert np.array_equal(table[tflite.FIRST_WORD :], WORDS.vectors)
    assert np.array_equal(table[tflite.PADDING], np.zeros(16))
    assert np.allclose(table[tflite.UNKNOWN], WORDS.vectors.mean(axis=0))


@pytest.mark.parametrize("trainable", [True, False])
def test_vectors_change_only_if_they_are_trainable(trainable: bool) -> None:
    build = instantiate(configured("average")["network"], _partial_=True)
    shape = {"sequence_length": 7, "trainable_embedding": trainable}
    model, _ = trained(build, WORDS, shape=shape, epochs=1)
    (table,) = model.get_layer("embedding").get_weights()
    assert np.array_equal(table[tflite.FIRST_WORD :], WORDS.vectors) is not trainable


def test_the_same_seed_gives_the_same_network() -> None:
    build = instantiate(configured("average")["network"], _partial_=True)
    (_, first), (_, repeated) = (trained(build, WORDS, epochs=2) for _ in range(2))
    assert first.equals(repeated)


def test_the_weights_of_the_best_epoch_are_kept() -> None:
    build = instantiate(configured("average")["network"], _partial_=True)
    keras.utils.set_random_seed(1)
    model = network.assemble(build, WORDS, **SHAPE)
    rng = np.random.default_rng(1)
    rows = {name: rng.integers(1, 10, (40, 7), dtype=np.int32) for name in ("train", "validation")}
    negative = {name: rng.integers(0, 2, 40).astype(np.int8) for name in rows}
    history = network.fit(model, rows, negative, np.ones(40), **{**FIT, "epochs": 30, "patience": 3})
    assert len(history) == history["val_auc"].argmax() + 1 + 3 < 30
    assert list(history.columns) == ["epoch", "auc", "loss", "val_auc", "val_loss"]
    probability = network.negative_probability(model, rows["validation"])
    best = history["val_loss"][history["val_auc"].argmax()]
    assert log_loss(negative["validation"], probability) == pytest.approx(best, rel=1e-4)


@pytest.mark.parametrize(("class_weight", "expected"), [(None, {0: 1, 1: 1}), ("balanced", {0: 10 / 18, 1: 10 / 2})])
def test_balanced_classes_have_the_same_total_weight(
    class_weight: str | None, expected: dict[int, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = instantiate(configured("average")["network"], _partial_=True)
    weights = {}
    fit = keras.Model.fit

    def spy(*args: Any, **settings: Any) -> Any:
        weights.update(zip(args[2].tolist(), settings["sample_weight"].tolist(), strict=True))
        return fit(*args, **settings)

    monkeypatch.setattr(keras.Model, "fit", spy)
    rows = dict.fromkeys(("train", "validation"), np.ones((10, 7), dtype=np.int32))
    negative = dict.fromkeys(rows, np.array([1] + [0] * 9, dtype=np.int8))
    settings = {**FIT, "epochs": 1, "class_weight": class_weight}
    network.fit(network.assemble(build, WORDS, **SHAPE), rows, negative, np.full(10, 0.5), **settings)
    assert weights == pytest.approx({label: weight / 2 for label, weight in expected.items()})


def test_a_loss_of_nan_is_an_error() -> None:
    build = instantiate(configured("average")["network"], _partial_=True)
    with pytest.raises(NetworkError, match=r"The loss became NaN in epoch 1.*learning_rate=1e\+38"):
        trained(build, WORDS, learning_rate=1e38)


def test_history_is_drawn_with_titles_and_a_legend() -> None:
    history = pd.DataFrame(
        {"epoch": [1, 2, 3], "auc": [0.6, 0.7, 0.8], "loss": [3, 2, 1.0]}
        | {"val_auc": [0.6, 0.71, 0.7], "val_loss": [3, 2, 2.5]}
    )
    figure = plots.history(history)
    assert [axes.get_title("left") for axes in figure.axes] == [
        "Log loss by epoch, 2.000 on validation",
        "AUC by epoch, 0.710 on validation",
    ]
    for axes in figure.axes:
        legend = axes.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == ["training", "validation", "kept: epoch 2"]


LEARNED = WordEmbedding(words=["late"], vectors=None, vector_size=4)
SENTENCES = SentenceEmbedding(kind="saved_model", encoder=Path("encoder"), vector_size=4, max_tokens=None)


@pytest.mark.parametrize(
    ("build", "embedding", "shape", "message"),
    [
        (bilstm.build, SENTENCES, {}, "expects vectors of words, but this embedding .* has vectors of sentences"),
        (dense.build, WORDS, {}, "expects vectors of sentences, but this embedding .* has vectors of words"),
        (dense.build, SENTENCES, {}, r"set train_keras\.trainable_embedding=false"),
        (bilstm.build, LEARNED, {"trainable_embedding": False}, r"set train_keras\.trainable_embedding=true"),
        (bilstm.build, WORDS, {"sequence_length": None}, r"set train_keras\.sequence_length"),
    ],
)
def test_a_network_that_does_not_fit_its_embedding_is_refused(
    build: network.Build, embedding: Embedding, shape: dict[str, Any], message: str
) -> None:
    with pytest.raises(NetworkError, match=message):
        network.require_fit(build, embedding, **{**SHAPE, **shape})


def test_a_learned_embedding_is_trained_from_random_vectors() -> None:
    build = instantiate(configured("average")["network"], _partial_=True)
    learned = WordEmbedding(words=WORDS.words, vectors=None, vector_size=4)
    _, history = trained(build, learned)
    assert history["val_auc"].max() > 0.95


def test_many_texts_are_encoded_like_single_ones(encoder: Path) -> None:
    model = saved_model.load_encoder(encoder)
    texts = ["late", "thank you, lovely", ""] * 200
    vectors = saved_model.encode(model, texts)
    assert vectors.shape == (600, 4)
    assert np.array_equal(vectors[:3], [[1, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]])
    assert np.array_equal(vectors, np.tile(vectors[:3], (200, 1)))


@pytest.mark.parametrize("runtime", ["tflite", "saved_model"])
def test_a_served_network_names_its_requirements(runtime: classifier.Runtime) -> None:
    names = {requirement.split("==")[0] for requirement in classifier.requirements(runtime)}
    assert ("tensorflow" in names) == (runtime == "saved_model")
    assert ("ai-edge-litert" in names) == (runtime == "tflite")
