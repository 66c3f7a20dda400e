"""The latency of a service's probe, measured from another process, so that the load does not slow the measurement."""

import http.client
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

SECONDS = 0.01
TIMEOUT_SECONDS = 30


@contextmanager
def pulse(port: int) -> Iterator[list[float]]:
    """Ask `/livez` every 10 ms; the list has the latencies in seconds afterwards."""
    context = multiprocessing.get_context("spawn")
    results: Queue[list[float]] = context.Queue()
    started, stop = context.Event(), context.Event()
    process = context.Process(target=ask, args=(port, results, started, stop))
    process.start()
    latencies: list[float] = []
    try:
        assert started.wait(TIMEOUT_SECONDS)
        yield latencies
    finally:
        stop.set()
        latencies += results.get(timeout=TIMEOUT_SECONDS)
        process.join()


def ask(port: int, results: "Queue[list[float]]", started: Event, stop: Event) -> None:
    """Ask until `stop`, on a connection of its own."""
    latencies = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    started.set()
    while not stop.is_set():
        asked = time.perf_counter()
        connection.request("GET", "/livez")
        response = connection.getresponse()
        response.read()
        assert response.status == 200
        latencies.append(time.perf_counter() - asked)
        time.sleep(SECONDS)
    connection.close()
    results.put(latencies)
