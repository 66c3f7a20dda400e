"""The service under load from good and bad clients, for SOAK_SECONDS."""

import asyncio
import itertools
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from service.ids import event_id
from telemetry.events import Prediction
from telemetry.store import Store
from tests.e2e.attackers import ATTACKS, LARGEST, LONG_TEXTS, good, send
from tests.e2e.pulse import Pulse, pulse
from tests.e2e.server import Server, served, wait_until_ready

pytestmark = [pytest.mark.slow, pytest.mark.extended]
SECONDS = float(os.environ.get("SOAK_SECONDS", "10"))
GOOD_CLIENTS = 4
BAD_CLIENTS = 4
SETTINGS = {"requests_per_minute": 10**6, "tweets_per_minute": 10**8}
# Of the service; the slow attackers take as long.
TIMEOUT_SECONDS = 5
MEGABYTE = 2**20
MAX_LATENCY_SECONDS = 0.2
MAX_MEMORY = 512 * MEGABYTE
# Largest growth of memory once all kinds of requests have been served.
MAX_GROWTH = 30 * MEGABYTE
TWEETS = [f"@AirParadis flight {number} is late again, {word}!" for number in range(50) for word in ("thanks", "awful")]


@dataclass
class Load:
    """Concurrent clients of a service, and the answers they got."""

    server: Server
    until: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    expected: dict[str, float] = field(default_factory=dict)
    tweets: int = 0
    bad: Counter[tuple[str, int | None]] = field(default_factory=Counter)
    heavy: Counter[int] = field(default_factory=Counter)
    heavy_kinds: set[str] = field(default_factory=set)
    warm: float | None = None
    memory: list[tuple[float, int]] = field(default_factory=list)
    pulse: Pulse = field(default_factory=Pulse)

    def run(self) -> None:
        """Send requests until `until`, and for some time after each kind was answered."""
        response = self.server.client.post("/predict", json={"texts": TWEETS}).raise_for_status()
        probabilities = [answer["negative_probability"] for answer in response.json()["predictions"]]
        self.expected = dict(zip(TWEETS, probabilities, strict=True))
        self.tweets += len(TWEETS)
        assert self.server.client.base_url.port is not None
        with pulse(self.server.client.base_url.port) as self.pulse:
            asyncio.run(self.all())

    def check(self, database: str) -> None:
        """Check that good clients lost nothing, that bad ones were refused, and what all of it cost."""
        assert set(self.bad) == {(name, attack.status) for name, attack in ATTACKS.items()}
        assert self.heavy[200]
        assert set(self.heavy) <= {200, 503, 504}, "the kinds that take longer than the timeout, and full queues"
        with closing(Store(database)) as store:
            assert sum(event.source == "api" for event in store.read(Prediction)) == self.tweets
        assert self.pulse.slowest < MAX_LATENCY_SECONDS
        assert max(size for _, size in self.memory) < MAX_MEMORY
        assert self.warm is not None
        before = max(size for when, size in self.memory if when < self.warm)
        assert max(size for _, size in self.memory) < before + MAX_GROWTH

    async def all(self) -> None:
        # Those who wait between the parts of their request have a loop each; the others take turns.
        slow = [name for name, attack in ATTACKS.items() if attack.pause]
        quick = itertools.cycle(name for name, attack in ATTACKS.items() if not attack.pause)
        texts = itertools.cycle(LONG_TEXTS.items())
        bad = [self.repeat(self.misbehave(itertools.repeat(name))) for name in slow]
        bad += [self.repeat(self.misbehave(quick)) for _ in range(BAD_CLIENTS)]
        async with httpx.AsyncClient(base_url=self.server.client.base_url, timeout=30, trust_env=False) as client:
            good = [self.repeat(self.ask(client)) for _ in range(GOOD_CLIENTS)]
            heavy = self.repeat(self.overload(client, texts))
            memory = self.repeat(self.record_memory(psutil.Process(self.server.worker().pid)))
            await asyncio.gather(*good, *bad, heavy, memory)

    async def repeat(self, once: Callable[[], Awaitable[None]]) -> None:
        while not self.is_over():
            await once()

    def is_over(self) -> bool:
        """Return whether the time is over: with busy cores, some kinds of requests have been answered late."""
        now = time.monotonic()
        if self.warm is None and len({name for name, _ in self.bad}) == len(ATTACKS):
            self.warm = now if self.heavy_kinds == set(LONG_TEXTS) else None
        return self.warm is not None and now > max(self.until, self.warm + SECONDS * 2 / 3)

    def ask(self, client: httpx.AsyncClient) -> Callable[[], Awaitable[None]]:
        async def once() -> None:
            texts = random.sample(TWEETS, random.choice((1, 2, 50)))
            answer = (await client.post("/predict", json={"texts": texts})).raise_for_status()
            probabilities = [prediction["negative_probability"] for prediction in answer.json()["predictions"]]
            assert probabilities == pytest.approx([self.expected[text] for text in texts], abs=1e-6)
            self.tweets += len(texts)

        return once

    def overload(self, client: httpx.AsyncClient, texts: Iterator[tuple[str, str]]) -> Callable[[], Awaitable[None]]:
        """Send the largest requests that are answered, one at a time; on a 504, do as it says: send fewer tweets."""
        tweets = LARGEST

        async def once() -> None:
            nonlocal tweets
            kind, text = next(texts)
            content = good(text, tweets, source="batch")
            answer = await client.post("/predict", content=content, headers={"Content-Type": "application/json"})
            self.heavy[answer.status_code] += 1
            self.heavy_kinds.add(kind)
            if answer.status_code == httpx.codes.GATEWAY_TIMEOUT:
                tweets = max(1, tweets // 4)

        return once

    def misbehave(self, names: Iterator[str]) -> Callable[[], Awaitable[None]]:
        async def once() -> None:
            name, address = next(names), self.server.client.base_url
            assert address.port is not None
            self.bad[name, await send((address.host, address.port), ATTACKS[name])] += 1
            await asyncio.sleep(0.05)

        return once

    def record_memory(self, worker: psutil.Process) -> Callable[[], Awaitable[None]]:
        async def once() -> None:
            used = worker.memory_info()
            # Without pages of files, which the kernel drops when memory is short.
            self.memory.append((time.monotonic(), used.rss - used.shared))
            await asyncio.sleep(0.2)

        return once


def test_bad_clients_do_not_disturb_good_ones_or_fill_memory(bento: Path, python: Path, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'events.db'}"
    settings = SETTINGS | {"timeout_seconds": TIMEOUT_SECONDS, "telemetry_database": database}
    with served(python, bento, tmp_path, **settings) as server:
        load = Load(server)
        load.run()
        routes = {line for line in server.client.get("/metrics").text.splitlines() if "requests_total{" in line}
    load.check(database)
    assert len(routes) < 50, "clients must not create metric labels"


def test_a_worker_killed_under_load_is_replaced_and_loses_at_most_a_second_of_predictions(
    bento: Path, python: Path, tmp_path: Path
) -> None:
    database, answered = f"sqlite:///{tmp_path / 'events.db'}", dict[str, float]()
    with served(python, bento, tmp_path, **SETTINGS, telemetry_database=database) as server:
        stop = threading.Event()

        def ask() -> None:
            with httpx.Client(base_url=server.client.base_url, timeout=10, trust_env=False) as client:
                while not stop.is_set():
                    try:
                        answer = client.post("/predict", json={"text": random.choice(TWEETS)})
                    except httpx.TransportError:
                        continue
                    if answer.is_success:
                        answered[event_id(answer.json()["prediction_id"])] = time.monotonic()

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
    with closing(Store(database)) as store:
        stored = {event.id for event in store.read(Prediction)}
    before = {event for event, when in answered.items() if when < killed - 1}
    after = {event for event, when in answered.items() if when > recovered}
    assert before
    assert after
    assert before | after <= stored
