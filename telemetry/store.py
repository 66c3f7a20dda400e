"""Where events are kept: one SQLite file, which survives the end of the process that writes it."""

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
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order in which they were written; none is given twice
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    time REAL NOT NULL,  -- seconds since 1970, UTC
    body TEXT NOT NULL,  -- JSON
    UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS events_by_time ON events (kind, time);
CREATE TABLE IF NOT EXISTS alerts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,  -- of the feedback that fired it
    body TEXT NOT NULL  -- JSON: the events of the tweets that fired it
);
CREATE TABLE IF NOT EXISTS progress (  -- how far each reader of the tables above has come
    reader TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    error TEXT  -- why it comes no further, if something keeps it
);
"""
INSERT = "INSERT OR IGNORE INTO events (id, kind, time, body) VALUES (?, ?, ?, ?)"
RULE, FORWARDER = "rule", "forwarder"  # the readers of events; those of alerts are the channels
DAY = 24 * 60 * 60
# Several processes may write; each waits for the others so long.
PATIENCE_SECONDS = 30.0


class Numbered(NamedTuple):
    """An event as it is kept, and its number."""

    number: int
    body: dict[str, Any]


class Alert(NamedTuple):
    """An alert: when it was fired (seconds since 1970), and for which feedback, the oldest first."""

    number: int
    time: float
    mistakes: list[dict[str, Any]]


class Progress(NamedTuple):
    """How far a reader has come, and what keeps it, if something does."""

    number: int
    error: str | None


@dataclass(frozen=True)
class Store:
    """A file of events; any number of processes may write to it."""

    path: Path

    def create(self) -> None:
        """Make the file and its tables, if they are missing.

        Raises:
            sqlite3.Error: it cannot be written, or is none of SQLite's.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.connected() as database:
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table: what is deleted makes room
            write_ahead(database)
            database.executescript(TABLES)

    def add(self, events: Iterable[Event]) -> None:
        """Write events; one that is there already, by its kind and id, is left as it is.

        Raises:
            sqlite3.Error: nothing was written: the disk is full, or the file locked for too long.
        """
        with self.connected() as database:
            database.executemany(INSERT, [row(event) for event in events])

    def acknowledge(self, feedback: Feedback) -> None:
        """Write a feedback, and return when it is on the disk: a power cut does not lose it either.

        Raises:
            sqlite3.Error: it was not written.
        """
        with self.connected(durable=True) as database:
            database.execute(INSERT, row(feedback))

    def withdraw(self, feedback_id: str, settle_seconds: float) -> bool:
        """Delete a feedback that no reader has passed yet; return whether it is gone.

        Args:
            feedback_id: which.
            settle_seconds: for how long a feedback may be withdrawn; readers wait for so long.

        Raises:
            sqlite3.Error: nothing was changed.
        """
        with self.connected(durable=True) as database:
            database.execute("BEGIN IMMEDIATE")
            now = time.time()  # not before: others may have had the file for long
            deleted = database.execute(
                "DELETE FROM events WHERE kind = 'feedback' AND id = ? AND time > ? AND time <= ? "
                "AND number > (SELECT COALESCE(MAX(number), 0) FROM progress WHERE reader IN (?, ?))",
                (feedback_id, now - settle_seconds, now, RULE, FORWARDER),
            )
            return deleted.rowcount > 0

    def read(self, kind: str, since: float = 0) -> list[dict[str, Any]]:
        """Return the events of a kind from a time on (seconds since 1970), in the order in which they were written."""
        with self.connected() as database:
            asked = "SELECT body FROM events WHERE kind = ? AND time >= ? ORDER BY number"
            return [json.loads(body) for (body,) in database.execute(asked, (kind, since))]

    def after(self, number: int, most: int, settle_seconds: float) -> list[Numbered]:
        """Return the next events after a number, in their order, up to the first feedback that may be withdrawn still.

        Args:
            number: of the last event that the reader has seen.
            most: how many at most.
            settle_seconds: for how long a feedback may be withdrawn.
        """
        now, found = time.time(), []
        with self.connected() as database:
            asked = "SELECT number, kind, time, body FROM events WHERE number > ? ORDER BY number LIMIT ?"
            for event, kind, when, body in database.execute(asked, (number, most)):
                # One from the future is settled: the clock has gone back, and nobody waits until it is there again.
                if kind == Feedback.kind and now - settle_seconds < when <= now:
                    break
                found.append(Numbered(event, json.loads(body)))
        return found

    def waiting(self, number: int) -> int:
        """Return how many events come after a number."""
        with self.connected() as database:
            (count,) = database.execute("SELECT COUNT(*) FROM events WHERE number > ?", (number,)).fetchone()
            return int(count)

    def alerts(self, after: int = 0) -> list[Alert]:
        """Return the alerts after a number, in their order."""
        with self.connected() as database:
            asked = "SELECT number, time, body FROM alerts WHERE number > ? ORDER BY number"
            return [Alert(number, when, json.loads(body)) for number, when, body in database.execute(asked, (after,))]

    def progress(self) -> Mapping[str, Progress]:
        """Return how far each reader has come."""
        with self.connected() as database:
            told = database.execute("SELECT reader, number, error FROM progress")
            return {reader: Progress(number, error) for reader, number, error in told}

    def reached(self, reader: str) -> int:
        """Return the number of the last event that a reader has passed, 0 if it has none."""
        told = self.progress().get(reader)
        return told.number if told else 0

    def begin(self, channel: str) -> int:
        """Return the number of the last alert that a channel has told; one that is new begins with the next alert."""
        with self.connected() as database:
            database.execute(
                "INSERT OR IGNORE INTO progress SELECT ?, COALESCE(MAX(number), 0), NULL FROM alerts", (channel,)
            )
            asked = "SELECT number FROM progress WHERE reader = ?"
            return int(database.execute(asked, (channel,)).fetchone()[0])

    def advance(self, reader: str, number: int, error: str | None = None) -> None:
        """Write down how far a reader has come, and what keeps it."""
        with self.connected() as database:
            advance(database, reader, number, error)

    def prune(self, *, days: float, megabytes: float, forwarding: bool) -> None:
        """Delete old events and alerts, and then, until the file is small enough, the oldest tenth of the predictions.

        Args:
            days: how old an event or an alert may be.
            megabytes: how large the file may be; feedback is little, and is not deleted for that.
            forwarding: whether events are forwarded: then none is deleted for its age before it was.
        """
        with self.connected() as database:
            before, read = time.time() - days * DAY, "SELECT COALESCE(MAX(number), 0) FROM progress WHERE reader = ?"
            database.execute(
                f"DELETE FROM events WHERE time < ? AND (NOT ? OR number <= ({read}))", (before, forwarding, FORWARDER)
            )
            database.execute("DELETE FROM alerts WHERE time < ?", (before,))  # they repeat the tweets
        while self._vacuumed_bytes() > megabytes * 1e6:
            with self.connected() as database:
                gone = database.execute(
                    "DELETE FROM events WHERE number IN (SELECT number FROM events WHERE kind = 'prediction' "
                    "ORDER BY number LIMIT (SELECT COUNT(*) / 10 + 1 FROM events WHERE kind = 'prediction'))"
                )
                if gone.rowcount == 0:
                    return

    def _vacuumed_bytes(self) -> int:
        """Give free pages back to the disk; return the size of the file."""
        with self.connected() as database:
            database.executescript("PRAGMA incremental_vacuum")  # `execute` would free one page
            (pages,), (size,) = (database.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
            return int(pages * size)

    @contextmanager
    def connected(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction.

        Args:
            durable: whether it has to survive a power cut. With WAL a commit is in the operating system's hands
                without that: a killed process loses none.
        """
        with closing(sqlite3.connect(self.path, timeout=PATIENCE_SECONDS)) as database, database:
            database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            yield database


def row(event: Event) -> tuple[str, str, float, str]:
    """Return an event as it is inserted."""
    return event.id, event.kind, event.time, json.dumps(event.body())


def write_ahead(database: sqlite3.Connection) -> None:
    """Let readers not wait for the writer. Where several processes switch at once, SQLite does not wait: this does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def advance(database: sqlite3.Connection, reader: str, number: int, error: str | None = None) -> None:
    """Write down how far a reader has come, within a transaction."""
    database.execute("INSERT OR REPLACE INTO progress VALUES (?, ?, ?)", (reader, number, error))
