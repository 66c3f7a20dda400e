"""Blends: the weights of their members, out-of-fold probabilities and the served form."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from sentiment.inference import classifier
from sentiment.inference.probabilities import Calibration, logit
from sentiment.inference.runtimes import blend
from sentiment.training import blending
from sentiment.training.blending import BlendError
from tests.served import describe, describe_and_load, save_bag_of_words

SEED = 42


def labels_and_logits(count: int, *noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, and the logits of one member per noise level; less noise is better."""
    random = np.random.default_rng(SEED)
    negative = random.integers(0, 2, count).astype(np.int8)
    return negative, np.column_stack([2 * negative - 1 + random.normal(0, scale, count) for scale in noise])


def test_better_members_weigh_more_and_the_blend_beats_each() -> None:
    negative, logits = labels_and_logits(4_000, 1.0, 2.0)
    blended = blending.fit(negative, logits, folds=5, seed=SEED)
    assert blended.weights[0] > 2 * blended.weights[1] > 0
    assert roc_auc_score(negative, blended.out_of_fold) > max(roc_auc_score(negative, member) for member in logits.T)
    assert abs(blended.intercept) < 0.2


def test_a_constant_member_changes_nothing() -> None:
    negative, logits = labels_and_logits(2_000, 1.0)
    with_dummy = np.column_stack([logits, np.full(len(negative), 0.2)])
    alone, blended = (blending.fit(negative, members, folds=5, seed=SEED) for members in (logits, with_dummy))
    assert abs(blended.weights[0] - alone.weights[0]) < 0.05
    assert blended.out_of_fold == pytest.approx(alone.out_of_fold, abs=0.02)


def test_out_of_fold_probabilities_are_not_fooled_by_noise() -> None:
    random = np.random.default_rng(SEED)
    negative = np.repeat([0, 1], 50).astype(np.int8)
    logits = random.normal(size=(100, 40))
    blended = blending.fit(negative, logits, folds=5, seed=SEED)
    in_sample = blend.probability(logits, blended.weights, blended.intercept)
    assert roc_auc_score(negative, in_sample) > 0.85, "in sample, noise looks predictive"
    assert roc_auc_score(negative, blended.out_of_fold) < 0.65
    assert log_loss(negative, blended.out_of_fold) > log_loss(negative, in_sample)


@pytest.mark.parametrize(
    "weights",
    [{"bert": 1}, {"bert": 1, "keras": 2, "baseline": 1}, {"bert": 1, "keras": 0}, {"bert": 1, "keras": "1"}, {}],
)
def test_fixed_weights_that_do_not_fit_the_members_are_refused(weights: dict[str, Any]) -> None:
    with pytest.raises(BlendError, match=r"blend.weights=.* one number above 0 for each member \(bert, keras\)"):
        blending.fix(weights, ["bert", "keras"])


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


def test_a_served_blend_sums_the_calibrated_logits_of_its_members(tmp_path: Path) -> None:
    keras = save_bag_of_words(tmp_path / "keras", 0.1, Calibration(slope=2.0, intercept=0.3))
    bert = save_bag_of_words(tmp_path / "bert", 2.0)
    blend.write(tmp_path, {"keras": 0.7, "bert": 0.5}, -0.1)
    texts = ["late and rude crew", "thanks, lovely", ""]
    keras_logits, bert_logits = (logit(member.negative_probability(texts)) for member in (keras, bert))
    served = describe_and_load(tmp_path, "blend", None)
    np.testing.assert_allclose(
        logit(served.negative_probability(texts)), 0.7 * keras_logits + 0.5 * bert_logits - 0.1, atol=1e-9
    )
    assert served.negative_probability([]).shape == (0,)


def test_a_blend_requires_the_packages_of_its_members(tmp_path: Path) -> None:
    save_bag_of_words(tmp_path / "baseline", 1.0)
    (tmp_path / "keras").mkdir()
    for folder, runtime in ((tmp_path / "keras", "tflite"), (tmp_path, "blend")):
        describe(folder, runtime, None)
    assert classifier.runtimes_in(tmp_path) == {"blend", "sklearn", "tflite"}
    packages = {
        requirement.partition("==")[0] for requirement in classifier.requirements(*classifier.runtimes_in(tmp_path))
    }
    assert packages >= {"scikit-learn", "skops", "ai-edge-litert"}
    assert "onnxruntime" not in packages
