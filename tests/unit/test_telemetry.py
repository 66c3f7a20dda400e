"""The event store, and the thread that writes to it."""

import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.events import keep
from telemetry.store import DAY, Store
from telemetry.writer import Writer
from tests.events import prediction

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "events" / "events.db")
    store.create()
    return store


@pytest.fixture
def counts() -> dict[str, int]:
    return {"stored": 0, "dropped": 0}


def writer(store: Store, counts: dict[str, int], **settings: float) -> Writer:
    def count(fate: str, events: int) -> None:
        counts[fate] += events

    return Writer(store, count=count, **{"seconds": 0.01, **settings})  # type: ignore[arg-type]


def test_events_are_read_back_unchanged_in_order(store: Store) -> None:
    store.add([prediction(2), prediction(1, text="late 😠 \n")])
    rows = store.read("prediction")
    assert [event["id"][-1] for event in rows] == ["2", "1"]
    assert rows[1]["text"] == "late 😠 \n"
    assert rows[0]["schema"] == 2
    assert store.read("feedback") == []


def test_an_event_added_twice_is_stored_once(store: Store) -> None:
    store.add([prediction(1, when=1.0)])
    store.add([prediction(1, when=2.0), prediction(2)])
    assert [event["time"] for event in store.read("prediction")][0] == 1.0
    assert len(store.read("prediction")) == 2


def test_creating_an_existing_store_keeps_its_events(store: Store) -> None:
    store.add([prediction(1)])
    store.create()
    assert len(store.read("prediction")) == 1


class Contended(sqlite3.Connection):
    """A connection that twice finds another one switching to write-ahead logging, for which SQLite does not wait."""

    conflicts = 0

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        if "journal_mode" in statement and Contended.conflicts < 2:
            Contended.conflicts += 1
            busy = sqlite3.OperationalError("database is locked")
            busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise busy
        return super().execute(statement, *parameters)


def test_processes_that_create_the_same_store_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    with monkeypatch.context() as contended:
        contended.setattr(sqlite3, "connect", lambda path, timeout: connect(path, timeout, factory=Contended))
        Store(tmp_path / "events.db").create()
    assert Contended.conflicts == 2
    with Store(tmp_path / "events.db").connected() as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_events_can_be_read_since_a_time(store: Store) -> None:
    store.add([prediction(number, when=float(number)) for number in range(10)])
    assert len(store.read("prediction", since=7)) == 3


def test_old_events_are_deleted(store: Store) -> None:
    now = time.time()
    store.add([prediction(days, when=now - days * DAY + 1) for days in range(1, 11)])
    store.prune(days=3, megabytes=100, forwarding=False)
    assert len(store.read("prediction")) == 3


def test_the_oldest_events_are_deleted_if_the_file_is_too_large(store: Store) -> None:
    store.add([prediction(number, text="x" * 1000) for number in range(5000)])
    assert store.path.stat().st_size > 5e6
    store.prune(days=30, megabytes=2, forwarding=False)
    remaining = store.read("prediction")
    assert remaining[-1]["id"] == prediction(4999).id
    assert 500 < len(remaining) < 2000
    with sqlite3.connect(store.path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert store.path.stat().st_size <= 2e6


def test_an_empty_store_above_the_size_limit_can_be_pruned(store: Store) -> None:
    store.prune(days=30, megabytes=0.000_001, forwarding=False)
    assert store.read("prediction") == []


def test_a_writer_writes_every_event_before_it_stops(store: Store, counts: dict[str, int]) -> None:
    event_writer = writer(store, counts, seconds=60)
    event_writer.start()
    event_writer.add(prediction(number) for number in range(100))
    event_writer.close()
    assert len(store.read("prediction")) == counts["stored"] == 100


def test_events_beyond_the_buffer_are_dropped_and_counted(store: Store, counts: dict[str, int]) -> None:
    event_writer = writer(store, counts, seconds=60, most=10)
    event_writer.start()
    event_writer.add(prediction(number) for number in range(25))
    event_writer.close()
    assert counts == {"stored": 10, "dropped": 15}


def test_events_wait_while_the_file_is_locked(store: Store, counts: dict[str, int]) -> None:
    event_writer = writer(store, counts)
    event_writer.start()
    with sqlite3.connect(store.path, isolation_level=None) as locking:
        locking.execute("BEGIN IMMEDIATE")
        event_writer.add([prediction(1)])
        time.sleep(0.2)
        assert counts["stored"] == 0
        locking.execute("ROLLBACK")
    event_writer.close()
    assert counts == {"stored": 1, "dropped": 0}


def test_an_unwritable_store_is_an_error_at_the_start(tmp_path: Path, counts: dict[str, int]) -> None:
    (tmp_path / "events.db").write_text("no database, but a text that is long enough to be none of SQLite's")
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        writer(Store(tmp_path / "events.db"), counts).start()


def test_written_events_survive_a_killed_process(tmp_path: Path) -> None:
    code = f"""
import os, signal, sys, time
sys.path.insert(0, {str(PROJECT)!r})
from pathlib import Path
from telemetry.store import Store
from telemetry.writer import Writer
from tests.unit.test_telemetry import prediction
store = Store(Path({str(tmp_path / "events.db")!r}))
event_writer = Writer(store, count=lambda *_: None, seconds=0.1)
event_writer.start()
event_writer.add(prediction(number) for number in range(1000))
time.sleep(1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert len(Store(tmp_path / "events.db").read("prediction")) == 1000


def test_texts_are_dropped_masked_or_stored_as_set() -> None:
    text = "@anna look: https://example.org/x www.example.org mail me@example.org"
    assert keep(text, "none") is None
    assert keep(text, "masked") == "@user look: http http mail me@example.org"
    assert keep(text, "raw") == text


@given(st.lists(st.sampled_from(["@", "anna", "www.", "HTTPS://", "x.org", " "]) | st.text(max_size=2)).map("".join))
def test_a_masked_text_contains_no_links_and_mentions_nobody(text: str) -> None:
    masked = keep(text, "masked")
    assert masked is not None
    assert set(re.findall(r"(?<!\w)@\w+", masked)) <= {"@user"}
    assert not re.search(r"(https?://|www\.)\S", masked, re.IGNORECASE)
    assert keep(masked, "masked") == masked
