"""How judgements become labels, and the order of the relabelling queue."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import judging
from telemetry.judging import Answer, Judgement, Label, Suspect

ANSWERS = st.sampled_from(["negative", "positive", "discarded", "skipped"])


def unit(*answers: Answer) -> list[Judgement]:
    """Return the judgements of as many people, one after the other."""
    return [Judgement(person=f"person {place}", answer=answer, time=place) for place, answer in enumerate(answers)]


def suspect(text: str = "a", **fields: Any) -> Suspect:
    common: dict[str, Any] = {"id": "1", "time": 0.0, "source": "api", "model_version": "7", "sentiment": "negative"}
    return Suspect(**{**common, "negative_probability": 0.9, "reason": "uncertain", "text": text, **fields})


@pytest.mark.parametrize(
    ("answers", "label"),
    [
        ([], None),
        (["negative"], None),
        (["negative", "negative"], "negative"),
        (["negative", "positive"], None),
        (["negative", "positive", "positive"], "positive"),
        (["discarded", "positive", "discarded"], "discarded"),
        (["negative", "positive", "discarded"], "discarded"),
        (["skipped", "negative", "skipped"], None),
        (["skipped", "negative", "negative"], "negative"),
        (["negative", "positive", "positive", "negative"], "positive"),
        (["negative", "positive", "discarded", "negative"], "discarded"),
    ],
)
def test_two_people_agree_or_a_third_decides(answers: list[Answer], label: Label | None) -> None:
    assert judging.decide(unit(*answers)) == label


def test_the_order_of_first_judgements_counts_not_that_of_the_rows() -> None:
    assert judging.decide(reversed(unit("negative", "positive", "discarded"))) == "discarded"


@given(st.lists(ANSWERS, max_size=6))
def test_a_label_never_changes_when_more_people_judge(answers: list[Answer]) -> None:
    labels = [judging.decide(unit(*answers[:count])) for count in range(len(answers) + 1)]
    decided = [label for label in labels if label is not None]
    assert labels[: len(labels) - len(decided)] == [None] * (len(labels) - len(decided))
    assert len(set(decided)) <= 1


def test_agreement_is_that_of_the_first_two_people() -> None:
    units = [
        unit("negative", "negative"),
        unit("negative", "positive", "positive"),
        unit("skipped", "positive", "positive"),
        unit("negative"),
    ]
    assert judging.agreement(units) == (3, 2)


def test_alpha_is_that_of_the_textbook() -> None:
    """Krippendorff (2004), section 11.3: nominal data, two observers, ten units."""
    first = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    second = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    names: list[Answer] = ["negative", "positive"]
    units = [unit(names[one], names[other]) for one, other in zip(first, second, strict=True)]
    assert judging.alpha(units) == pytest.approx(0.095, abs=0.0005)


def test_alpha_is_one_without_disputes_and_unknown_without_variety() -> None:
    assert judging.alpha([unit("negative", "negative"), unit("positive", "positive")]) == 1
    assert judging.alpha([unit("negative", "negative")]) is None
    assert judging.alpha([unit("negative"), unit("positive")]) is None


def test_reported_answers_come_before_contradicted_and_uncertain_ones() -> None:
    queue = [
        suspect("unsure", reason="uncertain", negative_probability=0.4),
        suspect("contradicted", reason="disagreement", challenger_probability=0.1),
        suspect("reported", reason="reported", reports=1, negative_probability=0.99),
        suspect("reported twice", reason="reported", reports=2, negative_probability=0.99),
    ]
    texts = [one.text for one in judging.in_order(queue)]
    assert texts == ["reported twice", "reported", "contradicted", "unsure"]


def test_of_the_same_reason_the_answer_most_likely_wrong_comes_first() -> None:
    negative, positive = suspect("negative", negative_probability=0.36), suspect("positive")
    positive = suspect("positive", negative_probability=0.34, sentiment="positive")
    assert judging.in_order([positive, negative]) == [negative, positive]
    assert judging.chance_of_error(negative) == pytest.approx(0.64)


def test_the_challenger_counts_as_much_as_the_model() -> None:
    contradicted = suspect(challenger_probability=0.1, reason="disagreement")
    assert judging.chance_of_error(contradicted) == pytest.approx(0.5)


def test_a_text_is_in_the_queue_once_with_its_strongest_reason_and_all_reports() -> None:
    queue = [
        suspect("Late  AGAIN", id="1"),
        suspect("late again", id="2", reason="disagreement", challenger_probability=0.2),
        suspect("late again ", id="3", reason="reported", reports=2),
        suspect("lovely", id="4"),
    ]
    late, lovely = judging.merged(queue)
    assert (late.id, late.reason, late.reports, late.challenger_probability) == ("3", "reported", 2, 0.2)
    assert lovely.id == "4"
