"""The exporters to Application Insights: both send the same, and report whether it was accepted."""

import importlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from telemetry.events import Event, Feedback, Prediction
from telemetry.forwarding import OLDEST_SECONDS, Outlet, connect, record
from telemetry.settings import Settings, read
from tests.fake_ingestion import KEY, Ingestion, ingestion

PROJECT = Path(__file__).parents[2]
OUTLETS = ("opencensus", "opentelemetry")
WHEN = time.time() - 3600.25
TEXT = 'délayed again 😠 <b>\n"5%"'
Connect = Callable[..., Outlet]

PREDICTION = Prediction(
    id="1" * 32,
    time=WHEN,
    source="api",
    model_version="7",
    negative_probability=0.75,
    sentiment="negative",
    milliseconds=1.5,
    characters=20,
    text=None,
)
FEEDBACK = Feedback(
    id="2" * 32,
    time=WHEN + 60,
    source="page",
    model_version="7",
    negative_probability=0.25,
    text=TEXT,
    predicted_sentiment="positive",
    true_sentiment="negative",
    comment="rude",
    fingerprint="0" * 32,
)


@pytest.fixture
def endpoint() -> Iterator[Ingestion]:
    with ingestion() as endpoint:
        yield endpoint


def connected(exporter: str, endpoint: Ingestion, timeout: float = 5.0) -> Outlet:
    library = importlib.import_module(f"telemetry.outlets.{exporter}")
    outlet: Outlet = library.connect(endpoint.connection_string, timeout=timeout)
    return outlet


def send(outlet: Outlet, *events: Event) -> bool:
    return outlet.send([record(event.body()) for event in events])


@pytest.mark.parametrize("exporter", OUTLETS)
def test_events_arrive_with_their_kind_and_their_time(exporter: str, endpoint: Ingestion) -> None:
    assert send(connected(exporter, endpoint), PREDICTION, FEEDBACK)
    assert endpoint.paths == ["/v2.1/track"]
    for envelope, event in zip(endpoint.envelopes, (PREDICTION, FEEDBACK), strict=True):
        assert envelope["iKey"] == KEY
        assert envelope["data"]["baseType"] == "MessageData"
        assert envelope["data"]["baseData"]["message"] == event.kind
        assert envelope["time"].endswith("Z")
        assert datetime.fromisoformat(envelope["time"]).timestamp() == pytest.approx(event.time, abs=1e-3)


def test_both_exporters_send_the_same_fields_and_texts(endpoint: Ingestion) -> None:
    for exporter in OUTLETS:
        assert send(connected(exporter, endpoint), PREDICTION, FEEDBACK)
    sent = endpoint.properties()
    for fields, event in zip(sent, (PREDICTION, FEEDBACK) * 2, strict=True):
        expected = {name: str(value) for name, value in event.body().items() if value is not None}
        assert {name: fields[name] for name in expected} == expected
        assert set(fields) - set(expected) <= {"logger_name"}
    assert sent[1]["text"] == TEXT
    assert "text" not in sent[0]


@pytest.mark.parametrize("exporter", OUTLETS)
def test_an_event_too_old_for_the_endpoint_is_sent_with_a_later_time(exporter: str, endpoint: Ingestion) -> None:
    old = Prediction(**{**vars(PREDICTION), "time": WHEN - 10 * 24 * 3600})
    assert send(connected(exporter, endpoint), old)
    (envelope,) = endpoint.envelopes
    sent = datetime.fromisoformat(envelope["time"]).timestamp()
    assert sent == pytest.approx(time.time() - OLDEST_SECONDS, abs=60)
    assert float(endpoint.properties()[0]["time"]) == old.time


@pytest.mark.parametrize("exporter", OUTLETS)
@pytest.mark.parametrize("status", [206, 307, 400, 401, 402, 404, 408, 429, 439, 500, 502, 503, 504])
def test_rejected_events_are_reported_and_can_be_sent_again(exporter: str, status: int, endpoint: Ingestion) -> None:
    outlet = connected(exporter, endpoint)
    endpoint.status = status
    began = time.monotonic()
    assert not send(outlet, PREDICTION, FEEDBACK)
    assert time.monotonic() - began < 1  # the caller retries, not the outlet
    assert len(endpoint.paths) == 1
    endpoint.recover()
    assert send(outlet, PREDICTION, FEEDBACK)
    assert set(endpoint.events()) == {("prediction", PREDICTION.id), ("feedback", FEEDBACK.id)}


