"""Forwarding events to Application Insights: each arrives despite failures, killed processes and full disks."""

import importlib
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from telemetry import jobs, worker
from telemetry.events import Event
from telemetry.forwarding import BATCH, Outlet, forward
from telemetry.settings import Settings, read
from telemetry.store import FORWARDER, Store
from telemetry.worker import Delayed, Worker
from tests.events import feedback, prediction
from tests.fake_ingestion import Ingestion, ingestion

PROJECT = Path(__file__).parents[2]
OUTLETS = ("opencensus", "opentelemetry")
PATIENCE_SECONDS = 30.0
Connect = Callable[[float], Outlet]


def kinds_and_ids(events: Iterable[Event]) -> list[tuple[str, str]]:
    """Return the kind and id of each event."""
    return [(event.kind, event.id) for event in events]


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "events.db")
    store.create()
    return store


@pytest.fixture
def endpoint() -> Iterator[Ingestion]:
    with ingestion() as endpoint:
        yield endpoint


@pytest.fixture(params=OUTLETS)
def connect(request: pytest.FixtureRequest, endpoint: Ingestion) -> Connect:
    """Return a function that connects to the endpoint with each library, given a timeout in seconds."""
    library = importlib.import_module(f"telemetry.outlets.{request.param}")
    return lambda timeout: library.connect(endpoint.connection_string, timeout=timeout)


@pytest.fixture
def outlet(connect: Connect) -> Outlet:
    return connect(10.0)


def test_an_endpoint_that_recovers_gets_every_event(store: Store, endpoint: Ingestion, connect: Connect) -> None:
    outlet, short_timeout = connect(10.0), connect(0.5)
    events: list[Event] = []
    for number, failure in enumerate(("refused", "503", "partly", "hangs up", "black hole", "none")):
        accepted = len(events)
        events += [make(100 * number + offset) for offset in range(100) for make in (prediction, feedback)]
        store.add(events[accepted:])
        match failure:
            case "refused":
                endpoint.stop()
            case "503":
                endpoint.status = 503
            case "partly":
                endpoint.status = 206
            case "hangs up":
                endpoint.closes_connections = True
            case "black hole":
                endpoint.delay_seconds = 60
        if failure != "none":
            for _ in range(2):
                with pytest.raises(Delayed, match="did not accept a batch"):
                    forward(store, short_timeout, settle_seconds=8)
            progress = store.progress()[FORWARDER]
            assert progress.number == accepted
            assert progress.error is not None and "Application Insights" in progress.error
        if failure == "refused":
            endpoint.listen()
        endpoint.recover()
        forward(store, outlet, settle_seconds=8)
        assert store.progress()[FORWARDER] == (len(events), None)
        assert set(endpoint.events()) == set(kinds_and_ids(events))
    before = len(endpoint.envelopes)
    forward(store, outlet, settle_seconds=8)
    assert len(endpoint.envelopes) == before


def test_accepted_events_arrive_once_and_in_order(store: Store, endpoint: Ingestion, outlet: Outlet) -> None:
    events = [feedback(number) for number in range(3 * BATCH + 1)]
    store.add(events[:-1])
    forward(store, outlet, settle_seconds=8)
    store.add(events[-1:])
    forward(store, outlet, settle_seconds=8)
    assert [(fields["kind"], fields["id"]) for fields in endpoint.properties()] == kinds_and_ids(events)
    assert len(endpoint.paths) == 4


def test_feedback_that_can_be_undone_is_not_forwarded_yet(store: Store, endpoint: Ingestion, outlet: Outlet) -> None:
    store.add([prediction(1), feedback(1, time.time()), prediction(2)])
    forward(store, outlet, settle_seconds=60)
    assert endpoint.events() == kinds_and_ids([prediction(1)])
    assert store.withdraw(feedback(1).id, settle_seconds=60)
    forward(store, outlet, settle_seconds=60)
    assert endpoint.events() == kinds_and_ids([prediction(1), prediction(2)])


def test_ten_thousand_events_wait_while_the_endpoint_is_down(store: Store, endpoint: Ingestion, outlet: Outlet) -> None:
    endpoint.stop()
    events = [feedback(number) for number in range(10_000)]
    for number in range(0, len(events), 500):
        store.add(events[number : number + 500])
        with pytest.raises(Delayed):
            forward(store, outlet, settle_seconds=8)
    assert store.waiting(0) == 10_000
    endpoint.listen()
    forward(store, outlet, settle_seconds=8)
    assert endpoint.events() == kinds_and_ids(events)
    assert store.waiting(store.progress()[FORWARDER].number) == 0


FORWARD = """
import importlib, sys
from pathlib import Path
from telemetry.forwarding import forward
from telemetry.store import Store
outlet = importlib.import_module("telemetry.outlets." + sys.argv[1]).connect(sys.argv[2], timeout=30)
forward(Store(Path(sys.argv[3])), outlet, settle_seconds=8)
"""


