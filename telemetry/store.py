"""The event store: an SQLite file or a PostgreSQL database, shared by all processes of the service."""

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields, replace
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection

from telemetry import migration, schema
from telemetry.database import StoreError
from telemetry.events import Event, Feedback
from telemetry.schema import EVENTS, feedback, is_undoable, progress
from telemetry.urls import connect

RULE = "rule"  # reader of feedback
KEY_BYTES = 32
BEYOND = 2**62  # a number that no row reaches
READ = 1_000  # rows at a time

AnyEvent = TypeVar("AnyEvent", bound=Event)


class Numbered(NamedTuple):
    """A stored event and its number."""

    number: int
    event: Event


class TooLate(Exception):
    """Feedback that can no longer be changed, because readers may have processed it."""


class Store:
    """Events, and the progress of their readers."""

    def __init__(self, url: str, *, clock: Callable[[Connection], float] | None = None) -> None:
        """Configure the store; nothing is read or written yet.

        Args:
            url: of SQLite or PostgreSQL.
            clock: returns the time within a transaction (seconds since 1970); by default the database's.

        Raises:
            StoreError: the URL is invalid.
        """
        self.database = connect(url)
        self.now = clock or self.database.now

    def create(self) -> None:
        """Create the tables and the key if they are missing, and migrate those of version 1.

        Raises:
            Unavailable: the database cannot be reached or written, or is no database.
            StoreError: its tables belong to another version of this program, or must not be created.
        """
        self.database.prepare()
        try:
            self._create()
        except sa.exc.ProgrammingError as error:
            raise StoreError(f"The tables cannot be created in {self.database.name}: {error.orig}") from None

    def _create(self) -> None:
        with self.database.writing(schema.settings, durable=True) as connection:
            if migration.is_old(connection):
                migration.migrate(connection)
            elif sa.inspect(connection).has_table(schema.settings.name):
                self._check_version(connection)
            schema.metadata.create_all(connection)
            migration.add_columns(connection)
            if connection.scalar(sa.select(schema.settings.c.version)) is None:
                row = {"version": schema.VERSION, "key": secrets.token_bytes(KEY_BYTES)}
                connection.execute(sa.insert(schema.settings), row)

    def _check_version(self, connection: Connection) -> None:
        version = connection.execute(sa.select(schema.settings.c.version)).scalar_one()
        if version != schema.VERSION:
            raise StoreError(
                f"{self.database.name} has tables of version {version}, this program uses version {schema.VERSION}: "
                "update the program, or set TELEMETRY_DATABASE to another database."
            )

    def close(self) -> None:
        """Close all connections; they are opened again when they are needed."""
        self.database.engine.dispose()

    def exists(self) -> bool:
        """Return whether there are tables, of this or another version.

        Raises:
            Unavailable: the database cannot be reached.
        """
        if not self.database.exists():
            return False
        with self.database.reading() as connection:
            return migration.is_old(connection) or sa.inspect(connection).has_table(schema.settings.name)

    def key(self) -> bytes:
        """Return the secret key with which ids are signed and texts are hashed, the same for all processes.

        Raises:
            Unavailable: the store cannot be read.
        """
        with self.database.reading() as connection:
            return bytes(connection.execute(sa.select(schema.settings.c.key)).scalar_one())

    def add(self, events: Iterable[Event]) -> None:
        """Insert events; an event whose kind and id are already stored is ignored.

        Raises:
            Unavailable: nothing was written.
        """
        events = list(events)
        for kind, table in EVENTS.items():
            if rows := [asdict(event) for event in events if event.kind == kind]:
                with self.database.writing(table) as connection:
                    connection.execute(self.database.insert(table).on_conflict_do_nothing(), rows)

    def acknowledge(self, report: Feedback, undo_seconds: float) -> tuple[Feedback, bool]:
        """Insert feedback with the time of the store, and return once it is on disk, where it survives a power cut.

        Feedback on the same prediction is replaced while it can be undone: the new one is inserted after the others,
        and has an undo period of its own.

        Returns:
            The stored feedback, and whether it is the first on its prediction.

        Raises:
            TooLate: there is other feedback on this prediction, which can no longer be changed.
            Unavailable: the feedback was not written, or the connection broke before the answer.
        """
        with self.database.writing(feedback, durable=True) as connection:
            now = self.now(connection)  # only now: waiting for the lock may have taken long
            stored = connection.execute(sa.select(feedback).where(feedback.c.id == report.id)).one_or_none()
            if stored is not None:
                earlier = restored(Feedback, stored)
                if (earlier.true_sentiment, earlier.comment) == (report.true_sentiment, report.comment):
                    return earlier, False
                self._delete_undoable(connection, report.id, now, undo_seconds)
            report = replace(report, time=now)
            connection.execute(sa.insert(feedback), asdict(report))
            return report, stored is None

    def withdraw(self, feedback_id: str, undo_seconds: float) -> bool:
        """Delete feedback that no reader has processed yet; return whether there was any.

        Raises:
            TooLate: it can no longer be undone.
            Unavailable: nothing was changed, or the connection broke before the answer.
        """
        with self.database.writing(feedback, durable=True) as connection:
            if connection.scalar(sa.select(feedback.c.number).where(feedback.c.id == feedback_id)) is None:
                return False
            self._delete_undoable(connection, feedback_id, self.now(connection), undo_seconds)
            return True

    def _delete_undoable(self, connection: Connection, feedback_id: str, now: float, undo_seconds: float) -> None:
        readers = progress.c.reader.in_([RULE, forwarder(Feedback.kind)])
        processed = sa.select(sa.func.coalesce(sa.func.max(progress.c.number), 0)).where(readers).scalar_subquery()
        undoable = (feedback.c.id == feedback_id) & is_undoable(now, undo_seconds) & (feedback.c.number > processed)
        if not connection.execute(sa.delete(feedback).where(undoable)).rowcount:
            raise TooLate

    def read(self, kind: type[AnyEvent], *conditions: sa.ColumnElement[bool]) -> Iterator[AnyEvent]:
        """Yield the events of a kind that satisfy conditions, in the order of insertion; reads some at a time.

        Raises:
            Unavailable: the store cannot be read.
        """
        table, last = EVENTS[kind.kind], 0
        while True:
            query = sa.select(table).where(table.c.number > last, *conditions).order_by(table.c.number).limit(READ)
            with self.database.reading() as connection:
                rows = connection.execute(query).all()
            yield from (restored(kind, row) for row in rows)
            if len(rows) < READ:
                return
            last = rows[-1].number

    def after(self, kind: type[Event], number: int, most: int, undo_seconds: float) -> list[Numbered]:
        """Return the events of a kind after a number, in order, up to the first feedback that can still be undone.

        Args:
            kind: of the events.
            number: number of the last event that the reader has processed.
            most: maximum number of events.
            undo_seconds: undo period of feedback.
        """
        table = EVENTS[kind.kind]
        with self.database.reading() as connection:
            query = sa.select(table).where(table.c.number > number).order_by(table.c.number).limit(most)
            if kind is Feedback:
                # The time is read before the rows, so no row is taken that can be withdrawn after this.
                undoable = is_undoable(self.now(connection), undo_seconds)
                first = sa.select(sa.func.min(feedback.c.number)).where(undoable).scalar_subquery()
                query = query.where(feedback.c.number < sa.func.coalesce(first, BEYOND))
            return [Numbered(row.number, restored(kind, row)) for row in connection.execute(query)]

    def waiting(self, kind: type[Event], number: int) -> int:
        """Return the number of events of a kind after a number."""
        table = EVENTS[kind.kind]
        with self.database.reading() as connection:
            query = sa.select(sa.func.count()).select_from(table).where(table.c.number > number)
            return connection.execute(query).scalar_one()

    def reached(self, reader: str) -> int:
        """Return the number of the last row that a reader has processed, or 0."""
        with self.database.reading() as connection:
            return reached(connection, reader)

    def advance(self, reader: str, number: int) -> None:
        """Save the progress of a reader."""
        with self.database.writing(progress) as connection:
            self.advance_within(connection, reader, number)

    def advance_within(self, connection: Connection, reader: str, number: int) -> None:
        """Save the progress of a reader in a transaction."""
        insert = self.database.insert(progress).values(reader=reader, number=number)
        connection.execute(insert.on_conflict_do_update(index_elements=["reader"], set_={"number": number}))

    def skip(self, reader: str, number: int, error: str) -> None:
        """Put a row aside that a reader cannot process, and advance past it."""
        with self.database.writing(progress, durable=True) as connection:
            self.skip_within(connection, reader, number, error)
            self.advance_within(connection, reader, number)

    def skip_within(self, connection: Connection, reader: str, number: int, error: str) -> None:
        """Put a row aside in a transaction."""
        row = {"reader": reader, "number": number, "time": self.now(connection), "error": error}
        connection.execute(self.database.insert(schema.skipped).values(row).on_conflict_do_nothing())


def forwarder(kind: str) -> str:
    """Return the name of the reader that forwards events of a kind."""
    return f"forward {kind}"


def restored(kind: type[AnyEvent], row: Any) -> AnyEvent:
    """Return the event of a row."""
    return kind(**{field.name: getattr(row, field.name) for field in fields(kind)})


def reached(connection: Connection, reader: str) -> int:
    """Return the number of the last row that a reader has processed, or 0."""
    number: int | None = connection.scalar(sa.select(progress.c.number).where(progress.c.reader == reader))
    return number or 0
