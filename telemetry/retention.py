"""Retention: old events and alerts are deleted, and the oldest predictions of a file that is too large."""

import sqlalchemy as sa

from telemetry.database import Database
from telemetry.events import Disagreement, Feedback, Prediction
from telemetry.schema import (
    EVENTS,
    alert_feedback,
    alerts,
    crises,
    disagreements,
    feedback,
    items,
    predictions,
    progress,
    skipped,
)
from telemetry.store import RULE, Store, forwarder

DAY = 24 * 60 * 60


def prune(store: Store, *, days: float, feedback_days: float | None, megabytes: float, forwarding: bool) -> None:
    """Delete old events and alerts; while the SQLite file is too large, delete the oldest tenth of the predictions.

    Args:
        store: the event store.
        days: maximum age of predictions and alerts.
        feedback_days: maximum age of feedback and of judged tweets, or None to keep them; they take little space and
            are not deleted for size.
        megabytes: maximum size of the file.
        forwarding: whether events are forwarded; if so, none is deleted for its age before it was.

    Raises:
        Unavailable: the store cannot be reached or written.
    """
    database = store.database
    for kind in (Prediction, Disagreement):
        table = EVENTS[kind.kind]
        with database.writing(table) as connection:
            now = store.now(connection)
            old = table.c.time < now - days * DAY
            connection.execute(sa.delete(table).where(old, seen(table, [forwarder(kind.kind)], forwarding)))
    with database.writing(feedback, durable=True) as connection:
        connection.execute(sa.delete(skipped).where(skipped.c.time < now - days * DAY))
        connection.execute(sa.delete(alerts).where(alerts.c.fired < now - days * DAY))
        if feedback_days is not None:
            old = feedback.c.time < now - feedback_days * DAY
            readers = [RULE, forwarder(Feedback.kind)] if forwarding else [RULE]
            connection.execute(sa.delete(feedback).where(old, seen(feedback, readers, True)))
            connection.execute(sa.delete(alerts).where(is_empty()))
            connection.execute(sa.delete(items).where(items.c.time < now - feedback_days * DAY))
    while (size := database.bytes()) is not None and size > megabytes * 1e6:
        if not sum(delete_oldest(database, table) for table in (predictions, disagreements)):
            return


def is_empty() -> sa.ColumnElement[bool]:
    """Return the condition for alerts whose feedback is deleted; those about crises have none."""
    about_feedback, about_crises = sa.select(alert_feedback.c.alert), sa.select(crises.c.alert)
    return alerts.c.number.not_in(about_feedback) & alerts.c.number.not_in(
        about_crises.where(crises.c.alert.is_not(None))
    )


def delete_oldest(database: Database, table: sa.Table) -> int:
    """Delete the oldest tenth of the rows; return their number."""
    with database.writing(table) as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        oldest = sa.select(table.c.number).order_by(table.c.number).limit(count // 10 + 1)
        return connection.execute(sa.delete(table).where(table.c.number.in_(oldest))).rowcount


def seen(table: sa.Table, readers: list[str], needed: bool) -> sa.ColumnElement[bool]:
    """Return the condition for rows that each of these readers has processed, if that is needed."""
    if not needed:
        return sa.true()
    reached = [sa.select(progress.c.number).where(progress.c.reader == reader).scalar_subquery() for reader in readers]
    return sa.and_(*(table.c.number <= sa.func.coalesce(number, 0) for number in reached))
