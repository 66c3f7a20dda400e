"""Blends: the weights of their members, out-of-fold probabilities and the served form."""

from pathlib import Path

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from sentiment.inference import classifier
from sentiment.inference.classifier import Classifier
from sentiment.inference.probabilities import IDENTITY, Calibration, logit
from sentiment.inference.runtimes import blend
from sentiment.inference.runtimes.sklearn import FILE
from sentiment.training import blending
from sentiment.training.blending import BlendError
from tests.corpora import TOKENIZER

SEED = 42


def labels_and_logits(count: int, *noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, and the logits of one member per noise level; less noise is better."""
    random = np.random.default_rng(SEED)
    negative = random.integers(0, 2, count).astype(np.int8)
    return negative, np.column_stack([2 * negative - 1 + random.normal(0, scale, count) for scale in noise])


def test_better_members_weigh_more_and_the_blend_beats_each() -> None:
    negative, logits = labels_and_logits(4_000, 1.0, 2.0)
    weights, intercept, out_of_fold = blending.fit(negative, logits, folds=5, seed=SEED)
    assert weights[0] > 2 * weights[1] > 0
    assert roc_auc_score(negative, out_of_fold) > max(roc_auc_score(negative, member) for member in logits.T)
    assert abs(intercept) < 0.2


def test_a_constant_member_changes_nothing() -> None:
    negative, logits = labels_and_logits(2_000, 1.0)
    with_dummy = np.column_stack([logits, np.full(len(negative), 0.2)])
    alone, _, out_of_fold_alone = blending.fit(negative, logits, folds=5, seed=SEED)
    weights, _, out_of_fold = blending.fit(negative, with_dummy, folds=5, seed=SEED)
    assert abs(weights[0] - alone[0]) < 0.05
    assert np.abs(out_of_fold - out_of_fold_alone).max() < 0.02


def test_out_of_fold_probabilities_are_not_fooled_by_noise() -> None:
    random = np.random.default_rng(SEED)
    negative = np.repeat([0, 1], 50).astype(np.int8)
    logits = random.normal(size=(100, 40))
    weights, intercept, out_of_fold = blending.fit(negative, logits, folds=5, seed=SEED)
    in_sample = blend.probability(logits, weights, intercept)
    assert roc_auc_score(negative, in_sample) > 0.85, "in sample, noise looks predictive"
    assert roc_auc_score(negative, out_of_fold) < 0.65
    assert log_loss(negative, out_of_fold) > log_loss(negative, in_sample)


def test_too_few_tweets_of_a_class_are_refused() -> None:
    negative = np.array([0] * 50 + [1] * 4, dtype=np.int8)
    with pytest.raises(BlendError, match=r"4 validation tweets, too few for calibration\.folds=5"):
        blending.fit(negative, np.ones((54, 2)), folds=5, seed=SEED)


@given(st.lists(st.floats(-28, 28), min_size=2, max_size=2), st.lists(st.floats(-100, 100), min_size=2, max_size=2))
def test_a_blend_always_returns_a_probability(logits: list[float], weights: list[float]) -> None:
    (probability,) = blend.probability(np.array([logits]), np.array(weights), 0.0)
    assert 0 <= probability <= 1
    if abs(np.dot(logits, weights)) < 20:
        assert logit(np.array([probability]))[0] == pytest.approx(np.dot(logits, weights), abs=1e-6)


def save_member(folder: Path, alpha: float, calibration: Calibration = IDENTITY) -> Classifier:
    """Save a classifier and return it; a smaller `alpha` makes it more confident."""
    folder.mkdir()
    pipeline = make_pipeline(CountVectorizer(token_pattern=r"\S+"), MultinomialNB(alpha=alpha))
    skops.io.dump(pipeline.fit(["late lost", "late rude", "thanks", "lovely crew"], [1, 1, 0, 0]), folder / FILE)
    classifier.save(
        folder,
        runtime="sklearn",
        calibration=calibration,
        threshold=0.5,
        uncertain=None,
        reliability=None,
        text=TOKENIZER,
    )
    return Classifier.load(folder)


def test_a_served_blend_sums_the_calibrated_logits_of_its_members(tmp_path: Path) -> None:
    keras = save_member(tmp_path / "keras", 0.1, Calibration(slope=2.0, intercept=0.3))
    bert = save_member(tmp_path / "bert", 2.0)
    blend.write(tmp_path, {"keras": 0.7, "bert": 0.5}, -0.1)
    classifier.save(
        tmp_path, runtime="blend", calibration=IDENTITY, threshold=0.4, uncertain=None, reliability=None, text=None
    )
    texts = ["late and rude crew", "thanks, lovely", ""]
    keras_logits, bert_logits = (logit(member.negative_probability(texts)) for member in (keras, bert))
    served = Classifier.load(tmp_path)
    np.testing.assert_allclose(
        logit(served.negative_probability(texts)), 0.7 * keras_logits + 0.5 * bert_logits - 0.1, atol=1e-9
    )
    assert served.threshold == 0.4
    assert served.negative_probability([]).shape == (0,)


def test_a_blend_requires_the_packages_of_its_members(tmp_path: Path) -> None:
    save_member(tmp_path / "baseline", 1.0)
    (tmp_path / "keras").mkdir()
    for folder, runtime in ((tmp_path / "keras", "tflite"), (tmp_path, "blend")):
        classifier.save(
            folder, runtime=runtime, calibration=IDENTITY, threshold=0.5, uncertain=None, reliability=None, text=None
        )
    assert classifier.runtimes_in(tmp_path) == {"blend", "sklearn", "tflite"}
    packages = {
        requirement.partition("==")[0] for requirement in classifier.requirements(*classifier.runtimes_in(tmp_path))
    }
    assert packages >= {"scikit-learn", "skops", "ai-edge-litert"}
    assert "onnxruntime" not in packages
