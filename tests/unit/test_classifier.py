"""A served model: its contract, and the packages it must not need."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from sentiment.inference import classifier
from sentiment.inference.classifier import Classifier
from sentiment.inference.errors import ClassifierError
from sentiment.inference.probabilities import IDENTITY, Calibration, Reliability
from sentiment.inference.pyfunc import SentimentModel
from sentiment.inference.runtimes.sklearn import FILE
from sentiment.inference.text import Cleaner, Tokenizer

TEXT = Tokenizer(
    cleaner=Cleaner(links="http", mentions="@user", emoji=True, max_repeats=3),
    lowercase=True,
    negation=True,
    words="plain",
)
PROBABILITY = st.floats(0.0, 1.0)
CALIBRATION = st.builds(Calibration, slope=st.floats(1e-3, 1e3), intercept=st.floats(-1e3, 1e3))
HEAVY = {"tensorflow", "keras", "torch", "transformers", "mlflow", "hydra", "gensim"}

# Needed by the scikit-learn runtime only.
LEARNING = {"sklearn", "scipy", "pandas", "skops"}


def without(absent: set[str]) -> str:
    """Return code that makes packages impossible to import, as if they were not installed."""
    return f"""
import sys

class Absent:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {sorted(absent)!r}:
            raise ModuleNotFoundError(name=name)

sys.meta_path.insert(0, Absent)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pipeline = make_pipeline(CountVectorizer(token_pattern=r"\S+"), MultinomialNB())
    pipeline.fit(["late and rude", "late again", "lovely crew", "lovely and quick"], [1, 1, 0, 0])
    skops.io.dump(pipeline, tmp_path / FILE)
    describe(tmp_path)
    return tmp_path


def describe(
    folder: Path,
    calibration: Calibration = IDENTITY,
    uncertain: classifier.Band | None = None,
    reliability: Reliability | None = None,
) -> None:
    classifier.save(
        folder,
        runtime="sklearn",
        threshold=0.6,
        calibration=calibration,
        uncertain=uncertain,
        reliability=reliability,
        text=TEXT,
    )


def test_raw_tweets_get_probabilities(folder: Path) -> None:
    probability = Classifier.load(folder).negative_probability(["LATE &amp; rude!!", "lovely", ""])
    assert probability.shape == (3,)
    assert probability[0] > 0.6 > probability[1]


def test_the_stored_threshold_decides(folder: Path) -> None:
    is_negative = Classifier.load(folder).is_negative(np.array([0.59, 0.6, 0.61]))
    assert is_negative.tolist() == [False, True, True]


def test_no_tweets_give_no_probabilities(folder: Path) -> None:
    assert Classifier.load(folder).negative_probability([]).shape == (0,)


def test_probabilities_are_calibrated(folder: Path) -> None:
    texts = ["late", "rude and late", "lovely crew"]
    raw = Classifier.load(folder).negative_probability(texts)
    describe(folder, calibration=Calibration(slope=0.5, intercept=1.0))
    calibrated = Classifier.load(folder).negative_probability(texts)
    odds = raw / (1 - raw)
    np.testing.assert_allclose(calibrated / (1 - calibrated), np.e * np.sqrt(odds))


@given(st.lists(PROBABILITY, min_size=1))
def test_probabilities_are_exact_without_calibration(values: list[float]) -> None:
    probability = np.array(values)
    assert np.array_equal(IDENTITY(probability), probability)


@given(st.lists(PROBABILITY, min_size=1), CALIBRATION)
def test_calibration_keeps_probabilities_in_order_and_in_range(values: list[float], calibration: Calibration) -> None:
    calibrated = calibration(np.sort(values))
    assert (np.diff(calibrated) >= 0).all()
    assert ((calibrated >= 0) & (calibrated <= 1)).all()


@given(PROBABILITY, CALIBRATION)
def test_neighbouring_floats_keep_their_order(lowest: float, calibration: Calibration) -> None:
    neighbours = np.minimum(lowest + np.spacing(lowest) * np.arange(50), 1.0)
    assert (np.diff(calibration(neighbours)) >= 0).all()


@given(st.floats(0.2, 5.0), st.floats(-2.0, 2.0))
def test_different_probabilities_stay_different(slope: float, intercept: float) -> None:
    calibrated = Calibration(slope=slope, intercept=intercept)(np.linspace(0.001, 0.999, 999))
    assert (np.diff(calibrated) > 0).all()


def test_extreme_probabilities_stay_extreme_and_finite() -> None:
    assert Calibration(slope=0.5, intercept=0.0)(np.array([0.0, 1.0])) == pytest.approx([1e-6, 1 - 1e-6], rel=1e-3)


def test_calibration_does_not_depend_on_the_batch() -> None:
    probability = np.random.default_rng(0).random(101)
    calibration = Calibration(slope=0.7, intercept=0.2)
    assert np.array_equal(
        calibration(probability), np.concatenate([calibration(single) for single in probability[:, None]])
    )


@pytest.mark.parametrize(
    ("slope", "intercept"), [(0.0, 0.0), (-1.0, 0.0), (np.nan, 0.0), (np.inf, 0.0), (1.0, np.nan), (1.0, -np.inf)]
)
def test_invalid_slopes_and_intercepts_are_refused(slope: float, intercept: float) -> None:
    with pytest.raises(ClassifierError, match="slope above 0"):
        Calibration(slope=slope, intercept=intercept)


