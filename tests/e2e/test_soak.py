"""The service under load from good and bad clients, for SOAK_SECONDS."""

import asyncio
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from telemetry.store import Store
from tests.e2e.server import Server, served, wait_until_ready

pytestmark = pytest.mark.slow
SECONDS = float(os.environ.get("SOAK_SECONDS", "10"))
GOOD_CLIENTS = 4
TIMEOUT_SECONDS = 2
MEGABYTE = 2**20
# Largest growth of memory once all kinds of requests have been served.
MAX_GROWTH = 30 * MEGABYTE
TWEETS = [f"@AirParadis flight {number} is late again, {word}!" for number in range(50) for word in ("thanks", "awful")]


def head(path: str = "/predict", method: str = "POST", **headers: object) -> bytes:
    """Return the request line and headers."""
    all_headers = {"host": "localhost", "content-type": "application/json"} | {
        name.replace("_", "-"): str(value) for name, value in headers.items()
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in all_headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def body(content: bytes) -> list[bytes]:
    """Return a prediction request with a body."""
    return [head(content_length=len(content)) + content]


def chunked(megabytes: int) -> Iterable[bytes]:
    """Yield a request that does not announce its size."""
    yield head(transfer_encoding="chunked")
    for _ in range(megabytes):
        yield f"{MEGABYTE:x}\r\n".encode() + b"a" * MEGABYTE + b"\r\n"


# Bad requests: their parts, the pause after each part in seconds, and the status of the answer.
BAD_REQUESTS: Mapping[str, tuple[Callable[[], Iterable[bytes]], float, int | None]] = {
    "a slow body": (lambda: [head(content_length=1000), *[b"a"] * 1000], 0.1, 504),
    "200 MB": (lambda: [head(content_length=200 * MEGABYTE)], 0, 413),
    "200 MB in chunks": (lambda: chunked(200), 0, 413),
    "broken JSON": (lambda: body(b'{"text": "late'), 0, 400),
    "deep JSON": (lambda: body(b"[" * 100_000), 0, 400),
    "no UTF-8": (lambda: body(b'{"text": "\xff\xfe"}'), 0, 400),
    "another method": (lambda: [head(method="DELETE")], 0, 405),
    "an unknown address": (lambda: [head(f"/{random.random()}", method="GET")], 0, 404),
    "cut off": (lambda: [head(content_length=1000) + b'{"text": "la'], 0, None),
    "no HTTP": (lambda: [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"], 0, 400),
}


@dataclass
class Load:
    """Concurrent clients of a service, and the answers they got."""

    server: Server
    until: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    expected: dict[str, float] = field(default_factory=dict)
    tweets: int = 0
    bad: Counter[tuple[str, int | None]] = field(default_factory=Counter)
    memory: list[tuple[float, int]] = field(default_factory=list)

    def run(self) -> None:
        """Send requests until `until`."""
        response = self.server.client.post("/predict", json={"texts": TWEETS}).raise_for_status()
        probabilities = [answer["negative_probability"] for answer in response.json()["predictions"]]
        self.expected = dict(zip(TWEETS, probabilities, strict=True))
        self.tweets += len(TWEETS)
        asyncio.run(self.all())

    async def all(self) -> None:
        bad = [self.repeat(self.misbehave(name)) for name in BAD_REQUESTS]
        async with httpx.AsyncClient(base_url=self.server.client.base_url, timeout=30, trust_env=False) as client:
            good = [self.repeat(self.ask(client)) for _ in range(GOOD_CLIENTS)]
            await asyncio.gather(*good, *bad, self.repeat(self.record_memory(psutil.Process(self.server.worker().pid))))

    async def repeat(self, once: Callable[[], Awaitable[None]]) -> None:
        while time.monotonic() < self.until:
            await once()

    def ask(self, client: httpx.AsyncClient) -> Callable[[], Awaitable[None]]:
        async def once() -> None:
            texts = random.sample(TWEETS, random.choice((1, 2, 50)))
            answer = (await client.post("/predict", json={"texts": texts})).raise_for_status()
            probabilities = [prediction["negative_probability"] for prediction in answer.json()["predictions"]]
            assert probabilities == pytest.approx([self.expected[text] for text in texts], abs=1e-6)
            self.tweets += len(texts)

        return once

    def misbehave(self, name: str) -> Callable[[], Awaitable[None]]:
        parts, pause, _ = BAD_REQUESTS[name]

        async def once() -> None:
            address = self.server.client.base_url
            self.bad[name, await status((address.host, address.port), parts(), pause, waits=name != "cut off")] += 1
            await asyncio.sleep(0.05)

        return once

    def record_memory(self, worker: psutil.Process) -> Callable[[], Awaitable[None]]:
        async def once() -> None:
            self.memory.append((time.monotonic(), worker.memory_info().rss))
            await asyncio.sleep(0.2)

        return once


async def status(address: tuple[str, int], parts: Iterable[bytes], pause: float, *, waits: bool) -> int | None:
    """Send the parts of a request until the server answers; return the status, or None without `waits`."""
    reader, writer = await asyncio.open_connection(*address)
    line = asyncio.create_task(reader.readline())
    try:
        for part in parts:
            if line.done():
                break
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        return int((await line).split()[1]) if waits else None
    finally:
        line.cancel()
        writer.close()
        with suppress(ConnectionError):  # the server has already closed the connection
            await writer.wait_closed()


def test_bad_clients_do_not_disturb_good_ones_or_fill_memory(bento: Path, python: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "events.db")
    settings = {"requests_per_minute": 10**6, "timeout_seconds": TIMEOUT_SECONDS, "telemetry_path": store.path}
    with served(python, bento, tmp_path, **settings) as server:
        load = Load(server)
        load.run()
        routes = {line for line in server.client.get("/metrics").text.splitlines() if "requests_total{" in line}
    assert set(load.bad) == {(name, status) for name, (_, _, status) in BAD_REQUESTS.items()}
    assert len(store.read("prediction")) == load.tweets
    assert len(routes) < 20, "clients must not create metric labels"
    warm = load.until - SECONDS * 2 / 3
    before = max(size for when, size in load.memory if when < warm)
    assert max(size for _, size in load.memory) < before + MAX_GROWTH


def test_a_worker_killed_under_load_is_replaced_and_loses_at_most_a_second_of_predictions(
    bento: Path, python: Path, tmp_path: Path
) -> None:
    store, answered = Store(tmp_path / "events.db"), dict[str, float]()
    with served(python, bento, tmp_path, requests_per_minute=10**6, telemetry_path=store.path) as server:
        stop = threading.Event()

        def ask() -> None:
            with httpx.Client(base_url=server.client.base_url, timeout=10, trust_env=False) as client:
                while not stop.is_set():
                    try:
                        answer = client.post("/predict", json={"text": random.choice(TWEETS)})
                    except httpx.TransportError:
                        continue
                    if answer.is_success:
                        answered[answer.json()["prediction_id"]] = time.monotonic()

        threads = [threading.Thread(target=ask) for _ in range(GOOD_CLIENTS)]
        for thread in threads:
            thread.start()
        worker = server.worker()
        time.sleep(2)
        killed = time.monotonic()
        worker.kill()
        time.sleep(0.5)
        wait_until_ready(server.client, server.process, server.log)
        recovered = time.monotonic()
        time.sleep(1)
        stop.set()
        for thread in threads:
            thread.join()
    stored = {event["id"] for event in store.read("prediction")}
    before = {event for event, when in answered.items() if when < killed - 1}
    after = {event for event, when in answered.items() if when > recovered}
    assert before
    assert after
    assert before | after <= stored
