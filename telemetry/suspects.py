"""Suspect answers of the service, to be judged by people: read from the stored events that still have a text."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from telemetry import judging
from telemetry.judging import Reason, Suspect
from telemetry.schema import disagreements, feedback, is_undoable, items, predictions
from telemetry.store import Store

# Answers that are read of each group (reason and answer), so that a long queue costs no more than this.
MOST_OF_A_GROUP = 1_000
IS_MISTAKE = feedback.c.predicted_sentiment != feedback.c.true_sentiment


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What the queue takes from the service.

    Attributes:
        model_version: version of the model in use; what another one was unsure of says nothing about it.
        uncertain: lowest and highest uncertain probability of this model; None if no answer is uncertain.
        undo_seconds: undo period of feedback, which is not in the queue until then.
    """

    model_version: str
    uncertain: tuple[float, float] | None
    undo_seconds: float


def suspects(store: Store, connection: Connection, scope: Scope, item_id: str | None = None) -> list[Suspect]:
    """Return the answers in the queue, those of each reason with distinct texts; with an id, that of this prediction.

    A prediction with an id need not be uncertain: it may have been when the page showed it.
    """
    undoable = is_undoable(store.now(connection), scope.undo_seconds)
    reported = read(connection, feedback, feedback.c.predicted_sentiment, item_id, IS_MISTAKE, ~undoable)
    contradicted = read(connection, disagreements, disagreements.c.sentiment, item_id)
    unsure: Sequence[Any] = []
    if item_id is not None:
        unsure = read(connection, predictions, predictions.c.sentiment, item_id)
    elif scope.uncertain is not None:
        between = predictions.c.negative_probability.between(*scope.uncertain)
        in_use = predictions.c.model_version == scope.model_version
        unsure = read(connection, predictions, predictions.c.sentiment, None, in_use, between)
    return [
        *(suspect(row, "reported", reports=row.reports) for row in reported),
        *(suspect(row, "disagreement", challenger=row.challenger_probability) for row in contradicted),
        *(suspect(row, "uncertain") for row in unsure),
    ]


def read(
    connection: Connection,
    table: sa.Table,
    sentiment: sa.ColumnElement[str],
    item_id: str | None,
    *conditions: sa.ColumnElement[bool],
) -> Sequence[Any]:
    """Return the last event of each text and their number, `reports`: of each answer those most likely wrong."""
    if item_id is not None:
        conditions = (*conditions, table.c.id == item_id)
    rows: list[Any] = []
    for answer, order in (("negative", sa.asc), ("positive", sa.desc)):
        last = sa.select(sa.func.max(table.c.number).label("number"), sa.func.count().label("reports"))
        last = last.where(table.c.text.is_not(None), sentiment == answer, *conditions).group_by(table.c.text)
        groups = last.subquery()
        query = sa.select(table, sentiment.label("answered"), groups.c.reports)
        query = query.join(groups, table.c.number == groups.c.number).where(table.c.id.not_in(sa.select(items.c.id)))
        query = query.order_by(order(table.c.negative_probability), table.c.number).limit(MOST_OF_A_GROUP)
        rows += connection.execute(query).all()
    return rows


def suspect(row: Any, reason: Reason, *, reports: int = 0, challenger: float | None = None) -> Suspect:
    """Return the suspect of an event."""
    return Suspect(
        id=row.id,
        time=row.time,
        source=row.source,
        model_version=row.model_version,
        negative_probability=row.negative_probability,
        sentiment=row.answered,
        text=row.text,
        reason=reason,
        reports=reports,
        challenger_probability=challenger,
    )


def count_without_text(connection: Connection) -> int:
    """Return how many reported mispredictions and disagreements have no text to show."""
    queries = [
        sa.select(sa.func.count()).select_from(table).where(table.c.text.is_(None), *conditions)
        for table, conditions in ((feedback, [IS_MISTAKE]), (disagreements, []))
    ]
    return sum(connection.execute(query).scalar_one() for query in queries)


def fingerprint(text: str) -> str:
    """Return a hash of a text, the same for texts that differ in case and spaces only: 32 hexadecimal digits."""
    return hashlib.sha256(judging.normalized(text).encode()).hexdigest()[:32]
