"""The relabelling queue, in SQLite and PostgreSQL: what is asked next, judgements and progress."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from telemetry import erasure, relabelling, retention, schema
from telemetry.judging import Answer
from telemetry.relabelling import CHANGE_SECONDS, Final, Queue, Stored, UnknownItem
from telemetry.retention import DAY
from telemetry.store import Store
from telemetry.suspects import Scope
from tests.clock import Clock
from tests.events import disagreement, feedback, prediction

NOON = 1_760_011_200.0
SCOPE = Scope(model_version="7", uncertain=(0.25, 0.6), undo_seconds=8)
ANA, BEN, EVE = "ana", "ben", "eve"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def store(open_store: Callable[..., Store], clock: Clock) -> Store:
    return open_store(clock=clock)


def ask(store: Store, person: str = ANA, scope: Scope = SCOPE) -> Queue:
    return relabelling.ask(store, person, 20, scope)


def texts(store: Store, person: str = ANA, scope: Scope = SCOPE) -> list[str]:
    return [item.text for item in ask(store, person, scope).items]


def judge(store: Store, number: int, person: str, answer: Answer) -> Stored:
    return relabelling.judge(store, f"{number:016x}", person, answer, SCOPE)


def unsure(number: int, text: str | None, probability: float = 0.4, **fields: Any) -> Any:
    return prediction(number, NOON - 60, text, **({"negative_probability": probability} | fields))


def reported(number: int, text: str | None = None, **fields: Any) -> Any:
    return feedback(number, NOON - 60, text, **fields)


def without_text(event: Any) -> Any:
    return replace(event, text=None)


def test_reported_contradicted_and_uncertain_answers_are_asked_in_this_order(store: Store) -> None:
    store.add(
        [
            unsure(1, "more certain", 0.55),
            unsure(2, "less certain", 0.4),
            disagreement(3, NOON - 60, "contradicted"),
            reported(4, "reported"),
        ]
    )
    assert texts(store) == ["reported", "contradicted", "less certain", "more certain"]
    first = ask(store).items[0]
    assert (first.id, first.sentiment, first.reason) == (f"{4:016x}", "negative", "reported")
    assert ask(store).progress.waiting == 4


def test_what_people_find_decides_what_is_asked_next(store: Store) -> None:
    store.add(unsure(number, f"negative {number}", 0.4) for number in range(10))
    store.add(unsure(number, f"positive {number}", 0.3, sentiment="positive") for number in range(10, 20))
    for number in range(3):
        judge(store, number, ANA, "negative")
        judge(store, 10 + number, ANA, "negative")
    assert [text.split()[0] for text in texts(store, ANA)][:7] == ["positive"] * 7
    other_model = replace(SCOPE, model_version="8", uncertain=None)
    assert relabelling.ask(store, ANA, 20, other_model).items == []


def test_only_answers_that_may_be_wrong_are_asked(store: Store) -> None:
    store.add(
        [
            unsure(1, "certain", 0.9),
            unsure(2, "of an earlier model", model_version="6"),
            reported(3, "correct", correct=True),
            feedback(4, NOON - 2, "can still be undone"),
            unsure(5, None),
        ]
    )
    assert texts(store) == []
    assert texts(store, scope=replace(SCOPE, uncertain=None)) == []


def test_an_answer_whose_text_is_not_kept_is_counted_but_not_shown(store: Store) -> None:
    store.add([without_text(reported(1)), without_text(disagreement(2, NOON)), reported(3, "kept")])
    queue = ask(store)
    assert [item.text for item in queue.items] == ["kept"]
    assert queue.without_text == 2


def test_a_text_is_asked_once(store: Store) -> None:
    store.add([reported(1, "Late again"), reported(2, "late  again"), unsure(3, "late again"), reported(4, "once")])
    assert [text.lower().split() for text in texts(store)] == [["late", "again"], ["once"]]
    judge(store, 1, ANA, "negative")
    assert texts(store) == ["once"]
    store.add([reported(5, "LATE AGAIN")])
    assert texts(store) == ["once"]


def test_nobody_is_asked_twice_and_second_opinions_come_first(store: Store) -> None:
    store.add([reported(number, f"tweet {number}") for number in range(1, 4)])
    judge(store, 3, ANA, "negative")
    assert texts(store, ANA) == ["tweet 1", "tweet 2"]
    assert texts(store, BEN) == ["tweet 3", "tweet 1", "tweet 2"]
    stored = judge(store, 3, BEN, "negative")
    assert stored.label == "negative"
    assert texts(store, EVE) == ["tweet 1", "tweet 2"]


def test_a_dispute_is_asked_before_other_second_opinions_and_a_third_person_decides(store: Store) -> None:
    store.add([reported(1, "first"), reported(2, "disputed")])
    judge(store, 1, ANA, "negative")
    judge(store, 2, ANA, "negative")
    assert judge(store, 2, BEN, "positive").label is None
    assert texts(store, EVE) == ["disputed", "first"]
    assert judge(store, 2, EVE, "discarded").label == "discarded"


def test_a_skipped_answer_is_left_to_others_and_can_be_judged_later(store: Store, clock: Clock) -> None:
    store.add([reported(1, "hard"), reported(2, "easy")])
    judge(store, 1, ANA, "skipped")
    assert texts(store, ANA) == ["easy"]
    assert texts(store, BEN) == ["easy", "hard"]
    clock.now += 10 * CHANGE_SECONDS
    assert judge(store, 1, ANA, "negative").judgement.time == clock.now
    assert ask(store).progress.yours == 1


def test_the_same_judgement_again_changes_nothing(store: Store, clock: Clock) -> None:
    store.add([reported(1)])
    first = judge(store, 1, ANA, "negative")
    clock.now += 10 * CHANGE_SECONDS
    again = judge(store, 1, ANA, "negative")
    assert (first.is_new, again.is_new) == (True, False)
    assert first.judgement == again.judgement
    assert ask(store).progress.yours == 1


def test_a_judgement_can_be_changed_within_the_hour_also_after_it_has_decided(store: Store, clock: Clock) -> None:
    store.add([reported(1)])
    judge(store, 1, ANA, "negative")
    assert judge(store, 1, BEN, "negative").label == "negative"
    clock.now += CHANGE_SECONDS
    assert judge(store, 1, BEN, "positive").label is None
    clock.now += 1
    with pytest.raises(Final):
        judge(store, 1, BEN, "negative")


@pytest.mark.parametrize("item_id", [f"{9:016x}", "", "x" * 300, "' OR 1=1", "a\0b", "\ud800"])
def test_a_judgement_on_an_unknown_answer_is_refused(store: Store, item_id: str) -> None:
    store.add([reported(1), reported(2, correct=True), without_text(reported(3)), unsure(4, None)])
    for unknown in (item_id, *(f"{number:016x}" for number in (2, 3, 4))):
        with pytest.raises(UnknownItem):
            relabelling.judge(store, unknown, ANA, "negative", SCOPE)


def test_an_answer_that_is_no_longer_uncertain_can_still_be_judged(store: Store) -> None:
    store.add([unsure(1, "shown before a new model came", model_version="6")])
    assert judge(store, 1, ANA, "negative").is_new


def test_an_answer_that_is_stored_raw_and_masked_is_judged_once(store: Store) -> None:
    store.add([reported(1, "@anna late"), disagreement(1, NOON - 60, "@user late"), unsure(1, "@user late")])
    assert texts(store) == ["@anna late"]
    judge(store, 1, ANA, "negative")
    assert texts(store, ANA) == []


def test_a_judged_answer_stays_when_its_prediction_is_deleted(store: Store, clock: Clock) -> None:
    store.add([unsure(1, "old"), unsure(2, "never judged")])
    judge(store, 1, ANA, "negative")
    clock.now += 40 * DAY
    retention.prune(store, days=30, feedback_days=None, megabytes=200, forwarding=False)
    assert texts(store, BEN) == ["old"]


def test_labels_are_kept_as_long_as_feedback(store: Store, clock: Clock) -> None:
    store.add([reported(1, "old")])
    judge(store, 1, ANA, "negative")
    clock.now += 40 * DAY
    retention.prune(store, days=30, feedback_days=30, megabytes=200, forwarding=False)
    assert count(store, schema.items) == count(store, schema.judgements) == 0


def test_erasure_deletes_judged_texts_and_their_judgements(store: Store) -> None:
    store.add([reported(1, "Ana Maria was rude"), reported(2, "late")])
    for number in (1, 2):
        judge(store, number, ANA, "negative")
    assert erasure.erase(store, "ana maria") == {"prediction": 0, "disagreement": 0, "feedback": 1, "judged tweet": 1}
    assert count(store, schema.items) == count(store, schema.judgements) == 1


def count(store: Store, table: sa.Table) -> int:
    with store.database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_progress_counts_labels_people_and_agreement(store: Store) -> None:
    store.add([reported(number, f"tweet {number}") for number in range(1, 7)])
    given: Iterable[tuple[int, str, Answer]] = [
        (1, ANA, "negative"),
        (1, BEN, "negative"),
        (2, ANA, "positive"),
        (2, BEN, "positive"),
        (3, ANA, "discarded"),
        (3, BEN, "negative"),
        (3, EVE, "discarded"),
        (4, ANA, "negative"),
        (5, EVE, "skipped"),
    ]
    for number, person, answer in given:
        judge(store, number, person, answer)
    progress = ask(store, ANA).progress
    assert (progress.negative, progress.positive, progress.discarded) == (1, 1, 1)
    assert (progress.waiting, progress.open, progress.yours, progress.people) == (1, 2, 4, 3)
    assert progress.agreement is not None
    assert (progress.agreement.count, progress.agreement.agreed) == (3, 2)
    assert 0 < progress.agreement.low < 2 / 3 < progress.agreement.high < 1
    assert progress.agreement.alpha is not None


def test_people_who_judge_the_same_text_at_once_judge_one_item(store: Store) -> None:
    store.add([reported(1, "same text"), unsure(2, "Same  text")])
    people = [
        threading.Thread(target=judge, args=(store, 1 + place % 2, f"p{place}", "negative")) for place in range(6)
    ]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert (count(store, schema.items), count(store, schema.judgements)) == (1, 6)


def test_a_store_of_before_the_queue_gets_its_tables(store: Store) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE judgements"))
        connection.execute(sa.text("DROP TABLE items"))
    store.create()
    store.add([reported(1, "kept")])
    assert texts(store) == ["kept"]