def test_tweets_in_the_stored_band_are_uncertain_ends_included(folder: Path) -> None:
    describe(folder, uncertain=(0.25, 0.75))
    is_uncertain = Classifier.load(folder).is_uncertain(np.array([0.0, 0.24, 0.25, 0.5, 0.75, 0.76, 1.0]))
    assert is_uncertain.tolist() == [False, False, True, True, True, False, False]


def test_no_tweet_is_uncertain_without_a_band(folder: Path) -> None:
    assert Classifier.load(folder).is_uncertain(np.linspace(0, 1, 11)).tolist() == [False] * 11


@pytest.mark.parametrize(
    ("negative_from", "positive_to", "expected"),
    [
        (0.8, 0.2, [True, True, False, False, True, True]),
        (None, 0.2, [True, True, False, False, False, False]),
        (0.8, None, [False, False, False, False, True, True]),
        (None, None, [False] * 6),
    ],
)
def test_answers_beyond_the_stored_bounds_are_reliable_bounds_included(
    folder: Path, negative_from: float | None, positive_to: float | None, expected: list[bool]
) -> None:
    reliability = Reliability(
        negative_from=negative_from, positive_to=positive_to, max_error=0.05, confidence=0.95, negative_share=(0.2, 0.5)
    )
    describe(folder, reliability=reliability)
    loaded = Classifier.load(folder)
    assert loaded.reliability == reliability
    assert loaded.is_reliable(np.array([0.0, 0.2, 0.21, 0.79, 0.8, 1.0])).tolist() == expected


def test_no_answer_is_reliable_if_nothing_is_promised(folder: Path) -> None:
    assert not Classifier.load(folder).is_reliable(np.linspace(0, 1, 11)).any()


def test_a_classifier_is_loaded_as_saved(folder: Path) -> None:
    calibration = Calibration(slope=0.8374650192837465, intercept=-0.1)
    describe(folder, calibration=calibration, uncertain=(0.1, 1 / 3))
    loaded = Classifier.load(folder)
    assert (loaded.runtime, loaded.threshold) == ("sklearn", 0.6)
    assert (loaded.calibration, loaded.uncertain) == (calibration, (0.1, 1 / 3))


@pytest.mark.parametrize("texts", ["one string", [1], [None], [b"bytes"]])
def test_anything_but_a_list_of_strings_is_refused(folder: Path, texts: object) -> None:
    with pytest.raises(ClassifierError, match="list of strings"):
        Classifier.load(folder).negative_probability(texts)  # type: ignore[arg-type]


def test_a_folder_without_a_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match="classifier.json is missing"):
        Classifier.load(tmp_path)


def test_an_unknown_runtime_is_refused(folder: Path) -> None:
    description = json.loads((folder / classifier.DESCRIPTION).read_text())
    (folder / classifier.DESCRIPTION).write_text(json.dumps({**description, "runtime": "pickle"}))
    with pytest.raises(ClassifierError, match="'pickle'"):
        Classifier.load(folder)


@pytest.mark.parametrize("key", ["calibration", "uncertain", "threshold"])
def test_a_model_of_an_older_version_must_be_retrained(folder: Path, key: str) -> None:
    description = json.loads((folder / classifier.DESCRIPTION).read_text())
    del description[key]
    (folder / classifier.DESCRIPTION).write_text(json.dumps(description))
    with pytest.raises(ClassifierError, match=rf"classifier.json lacks {key}: .* Train the model again"):
        Classifier.load(folder)


def test_a_promise_for_an_unknown_share_of_negative_tweets_is_that_of_an_older_version(folder: Path) -> None:
    description = json.loads((folder / classifier.DESCRIPTION).read_text())
    bounds = {"negative_from": 0.9, "positive_to": 0.1, "max_error": 0.05, "confidence": 0.9}
    (folder / classifier.DESCRIPTION).write_text(json.dumps({**description, "reliability": bounds}))
    with pytest.raises(ClassifierError, match=r"without limits of the share of negative tweets: .* Train the model"):
        Classifier.load(folder)


def test_mlflow_returns_probability_sentiment_and_certainty(folder: Path) -> None:
    texts = ["late and rude", "lovely and quick", "crew"]
    probability = Classifier.load(folder).negative_probability(texts)
    reliability = Reliability(
        negative_from=probability[0], positive_to=0.0, max_error=0.05, confidence=0.95, negative_share=(0.2, 0.5)
    )
    describe(folder, uncertain=(probability[2] - 0.01, probability[2] + 0.01), reliability=reliability)
    model = SentimentModel()
    model.load_context(SimpleNamespace(artifacts={"classifier": str(folder)}))
    answers = model.predict(texts)
    assert list(answers.columns) == ["negative_probability", "sentiment", "uncertain", "reliable"]
    assert answers["negative_probability"].tolist() == probability.tolist()
    assert answers["sentiment"].tolist() == ["negative", "positive", "positive"]
    assert answers["uncertain"].dtype == bool
    assert answers["uncertain"].tolist() == [False, False, True]
    assert answers["reliable"].tolist() == [True, False, False]


@pytest.mark.parametrize("runtime", ["sklearn", "tflite", "onnx"])
def test_light_runtimes_require_no_training_framework(runtime: classifier.Runtime) -> None:
    packages = {pin.partition("==")[0] for pin in classifier.requirements(runtime)}
    assert not packages & HEAVY


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runtime", "absent"), [("sklearn", HEAVY), ("tflite", HEAVY | LEARNING), ("onnx", HEAVY | LEARNING)]
)
def test_light_runtimes_import_without_other_packages(runtime: str, absent: set[str]) -> None:
    completed = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{without(absent)}\nimport sentiment.inference.explain, sentiment.inference.runtimes.{runtime}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (completed.returncode, completed.stderr) == (0, "")
