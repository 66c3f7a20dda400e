"""Background jobs: one thread per job, active in only one of the processes that share a store."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 60.0


class Delayed(RuntimeError):
    """A job failed and will be retried."""


class Worker:
    """Repeat a job at an interval, with exponential backoff while it fails.

    A file lock restricts the job to one process; the operating system releases it however that process ends.
    """

    def __init__(self, job: Callable[[], object], *, lock: Path, seconds: float) -> None:
        """Configure the job, its lock file, and the seconds between two runs."""
        self.job, self.seconds = job, seconds
        self._lock = FileLock(lock)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=lock.name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """Stop after the current run; wait for it up to `timeout` seconds."""
        self._closing.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._repeat()
        finally:  # also after an unexpected error, so that another process can take over
            self._lock.release()

    def _repeat(self) -> None:
        wait = 0.0
        while not self._closing.wait(wait):
            try:
                if not self._lock.is_locked:
                    self._lock.acquire(blocking=False)
                self.job()
                wait = self.seconds
            except Timeout:  # another process has the job
                wait = self.seconds
            except (Delayed, sqlite3.Error, OSError) as error:
                wait = min(2 * max(wait, FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
                log.warning("%s; retrying in %g s", error, wait)
