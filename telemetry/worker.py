"""Background jobs: one thread per job, active in only one of the processes that share a store."""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Sequence

from telemetry.database import Unavailable
from telemetry.leases import Leases
from telemetry.store import Numbered, Store

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 60.0
# How often a job that succeeds says so.
REPORT_SECONDS = 5.0
UNAVAILABLE, UNEXPECTED = "store_unreachable", "unexpected"

# Called with the name of a job or reader for each unexpected error.
Count = Callable[[str], None]


class Delayed(RuntimeError):
    """A job failed and will be retried.

    Attributes:
        code: the reason, for programs.
    """

    def __init__(self, code: str, message: str) -> None:
        """Describe the failure for programs and for people."""
        super().__init__(message)
        self.code = code


EXPECTED = (Delayed, Unavailable)


class Worker:
    """Repeat a job at an interval while this process has its lease, with exponential backoff while it fails."""

    def __init__(
        self, name: str, job: Callable[[], object], *, leases: Leases, seconds: float, count: Count = lambda _: None
    ) -> None:
        """Configure the job, the seconds between two runs, and the callback that counts unexpected errors."""
        self.name, self.job, self.leases, self.seconds, self.count = name, job, leases, seconds, count
        self._reported: tuple[str | None, float] = ("", 0.0)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current run."""
        self._closing.set()

    def join(self, timeout: float = 5.0) -> None:
        """Wait for the current run, up to `timeout` seconds."""
        self._thread.join(timeout)

    def _repeat(self) -> None:
        try:
            self._run_until_closed()
            self.leases.release(self.name)
        except Unavailable as error:
            log.warning("The store is unreachable: %s", error)

    def _run_until_closed(self) -> None:
        wait = 0.0
        while not self._closing.wait(wait):
            code = self._run()
            wait = self.seconds if code is None else min(2 * max(wait, FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
            if code is not None:
                log.warning("The job %s failed (%s); retrying in %g s", self.name, code, wait)

    def _run(self) -> str | None:
        """Run the job once, if this process has its lease; return the code of its error, or None."""
        code: str | None = None
        try:
            if not self.leases.acquire(self.name):
                return None
            self.job()
        except Delayed as error:
            log.warning("%s", error)
            code = error.code
        except Unavailable as error:
            log.warning("The store is unreachable: %s", error)
            return UNAVAILABLE
        except Exception as error:  # noqa: BLE001 (logged, counted and shown; the job goes on)
            report_unexpected(self.name, error, self.count)
            code = UNEXPECTED
        try:
            self._report(code)
        except Unavailable as error:
            log.warning("The store is unreachable: %s", error)
        return code

    def _report(self, code: str | None) -> None:
        last, when = self._reported
        if code != last or time.monotonic() - when >= REPORT_SECONDS:
            self.leases.report(self.name, code)
            self._reported = (code, time.monotonic())


def one_by_one(
    store: Store, reader: str, rows: Sequence[Numbered], process: Callable[[Sequence[Numbered]], None], count: Count
) -> None:
    """Process rows together; if that fails unexpectedly, one by one, and put those aside that fail alone.

    Raises:
        Delayed: `process` failed for a reason that passes.
        Unavailable: the store cannot be reached or written.
    """
    try:
        process(rows)
    except EXPECTED:
        raise
    except Exception as error:  # noqa: BLE001 (logged, counted and shown; the reader goes on)
        if len(rows) > 1:
            for row in rows:
                one_by_one(store, reader, [row], process, count)
            return
        report_unexpected(f"{reader}, row {rows[0].number}", error, count=lambda _: count(reader))
        store.skip(reader, rows[0].number, type(error).__name__)


def report_unexpected(name: str, error: Exception, count: Count) -> None:
    """Log an unexpected error without its message, which may hold a tweet, and count it."""
    log.error("%s in %s\n%s", type(error).__name__, name, "".join(traceback.format_tb(error.__traceback__)))
    count(name)
