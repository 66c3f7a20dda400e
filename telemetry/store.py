"""Where events are kept: one SQLite file, which survives the end of the process that writes it."""

import json
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telemetry.events import Prediction

log = logging.getLogger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY,  -- in the order in which they were written
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    time REAL NOT NULL,  -- seconds since 1970, UTC
    body TEXT NOT NULL,  -- JSON
    UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS events_by_time ON events (time);
"""
DAY = 24 * 60 * 60
PRUNE_SECONDS = 600


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
        with self._connected() as database:
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table: what is deleted makes room
            database.execute("PRAGMA journal_mode = WAL")  # readers do not wait for the writer
            database.executescript(SCHEMA)

    def add(self, events: Iterable[Prediction]) -> None:
        """Write events; one that is there already, by its kind and id, is left as it is.

        Raises:
            sqlite3.Error: nothing was written: the disk is full, or the file locked for too long.
        """
        rows = [(event.id, event.kind, event.time, json.dumps(event.body())) for event in events]
        with self._connected() as database:
            database.executemany("INSERT OR IGNORE INTO events (id, kind, time, body) VALUES (?, ?, ?, ?)", rows)

    def read(self, kind: str, since: float = 0) -> list[dict[str, Any]]:
        """Return the events of a kind from a time on (seconds since 1970), in the order in which they were written."""
        with self._connected() as database:
            asked = "SELECT body FROM events WHERE kind = ? AND time >= ? ORDER BY number"
            return [json.loads(body) for (body,) in database.execute(asked, (kind, since))]

    def prune(self, *, days: float, megabytes: float) -> None:
        """Delete events older than so many days; then the oldest tenth, until the file is small enough."""
        with self._connected() as database:
            database.execute("DELETE FROM events WHERE time < ?", (time.time() - days * DAY,))
        while self._vacuumed_bytes() > megabytes * 1e6:
            with self._connected() as database:
                gone = database.execute(
                    "DELETE FROM events WHERE number IN "
                    "(SELECT number FROM events ORDER BY number LIMIT (SELECT COUNT(*) / 10 + 1 FROM events))"
                )
                if gone.rowcount == 0:
                    return

    def _vacuumed_bytes(self) -> int:
        """Give free pages back to the disk; return the size of the file."""
        with self._connected() as database:
            database.executescript("PRAGMA incremental_vacuum")  # `execute` would free one page
            (pages,), (size,) = (database.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
            return int(pages * size)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction."""
        with closing(sqlite3.connect(self.path, timeout=30)) as database, database:
            # With WAL a commit is in the operating system's hands: a killed process loses none, a power cut may.
            database.execute("PRAGMA synchronous = NORMAL")
            yield database


class Writer:
    """Write events beside what makes them, several at once; nobody waits for the disk.

    When the disk is slower than the events, or refuses them, up to `most` wait in memory; any more are dropped, and
    counted.
    """

    def __init__(
        self,
        store: Store,
        *,
        days: float,
        megabytes: float,
        count: Callable[[str, int], None],
        seconds: float = 0.5,
        most: int = 20_000,
    ) -> None:
        """Take a store, what to keep of it, and whom to tell how many were `stored` or `dropped`."""
        self.store, self.count, self.seconds = store, count, seconds
        self.days, self.megabytes = days, megabytes
        self._waiting: queue.Queue[Prediction] = queue.Queue(most)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="telemetry", daemon=True)
        self._pruned = 0.0

    def start(self) -> None:
        """Begin to write.

        Raises:
            sqlite3.Error: the file cannot be written.
        """
        self.store.create()
        self._thread.start()

    def add(self, events: Iterable[Prediction]) -> None:
        """Have events written within `seconds`, at the latest."""
        for event in events:
            try:
                self._waiting.put_nowait(event)
            except queue.Full:
                self.count("dropped", 1)

    def close(self) -> None:
        """Write what waits, and stop."""
        self._closing.set()
        self._thread.join()

    def _work(self) -> None:
        batch: list[Prediction] = []
        while not (self._closing.wait(self.seconds) and self._waiting.empty() and not batch):
            if not batch:  # one that could not be written is tried again, and holds up the others
                batch = [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]
            try:
                if batch:
                    self.store.add(batch)
                    self.count("stored", len(batch))
                    batch = []
                if time.monotonic() - self._pruned > PRUNE_SECONDS:
                    self.store.prune(days=self.days, megabytes=self.megabytes)
                    self._pruned = time.monotonic()
            except sqlite3.Error as error:
                log.error("%d events wait to be written to %s: %s", len(batch), self.store.path, error)
                if self._closing.is_set():
                    self.count("dropped", len(batch))
                    return
