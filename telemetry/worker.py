"""Work beside the page or the service: one thread for each job, in one process of all that share a store."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 60.0


class Delayed(RuntimeError):
    """A job that is to be tried again later."""


class Worker:
    """Do a job again and again, and more rarely while it fails.

    A lock keeps it to one process; the operating system hands it over when that process ends, however it does.
    """

    def __init__(self, job: Callable[[], object], *, lock: Path, seconds: float) -> None:
        """Take a job, the file to lock, and the seconds between two turns."""
        self.job, self.seconds = job, seconds
        self._lock = FileLock(lock)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name=lock.name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self, patience: float = 5.0) -> None:
        """End after the turn that is being taken; wait for it so many seconds."""
        self._closing.set()
        self._thread.join(patience)

    def _work(self) -> None:
        try:
            self._take_turns()
        finally:  # whatever has ended it, another process may go on
            self._lock.release()

    def _take_turns(self) -> None:
        wait = 0.0
        while not self._closing.wait(wait):
            try:
                if not self._lock.is_locked:
                    self._lock.acquire(blocking=False)
                self.job()
                wait = self.seconds
            except Timeout:  # another process does it
                wait = self.seconds
            except (Delayed, sqlite3.Error, OSError) as error:
                wait = min(2 * max(wait, FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
                log.warning("%s; tried again in %g s", error, wait)
