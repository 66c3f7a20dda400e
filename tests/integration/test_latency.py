"""Comparisons of speed between candidates."""

import time
from collections.abc import Sequence

import pytest

from pipeline import latency
from sentiment.inference.arrays import Probabilities
from sentiment.inference.classifier import Classifier
from tests.integration.candidates import SharedCandidates

TEXTS = ["the flight was late again"] * 50


@pytest.fixture
def slow_characters(shared: SharedCandidates, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URI of a candidate that takes a millisecond more per tweet than it does."""
    load = latency.load

    def slowed(uri: str, *arguments: object) -> Classifier:
        model = load(uri, *arguments)  # type: ignore[arg-type]
        if uri != shared.characters:
            return model

        def score(texts: Sequence[str]) -> Probabilities:
            time.sleep(0.001 * len(texts))
            return model.score(texts)

        return Classifier(**{**vars(model), "score": score})

    monkeypatch.setattr(latency, "load", slowed)
    return shared.characters


def test_the_faster_candidate_is_found_whatever_its_run_has_logged(
    shared: SharedCandidates, slow_characters: str
) -> None:
    others = [shared.logistic_regression]
    assert latency.first_faster(others, slow_characters, 2, TEXTS) == shared.logistic_regression
    assert latency.first_faster([slow_characters], shared.logistic_regression, 2, TEXTS) is None
