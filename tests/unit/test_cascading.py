"""Cascades: the bound from which the fast member answers alone, and the served form."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from sentiment.inference import classifier, probabilities
from sentiment.inference.classifier import Classifier
from sentiment.inference.runtimes import cascade
from sentiment.training import cascading
from sentiment.training.cascading import CascadeError
from tests.served import describe, describe_and_load, save_bag_of_words

TEXTS = ["late", "late lost rude", "seat", "thanks", "thanks lovely crew", ""]


def labels_and_probabilities(noise: float, other_noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, and calibrated probabilities of two members; less noise is better."""
    random = np.random.default_rng(42)
    negative = random.integers(0, 2, 4_000).astype(np.int8)
    scores = ((2 * negative - 1 + random.normal(0, scale, 4_000), scale) for scale in (noise, other_noise))
    fast, accurate = (expit(2 * score / scale**2) for score, scale in scores)
    return negative, fast, accurate


@pytest.mark.parametrize("max_auc_drop", [0.0, 0.001, 0.01])
def test_the_bound_costs_no_more_auc_than_allowed_and_lets_the_fast_member_answer_most(max_auc_drop: float) -> None:
    negative, fast, accurate = labels_and_probabilities(1.0, 0.8)
    bound = cascading.choose_bound(negative, fast, accurate, max_auc_drop=max_auc_drop)
    auc = roc_auc_score(negative, cascading.cascaded(fast, accurate, bound))
    assert auc >= roc_auc_score(negative, accurate) - max_auc_drop
    answered = cascade.is_sure(fast, bound).mean()
    assert answered > 0.1
    looser = cascading.cascaded(fast, accurate, np.quantile(np.abs(probabilities.logit(fast)), 0.9 * (1 - answered)))
    assert roc_auc_score(negative, looser) < roc_auc_score(negative, accurate) - max_auc_drop


def test_a_fast_member_as_good_as_the_other_answers_everything() -> None:
    negative, fast, _ = labels_and_probabilities(1.0, 1.0)
    bound = cascading.choose_bound(negative, fast, fast, max_auc_drop=0.001)
    assert cascade.is_sure(fast, bound).all()


def test_a_fast_member_that_is_sure_and_wrong_is_refused() -> None:
    negative, fast, accurate = labels_and_probabilities(1.0, 0.5)
    with pytest.raises(CascadeError, match=r"cascade\.max_auc_drop=0\.0\. Use the accurate model alone"):
        cascading.choose_bound(negative, 1 - fast, accurate, max_auc_drop=0.0)


def test_the_accurate_member_reads_only_the_tweets_that_the_fast_one_is_unsure_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast, accurate = (save_bag_of_words(tmp_path / name, alpha) for name, alpha in (("fast", 0.5), ("accurate", 0.1)))
    cascade.write(tmp_path, 1.5)
    served = describe_and_load(tmp_path, "cascade", None)
    read_by_member: list[list[str]] = []
    original = Classifier.negative_probability

    def recorded(self: Classifier, texts: Sequence[str]) -> np.ndarray:
        read_by_member.append(list(texts))
        return original(self, texts)

    monkeypatch.setattr(Classifier, "negative_probability", recorded)
    answers = served.score(TEXTS)
    monkeypatch.undo()
    sure = cascade.is_sure(fast.negative_probability(TEXTS), 1.5)
    assert 0 < sure.sum() < len(TEXTS)
    expected = np.where(sure, fast.negative_probability(TEXTS), accurate.negative_probability(TEXTS))
    assert answers.tolist() == expected.tolist()
    assert read_by_member == [TEXTS, [text for text, answered in zip(TEXTS, sure, strict=True) if not answered]]
    assert served.negative_probability([]).shape == (0,)


def test_a_cascade_requires_the_packages_of_its_members(tmp_path: Path) -> None:
    save_bag_of_words(tmp_path / "fast", 1.0)
    save_bag_of_words(tmp_path / "accurate", 0.1)
    describe(tmp_path, "cascade", None)
    assert classifier.runtimes_in(tmp_path) == {"cascade", "sklearn"}
