"""The relabelling queue: answers that people have reported, a challenger contradicts or the model is unsure of.

What waits is computed from the stored events. An answer that somebody judges is copied to `items`, where it stays after
its prediction is deleted. Answers about texts that differ in case or spaces only are one item.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from telemetry import judging
from telemetry.counting import interval
from telemetry.judging import Answer, Found, Group, Judgement, Label, Reason, Suspect
from telemetry.report import iso
from telemetry.schema import items, judgements
from telemetry.store import Store
from telemetry.suspects import Scope, count_without_text, fingerprint, suspects

# How long a person may change a judgement, from the first one on the tweet.
CHANGE_SECONDS = 3600.0
# What an item has of a suspect.
FIELDS = ("id", "time", "source", "model_version", "negative_probability", "sentiment", "text", "reason")
# Ids of events; PostgreSQL refuses some other strings as errors, such as those with a NUL character.
ITEM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class UnknownItem(Exception):
    """No stored answer with a text has this id."""


class Final(Exception):
    """A judgement that can no longer be changed."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """An answer to judge; `sentiment` is the model's, `time` is ISO 8601 in UTC."""

    id: str
    text: str
    sentiment: str
    negative_probability: float
    model_version: str
    source: str
    time: str
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """On how many of the tweets that two people have judged they agreed; interval of that share, Krippendorff's alpha.

    `alpha` is 0 if people agree as often as by chance; null if all judgements are the same.
    """

    count: int
    agreed: int
    low: float
    high: float
    alpha: float | None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the queue is: tweets that nobody has judged, that need another opinion, and that have a label.

    `waiting` counts up to 1,000 tweets of each reason and answer; `yours` counts the person's judgements.
    """

    waiting: int
    open: int
    negative: int
    positive: int
    discarded: int
    yours: int
    people: int
    agreement: Agreement | None


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The next answers for a person, and the progress; `without_text` counts those whose text was not kept."""

    items: Sequence[Item]
    progress: Progress
    without_text: int


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A stored judgement, whether it is the person's first on this tweet, and the tweet's label, if it has one."""

    judgement: Judgement
    is_new: bool
    label: Label | None


def ask(store: Store, person: str, most: int, scope: Scope) -> Queue:
    """Return the next answers for a person, and the progress.

    Tweets that need another opinion come first, then those that nobody has judged, by what people have found among the
    answers of the model in use so far (`judging.in_order`), then those that others have skipped. Nobody is asked twice
    about a tweet.

    Args:
        store: the event store.
        person: keyed hash of the person's name.
        most: maximum number of answers.
        scope: what the queue takes from the service.

    Raises:
        Unavailable: the store cannot be read.
    """
    with store.database.reading() as connection:
        waiting = judging.merged(suspects(store, connection, scope))
        begun = {row.number: row for row in connection.execute(sa.select(items))}
        units = judged(connection)
        without_text = count_without_text(connection)
    texts = {row.fingerprint for row in begun.values()}
    fresh = [one for one in waiting if fingerprint(one.text) not in texts]
    found = found_in(((of_item(begun[number]), unit) for number, unit in units.items()), scope.model_version)
    undecided = {number: unit for number, unit in units.items() if judging.decide(unit) is None}
    second, skipped = list[Suspect](), list[Suspect]()
    for number, unit in sorted(undecided.items(), key=lambda entry: -len(judging.opinions(entry[1]))):
        if person not in {judgement.person for judgement in unit}:
            (second if judging.opinions(unit) else skipped).append(of_item(begun[number]))
    chosen = [*second, *judging.in_order(fresh, most, found), *judging.in_order(skipped, most, found)][:most]
    return Queue(
        items=[shown(suspect) for suspect in chosen],
        progress=progress(units.values(), person, waiting=len(fresh)),
        without_text=without_text,
    )


def found_in(judged_suspects: Iterable[tuple[Suspect, Sequence[Judgement]]], model_version: str) -> dict[Group, Found]:
    """Return what people have found among the answers of a model, by their labels or else the first judgements."""
    found: defaultdict[Group, Found] = defaultdict(Found)
    for suspect, unit in judged_suspects:
        answers = judging.opinions(unit)
        if answers and suspect.model_version == model_version:
            label = judging.decide(unit) or answers[0]
            wrong = label not in ("discarded", suspect.sentiment)
            found[suspect.group] = found[suspect.group].after_look(wrong=wrong)
    return dict(found)


def progress(units: Iterable[Sequence[Judgement]], person: str, *, waiting: int) -> Progress:
    """Count the judgements, by tweet, and how far people agree."""
    units = list(units)
    labels = [judging.decide(unit) for unit in units]
    opinions = [judgement for unit in units for judgement in unit if judgement.answer != judging.SKIPPED]
    count, agreed = judging.agreement(units)
    return Progress(
        waiting=waiting,
        open=labels.count(None),
        negative=labels.count("negative"),
        positive=labels.count("positive"),
        discarded=labels.count("discarded"),
        yours=sum(judgement.person == person for judgement in opinions),
        people=len({judgement.person for judgement in opinions}),
        agreement=agreement(count, agreed, judging.alpha(units)),
    )


def agreement(count: int, agreed: int, alpha: float | None) -> Agreement | None:
    """Return how far people agree, or None if no two have judged the same tweet."""
    if not count:
        return None
    low, high = interval(agreed, count)
    return Agreement(count=count, agreed=agreed, low=low, high=high, alpha=alpha)


def judge(store: Store, item_id: str, person: str, answer: Answer, scope: Scope) -> Stored:
    """Store what a person says about a tweet; saying the same again changes nothing.

    Another answer replaces the person's first within `CHANGE_SECONDS`; whoever has skipped a tweet may judge it at any
    time.

    Raises:
        Final: it is too late to change the judgement.
        Unavailable: the judgement was not written, or the connection broke before the answer.
        UnknownItem: no stored answer with a text has this id.
    """
    if not ITEM_ID.fullmatch(item_id):
        raise UnknownItem
    with store.database.writing(items, durable=True) as connection:
        now = store.now(connection)
        number = number_of(store, connection, item_id, scope)
        of_person = (judgements.c.item == number) & (judgements.c.person == person)
        row = connection.execute(sa.select(judgements).where(of_person)).one_or_none()
        stored = Judgement(person=person, answer=answer, time=now if row is None else row.time)
        if row is None or row.answer == judging.SKIPPED:
            stored = Judgement(person=person, answer=answer, time=now)
        elif row.answer != answer and now - row.time > CHANGE_SECONDS:
            raise Final
        values = {"item": number, "person": person, "answer": stored.answer, "time": stored.time}
        insert = store.database.insert(judgements).values(values)
        changed = {"answer": stored.answer, "time": stored.time}
        connection.execute(insert.on_conflict_do_update(index_elements=["item", "person"], set_=changed))
        label = judging.decide(judged(connection, judgements.c.item == number)[number])
        return Stored(judgement=stored, is_new=row is None, label=label)


def number_of(store: Store, connection: Connection, item_id: str, scope: Scope) -> int:
    """Return the number of an item; an answer that nobody has judged becomes one.

    Raises:
        UnknownItem: no stored answer with a text has this id.
    """
    number: int | None = connection.scalar(sa.select(items.c.number).where(items.c.id == item_id))
    if number is not None:
        return number
    found = judging.merged(suspects(store, connection, scope, item_id))
    if not found:
        raise UnknownItem
    row = of_suspect(found[0]) | {"fingerprint": fingerprint(found[0].text)}
    connection.execute(store.database.insert(items).values(row).on_conflict_do_nothing())
    of_text = items.c.fingerprint == row["fingerprint"]
    stored: int = connection.execute(sa.select(items.c.number).where(of_text)).scalar_one()
    return stored


def of_item(row: Any) -> Suspect:
    """Return the suspect of an item that somebody has judged."""
    return Suspect(**{name: getattr(row, name) for name in FIELDS})


def of_suspect(suspect: Suspect) -> dict[str, Any]:
    """Return the fields of an item."""
    return {name: getattr(suspect, name) for name in FIELDS}


def shown(suspect: Suspect) -> Item:
    """Return a suspect as it is shown."""
    return Item(**of_suspect(suspect) | {"time": iso(suspect.time)})


def judged(connection: Connection, *conditions: sa.ColumnElement[bool]) -> dict[int, list[Judgement]]:
    """Return the judgements by number of the item, in the order of the items."""
    units: defaultdict[int, list[Judgement]] = defaultdict(list)
    for row in connection.execute(sa.select(judgements).where(*conditions).order_by(judgements.c.item)):
        units[row.item].append(Judgement(person=row.person, answer=row.answer, time=row.time))
    return dict(units)
