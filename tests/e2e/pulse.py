"""The latency of a service's probe, measured from another process, so that the load does not slow the measurement."""

import bisect
import http.client
import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from operator import attrgetter
from typing import NamedTuple

SECONDS = 0.01
TIMEOUT_SECONDS = 30


class Interval(NamedTuple):
    """A span of time, in seconds of the performance counter."""

    start: float
    end: float


@dataclass
class Pulse:
    """What was measured.

    Attributes:
        answers: from each request to its answer.
        delays: when a pause went on although it should have ended, because other processes kept the machine busy.
    """

    answers: list[Interval] = field(default_factory=list)
    delays: list[Interval] = field(default_factory=list)

    @property
    def slowest(self) -> float:
        """The longest latency without the delays of the machine at the same time, in seconds."""
        return max(answer.end - answer.start - self.delay_within(answer) for answer in self.answers)

    def delay_within(self, answer: Interval) -> float:
        """Return how long the machine delayed this process during an answer, in seconds."""
        first = bisect.bisect(self.delays, answer.start, key=attrgetter("end"))
        last = bisect.bisect_left(self.delays, answer.end, key=attrgetter("start"))
        return sum(min(answer.end, end) - max(answer.start, start) for start, end in self.delays[first:last])


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
        measured.answers, measured.delays = complete.answers, complete.delays
        process.join()


def ask(port: int, results: "Queue[Pulse]", started: Event, stop: Event) -> None:
    """Ask until `stop`, on a connection of its own, while a second thread measures delays."""
    measured = Pulse()
    pauses = threading.Thread(target=measure_delays, args=(measured.delays, stop))
    pauses.start()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    started.set()
    while not stop.is_set():
        asked = time.perf_counter()
        connection.request("GET", "/livez")
        response = connection.getresponse()
        response.read()
        measured.answers.append(Interval(asked, time.perf_counter()))
        assert response.status == 200
        time.sleep(SECONDS)
    connection.close()
    pauses.join()
    results.put(measured)


def measure_delays(delays: list[Interval], stop: Event) -> None:
    """Pause again and again, and note how much longer each pause took."""
    while not stop.is_set():
        due = time.perf_counter() + SECONDS
        time.sleep(SECONDS)
        delays.append(Interval(due, time.perf_counter()))
