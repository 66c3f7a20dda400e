"""What each word adds to an answer: for every family of served model, and against values worked out by hand."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import skops.io
import tensorflow as tf
import torch
from hydra import compose, initialize
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from sentiment.inference import classifier
from sentiment.inference.arrays import Probabilities
from sentiment.inference.classifier import (
    EPSILON,
    IDENTITY,
    Calibration,
    Classifier,
    Runtime,
    logit,
)
from sentiment.inference.explain import MAX_GROUPS, Explanation, explain
from sentiment.inference.log_count_ratio import LogCountRatio
from sentiment.inference.runtimes import blend, saved_model
from sentiment.inference.runtimes.sklearn import FILE, document
from sentiment.inference.text import Cleaner, Tokenizer
from sentiment.training import bag_of_words, network
from sentiment.training.bert import checkpoints, export
from sentiment.training.bert.network import SentenceClassifier
from sentiment.training.embedding import WordEmbedding
from tests.checkpoints import save_checkpoint
from tests.corpora import TOKENIZER
from tests.sentence_encoder import save_encoder

CALIBRATION = Calibration(slope=1.7, intercept=-0.4)
ROUNDING = 1e-9
LINEAR = ["logistic_regression", "characters", "nb_svm"]
FAMILIES = [*LINEAR, "boosting", "dummy", "tflite", "onnx", "saved_model", "blend"]
BAD = ["late again", "so late and rude", "rude crew \U0001f620", "late , @user http"]
GOOD = ["thank you", "lovely crew", "so lovely & quick", "thank you @user \U0001f44d"]

# What becomes several tokens, or none, or one with its neighbours, or what only looks like a space.
ODD = ["&amp;", "&amp;#53;", "&nbsp;", "late&nbsp;crew", "(555)", "555", "45678", "123-4567", ".", "..", "@AirParadis"]
ODD += ["http://t.co/x1", "\U0001f620", "\U0001f44d\U0001f3fd", "\ufe0f", "\u200b", "sooooo", "didn't", "#late"]
SPACES = [" ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u2003", "\u3000", "\u2028", "\x1c", "\x85"]
WORDS = st.sampled_from([*ODD, "late", "rude", "crew", "thank", "LOVELY", "so"])
TWEETS = st.lists(WORDS | st.sampled_from(SPACES) | st.text(max_size=8), max_size=20).map("".join) | st.lists(
    WORDS, max_size=12
).map(" ".join)


def loaded(folder: Path, runtime: Runtime, text: Cleaner | Tokenizer | None, calibration: Calibration) -> Classifier:
    """Describe what a folder holds, and load it."""
    classifier.save(folder, runtime=runtime, calibration=calibration, threshold=0.5, uncertain=None, text=text)
    return Classifier.load(folder)


def save_sklearn(folder: Path, pipeline: Pipeline, calibration: Calibration = CALIBRATION) -> Classifier:
    folder.mkdir(exist_ok=True)
    skops.io.dump(pipeline, folder / FILE)
    return loaded(folder, "sklearn", TOKENIZER, calibration)


def save_baseline(folder: Path, option: str) -> Classifier:
    """Fit the pipeline of a real option to a few tweets."""
    with initialize(version_base="1.3", config_path="../../conf"):
        cfg = compose("config", overrides=[f"train_baseline={option}"])
    settings = {part: cfg.train_baseline[part] for part in bag_of_words.STEPS if part in cfg.train_baseline}
    pipeline, _ = bag_of_words.build(settings, partial(instantiate, _convert_="all"))
    if option == "boosting":
        pipeline.set_params(transformer__n_components=3, classifier__early_stopping=False, classifier__max_iter=2)
    documents = [document(TOKENIZER(text)) for text in (*BAD, *GOOD) for _ in range(10)]
    return save_sklearn(folder, pipeline.fit(documents, np.repeat([1, 0], 40)))


def save_tflite(folder: Path) -> Classifier:
    embedding = WordEmbedding(words=["late", "rude", "thank", "lovely", "so"], vectors=None, vector_size=6)
    with initialize(version_base="1.3", config_path="../../conf"):
        cfg = compose("config", overrides=["train_keras=average", "train_keras.network.units=4"])
    build = instantiate(cfg.train_keras.network, _partial_=True)
    keras.utils.set_random_seed(1)
    whole, single = (
        network.assemble(build, embedding, sequence_length=12, trainable_embedding=True, batch_size=size)
        for size in (None, 1)
    )
    chance = np.random.default_rng(1)
    whole.set_weights([chance.normal(size=weights.shape) for weights in whole.get_weights()])
    network.export(whole, single, embedding, folder)
    return loaded(folder, "tflite", TOKENIZER, CALIBRATION)


def save_onnx(folder: Path) -> Classifier:
    encoder, tokenizer = checkpoints.load(str(save_checkpoint(folder.with_name("checkpoint"))), max_tokens=16)
    torch.manual_seed(0)
    model = SentenceClassifier(encoder, pad_token_id=tokenizer.pad_token_id)
    export.export(model, tokenizer, folder, max_tokens=16)
    return loaded(folder, "onnx", TOKENIZER.cleaner, CALIBRATION)


class Head(tf.Module):
    """A probability of four numbers, as Keras exports it."""

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
    def serve(self, vectors: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(tf.linalg.matmul(vectors, [[2.0], [1.0], [-1.0], [-2.0]]))


def save_saved_model(folder: Path) -> Classifier:
    save_encoder(folder / saved_model.ENCODER)
    tf.saved_model.save(Head(), str(folder / saved_model.HEAD))
    return loaded(folder, "saved_model", TOKENIZER.cleaner, CALIBRATION)


def save_blend(folder: Path) -> Classifier:
    folder.mkdir()
    save_baseline(folder / "linear", "nb_svm")
    save_baseline(folder / "boosting", "boosting")
    blend.write(folder, {"linear": 0.6, "boosting": 0.5}, -0.1)
    return loaded(folder, "blend", None, CALIBRATION)


SAVE: dict[str, Callable[[Path], Classifier]] = {
    "tflite": save_tflite,
    "onnx": save_onnx,
    "saved_model": save_saved_model,
    "blend": save_blend,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Classifier]:
    """Return what gives a classifier of a family, made when it is first asked for."""
    made: dict[str, Classifier] = {}

    def model(family: str) -> Classifier:
        if family not in made:
            folder = tmp_path_factory.mktemp(family) / "served"
            made[family] = SAVE[family](folder) if family in SAVE else save_baseline(folder, family)
        return made[family]

    return model


class Scored:
    """A raw probability from whatever a function makes of a tweet's words, and the texts it was asked for."""

    def __init__(self, function: Callable[[list[str]], float]) -> None:
        self.function = function
        self.calls: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> Probabilities:
        self.calls.append(list(texts))
        return 1 / (1 + np.exp(-np.array([self.function(text.split()) for text in texts])))


