"""Forwarding events to Application Insights: each arrives despite failures, killed processes and full disks."""

import importlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from telemetry import schema, worker
from telemetry.database import Unavailable
from telemetry.events import Event, Feedback, Prediction
from telemetry.forwarding import BATCH, Outlet, forward, waiting
from telemetry.jobs import Jobs
from telemetry.leases import Leases
from telemetry.settings import Settings, read
from telemetry.store import Store, forwarder
from telemetry.worker import Delayed, Worker
from tests.events import feedback, prediction
from tests.fake_ingestion import Ingestion, ingestion

PROJECT = Path(__file__).parents[2]
OUTLETS = ("opencensus", "opentelemetry")
PATIENCE_SECONDS = 90.0
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
def store(event_store: Store) -> Store:
    return event_store


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
                with pytest.raises(Delayed, match="Application Insights did not accept a batch") as delayed:
                    forward(store, short_timeout, undo_seconds=8)
            assert delayed.value.code == "ingestion_unreachable"
            assert waiting(store) == len(events) - accepted
        if failure == "refused":
            endpoint.listen()
        endpoint.recover()
        forward(store, outlet, undo_seconds=8)
        assert waiting(store) == 0
        assert set(endpoint.events()) == set(kinds_and_ids(events))
    before = len(endpoint.envelopes)
    forward(store, outlet, undo_seconds=8)
    assert len(endpoint.envelopes) == before


def test_accepted_events_arrive_once_and_in_order(store: Store, endpoint: Ingestion, outlet: Outlet) -> None:
    events = [feedback(number) for number in range(3 * BATCH + 1)]
    store.add(events[:-1])
    forward(store, outlet, undo_seconds=8)
    store.add(events[-1:])
    forward(store, outlet, undo_seconds=8)
    assert [(fields["kind"], fields["id"]) for fields in endpoint.properties()] == kinds_and_ids(events)
    assert len(endpoint.paths) == 4


def test_feedback_that_can_be_undone_is_not_forwarded_yet(store: Store, endpoint: Ingestion, outlet: Outlet) -> None:
    store.add([prediction(1), feedback(1, time.time()), prediction(2)])
    forward(store, outlet, undo_seconds=60)
    assert endpoint.events() == kinds_and_ids([prediction(1), prediction(2)])
    assert store.withdraw(feedback(1).id, undo_seconds=60)
    store.add([prediction(3)])
    forward(store, outlet, undo_seconds=60)
    assert endpoint.events() == kinds_and_ids([prediction(1), prediction(2), prediction(3)])


def test_fingerprints_are_not_forwarded(store: Store, endpoint: Ingestion, outlet: Outlet) -> None:
    store.add([feedback(1, fingerprint="a-fingerprint", comment="irony")])
    forward(store, outlet, undo_seconds=8)
    (fields,) = endpoint.properties()
    assert (fields["comment"], fields["source"], fields["schema"]) == ("irony", "api", "3")
    assert "a-fingerprint" not in str(endpoint.envelopes)


class Refusing:
    """An outlet that cannot convert one event."""

    def __init__(self, outlet: Outlet, event_id: str) -> None:
        self.outlet, self.event_id = outlet, event_id

    def send(self, records: Sequence[logging.LogRecord]) -> bool:
        if any(record.__dict__["custom_dimensions"]["id"] == self.event_id for record in records):
            raise OverflowError("a tweet")
        return self.outlet.send(records)


def test_an_event_that_cannot_be_forwarded_is_put_aside_and_the_rest_arrives(
    store: Store, endpoint: Ingestion, outlet: Outlet
) -> None:
    events = [make(number) for number in range(10) for make in (prediction, feedback)]
    store.add(events)
    errors: list[str] = []
    for _ in range(2):
        forward(store, Refusing(outlet, prediction(3).id), undo_seconds=8, count=errors.append)
    poison = {("prediction", prediction(3).id), ("feedback", feedback(3).id)}
    assert set(endpoint.events()) == set(kinds_and_ids(events)) - poison
    assert errors == [forwarder("prediction"), forwarder("feedback")]
    with store.database.reading() as connection:
        skipped = {(row.reader, row.number, row.error) for row in connection.execute(sa.select(schema.skipped))}
    assert skipped == {(forwarder(kind), 4, "OverflowError") for kind in ("prediction", "feedback")}
    assert waiting(store) == 0


