"""Contributions of words to an answer: for every family of served models, and compared with values computed by hand."""

import shutil
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
from hydra import compose, initialize
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from sentiment.inference.arrays import Probabilities
from sentiment.inference.classifier import Classifier
from sentiment.inference.explain import Explanation, explain
from sentiment.inference.log_count_ratio import LogCountRatio
from sentiment.inference.probabilities import EPSILON, IDENTITY, Calibration, logit
from sentiment.inference.runtimes import blend, saved_model
from sentiment.inference.runtimes.sklearn import FILE, document
from sentiment.inference.shapley import MAX_GROUPS, SCORINGS
from sentiment.training import bag_of_words, network
from sentiment.training.embedding import WordEmbedding
from tests.corpora import TOKENIZER
from tests.exported_bert import CLEANER, SERVED
from tests.sentence_encoder import save_encoder
from tests.served import describe_and_load

GetModel = Callable[[str], Classifier]
CALIBRATION = Calibration(slope=1.7, intercept=-0.4)
ROUNDING = 1e-9
# Their log-odds are a sum over words; TF-IDF divides those of the others by the length of the tweet's vector.
ADDITIVE = ["nb_svm"]
LINEAR = [*ADDITIVE, "logistic_regression", "characters"]
FAMILIES = [*LINEAR, "boosting", "dummy", "tflite", "onnx", "saved_model", "blend"]
NEGATIVE_TWEETS = ["late again", "so late and rude", "rude crew \U0001f620", "late , @user http"]
POSITIVE_TWEETS = ["thank you", "lovely crew", "so lovely & quick", "thank you @user \U0001f44d"]

# Words that become several tokens, none, or one together with their neighbours, or that look like a space.
TRICKY_WORDS = [
    *("&amp;", "&amp;#53;", "&nbsp;", "late&nbsp;crew", "(555)", "555", "45678", "123-4567", ".", "..", "@AirParadis"),
    *("http://t.co/x1", "\U0001f620", "\U0001f44d\U0001f3fd", "\ufe0f", "\u200b", "sooooo", "didn't", "#late"),
]
SPACES = [" ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u2003", "\u3000", "\u2028", "\x1c", "\x85"]
WORDS = st.sampled_from([*TRICKY_WORDS, "late", "rude", "crew", "thank", "LOVELY", "so"])
TWEETS = st.lists(WORDS | st.sampled_from(SPACES) | st.text(max_size=8), max_size=20).map("".join) | st.lists(
    WORDS, max_size=12
).map(" ".join)


def save_sklearn(folder: Path, pipeline: Pipeline, calibration: Calibration = CALIBRATION) -> Classifier:
    folder.mkdir(exist_ok=True)
    skops.io.dump(pipeline, folder / FILE)
    return describe_and_load(folder, "sklearn", TOKENIZER, calibration)


def save_baseline(folder: Path, option: str) -> Classifier:
    """Fit the pipeline of an option of `train_baseline` to a few tweets."""
    with initialize(version_base="1.3", config_path="../../conf"):
        cfg = compose("config", overrides=[f"train_baseline={option}"])
    settings = {part: cfg.train_baseline[part] for part in bag_of_words.STEPS if part in cfg.train_baseline}
    pipeline, _ = bag_of_words.build(settings, partial(instantiate, _convert_="all"))
    if option == "boosting":
        pipeline.set_params(transformer__n_components=3, classifier__early_stopping=False, classifier__max_iter=2)
    documents = [document(TOKENIZER(text)) for text in (*NEGATIVE_TWEETS, *POSITIVE_TWEETS) for _ in range(10)]
    return save_sklearn(folder, pipeline.fit(documents, np.repeat([1, 0], 40)))


def save_tflite(folder: Path) -> Classifier:
    embedding = WordEmbedding(words=["late", "rude", "thank", "lovely", "so"], vectors=None, vector_size=6)
    with initialize(version_base="1.3", config_path="../../conf"):
        cfg = compose("config", overrides=["train_keras=average", "train_keras.network.units=4"])
    build = instantiate(cfg.train_keras.network, _partial_=True)
    keras.utils.set_random_seed(1)
    any_batch, single_tweet = (
        network.assemble(build, embedding, sequence_length=12, trainable_embedding=True, batch_size=size)
        for size in (None, 1)
    )
    random = np.random.default_rng(1)
    any_batch.set_weights([random.normal(size=weights.shape) for weights in any_batch.get_weights()])
    network.export(any_batch, single_tweet, embedding, folder)
    return describe_and_load(folder, "tflite", TOKENIZER, CALIBRATION)


