"""The event store: one SQLite file, shared by the processes of the service and the page."""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from telemetry.events import Event, Feedback

TABLES = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order of insertion; never reused
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    time REAL NOT NULL,  -- seconds since 1970, UTC
    body TEXT NOT NULL,  -- JSON
    UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS events_by_time ON events (kind, time);
CREATE TABLE IF NOT EXISTS alerts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,  -- time of the feedback that fired it
    body TEXT NOT NULL  -- JSON: the feedback events that fired it
);
CREATE TABLE IF NOT EXISTS progress (  -- the last event or alert that each reader has processed
    reader TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    error TEXT  -- why the next one failed, or NULL
);
"""
INSERT = "INSERT OR IGNORE INTO events (id, kind, time, body) VALUES (?, ?, ?, ?)"
RULE, FORWARDER = "rule", "forwarder"  # readers of events; the readers of alerts are the channels
DAY = 24 * 60 * 60
# How long a process waits for the locks of others.
LOCK_TIMEOUT_SECONDS = 30.0


class Numbered(NamedTuple):
    """A stored event and its number."""

    number: int
    body: dict[str, Any]


class Alert(NamedTuple):
    """A fired alert: its time (seconds since 1970), and the feedback that fired it, oldest first."""

    number: int
    time: float
    mistakes: list[dict[str, Any]]


class Progress(NamedTuple):
    """The number of the last event or alert that a reader has processed, and why the next one failed, if it did."""

    number: int
    error: str | None


@dataclass(frozen=True)
class Store:
    """A file of events; several processes may write to it concurrently."""

    path: Path

    def create(self) -> None:
        """Create the file and its tables, if they are missing.

        Raises:
            sqlite3.Error: the file cannot be written, or is not an SQLite file.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.connected() as database:
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only takes effect before the first table is created
            enable_wal(database)
            database.executescript(TABLES)

    def add(self, events: Iterable[Event]) -> None:
        """Insert events; an event whose kind and id are already stored is ignored.

        Raises:
            sqlite3.Error: nothing was written, because the disk is full or the file was locked for too long.
        """
        with self.connected() as database:
            database.executemany(INSERT, [row(event) for event in events])

    def acknowledge(self, feedback: Feedback) -> None:
        """Insert feedback, and return once it is on disk, where it survives a power cut.

        Raises:
            sqlite3.Error: the feedback was not written.
        """
        with self.connected(durable=True) as database:
            database.execute(INSERT, row(feedback))

    def withdraw(self, feedback_id: str, settle_seconds: float) -> bool:
        """Delete feedback that no reader has processed yet; return whether it was deleted.

        Args:
            feedback_id: id of the feedback.
            settle_seconds: undo period, during which readers do not process feedback.

        Raises:
            sqlite3.Error: nothing was changed.
        """
        with self.connected(durable=True) as database:
            database.execute("BEGIN IMMEDIATE")
            now = time.time()  # only now: waiting for the lock may have taken long
            deleted = database.execute(
                "DELETE FROM events WHERE kind = 'feedback' AND id = ? AND time > ? AND time <= ? "
                "AND number > (SELECT COALESCE(MAX(number), 0) FROM progress WHERE reader IN (?, ?))",
                (feedback_id, now - settle_seconds, now, RULE, FORWARDER),
            )
            return deleted.rowcount > 0

    def read(self, kind: str, since: float = 0) -> list[dict[str, Any]]:
        """Return the events of a kind since a time (seconds since 1970), in the order of insertion."""
        with self.connected() as database:
            query = "SELECT body FROM events WHERE kind = ? AND time >= ? ORDER BY number"
            return [json.loads(body) for (body,) in database.execute(query, (kind, since))]

    def after(self, number: int, most: int, settle_seconds: float) -> list[Numbered]:
        """Return the events after a number, in order, up to the first feedback that can still be undone.

        Args:
            number: number of the last event that the reader has processed.
            most: maximum number of events.
            settle_seconds: undo period of feedback.
        """
        now, events = time.time(), []
        with self.connected() as database:
            query = "SELECT number, kind, time, body FROM events WHERE number > ? ORDER BY number LIMIT ?"
            for event, kind, when, body in database.execute(query, (number, most)):
                # A time in the future means that the clock was set back; such feedback is not waited for.
                if kind == Feedback.kind and now - settle_seconds < when <= now:
                    break
                events.append(Numbered(event, json.loads(body)))
        return events

    def waiting(self, number: int) -> int:
        """Return the number of events after a number."""
        with self.connected() as database:
            (count,) = database.execute("SELECT COUNT(*) FROM events WHERE number > ?", (number,)).fetchone()
            return int(count)

    def alerts(self, after: int = 0) -> list[Alert]:
        """Return the alerts after a number, in order."""
        with self.connected() as database:
            query = "SELECT number, time, body FROM alerts WHERE number > ? ORDER BY number"
            return [Alert(number, when, json.loads(body)) for number, when, body in database.execute(query, (after,))]

    def progress(self) -> Mapping[str, Progress]:
        """Return the progress of each reader."""
        with self.connected() as database:
            rows = database.execute("SELECT reader, number, error FROM progress")
            return {reader: Progress(number, error) for reader, number, error in rows}

    def reached(self, reader: str) -> int:
        """Return the number of the last event that a reader has processed, or 0."""
        progress = self.progress().get(reader)
        return progress.number if progress else 0

    def begin(self, channel: str) -> int:
        """Return the number of the last alert that a channel has delivered; new channels start with the next alert."""
        with self.connected() as database:
            database.execute(
                "INSERT OR IGNORE INTO progress SELECT ?, COALESCE(MAX(number), 0), NULL FROM alerts", (channel,)
            )
            query = "SELECT number FROM progress WHERE reader = ?"
            return int(database.execute(query, (channel,)).fetchone()[0])

    def advance(self, reader: str, number: int, error: str | None = None) -> None:
        """Save the progress of a reader, and the error that stopped it, if any."""
        with self.connected() as database:
            advance(database, reader, number, error)

    def prune(self, *, days: float, megabytes: float, forwarding: bool) -> None:
        """Delete old events and alerts; while the file is too large, delete the oldest tenth of the predictions.

        Args:
            days: maximum age of events and alerts.
            megabytes: maximum size of the file; feedback takes little space and is not deleted for size.
            forwarding: whether events are forwarded; if so, none is deleted for its age before it was.
        """
        with self.connected() as database:
            oldest = time.time() - days * DAY
            forwarded = "SELECT COALESCE(MAX(number), 0) FROM progress WHERE reader = ?"
            database.execute(
                f"DELETE FROM events WHERE time < ? AND (NOT ? OR number <= ({forwarded}))",
                (oldest, forwarding, FORWARDER),
            )
            database.execute("DELETE FROM alerts WHERE time < ?", (oldest,))  # alerts contain tweets too
        while self._vacuumed_bytes() > megabytes * 1e6:
            with self.connected() as database:
                deleted = database.execute(
                    "DELETE FROM events WHERE number IN (SELECT number FROM events WHERE kind = 'prediction' "
                    "ORDER BY number LIMIT (SELECT COUNT(*) / 10 + 1 FROM events WHERE kind = 'prediction'))"
                )
                if deleted.rowcount == 0:
                    return

    def _vacuumed_bytes(self) -> int:
        """Release free pages to the file system; return the size of the file."""
        with self.connected() as database:
            database.executescript("PRAGMA incremental_vacuum")  # `execute` would release one page only
            (pages,), (size,) = (database.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
            return int(pages * size)

    @contextmanager
    def connected(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction.

        Args:
            durable: whether the commit must survive a power cut. Without it, commits survive a killed process: in WAL
                mode they have been handed to the operating system.
        """
        with closing(sqlite3.connect(self.path, timeout=LOCK_TIMEOUT_SECONDS)) as database, database:
            database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            yield database


def row(event: Event) -> tuple[str, str, float, str]:
    """Return the row of an event."""
    return event.id, event.kind, event.time, json.dumps(event.body())


def enable_wal(database: sqlite3.Connection) -> None:
    """Switch to write-ahead logging, so that readers need not wait for the writer.

    SQLite's own timeout does not apply when several processes switch at once, so this retries.
    """
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def advance(database: sqlite3.Connection, reader: str, number: int, error: str | None = None) -> None:
    """Save the progress of a reader within a transaction."""
    database.execute("INSERT OR REPLACE INTO progress VALUES (?, ?, ?)", (reader, number, error))