@pytest.mark.extended
def test_ten_thousand_events_wait_while_the_endpoint_is_down(store: Store, endpoint: Ingestion, outlet: Outlet) -> None:
    endpoint.stop()
    events = [feedback(number) for number in range(10_000)]
    for number in range(0, len(events), 500):
        store.add(events[number : number + 500])
        with pytest.raises(Delayed):
            forward(store, outlet, undo_seconds=8)
    assert waiting(store) == 10_000
    endpoint.listen()
    forward(store, outlet, undo_seconds=8)
    assert endpoint.events() == kinds_and_ids(events)
    assert waiting(store) == 0


FORWARD = """
import importlib, sys
from telemetry.forwarding import forward
from telemetry.store import Store
outlet = importlib.import_module("telemetry.outlets." + sys.argv[1]).connect(sys.argv[2], timeout=30)
forward(Store(sys.argv[3]), outlet, undo_seconds=8)
"""


@pytest.mark.extended
@pytest.mark.parametrize("exporter", OUTLETS)
def test_every_event_arrives_even_if_forwarding_is_killed(
    exporter: str, store: Store, events_url: str, endpoint: Ingestion
) -> None:
    events = [feedback(number) for number in range(8 * BATCH)]
    store.add(events)
    command = [sys.executable, "-c", FORWARD, exporter, endpoint.connection_string, events_url]
    endpoint.delay_seconds = 0.1
    with subprocess.Popen(command, cwd=PROJECT) as process:
        wait_until(lambda: len(endpoint.envelopes) >= 3 * BATCH)
        endpoint.delay_seconds = 30  # the batch in flight is accepted before the kill, but not marked as forwarded
        wait_until(lambda: len(endpoint.envelopes) >= 4 * BATCH)
        process.kill()
    assert process.returncode == -9
    assert len(endpoint.events()) < len(events)
    assert 0 < store.reached(forwarder("feedback")) < len(endpoint.events())
    endpoint.recover()
    subprocess.run(command, cwd=PROJECT, check=True, timeout=PATIENCE_SECONDS)
    assert endpoint.events() == kinds_and_ids(events)
    assert len(endpoint.envelopes) > len(events)
    assert waiting(store) == 0


WORK = """
import os, sys, time
from pathlib import Path
from telemetry.leases import Leases
from telemetry.store import Store
from telemetry.worker import Worker
def job():
    with Path(sys.argv[2]).open("a") as file:
        file.write(f"{os.getpid()}\\n")
leases = Leases(Store(sys.argv[1]), seconds=1.5)
leases.start()
Worker("job", job, leases=leases, seconds=0.05).start()
time.sleep(60)
"""