class Head(tf.Module):
    """A classification layer for vectors of four numbers, as Keras exports it."""

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
    def serve(self, vectors: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(tf.linalg.matmul(vectors, [[2.0], [1.0], [-1.0], [-2.0]]))


def save_saved_model(folder: Path) -> Classifier:
    save_encoder(folder / saved_model.ENCODER)
    tf.saved_model.save(Head(), str(folder / saved_model.HEAD))
    return describe_and_load(folder, "saved_model", TOKENIZER.cleaner, CALIBRATION)


def save_blend(folder: Path) -> Classifier:
    folder.mkdir()
    save_baseline(folder / "linear", "nb_svm")
    save_baseline(folder / "boosting", "boosting")
    blend.write(folder, {"linear": 0.6, "boosting": 0.5}, -0.1)
    return describe_and_load(folder, "blend", None, CALIBRATION)


SAVE: dict[str, Callable[[Path], Classifier]] = {
    "tflite": save_tflite,
    "saved_model": save_saved_model,
    "blend": save_blend,
}


@pytest.fixture(scope="module")
def get_model(exported_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> GetModel:
    """Return a function that returns a classifier of a family, and makes it on its first call."""
    bert = Path(shutil.copytree(exported_bert / SERVED, tmp_path_factory.mktemp("bert") / "served"))
    classifiers = {"onnx": describe_and_load(bert, "onnx", CLEANER, CALIBRATION)}

    def get(family: str) -> Classifier:
        if family not in classifiers:
            folder = tmp_path_factory.mktemp(family) / "served"
            classifiers[family] = SAVE[family](folder) if family in SAVE else save_baseline(folder, family)
        return classifiers[family]

    return get


class RecordingScore:
    """A score function: the sigmoid of a function of a tweet's words. It records the texts of each call."""

    def __init__(self, function: Callable[[list[str]], float]) -> None:
        self.function = function
        self.calls: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> Probabilities:
        self.calls.append(list(texts))
        return 1 / (1 + np.exp(-np.array([self.function(text.split()) for text in texts])))


def classifier_with(
    function: Callable[[Sequence[str]], Probabilities], calibration: Calibration = IDENTITY
) -> Classifier:
    return Classifier(
        runtime="onnx", calibration=calibration, threshold=0.5, uncertain=None, reliability=None, score=function
    )


def contributions(explanation: Explanation) -> list[float]:
    return [word.contribution for word in explanation.contributions]


def tolerance(explanation: Explanation) -> float:
    """Return the largest rounding error of a sum: the nearer a probability is to 0 or 1, the less exact its logit."""
    distance = min(explanation.negative_probability, 1 - explanation.negative_probability)
    return ROUNDING + np.finfo(float).eps / max(distance, EPSILON)


def assert_consistent(explanation: Explanation, model: Classifier, text: str) -> None:
    """Check the properties that every explanation has."""
    (probability,) = model.negative_probability([text])
    # TensorFlow rounds differently in a batch.
    assert explanation.negative_probability == pytest.approx(probability, abs=1e-6)
    log_odds = logit(np.array(explanation.negative_probability))
    total = explanation.base + sum(contributions(explanation)) + explanation.error
    assert total == pytest.approx(log_odds, abs=ROUNDING)
    assert abs(explanation.error) <= tolerance(explanation)
    assert [word.text for word in explanation.contributions] == text.split()
    edges = [edge for word in explanation.contributions for edge in (word.start, word.end)]
    assert all(text[word.start : word.end] == word.text for word in explanation.contributions)
    assert edges == sorted(edges)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=20)
@given(text=TWEETS)
def test_base_and_contributions_add_up_to_the_answer_of_every_family(
    get_model: GetModel, family: str, text: str
) -> None:
    model = get_model(family)
    explanation = explain(model, text)
    assert_consistent(explanation, model, text)
    assert explanation.method == ("coefficients" if family in ADDITIVE else "shapley")


@pytest.mark.parametrize("family", sorted({*FAMILIES} - {"dummy"}))
def test_words_contribute_differently_in_every_family_except_the_dummy(get_model: GetModel, family: str) -> None:
    assert np.ptp(contributions(explain(get_model(family), "so late , thank you"))) > 0.01


def test_a_negative_word_raises_the_log_odds_and_a_positive_word_lowers_them(get_model: GetModel) -> None:
    for family in (*LINEAR, "saved_model", "blend"):
        late, again, lovely = contributions(explain(get_model(family), "late!!! again, lovely"))
        assert late > 0 > lovely, family


def fit_pipeline(**vectorizer: Any) -> tuple[Pipeline, Callable[[str], float]]:
    """Return a small pipeline fitted to four tweets, and a function that returns the coefficient of a feature."""
    counter = CountVectorizer(**{"lowercase": False, "token_pattern": r"\S+"} | vectorizer)
    pipeline = make_pipeline(counter, LogisticRegression())
    pipeline.fit(["late again late", "late late again", "again so", "so so lovely"], [1, 1, 0, 0])
    names = dict(zip(counter.get_feature_names_out(), pipeline[-1].coef_[0], strict=True))
    return pipeline, names.__getitem__


@pytest.mark.parametrize("calibration", [IDENTITY, CALIBRATION])
def test_a_word_gets_its_coefficient_and_half_of_those_of_its_bigrams(tmp_path: Path, calibration: Calibration) -> None:
    pipeline, coefficient = fit_pipeline(ngram_range=(1, 2))
    explanation = explain(save_sklearn(tmp_path, pipeline, calibration), "  LATE again\nlate unheard-of\t")
    expected = [
        coefficient("late") + coefficient("late again") / 2,
        coefficient("again") + coefficient("late again") / 2 + coefficient("again late") / 2,
        coefficient("late") + coefficient("again late") / 2,
        0.0,
    ]
    assert explanation.method == "coefficients"
    assert contributions(explanation) == pytest.approx([calibration.slope * value for value in expected], abs=1e-12)
    raw_base = pipeline[-1].intercept_[0]
    assert explanation.base == pytest.approx(calibration.slope * raw_base + calibration.intercept, abs=1e-12)


def test_a_binary_feature_is_shared_by_all_occurrences_of_its_word(tmp_path: Path) -> None:
    pipeline, coefficient = fit_pipeline(binary=True)
    explanation = explain(save_sklearn(tmp_path, pipeline), "late so late late")
    assert contributions(explanation) == pytest.approx(
        [
            CALIBRATION.slope * value
            for value in (coefficient("late") / 3, coefficient("so"), coefficient("late") / 3, coefficient("late") / 3)
        ]
    )


def test_a_word_equally_frequent_in_both_classes_has_no_log_count_ratio_and_contributes_nothing(tmp_path: Path) -> None:
    pipeline = make_pipeline(
        CountVectorizer(token_pattern=r"\S+", lowercase=False), LogCountRatio(), LogisticRegression()
    )
    pipeline.fit(["late crew", "lovely crew"], [1, 0])
    late, crew = contributions(explain(save_sklearn(tmp_path, pipeline), "late crew"))
    assert late > crew == 0


def test_character_ngrams_count_towards_the_word_they_occur_in(tmp_path: Path) -> None:
    pipeline, coefficient = fit_pipeline(analyzer="char_wb", token_pattern=None, ngram_range=(3, 3))
    explanation = explain(save_sklearn(tmp_path, pipeline), "plate again")
    expected = [
        coefficient("lat") + coefficient("ate") + coefficient("te "),
        coefficient(" ag") + coefficient("aga") + coefficient("gai") + coefficient("ain") + coefficient("in "),
    ]
    assert contributions(explanation) == pytest.approx([CALIBRATION.slope * value for value in expected])


def test_a_word_of_several_tokens_gets_the_sum_of_their_coefficients(tmp_path: Path) -> None:
    pipeline, coefficient = fit_pipeline()
    explanation = explain(save_sklearn(tmp_path, pipeline), "so late&nbsp;again")
    assert [word.text for word in explanation.contributions] == ["so", "late&nbsp;again"]
    assert contributions(explanation) == pytest.approx(
        [CALIBRATION.slope * value for value in (coefficient("so"), coefficient("late") + coefficient("again"))]
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"stop_words": ["so"]},
        {"lowercase": True},
        {"analyzer": "char", "token_pattern": None},
        {"token_pattern": r"\w+"},
    ],
)
def test_a_model_whose_vectorizer_changes_tokens_is_explained_by_shapley_values(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    counter = CountVectorizer(**{"token_pattern": r"\S+", "lowercase": False, **settings})
    pipeline = make_pipeline(counter, LogisticRegression()).fit(["late again", "so lovely"], [1, 0])
    model = save_sklearn(tmp_path, pipeline)
    explanation = explain(model, "so late!")
    assert explanation.method == "shapley"
    assert_consistent(explanation, model, "so late!")


def test_the_tokens_of_a_telephone_number_with_spaces_count_towards_its_words(tmp_path: Path) -> None:
    text = "call (555) 123-4567 now"
    tokens = document(TOKENIZER(text)).split()
    assert (
        tokens == ["call", "(555)", "123-4567", "now"] != [token for word in text.split() for token in TOKENIZER(word)]
    )
    counter = CountVectorizer(token_pattern=r"\S+", lowercase=False)
    pipeline = make_pipeline(counter, LogisticRegression()).fit([" ".join(tokens[:3]), "now"], [1, 0])
    coefficients = dict(zip(counter.get_feature_names_out(), pipeline[-1].coef_[0], strict=True))
    explanation = explain(save_sklearn(tmp_path, pipeline, IDENTITY), text)
    assert contributions(explanation) == pytest.approx([coefficients[token] for token in tokens])


class FixedTokensScore:
    """The score function of a linear model: one text has the given tokens, and any other text has its letters."""

    def __init__(self, text: str, tokens: list[str]) -> None:
        self.text, self.tokens = text, tokens

    def tokenize(self, text: str) -> list[str]:
        return self.tokens if text == self.text else list(text)

    def weigh(self, tokens: Sequence[str]) -> tuple[float, NDArray[np.float64]]:
        return 0.5, np.array([(ord(token[0]) % 11 - 5) / 10 for token in tokens], dtype=np.float64)

    def __call__(self, texts: Sequence[str]) -> Probabilities:
        bases_and_weights = [self.weigh(self.tokenize(text)) for text in texts]
        return 1 / (1 + np.exp(-np.array([base + weights.sum() for base, weights in bases_and_weights])))


@given(words=st.lists(st.text("abcd", min_size=1, max_size=4), min_size=1, max_size=8), data=st.data())
def test_the_contributions_of_tokens_that_come_from_no_word_are_not_lost(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    tokens = data.draw(st.lists(st.sampled_from("abcdxyz"), max_size=30) | st.permutations("".join(words)))
    model = classifier_with(FixedTokensScore(text, tokens), CALIBRATION)
    assert_consistent(explain(model, text), model, text)


def test_an_unmatched_token_counts_towards_the_word_it_replaces_or_follows_or_else_the_first() -> None:
    def rounded_contributions(text: str, tokens: str) -> list[float]:
        explanation = explain(classifier_with(FixedTokensScore(text, list(tokens))), text)
        return [round(value, 9) for value in contributions(explanation)]

    _, (a, b, x) = FixedTokensScore("", []).weigh("abx")
    assert rounded_contributions("a b", "axb") == [round(a + x, 9), round(b, 9)]
    assert rounded_contributions("a b", "xab") == [round(a + x, 9), round(b, 9)]
    assert rounded_contributions("a b", "xb") == [round(x, 9), round(b, 9)]


def exact_shapley_values(function: Callable[[list[str]], float], words: list[str]) -> list[float]:
    """Return Shapley values as defined: each word's mean contribution over all orders."""
    totals = np.zeros(len(words))
    orders = list(permutations(range(len(words))))
    for order in orders:
        for position, index in enumerate(order):
            before, after = ([words[other] for other in sorted(order[:end])] for end in (position, position + 1))
            totals[index] += function(after) - function(before)
    return (totals / len(orders)).tolist()


@given(
    single_effects=st.lists(st.floats(-2, 2), min_size=5, max_size=5),
    pair_effects=st.lists(st.floats(-1, 1), min_size=10, max_size=10),
    words=st.permutations("abcde"),
)
def test_shapley_values_are_exact_if_words_act_alone_or_in_pairs(
    single_effects: list[float], pair_effects: list[float], words: list[str]
) -> None:
    effect = dict(zip("abcde", single_effects, strict=True))
    pair_effect = dict(zip(combinations("abcde", 2), pair_effects, strict=True))

    def function(present: list[str]) -> float:
        pairs = combinations(sorted(present), 2)
        return 0.3 + sum(effect[word] for word in present) + sum(pair_effect[pair] for pair in pairs)

    explanation = explain(classifier_with(RecordingScore(function), CALIBRATION), " ".join(words))
    expected = CALIBRATION.slope * np.array(exact_shapley_values(function, words))
    assert contributions(explanation) == pytest.approx(expected.tolist(), abs=1e-7)
    assert explanation.base == pytest.approx(CALIBRATION.slope * 0.3 + CALIBRATION.intercept)


@pytest.mark.parametrize("family", ["logistic_regression", "boosting", "tflite", "onnx"])
@pytest.mark.parametrize("text", ["", " ", "\n\u3000\t"])
def test_the_base_of_a_tweet_without_words_is_its_answer(get_model: GetModel, family: str, text: str) -> None:
    model = get_model(family)
    explanation = explain(model, text)
    assert explanation.contributions == ()
    assert explanation.base == pytest.approx(logit(model.negative_probability([text]))[0])
    assert explanation.error == pytest.approx(0, abs=1e-12)


def test_all_parts_of_a_tweet_are_scored_in_one_batch_and_none_twice() -> None:
    score = RecordingScore(len)
    explain(classifier_with(score), "late and late and\nlate")
    (texts,) = score.calls
    assert len(texts) == len(set(texts)) <= 5 * 4 + 2
    assert {"", "late", "late and", "and late and\nlate", "late and late and\nlate"} < set(texts)


@pytest.mark.parametrize("words", [1, 2, 3, 7, 15, 24, 25, 49, 99, 300])
def test_a_tweet_takes_about_a_hundred_scorings_or_two_per_word(words: int) -> None:
    score = RecordingScore(len)
    explain(classifier_with(score), " ".join(f"word{number}" for number in range(words)))
    (texts,) = score.calls
    assert len(texts) <= min(max(SCORINGS, 2 * words), 2 * MAX_GROUPS) + 2


def test_words_are_removed_with_the_whitespace_before_them() -> None:
    score = RecordingScore(len)
    explain(classifier_with(score), " a\tb  c\nd ")
    (texts,) = score.calls
    assert {" a\tb  c\nd ", "a\tb", "c\nd", "a\nd", "b  c", "a  c\nd"} < set(texts)


def test_a_word_that_counts_only_with_two_others_shares_their_effect_equally() -> None:
    """All rotations of a short tweet and their reverses put each word at each place equally often."""
    explanation = explain(
        classifier_with(RecordingScore(lambda words: 3.0 * ({"not", "very", "good"} <= set(words)))), "not very good"
    )
    assert contributions(explanation) == pytest.approx([1.0, 1.0, 1.0])


def test_neighbouring_words_of_a_long_tweet_share_their_contribution() -> None:
    score = RecordingScore(lambda words: sum(word == "late" for word in words) / 10)
    words = ["late", "so", "so"] * 100
    explanation = explain(classifier_with(score), " ".join(words))
    (texts,) = score.calls
    assert len(texts) <= 2 * MAX_GROUPS + 1
    assert len(explanation.contributions) == 300
    assert contributions(explanation) == pytest.approx([0.1 / 3] * 300, abs=1e-3)
    assert abs(explanation.error) <= tolerance(explanation)


@pytest.mark.parametrize("family", ["characters", "tflite", "onnx"])
def test_a_tweet_of_two_thousand_characters_is_explained(get_model: GetModel, family: str) -> None:
    text = ("late \U0001f620 " * 300)[:2000]
    model = get_model(family)
    assert_consistent(explain(model, text), model, text)


def test_the_log_odds_of_probabilities_0_and_1_are_finite() -> None:
    explanation = explain(classifier_with(lambda texts: np.array([float("late" in text) for text in texts])), "so late")
    largest = float(np.log((1 - EPSILON) / EPSILON))
    assert explanation.negative_probability == 1.0
    assert contributions(explanation) == pytest.approx([0, 2 * largest])
    assert explanation.base == pytest.approx(-largest)
    assert abs(explanation.error) <= tolerance(explanation)
