"""Events are written beside what makes them: nobody waits for the disk."""

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable

from telemetry.events import Event
from telemetry.store import Store

log = logging.getLogger(__name__)


class Writer:
    """Write events beside what makes them, several at once.

    When the disk is slower than the events, or refuses them, up to `most` wait in memory; any more are dropped, and
    counted.
    """

    def __init__(
        self, store: Store, *, count: Callable[[str, int], None], seconds: float = 0.5, most: int = 20_000
    ) -> None:
        """Take a store, and whom to tell how many were `stored` or `dropped`."""
        self.store, self.count, self.seconds = store, count, seconds
        self._waiting: queue.Queue[Event] = queue.Queue(most)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="telemetry", daemon=True)

    def start(self) -> None:
        """Begin to write.

        Raises:
            sqlite3.Error: the file cannot be written.
        """
        self.store.create()
        self._thread.start()

    def add(self, events: Iterable[Event]) -> None:
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
        batch: list[Event] = []
        while not (self._closing.wait(self.seconds) and self._waiting.empty() and not batch):
            if not batch:  # one that could not be written is tried again, and holds up the others
                batch = [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]
            if not batch:
                continue
            try:
                self.store.add(batch)
            except sqlite3.Error as error:
                log.error("%d events wait to be written to %s: %s", len(batch), self.store.path, error)
                if self._closing.is_set():
                    self.count("dropped", len(batch))
                    return
            else:
                self.count("stored", len(batch))
                batch = []