@pytest.mark.parametrize("exporter", OUTLETS)
def test_every_event_arrives_even_if_forwarding_is_killed(exporter: str, store: Store, endpoint: Ingestion) -> None:
    events = [feedback(number) for number in range(8 * BATCH)]
    store.add(events)
    command = [sys.executable, "-c", FORWARD, exporter, endpoint.connection_string, str(store.path)]
    endpoint.delay_seconds = 0.1
    with subprocess.Popen(command, cwd=PROJECT) as process:
        wait_until(lambda: len(endpoint.envelopes) >= 3 * BATCH)
        endpoint.delay_seconds = 30  # the batch in flight is accepted before the kill, but not marked as forwarded
        wait_until(lambda: len(endpoint.envelopes) >= 4 * BATCH)
        process.kill()
    assert process.returncode == -9
    assert len(endpoint.events()) < len(events)
    assert 0 < store.progress()[FORWARDER].number < len(endpoint.events())
    endpoint.recover()
    subprocess.run(command, cwd=PROJECT, check=True, timeout=PATIENCE_SECONDS)
    assert endpoint.events() == kinds_and_ids(events)
    assert len(endpoint.envelopes) > len(events)
    assert store.progress()[FORWARDER] == (len(events), None)


WORK = """
import os, sys, time
from pathlib import Path
from telemetry.worker import Worker
def job():
    with Path(sys.argv[2]).open("a") as file:
        file.write(f"{os.getpid()}\\n")
Worker(job, lock=Path(sys.argv[1]), seconds=0.05).start()
time.sleep(60)
"""


def test_a_second_process_takes_over_if_the_first_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    processes = {
        child.pid: child
        for child in [
            subprocess.Popen([sys.executable, "-c", WORK, tmp_path / "lock", log], cwd=PROJECT) for _ in range(2)
        ]
    }

    def workers() -> list[int]:
        return [int(line) for line in log.read_text().splitlines()]

    try:
        wait_until(lambda: len(workers()) >= 10)
        (first,) = set(workers())
        processes[first].kill()
        processes[first].wait()
        before = len(workers())
        wait_until(lambda: len(workers()) >= before + 10)
        (second,) = set(workers()[before:])
        assert {first, second} == set(processes)
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def test_a_failing_job_backs_off_until_it_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(worker, "LONGEST_WAIT_SECONDS", 0.1)
    failures = iter([Delayed("not yet"), sqlite3.OperationalError("locked"), OSError("full"), *[Delayed("no")] * 3])
    turns: list[float] = []

    def job() -> None:
        turns.append(time.monotonic())
        for failure in failures:
            raise failure

    with caplog.at_level(logging.WARNING):
        job_worker = Worker(job, lock=tmp_path / "lock", seconds=0.01)
        job_worker.start()
        wait_until(lambda: len(turns) >= 9)
        job_worker.close()
    assert [message.rpartition(" retrying in ")[2] for message in caplog.messages] == [
        "0.02 s",
        "0.04 s",
        "0.08 s",
        "0.1 s",
        "0.1 s",
        "0.1 s",
    ]
    waits = [after - before for before, after in zip(turns, turns[1:], strict=False)]
    assert [wait >= announced for wait, announced in zip(waits, (0.02, 0.04, 0.08, 0.1, 0.1, 0.1), strict=False)] == [
        True
    ] * 6
    assert waits[7] < 0.1


def test_a_worker_stops_at_once_and_releases_its_lock(tmp_path: Path) -> None:
    ran = threading.Event()
    job_worker = Worker(ran.set, lock=tmp_path / "lock", seconds=60)
    job_worker.start()
    assert ran.wait(PATIENCE_SECONDS)
    lock = FileLock(tmp_path / "lock")
    with pytest.raises(TimeoutError):
        lock.acquire(blocking=False)
    began = time.monotonic()
    job_worker.close()
    assert time.monotonic() - began < 1
    with lock.acquire(blocking=False):
        assert lock.is_locked


def test_the_pages_workers_forward_and_alert_in_the_background(
    store: Store, endpoint: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", endpoint.connection_string)
    monkeypatch.setenv("TELEMETRY_UNDO_SECONDS", "0.5")
    settings = read(Settings)
    workers = jobs.page_workers(settings, store)
    assert len(workers) == 3
    for job_worker in workers:
        job_worker.start()
    for number in range(3):
        store.acknowledge(feedback(number, time.time()))
    wait_until(lambda: len(endpoint.events()) == 3 and store.alerts())
    for job_worker in workers:
        job_worker.close()
    assert len(store.alerts()) == 1
    assert len(jobs.service_workers(settings, store)) == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 200 kB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], check=False).returncode != 0:
        pytest.skip("this machine does not allow mounting a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_raises_an_error_and_loses_no_acknowledged_event(small_disk: Path) -> None:
    store = Store(small_disk / "events.db")
    store.create()
    acknowledged: list[str] = []
    with pytest.raises(sqlite3.Error):
        for number in range(10_000):
            store.acknowledge(feedback(number))
            acknowledged.append(feedback(number).id)
    assert len(acknowledged) > 10
    with pytest.raises(OSError), (small_disk / "rest").open("ab", buffering=0) as filler:
        while True:
            filler.write(bytes(512))
    with pytest.raises(sqlite3.Error):
        store.acknowledge(feedback(20_000))
    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    assert [event["id"] for event in store.read("feedback")] == acknowledged
    store.acknowledge(feedback(20_000))
    assert store.read("feedback")[-1]["id"] == feedback(20_000).id
