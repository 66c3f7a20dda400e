"""The ways to Application Insights: both send the same, and say truly whether it was taken."""

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

# OpenCensus' import.
pytestmark = pytest.mark.filterwarnings("ignore:'locale.getdefaultlocale' is deprecated:DeprecationWarning")
PROJECT = Path(__file__).parents[2]
OUTLETS = ("opencensus", "opentelemetry")
WHEN = time.time() - 3600.25
TEXT = 'délayed again 😠 <b>\n"5%"'
Connect = Callable[..., Outlet]

PREDICTION = Prediction(
    id="1" * 32,
    time=WHEN,
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
    model_version="7",
    negative_probability=0.25,
    text=TEXT,
    predicted_sentiment="positive",
    true_sentiment="negative",
    comment="rude",
    page_version="0.1.0",
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


def test_both_send_the_same_fields_as_the_same_texts(endpoint: Ingestion) -> None:
    for exporter in OUTLETS:
        assert send(connected(exporter, endpoint), PREDICTION, FEEDBACK)
    told = endpoint.properties()
    for fields, event in zip(told, (PREDICTION, FEEDBACK) * 2, strict=True):
        expected = {name: str(value) for name, value in event.body().items() if value is not None}
        assert {name: fields[name] for name in expected} == expected
        assert set(fields) - set(expected) <= {"logger_name"}
    assert told[1]["text"] == TEXT
    assert "text" not in told[0]


@pytest.mark.parametrize("exporter", OUTLETS)
def test_what_is_too_old_for_the_endpoint_is_sent_as_younger_and_says_how_old_it_is(
    exporter: str, endpoint: Ingestion
) -> None:
    old = Prediction(**{**vars(PREDICTION), "time": WHEN - 10 * 24 * 3600})
    assert send(connected(exporter, endpoint), old)
    (envelope,) = endpoint.envelopes
    sent = datetime.fromisoformat(envelope["time"]).timestamp()
    assert sent == pytest.approx(time.time() - OLDEST_SECONDS, abs=60)
    assert float(endpoint.properties()[0]["time"]) == old.time


@pytest.mark.parametrize("exporter", OUTLETS)
@pytest.mark.parametrize("status", [206, 307, 400, 401, 402, 404, 408, 429, 439, 500, 502, 503, 504])
def test_what_was_not_taken_is_said_so_and_can_be_sent_again(exporter: str, status: int, endpoint: Ingestion) -> None:
    outlet = connected(exporter, endpoint)
    endpoint.status = status
    began = time.monotonic()
    assert not send(outlet, PREDICTION, FEEDBACK)
    assert time.monotonic() - began < 1  # it is tried again by who asks, not here
    assert len(endpoint.paths) == 1
    endpoint.revive()
    assert send(outlet, PREDICTION, FEEDBACK)
    assert set(endpoint.events()) == {("prediction", PREDICTION.id), ("feedback", FEEDBACK.id)}


@pytest.mark.parametrize("exporter", OUTLETS)
def test_an_endpoint_that_refuses_connections_or_closes_them_has_taken_nothing(
    exporter: str, endpoint: Ingestion
) -> None:
    outlet = connected(exporter, endpoint)
    endpoint.hangs_up = True
    assert not send(outlet, PREDICTION)
    endpoint.vanish()
    assert not send(outlet, PREDICTION)
    endpoint.listen()
    assert send(outlet, PREDICTION)


@pytest.mark.parametrize("exporter", OUTLETS)
def test_an_endpoint_that_never_answers_is_given_up_in_time(exporter: str, endpoint: Ingestion) -> None:
    outlet = connected(exporter, endpoint, timeout=0.5)
    endpoint.seconds = 30
    began = time.monotonic()
    assert not send(outlet, PREDICTION)
    assert 0.4 < time.monotonic() - began < 1.5
    endpoint.revive()
    assert send(outlet, PREDICTION)


@pytest.mark.parametrize("exporter", OUTLETS)
@pytest.mark.parametrize("status", [206, 400, 503])
def test_no_log_holds_a_text(exporter: str, status: int, endpoint: Ingestion, caplog: pytest.LogCaptureFixture) -> None:
    outlet = connected(exporter, endpoint)
    endpoint.status = status
    with caplog.at_level(logging.INFO):
        assert not send(outlet, FEEDBACK)
    assert caplog.records
    assert "again" not in caplog.text


@pytest.mark.parametrize("exporter", OUTLETS)
def test_half_a_character_does_not_hold_up_the_others(exporter: str, endpoint: Ingestion) -> None:
    broken = Prediction(**{**vars(PREDICTION), "text": "late \ud83d"})
    assert send(connected(exporter, endpoint), broken, FEEDBACK)
    assert len(endpoint.envelopes) == 2


HEAR = """
import importlib, sys, threading, time
from pathlib import Path
heard = Path(sys.argv[1]).open("w", buffering=1)
def hear(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        heard.write(f"{arguments}\\n")
sys.addaudithook(hear)
from telemetry.forwarding import record
outlet = importlib.import_module("telemetry.outlets." + sys.argv[2]).connect(sys.argv[3], timeout=5)
if "send" in sys.argv:
    assert outlet.send([record({"kind": "prediction", "id": "1", "time": time.time()})])
    time.sleep(0.5)
heard.writelines(f"{thread.name}\\n" for thread in threading.enumerate())
"""
THREADS = {"MainThread", "Outlet Worker"}  # the second is OpenCensus', which is not used


def heard(folder: Path, *arguments: str) -> list[str]:
    """Return to whom a process speaks that connects by a library, and its threads."""
    file = folder / "heard"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("APPLICATIONINSIGHTS_")}
    subprocess.run([sys.executable, "-c", HEAR, file, *arguments], cwd=PROJECT, env=kept, check=True, timeout=60)
    return file.read_text().splitlines()


@pytest.mark.parametrize("exporter", OUTLETS)
def test_nobody_else_is_spoken_to(exporter: str, endpoint: Ingestion, tmp_path: Path) -> None:
    told = set(heard(tmp_path, exporter, endpoint.connection_string, "send"))
    assert "MainThread" in told
    others = told - THREADS
    assert others
    assert all(f"'127.0.0.1', {endpoint.port}" in who for who in others)
    assert [fields["kind"] for fields in endpoint.properties()] == ["prediction"]  # and no statistics, at the end


@pytest.mark.parametrize("exporter", OUTLETS)
def test_nobody_gathers_statistics_for_azure(exporter: str, tmp_path: Path) -> None:
    endpoint = "https://westeurope-5.in.applicationinsights.azure.com/"  # nothing is sent to it
    assert set(heard(tmp_path, exporter, f"InstrumentationKey={KEY};IngestionEndpoint={endpoint}")) <= THREADS


@pytest.mark.parametrize("exporter", OUTLETS)
@pytest.mark.parametrize("wrong", ["nonsense", "InstrumentationKey=none", "IngestionEndpoint=http://127.0.0.1:1"])
def test_a_connection_string_that_is_wrong_is_refused_at_once(
    exporter: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_EXPORTER", exporter)
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", wrong)
    with pytest.raises(ValueError):
        connect(read(Settings))


def test_without_a_connection_string_nothing_is_forwarded() -> None:
    assert connect(read(Settings)) is None