@pytest.mark.extended
def test_a_second_process_takes_over_if_the_first_is_killed(events_url: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    processes = {
        child.pid: child
        for child in [subprocess.Popen([sys.executable, "-c", WORK, events_url, log], cwd=PROJECT) for _ in range(2)]
    }

    def workers() -> list[int]:
        return [int(line) for line in log.read_text().splitlines()]

    try:
        wait_until(lambda: len(workers()) >= 60)  # longer than a lease
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


def test_a_process_that_the_store_forgot_stops_working(open_store: Callable[..., Store]) -> None:
    paused, other = (Leases(open_store(), seconds=0.5) for _ in range(2))  # nothing renews them
    assert paused.acquire("job")
    assert not other.acquire("job")
    time.sleep(0.6)
    assert other.acquire("job")
    assert not paused.acquire("job")
    other.release("job")
    time.sleep(0.2)  # the store is asked three times per lease
    assert paused.acquire("job")


def test_a_failing_job_backs_off_until_it_succeeds(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(worker, "LONGEST_WAIT_SECONDS", 0.1)
    errors: list[str] = []
    failures = iter([Delayed("not_yet", "no"), Unavailable("locked"), ZeroDivisionError(), *[Delayed("no", "no")] * 3])
    turns: list[float] = []

    def job() -> None:
        turns.append(time.monotonic())
        for failure in failures:
            raise failure

    with caplog.at_level(logging.WARNING):
        job_worker = Worker("test", job, leases=Leases(store), seconds=0.01, count=errors.append)
        job_worker.start()
        wait_until(lambda: len(turns) >= 9)
        job_worker.stop()
        job_worker.join()
    retries = [message for message in caplog.messages if "retrying" in message]
    assert [message.partition("The job test failed ")[2] for message in retries] == [
        "(not_yet); retrying in 0.02 s",
        "(store_unreachable); retrying in 0.04 s",
        "(unexpected); retrying in 0.08 s",
        "(no); retrying in 0.1 s",
        "(no); retrying in 0.1 s",
        "(no); retrying in 0.1 s",
    ]
    assert errors == ["test"]
    waits = [after - before for before, after in zip(turns, turns[1:], strict=False)]
    assert [wait >= announced for wait, announced in zip(waits, (0.02, 0.04, 0.08, 0.1, 0.1, 0.1), strict=False)] == [
        True
    ] * 6


def test_a_worker_stops_at_once_and_releases_its_job(store: Store, open_store: Callable[..., Store]) -> None:
    ran = threading.Event()
    job_worker = Worker("job", ran.set, leases=Leases(store), seconds=60)
    job_worker.start()
    assert ran.wait(PATIENCE_SECONDS)
    assert not Leases(open_store()).acquire("job")
    began = time.monotonic()
    job_worker.stop()
    job_worker.join()
    assert time.monotonic() - began < 1
    assert Leases(open_store()).acquire("job")


def test_the_jobs_forward_and_alert_in_the_background(
    store: Store, endpoint: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", endpoint.connection_string)
    monkeypatch.setenv("TELEMETRY_UNDO_SECONDS", "0.5")
    jobs = Jobs(read(Settings), store).start()
    assert [job.name for job in jobs.workers] == ["rule", "prune", "forward"]
    for number in range(3):
        store.acknowledge(feedback(number), undo_seconds=0.5)
    store.add([prediction(1)])
    wait_until(lambda: len(endpoint.events()) == 4 and count(store, schema.alerts))
    jobs.close()
    assert count(store, schema.alerts) == 1


def count(store: Store, table: sa.Table) -> int:
    with store.database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 600 kB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", folder], check=False).returncode != 0:
        pytest.skip("this machine does not allow mounting a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_raises_an_error_and_loses_no_acknowledged_event(small_disk: Path) -> None:
    with closing(Store(f"sqlite:///{small_disk / 'events.db'}")) as store:
        store.create()
        acknowledged: list[str] = []
        with pytest.raises(Unavailable, match="full"):
            for number in range(10_000):
                store.acknowledge(feedback(number), undo_seconds=0)
                acknowledged.append(feedback(number).id)
        assert len(acknowledged) > 10
        with pytest.raises(OSError), (small_disk / "rest").open("ab", buffering=0) as filler:
            while True:
                filler.write(bytes(512))
        with pytest.raises(Unavailable, match="full|disk"):
            store.acknowledge(feedback(20_000), undo_seconds=0)
        subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
        assert [event.id for event in store.read(Feedback)] == acknowledged
        store.acknowledge(feedback(20_000), undo_seconds=0)
        assert [event.id for event in store.read(Feedback)] == [*acknowledged, feedback(20_000).id]
        store.add([prediction(1)])
        assert len(list(store.read(Prediction))) == 1
