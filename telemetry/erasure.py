"""Erasure of personal data: events and judged tweets whose stored text or comment contains a phrase."""

import sqlalchemy as sa

from telemetry.retention import is_empty
from telemetry.schema import EVENTS, alerts, items
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
    deleted = {}
    for kind, table in {**EVENTS, JUDGED: items}.items():
        texts = [table.c[name] for name in ("text", "comment") if name in table.c]
        named = sa.or_(*(text.icontains(phrase, autoescape=True) for text in texts))
        with store.database.writing(table, durable=True) as connection:
            deleted[kind] = connection.execute(sa.delete(table).where(named)).rowcount
    with store.database.writing(alerts, durable=True) as connection:
        connection.execute(sa.delete(alerts).where(is_empty()))
    return deleted