def scored(function: Callable[[Sequence[str]], Probabilities], calibration: Calibration = IDENTITY) -> Classifier:
    return Classifier(runtime="onnx", calibration=calibration, threshold=0.5, uncertain=None, score=function)


def values(explanation: Explanation) -> list[float]:
    return [word.contribution for word in explanation.contributions]


def rounding(explanation: Explanation) -> float:
    """Return how far sums may be off: a probability near 0 or 1 is rounded, and its logit the more the nearer it is."""
    near = min(explanation.negative_probability, 1 - explanation.negative_probability)
    return ROUNDING + np.finfo(float).eps / max(near, EPSILON)


def check(explanation: Explanation, model: Classifier, text: str) -> None:
    """Check what holds of every explanation."""
    (probability,) = model.negative_probability([text])
    assert explanation.negative_probability == pytest.approx(probability, abs=1e-6)  # in a batch, TensorFlow rounds
    whole = logit(np.array(explanation.negative_probability))
    assert explanation.base + sum(values(explanation)) + explanation.error == pytest.approx(whole, abs=ROUNDING)
    assert abs(explanation.error) <= rounding(explanation)
    assert [word.text for word in explanation.contributions] == text.split()
    places = [place for word in explanation.contributions for place in (word.start, word.end)]
    assert all(text[word.start : word.end] == word.text for word in explanation.contributions)
    assert places == sorted(places)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=20)
