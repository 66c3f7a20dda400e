"""The latency of a service's probe, measured from another process, so that the load does not slow the measurement."""

import http.client
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

SECONDS = 0.01
TIMEOUT_SECONDS = 30


@dataclass
class Pulse:
    """What was measured.

    Attributes:
        latencies: seconds that each answer took.
        delays: seconds that each pause took too long, because other processes kept the machine busy.
    """

    latencies: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    @property
    def slowest(self) -> float:
        """The longest latency that the machine's own delays do not explain, in seconds."""
        return max(self.latencies) - max(self.delays)


@contextmanager
def pulse(port: int) -> Iterator[Pulse]:
    """Ask `/livez` every 10 ms; the measurements are complete afterwards."""
    context = multiprocessing.get_context("spawn")
    results: Queue[Pulse] = context.Queue()
    started, stop = context.Event(), context.Event()
    process = context.Process(target=ask, args=(port, results, started, stop))
    process.start()
    measured = Pulse()
    try:
        assert started.wait(TIMEOUT_SECONDS)
        yield measured
    finally:
        stop.set()
        complete = results.get(timeout=TIMEOUT_SECONDS)
        measured.latencies, measured.delays = complete.latencies, complete.delays
        process.join()


def ask(port: int, results: "Queue[Pulse]", started: Event, stop: Event) -> None:
    """Ask until `stop`, on a connection of its own."""
    measured = Pulse()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    started.set()
    while not stop.is_set():
        asked = time.perf_counter()
        connection.request("GET", "/livez")
        response = connection.getresponse()
        response.read()
        answered = time.perf_counter()
        assert response.status == 200
        time.sleep(SECONDS)
        measured.latencies.append(answered - asked)
        measured.delays.append(time.perf_counter() - answered - SECONDS)
    connection.close()
    results.put(measured)
