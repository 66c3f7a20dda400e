"""Quality without labels: right where probabilities are, with intervals that hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from monitoring import performance
from monitoring.performance import Quality, Scored

RANDOM_STATES = range(20)


def scored(count: int, seed: int, *, difficulty: float = 1.0, labels: bool = True, shift: float = 0.0) -> Scored:
    """Return tweets whose probabilities are right, but for a `shift` of the logit of the labels."""
    random = np.random.default_rng(seed)
    logit = random.normal(0, 2 / difficulty, count)
    probability = 1 / (1 + np.exp(-logit))
    negative = (random.random(count) < 1 / (1 + np.exp(-logit - shift))).astype(float)
    return Scored(
        probability=probability, called=(probability >= 0.4).astype(float), negative=negative if labels else None
    )


def assess(reference: Scored, current: Scored, *, by_labels: bool = False) -> dict[str, Quality]:
    rows = performance.assess(reference, current, by_labels=by_labels, resamples=300, confidence=0.95, seed=1)
    return {row.metric: row for row in rows}


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_with_whole_labels_the_area_is_that_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    score, negative = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    area = performance.auc(score, negative, 1 - negative)
    if len(set(negative)) < 2:
        assert np.isnan(area)
    else:
        assert area == pytest.approx(roc_auc_score(negative, score))


def test_the_expected_area_is_the_mean_over_labels_drawn_from_the_probabilities() -> None:
    random = np.random.default_rng(1)
    p = random.random(60).round(1).clip(0.1, 0.9)
    draws = (random.random((3_000, 60)) < p).astype(float)
    areas = [performance.auc(p, labels, 1 - labels) for labels in draws]
    expected = performance.expected(Scored(probability=p, called=(p >= 0.5) * 1.0, negative=None))
    assert expected["roc_auc"] == pytest.approx(np.mean(areas), abs=0.003)
    correct = ((p >= 0.5) == draws).mean()
    assert expected["accuracy"] == pytest.approx(correct, abs=0.003)


@pytest.mark.parametrize("difficulty", [0.6, 1.0, 2.0])
def test_harder_or_easier_tweets_are_estimated_within_two_hundredths(difficulty: float) -> None:
    current = scored(6_000, 2, difficulty=difficulty)
    truth = performance.measured(current)
    for metric, quality in assess(scored(3_000, 1), current).items():
        assert quality.value == pytest.approx(truth[metric], abs=0.02)


@pytest.mark.slow
def test_the_intervals_of_estimates_hold_as_often_as_they_say() -> None:
    truth, held = performance.measured(scored(200_000, 10_000))["roc_auc"], []
    for seed in RANDOM_STATES:
        quality = assess(scored(800, 2 * seed), scored(800, 2 * seed + 1))["roc_auc"]
        held.append(quality.low <= truth <= quality.high)
    assert np.mean(held) >= 0.85


def test_a_wrong_calibration_is_measured_on_the_reference_and_corrected() -> None:
    overconfident = [
        Scored(
            probability=s.probability**0.2 / (s.probability**0.2 + (1 - s.probability) ** 0.2),
            called=s.called,
            negative=s.negative,
        )
        for s in (scored(4_000, 1), scored(4_000, 2))
    ]
    quality = assess(*overconfident)
    truth = performance.measured(overconfident[1])
    for metric in performance.METRICS:
        assert abs(quality[metric].deviation) > 0.05
        assert quality[metric].value == pytest.approx(truth[metric], abs=0.02)


def test_with_labels_the_metrics_are_measured() -> None:
    reference, current = scored(2_000, 1), scored(2_000, 2, shift=-2.5)
    estimated, by_labels = assess(reference, current), assess(reference, current, by_labels=True)
    assert by_labels["accuracy"].value == pytest.approx(performance.measured(current)["accuracy"])
    assert by_labels["accuracy"].value < estimated["accuracy"].value - 0.1
    assert by_labels["accuracy"].low < by_labels["accuracy"].value < by_labels["accuracy"].high


def test_a_model_that_finds_tweets_harder_is_worse_and_one_that_does_not_is_not() -> None:
    reference = scored(3_000, 1)
    verdicts = {
        difficulty: performance.worse(
            list(assess(reference, scored(5_000, 2, difficulty=difficulty)).values()), max_drop=0.02
        )
        for difficulty in (0.8, 1.0, 2.0)
    }
    assert verdicts == {0.8: "no", 1.0: "no", 2.0: "yes"}


def test_too_few_tweets_cannot_tell() -> None:
    qualities = list(assess(scored(3_000, 1), scored(60, 2)).values())
    assert performance.worse(qualities, max_drop=0.02) == "cannot tell"


@pytest.mark.slow
def test_labels_show_a_value_within_the_margin_as_often_as_it_says() -> None:
    within = []
    for seed in RANDOM_STATES:
        current = scored(1_000, 2 * seed + 1)
        estimated = assess(scored(1_500, 2 * seed), current)
        truth = performance.measured(current)
        within += [abs(estimated[metric].value - truth[metric]) <= estimated[metric].margin for metric in truth]
    assert np.mean(within) >= 0.85


def test_the_margin_shrinks_with_the_number_of_tweets() -> None:
    few, many = (assess(scored(size, 1), scored(size, 2))["roc_auc"].margin for size in (300, 6_000))
    assert many < 0.02 < few


def test_what_is_measured_has_no_margin() -> None:
    assert assess(scored(500, 1), scored(500, 2), by_labels=True)["accuracy"].margin == 0
