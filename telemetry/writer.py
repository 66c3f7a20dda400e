"""Writing of events in a background thread, so that no request waits for the disk."""

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence

from telemetry.database import Unavailable
from telemetry.events import Event
from telemetry.store import Store

log = logging.getLogger(__name__)

STORED, DROPPED = "stored", "dropped"
MOST_AT_ONCE = 1_000
LONGEST_WAIT_SECONDS = 10.0


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
        """Start the thread."""
        self._thread.start()

    def add(self, events: Iterable[Event]) -> None:
        """Queue events, which are written within `seconds`."""
        for event in events:
            try:
                self._queue.put_nowait(event)
            except queue.Full:
                self.count(DROPPED, 1)

    def write(self, events: Sequence[Event]) -> None:
        """Write events at once.

        Raises:
            Unavailable: some were not written; it is safe to write all of them again.
        """
        self._write(events)

    def close(self) -> None:
        """Write the waiting events, and stop; events that cannot be written now are dropped and counted."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        batch: list[Event] = []
        wait = self.seconds
        while not (self._closing.wait(wait) and self._queue.empty() and not batch):
            if not batch:  # a batch that could not be written is retried before the others
                batch = [self._queue.get_nowait() for _ in range(min(self._queue.qsize(), MOST_AT_ONCE))]
            if not batch:
                continue
            try:
                self._write(batch)
            except Unavailable as error:
                if self._closing.is_set():
                    lost = len(batch) + self._queue.qsize()
                    log.error("Dropped %d events because the service is stopping: %s", lost, error)
                    self.count(DROPPED, lost)
                    return
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)
                waiting = len(batch) + self._queue.qsize()
                log.warning("%d events are waiting; retrying in %g s: %s", waiting, wait, error)
            else:
                batch, wait = [], self.seconds

    def _write(self, batch: Sequence[Event]) -> None:
        """Write events together or, if the store refuses one of them, one by one, dropping those that it refuses.

        Raises:
            Unavailable: nothing was written, or some events, which are not written twice if they are written again.
        """
        try:
            self.store.add(batch)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 (logged and counted; this thread writes all events)
            if len(batch) > 1:
                for event in batch:
                    self._write([event])
                return
            log.error("Dropped event %s: the store refuses it (%s)", batch[0].id, type(error).__name__)
            self.count(DROPPED, 1)
        else:
            self.count(STORED, len(batch))
