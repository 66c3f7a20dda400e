"""Supervise the worker of BentoML's server, and replace it without a failed request.

BentoML's server is circus: its arbiter holds the listening socket, which all workers of a watcher share. So a new
worker can take over while the old one answers what it has accepted (`service.draining`).
"""

import signal
import sys
import threading
import time
from collections.abc import Callable, Container
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from service import status

if TYPE_CHECKING:
    from circus.process import Process
    from circus.watcher import Watcher

POLL_SECONDS = 0.05
Handler = Callable[[int, FrameType | None], Any]
WATCHER = "service"  # BentoML's name for it


class Supervisor:
    """The worker of a server."""

    def __init__(self, server: Any, bento: str, folder: Path, start_seconds: float) -> None:
        """Supervise a server of a Bento, as `bentoml.serve` returns it, whose workers report to a folder."""
        self._server, self._bento, self._folder, self._start_seconds = server, bento, folder, start_seconds
        self._stopping = note_signals()
        (self._watcher,) = (watcher for watcher in server.arbiter.watchers if watcher.name == WATCHER)

    def wait_until_ready(self) -> str | None:
        """Wait until the first worker is ready or the server has been stopped; return why it failed, or None."""
        return self._wait()

    def failure(self) -> str | None:
        """Return why there is no worker: its model has failed, or BentoML does not replace it; or None."""
        for worker in self._workers():
            if failure := status.read(self._folder, worker):
                return failure
        if not (self._server.running or self._stopping.is_set()):
            return "The worker of the service has exited; see the log above."
        return None

    def replace_worker(self, bento: str) -> None:
        """Start a worker of a Bento; once it is ready, stop the first one. If it fails, the first one goes on."""
        before = self._workers()
        status.forget(self._folder, but=before)
        say(f"Starting a worker with {bento}.")
        self._on_loop(start_another, self._watcher, self._bento, bento)
        failure = self._wait(but=before)
        if not self._server.running:
            return
        if failure is None:
            say("The new worker is ready; the old one finishes its last requests.")
            self._on_loop(stop_oldest, self._watcher)
            self._bento = bento
        else:
            say(f"Keeping the old worker: {failure}")
            started = [worker for pid, worker in self._workers().items() if pid not in before]
            status.forget(self._folder, but=before)
            self._on_loop(stop_started, self._watcher, bento, self._bento, started)

    def _workers(self) -> dict[int, "Process"]:
        return dict(self._watcher.processes)

    def _on_loop(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function in the thread of circus."""
        self._server.arbiter.loop.add_callback(function, *arguments)

    def _wait(self, but: Container[int] = ()) -> str | None:
        """Wait until a worker (`but` those) is ready or the server has been stopped; return why it failed, or None."""
        deadline, has_run = time.monotonic() + self._start_seconds, False
        while time.monotonic() < deadline:
            workers = [worker for pid, worker in self._workers().items() if pid not in but]
            for worker in workers:
                failure = status.read(self._folder, worker.pid)
                if failure is not None:
                    return failure or None
            if self._server.running and workers and not any(worker.is_alive() for worker in workers):
                return "The worker exited before it was ready; see the error in the log above."
            if has_run and not self._server.running:
                return None
            has_run = has_run or self._server.running
            time.sleep(POLL_SECONDS)
        return (
            f"The service was not ready within {self._start_seconds:g} seconds. "
            "See the log above, or increase SERVICE_START_SECONDS."
        )


def note_signals() -> threading.Event:
    """Return an event that is set by a signal to stop, which BentoML's handlers receive as before."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        handle = signal.getsignal(number)
        assert callable(handle)

        def note(number: int, frame: FrameType | None, handle: Handler = handle) -> None:
            stopping.set()
            handle(number, frame)

        signal.signal(number, note)
    return stopping


def start_another(watcher: "Watcher", old: str, new: str) -> None:
    """Start one more worker, of the new Bento."""
    watcher.args = [new if argument == old else argument for argument in watcher.args]
    watcher.numprocesses += 1
    watcher.spawn_process()


async def stop_oldest(watcher: "Watcher") -> None:
    """Stop the oldest worker, after it has answered its requests."""
    watcher.numprocesses -= 1
    await watcher.manage_processes()


async def stop_started(watcher: "Watcher", new: str, old: str, workers: list["Process"]) -> None:
    """Stop the worker that has failed to start, and go on with the old Bento."""
    watcher.args = [old if argument == new else argument for argument in watcher.args]
    for worker in workers:
        await watcher.kill_process(worker)
        watcher.processes.pop(worker.pid, None)
    watcher.numprocesses -= 1


def say(message: str) -> None:
    """Write a line to standard error; BentoML has switched off the loggers of this process."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
