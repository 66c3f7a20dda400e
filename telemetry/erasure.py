"""Erasure of personal data: events and judged tweets that contain a phrase, or that somebody wrote."""

from collections.abc import Callable

import sqlalchemy as sa

from telemetry.pseudonyms import author
from telemetry.retention import is_empty
from telemetry.schema import EVENTS, alerts, items, predictions
from telemetry.store import Store

JUDGED = "judged tweet"


def erase(store: Store, phrase: str) -> dict[str, int]:
    """Delete the events whose text or comment contains a phrase, alerts without other feedback, and judgements.

    Args:
        store: the event store.
        phrase: compared without regard to case; SQLite does so for the letters A to Z only.

    Returns:
        The number of events deleted of each kind, and of tweets that people have judged.

    Raises:
        Unavailable: the store cannot be reached or written.
    """

    def named(table: sa.Table) -> sa.ColumnElement[bool]:
        texts = [table.c[name] for name in ("text", "comment") if name in table.c]
        return sa.or_(*(text.icontains(phrase, autoescape=True) for text in texts))

    return _delete(store, named)


def erase_author(store: Store, name: str) -> dict[str, int]:
    """Delete the events about the tweets of an author, alerts without other feedback, and judgements.

    Tweets that were sent without their author are not found.

    Args:
        store: the event store.
        name: as clients of the API send it; see `telemetry.pseudonyms`.

    Returns:
        The number of events deleted of each kind, and of tweets that people have judged.

    Raises:
        Unavailable: the store cannot be reached or written.
    """
    pseudonym = author(store.key(), name)
    written = predictions.c.author == pseudonym
    ids = sa.select(predictions.c.id).where(written)
    return _delete(store, lambda table: written if table is predictions else table.c.id.in_(ids))


def _delete(store: Store, condition: Callable[[sa.Table], sa.ColumnElement[bool]]) -> dict[str, int]:
    """Delete the rows of each kind that fulfil a condition, and the alerts that are left without feedback."""
    deleted = {}
    # Predictions last: they know which other events belong to their author, also if this is interrupted.
    for kind, table in reversed({**EVENTS, JUDGED: items}.items()):
        with store.database.writing(table, durable=True) as connection:
            deleted[kind] = connection.execute(sa.delete(table).where(condition(table))).rowcount
    with store.database.writing(alerts, durable=True) as connection:
        connection.execute(sa.delete(alerts).where(is_empty()))
    return deleted