@given(text=TWEETS)
def test_words_and_base_add_up_to_the_answer_of_every_family(
    models: Callable[[str], Classifier], family: str, text: str
) -> None:
    model = models(family)
    explanation = explain(model, text)
    check(explanation, model, text)
    assert explanation.method == ("coefficients" if family in LINEAR else "shapley")


@pytest.mark.parametrize("family", sorted({*FAMILIES} - {"dummy"}))
def test_every_family_but_the_dummy_finds_that_words_matter(models: Callable[[str], Classifier], family: str) -> None:
    assert np.ptp(values(explain(models(family), "so late , thank you"))) > 0.01


def test_a_bad_word_pushes_towards_negative_and_a_good_one_away(models: Callable[[str], Classifier]) -> None:
    for family in (*LINEAR, "saved_model", "blend"):
        late, again, lovely = values(explain(models(family), "late!!! again, lovely"))
        assert late > 0 > lovely, family


def fitted(**vectorizer: Any) -> tuple[Pipeline, Callable[[str], float]]:
    """Return a small pipeline, and the coefficient of each of its features."""
    counter = CountVectorizer(**{"lowercase": False, "token_pattern": r"\S+"} | vectorizer)
    pipeline = make_pipeline(counter, LogisticRegression())
    pipeline.fit(["late again late", "late late again", "again so", "so so lovely"], [1, 1, 0, 0])
    names = dict(zip(counter.get_feature_names_out(), pipeline[-1].coef_[0], strict=True))
    return pipeline, names.__getitem__


@pytest.mark.parametrize("calibration", [IDENTITY, CALIBRATION])
def test_words_get_the_coefficients_that_they_have_and_half_of_those_of_their_pairs(
    tmp_path: Path, calibration: Calibration
) -> None:
    pipeline, of = fitted(ngram_range=(1, 2))
    explanation = explain(save_sklearn(tmp_path, pipeline, calibration), "  LATE again\nlate unheard-of\t")
    expected = [
        of("late") + of("late again") / 2,
        of("again") + of("late again") / 2 + of("again late") / 2,
        of("late") + of("again late") / 2,
        0.0,
    ]
    assert explanation.method == "coefficients"
    assert values(explanation) == pytest.approx([calibration.slope * value for value in expected], abs=1e-12)
    raw = pipeline[-1].intercept_[0]
    assert explanation.base == pytest.approx(calibration.slope * raw + calibration.intercept, abs=1e-12)


def test_a_feature_that_counts_once_is_shared_by_all_its_places(tmp_path: Path) -> None:
    pipeline, of = fitted(binary=True)
    once = explain(save_sklearn(tmp_path, pipeline), "late so late late")
    assert values(once) == pytest.approx(
        [CALIBRATION.slope * value for value in (of("late") / 3, of("so"), of("late") / 3, of("late") / 3)]
    )


def test_a_word_as_frequent_in_both_classes_adds_nothing_where_ratios_scale_it(tmp_path: Path) -> None:
    pipeline = make_pipeline(
        CountVectorizer(token_pattern=r"\S+", lowercase=False), LogCountRatio(), LogisticRegression()
    )
    pipeline.fit(["late crew", "lovely crew"], [1, 0])
    late, crew = values(explain(save_sklearn(tmp_path, pipeline), "late crew"))
    assert late > crew == 0


