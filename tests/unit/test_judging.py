"""How judgements become labels, and the order of the relabelling queue."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import judging
from telemetry.judging import Answer, Judgement, Label, Reason, Suspect

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


def first(queue: Iterable[Suspect], most: int = 100, **found: Any) -> list[str]:
    """Return the texts at which people should look; `found` has errors and looks by reason, at answers `negative`."""
    looks = {(reason, "negative"): judging.Found(*counts) for reason, counts in found.items()}
    return [one.text for one in judging.in_order(queue, most, looks)]  # type: ignore[arg-type]


def test_before_anybody_has_looked_reported_answers_come_before_contradicted_and_uncertain_ones() -> None:
    queue = [
        suspect("unsure", reason="uncertain", negative_probability=0.4),
        suspect("contradicted", reason="disagreement", challenger_probability=0.1),
        suspect("reported", reason="reported", reports=1),
    ]
    assert first(queue) == ["reported", "contradicted", "unsure"]


def test_the_reason_for_which_people_find_most_errors_comes_first() -> None:
    queue = [suspect(f"{reason} {number}", reason=reason) for reason in judging.REASONS for number in range(3)]
    looks = {"reported": (1, 20), "disagreement": (5, 20), "uncertain": (18, 20)}
    assert [text.split()[0] for text in first(queue, 4, **looks)] == ["uncertain"] * 3 + ["disagreement"]


def test_a_reason_with_few_looks_is_tried_again_though_it_seems_worse() -> None:
    queue = [suspect("unsure"), suspect("reported", reason="reported")]
    assert first(queue, 1, reported=(1, 3), uncertain=(60, 100)) == ["reported"]
    assert first(queue, 1, reported=(33, 100), uncertain=(60, 100)) == ["unsure"]


def test_answers_negative_and_positive_are_told_apart() -> None:
    queue = [suspect("false alarm"), suspect("missed", sentiment="positive", negative_probability=0.1)]
    assert first(queue, 1, uncertain=(0, 10)) == ["missed"]


def test_groups_that_look_alike_take_turns_if_several_answers_are_asked_for() -> None:
    queue = [suspect(f"{reason} {number}", reason=reason) for reason in judging.REASONS for number in range(40)]
    reasons = [text.split()[0] for text in first(queue, 30)]
    assert Counter(reasons) == dict.fromkeys(judging.REASONS, 10)


def test_of_the_same_group_reports_and_then_the_chance_of_an_error_decide() -> None:
    queue = [
        suspect("sure", reason="reported", reports=1, negative_probability=0.9),
        suspect("unsure", reason="reported", reports=1, negative_probability=0.36),
        suspect("reported twice", reason="reported", reports=2, negative_probability=0.99),
    ]
    assert first(queue) == ["reported twice", "unsure", "sure"]
    assert judging.chance_of_error(queue[1]) == pytest.approx(0.64)


@given(st.lists(st.sampled_from(judging.REASONS), max_size=12), st.integers(0, 15))
def test_every_suspect_is_asked_once_and_no_more_than_wanted(reasons: list[Reason], most: int) -> None:
    queue = [suspect(str(number), reason=reason) for number, reason in enumerate(reasons)]
    chosen = first(queue, most)
    assert len(chosen) == len(set(chosen)) == min(most, len(queue))


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


def test_events_of_one_prediction_are_one_suspect_even_if_one_has_the_masked_text() -> None:
    queue = [suspect("@anna late", id="1", reason="reported", reports=1), suspect("@user late", id="1")]
    (merged,) = judging.merged(queue)
    assert (merged.text, merged.reason) == ("@anna late", "reported")
