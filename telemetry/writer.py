"""Writing of events in a background thread, so that no request waits for the disk."""

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable

from telemetry.events import Event
from telemetry.store import Store

log = logging.getLogger(__name__)


class Writer:
    """Write events to the store in batches, in a background thread.

    If the store is too slow or fails, up to `most` events wait in memory; further events are dropped and counted.
    """

    def __init__(
        self, store: Store, *, count: Callable[[str, int], None], seconds: float = 0.5, most: int = 20_000
    ) -> None:
        """Configure the store, and the callback that counts events as `stored` or `dropped`."""
        self.store, self.count, self.seconds = store, count, seconds
        self._queue: queue.Queue[Event] = queue.Queue(most)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    def start(self) -> None:
        """Create the store and start the thread.

        Raises:
            sqlite3.Error: the file cannot be written.
        """
        self.store.create()
        self._thread.start()

    def add(self, events: Iterable[Event]) -> None:
        """Queue events, which are written within `seconds`."""
        for event in events:
            try:
                self._queue.put_nowait(event)
            except queue.Full:
                self.count("dropped", 1)

    def close(self) -> None:
        """Write the waiting events, and stop."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        batch: list[Event] = []
        while not (self._closing.wait(self.seconds) and self._queue.empty() and not batch):
            if not batch:  # a batch that could not be written is retried before the others
                batch = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
            if not batch:
                continue
            try:
                self.store.add(batch)
            except sqlite3.Error as error:
                log.error("Could not write %d events to %s: %s", len(batch), self.store.path, error)
                if self._closing.is_set():
                    self.count("dropped", len(batch))
                    return
            else:
                self.count("stored", len(batch))
                batch = []