def test_pieces_of_words_count_for_the_word_they_stand_in(tmp_path: Path) -> None:
    pipeline, of = fitted(analyzer="char_wb", token_pattern=None, ngram_range=(3, 3))
    explanation = explain(save_sklearn(tmp_path, pipeline), "plate again")
    expected = [of("lat") + of("ate") + of("te "), of(" ag") + of("aga") + of("gai") + of("ain") + of("in ")]
    assert values(explanation) == pytest.approx([CALIBRATION.slope * value for value in expected])


def test_a_word_of_several_tokens_gets_what_all_of_them_add(tmp_path: Path) -> None:
    pipeline, of = fitted()
    explanation = explain(save_sklearn(tmp_path, pipeline), "so late&nbsp;again")
    assert [word.text for word in explanation.contributions] == ["so", "late&nbsp;again"]
    assert values(explanation) == pytest.approx([CALIBRATION.slope * x for x in (of("so"), of("late") + of("again"))])


@pytest.mark.parametrize(
    "settings",
    [
        {"stop_words": ["so"]},
        {"lowercase": True},
        {"analyzer": "char", "token_pattern": None},
        {"token_pattern": r"\w+"},
    ],
)
def test_a_vectorizer_that_changes_tokens_leaves_its_model_to_shapley_values(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    counter = CountVectorizer(**{"token_pattern": r"\S+", "lowercase": False, **settings})
    pipeline = make_pipeline(counter, LogisticRegression()).fit(["late again", "so lovely"], [1, 0])
    model = save_sklearn(tmp_path, pipeline)
    explanation = explain(model, "so late!")
    assert explanation.method == "shapley"
    check(explanation, model, "so late!")


def test_a_telephone_number_in_pieces_counts_for_the_words_it_is_written_in(tmp_path: Path) -> None:
    text = "call (555) 123-4567 now"
    tokens = document(TOKENIZER(text)).split()
    assert (
        tokens == ["call", "(555)", "123-4567", "now"] != [token for word in text.split() for token in TOKENIZER(word)]
    )
    counter = CountVectorizer(token_pattern=r"\S+", lowercase=False)
    pipeline = make_pipeline(counter, LogisticRegression()).fit([" ".join(tokens[:3]), "now"], [1, 0])
    of = dict(zip(counter.get_feature_names_out(), pipeline[-1].coef_[0], strict=True))
    explanation = explain(save_sklearn(tmp_path, pipeline, IDENTITY), text)
    assert values(explanation) == pytest.approx([of[token] for token in tokens])


class Tokens:
    """A linear model that sees in a whole tweet whatever tokens it is told, and the letters of any other text."""

    def __init__(self, text: str, tokens: list[str]) -> None:
        self.text, self.tokens = text, tokens

    def tokenize(self, text: str) -> list[str]:
        return self.tokens if text == self.text else list(text)

    def weigh(self, tokens: Sequence[str]) -> tuple[float, NDArray[np.float64]]:
        return 0.5, np.array([(ord(token[0]) % 11 - 5) / 10 for token in tokens], dtype=np.float64)

    def __call__(self, texts: Sequence[str]) -> Probabilities:
        base_and_added = [self.weigh(self.tokenize(text)) for text in texts]
        return 1 / (1 + np.exp(-np.array([base + added.sum() for base, added in base_and_added])))


@given(words=st.lists(st.text("abcd", min_size=1, max_size=4), min_size=1, max_size=8), data=st.data())
def test_tokens_that_come_from_no_word_are_not_lost(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    tokens = data.draw(st.lists(st.sampled_from("abcdxyz"), max_size=30) | st.permutations("".join(words)))
    model = scored(Tokens(text, tokens), CALIBRATION)
    check(explain(model, text), model, text)


def test_a_token_too_many_goes_to_the_word_before_it_or_else_to_the_first() -> None:
    def shares(text: str, tokens: str) -> list[float]:
        added = values(explain(scored(Tokens(text, list(tokens))), text))
        return [round(value, 9) for value in added]

    _, (a, b, x) = Tokens("", []).weigh("abx")
    assert shares("a b", "axb") == [round(a + x, 9), round(b, 9)]
    assert shares("a b", "xab") == [round(a + x, 9), round(b, 9)]
    assert shares("a b", "xb") == [round(x, 9), round(b, 9)]


def brute_force(function: Callable[[list[str]], float], words: list[str]) -> list[float]:
    """Return Shapley values by their definition, over all orders."""
    numbers = range(len(words))
    added = np.zeros(len(words))
    orders = list(permutations(numbers))
    for order in orders:
        for place, word in enumerate(order):
            before, after = (sorted(order[:end]) for end in (place, place + 1))
            added[word] += function([words[n] for n in after]) - function([words[n] for n in before])
    return (added / len(orders)).tolist()


@given(
    alone=st.lists(st.floats(-2, 2), min_size=5, max_size=5),
    together=st.lists(st.floats(-1, 1), min_size=10, max_size=10),
    words=st.permutations("abcde"),
)
def test_two_orders_are_enough_where_words_act_alone_or_in_pairs(
    alone: list[float], together: list[float], words: list[str]
) -> None:
    weight = dict(zip("abcde", alone, strict=True))
    pair = dict(zip(combinations("abcde", 2), together, strict=True))

    def function(present: list[str]) -> float:
        pairs = combinations(sorted(present), 2)
        return 0.3 + sum(weight[word] for word in present) + sum(pair[both] for both in pairs)

    explanation = explain(scored(Scored(function), CALIBRATION), " ".join(words))
    expected = CALIBRATION.slope * np.array(brute_force(function, words))
    assert values(explanation) == pytest.approx(expected.tolist(), abs=1e-7)
    assert explanation.base == pytest.approx(CALIBRATION.slope * 0.3 + CALIBRATION.intercept)


@pytest.mark.parametrize("family", ["logistic_regression", "boosting", "tflite", "onnx"])
@pytest.mark.parametrize("text", ["", " ", "\n\u3000\t"])
def test_a_tweet_without_words_is_all_base(models: Callable[[str], Classifier], family: str, text: str) -> None:
    model = models(family)
    explanation = explain(model, text)
    assert explanation.contributions == ()
    assert explanation.base == pytest.approx(logit(model.negative_probability([text]))[0])
    assert explanation.error == pytest.approx(0, abs=1e-12)


def test_parts_are_scored_at_once_and_none_twice() -> None:
    score = Scored(len)
    explain(scored(score), "late and late and\nlate")
    (texts,) = score.calls
    assert len(texts) == len(set(texts)) <= 2 * 5
    assert {"", "late", "late and", "and late and\nlate", "late and late and\nlate"} < set(texts)


def test_many_words_are_weighed_in_groups_of_neighbours() -> None:
    score = Scored(lambda words: sum(word == "late" for word in words) / 10)
    words = ["late", "so", "so"] * 100
    explanation = explain(scored(score), " ".join(words))
    (texts,) = score.calls
    assert len(texts) <= 2 * MAX_GROUPS + 1
    assert len(explanation.contributions) == 300
    assert values(explanation) == pytest.approx([0.1 / 3] * 300, abs=1e-3)
    assert abs(explanation.error) <= rounding(explanation)


@pytest.mark.parametrize("family", ["characters", "tflite", "onnx"])
def test_a_tweet_of_two_thousand_characters_is_explained(models: Callable[[str], Classifier], family: str) -> None:
    text = ("late \U0001f620 " * 300)[:2000]
    model = models(family)
    check(explain(model, text), model, text)


def test_log_odds_of_the_surest_answers_are_finite() -> None:
    explanation = explain(scored(lambda texts: np.array([float("late" in text) for text in texts])), "so late")
    most = float(np.log((1 - EPSILON) / EPSILON))
    assert explanation.negative_probability == 1.0
    assert values(explanation) == pytest.approx([0, 2 * most])
    assert explanation.base == pytest.approx(-most)
    assert abs(explanation.error) <= rounding(explanation)