@pytest.mark.parametrize("exporter", OUTLETS)
def test_refused_or_closed_connections_are_reported_as_failures(exporter: str, endpoint: Ingestion) -> None:
    outlet = connected(exporter, endpoint)
    endpoint.closes_connections = True
    assert not send(outlet, PREDICTION)
    endpoint.stop()
    assert not send(outlet, PREDICTION)
    endpoint.listen()
    assert send(outlet, PREDICTION)


@pytest.mark.parametrize("exporter", OUTLETS)
def test_sending_to_an_unresponsive_endpoint_times_out(exporter: str, endpoint: Ingestion) -> None:
    outlet = connected(exporter, endpoint, timeout=0.5)
    endpoint.delay_seconds = 30
    began = time.monotonic()
    assert not send(outlet, PREDICTION)
    assert 0.4 < time.monotonic() - began < 1.5
    endpoint.recover()
    assert send(outlet, PREDICTION)


@pytest.mark.parametrize("exporter", OUTLETS)
@pytest.mark.parametrize("status", [206, 400, 503])
def test_logs_do_not_contain_texts(
    exporter: str, status: int, endpoint: Ingestion, caplog: pytest.LogCaptureFixture
) -> None:
    outlet = connected(exporter, endpoint)
    endpoint.status = status
    with caplog.at_level(logging.INFO):
        assert not send(outlet, FEEDBACK)
    assert caplog.records
    assert "again" not in caplog.text


@pytest.mark.parametrize("exporter", OUTLETS)
def test_a_lone_surrogate_does_not_block_other_events(exporter: str, endpoint: Ingestion) -> None:
    broken = Prediction(**{**vars(PREDICTION), "text": "late \ud83d"})
    assert send(connected(exporter, endpoint), broken, FEEDBACK)
    assert len(endpoint.envelopes) == 2


RECORD_CONNECTIONS = """
import importlib, sys, threading, time
from pathlib import Path
recording = Path(sys.argv[1]).open("w", buffering=1)
def write_connection(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        recording.write(f"{arguments}\\n")
sys.addaudithook(write_connection)
from telemetry.forwarding import record
outlet = importlib.import_module("telemetry.outlets." + sys.argv[2]).connect(sys.argv[3], timeout=5)
if "send" in sys.argv:
    assert outlet.send([record({"kind": "prediction", "id": "1", "time": time.time()})])
    time.sleep(0.5)
recording.writelines(f"{thread.name}\\n" for thread in threading.enumerate())
"""
THREADS = {"MainThread", "Outlet Worker"}  # OpenCensus starts the second one, which is not used


def connections_and_threads(folder: Path, *arguments: str) -> list[str]:
    """Return the connections and the threads of a process that connects with a library."""
    file = folder / "recording"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APPLICATIONINSIGHTS_")}
    subprocess.run(
        [sys.executable, "-c", RECORD_CONNECTIONS, file, *arguments],
        cwd=PROJECT,
        env=environment,
        check=True,
        timeout=60,
    )
    return file.read_text().splitlines()


@pytest.mark.parametrize("exporter", OUTLETS)
def test_no_other_address_is_contacted(exporter: str, endpoint: Ingestion, tmp_path: Path) -> None:
    recorded = set(connections_and_threads(tmp_path, exporter, endpoint.connection_string, "send"))
    assert "MainThread" in recorded
    connections = recorded - THREADS
    assert connections
    assert all(f"'127.0.0.1', {endpoint.port}" in connection for connection in connections)
    assert [fields["kind"] for fields in endpoint.properties()] == ["prediction"]  # and no statistics at exit


@pytest.mark.parametrize("exporter", OUTLETS)
def test_no_statistics_are_collected_for_azure(exporter: str, tmp_path: Path) -> None:
    endpoint = "https://westeurope-5.in.applicationinsights.azure.com/"  # nothing is sent to it
    assert (
        set(connections_and_threads(tmp_path, exporter, f"InstrumentationKey={KEY};IngestionEndpoint={endpoint}"))
        <= THREADS
    )


@pytest.mark.parametrize("exporter", OUTLETS)
@pytest.mark.parametrize(
    "connection_string", ["nonsense", "InstrumentationKey=none", "IngestionEndpoint=http://127.0.0.1:1"]
)
def test_an_invalid_connection_string_is_refused_at_once(
    exporter: str, connection_string: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_EXPORTER", exporter)
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", connection_string)
    with pytest.raises(ValueError):
        connect(read(Settings))


def test_without_a_connection_string_nothing_is_forwarded() -> None:
    assert connect(read(Settings)) is None
