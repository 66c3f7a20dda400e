"""The event store, and the thread that writes to it."""

import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from telemetry import alert, schema
from telemetry.database import StoreError, Unavailable
from telemetry.events import Event, Feedback, Prediction, keep
from telemetry.retention import DAY, prune
from telemetry.store import RULE, Store, forwarder
from telemetry.writer import Writer
from tests.e2e.server import free_port
from tests.events import feedback, prediction
from tests.postgresql import Cluster

PROJECT = Path(__file__).parents[2]
# What the version before `TELEMETRY_DATABASE` created.
VERSION_1 = """
CREATE TABLE events (number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL,
  time REAL NOT NULL, body TEXT NOT NULL, UNIQUE (kind, id));
CREATE INDEX events_by_time ON events (kind, time);
CREATE TABLE alerts (number INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, body TEXT NOT NULL);
CREATE TABLE progress (reader TEXT PRIMARY KEY, number INTEGER NOT NULL, error TEXT);
"""


@pytest.fixture
def store(event_store: Store) -> Store:
    return event_store


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Store:
    store = Store(f"sqlite:///{tmp_path / 'events' / 'events.db'}")
    store.create()
    return store


@pytest.fixture
def counts() -> dict[str, int]:
    return {"stored": 0, "dropped": 0}


def writer(store: Store, counts: dict[str, int], **settings: float) -> Writer:
    def count(fate: str, events: int) -> None:
        counts[fate] += events

    return Writer(store, count=count, **{"seconds": 0.01, **settings})  # type: ignore[arg-type]


def stored(store: Store, kind: type[Event] = Prediction) -> list[str]:
    """Return the last digit of the id of each stored event."""
    return [event.id[-1] for event in store.read(kind)]


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_events_are_read_back_unchanged_in_order(store: Store) -> None:
    events = [prediction(2), prediction(1, text="late 😠 \n")]
    store.add([*events, feedback(1, comment="irony")])
    assert list(store.read(Prediction)) == events
    assert [event.comment for event in store.read(Feedback)] == ["irony"]


def test_many_events_are_read_in_order(store: Store) -> None:
    store.add(prediction(number) for number in range(2_500))
    assert [event.id for event in store.read(Prediction)] == [prediction(number).id for number in range(2_500)]
    assert len(list(store.read(Prediction, schema.predictions.c.number > 2_000))) == 500


def test_an_event_added_twice_is_stored_once(store: Store) -> None:
    store.add([prediction(1, when=1.0)])
    store.add([prediction(1, when=2.0), prediction(2)])
    assert [event.time for event in store.read(Prediction)][0] == 1.0
    assert stored(store) == ["1", "2"]


def test_creating_an_existing_store_keeps_its_events_and_its_key(store: Store) -> None:
    store.add([prediction(1)])
    key = store.key()
    store.create()
    assert stored(store) == ["1"]
    assert store.key() == key
    assert len(key) == 32


def test_each_store_has_a_key_of_its_own(tmp_path: Path) -> None:
    keys = set()
    for name in ("one.db", "two.db"):
        store = Store(f"sqlite:///{tmp_path / name}")
        store.create()
        keys.add(store.key())
    assert len(keys) == 2


def test_tables_of_a_newer_version_are_refused_and_left_unchanged(store: Store) -> None:
    with store.database.writing(schema.settings) as connection:
        connection.execute(sa.update(schema.settings).values(version=schema.VERSION + 1))
        schema.skipped.drop(connection)
    with pytest.raises(StoreError, match=f"has tables of version {schema.VERSION + 1}, this program uses version"):
        store.create()
    with store.database.reading() as connection:
        assert not sa.inspect(connection).has_table("skipped")


def test_processes_that_create_the_same_database_wait_for_each_other(postgresql: Cluster) -> None:
    postgresql.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    code = "import sys; from telemetry.store import Store; s = Store(sys.argv[1]); s.create(); print(s.key().hex())"
    command = [sys.executable, "-c", code, postgresql.url()]
    processes = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) for _ in range(3)]
    keys = {process.communicate(timeout=30)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(keys) == 1


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


def test_processes_that_create_the_same_file_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    with monkeypatch.context() as contended:
        contended.setattr(sqlite3, "connect", lambda path, **options: connect(path, factory=Contended, **options))
        Store(f"sqlite:///{tmp_path / 'events.db'}").create()
    assert Contended.conflicts == 2
    with closing(sqlite3.connect(tmp_path / "events.db")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def old_store(folder: Path) -> Path:
    """Create a file as the version before `TELEMETRY_DATABASE` left it, in the middle of its work."""
    file = folder / "events.db"

    def body(kind: str, number: int, **fields: object) -> str:
        common = {"schema": 2, "kind": kind, "id": f"{number:032x}", "time": 1000.0 + number, "model_version": "7"}
        return json.dumps(common | {"negative_probability": 0.75} | fields)

    answer = {"sentiment": "negative", "milliseconds": 1.5, "characters": 20, "text": None}
    report = {"predicted_sentiment": "negative", "true_sentiment": "positive", "page_version": "1"}
    events = [
        ("prediction", number, body("prediction", number, **answer)) for number in range(5)
    ] + [
        ("feedback", number, body("feedback", number, **report, text=f"Tweet {number}", comment=None))
        for number in range(4)
    ]  # fmt: skip
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(VERSION_1)
        database.executemany(
            "INSERT INTO events (kind, id, time, body) VALUES (?, ?, ?, ?)",
            [(kind, f"{number:032x}", 1000.0 + number, text) for kind, number, text in events],
        )
        mistakes = [json.loads(text) for kind, _, text in events if kind == "feedback"][:3]
        database.execute("INSERT INTO alerts (time, body) VALUES (1002, ?)", (json.dumps(mistakes),))
        database.executemany(
            "INSERT INTO progress VALUES (?, ?, NULL)", [("rule", 8), ("forwarder", 3), ("mail", 1), ("webhook", 0)]
        )
    return file


def test_a_file_of_the_first_version_is_moved_with_everything_in_it(tmp_path: Path) -> None:
    file = old_store(tmp_path)
    store = Store(str(file))
    for _ in range(2):  # the second time there is nothing to do
        store.create()
        predictions, reports = list(store.read(Prediction)), list(store.read(Feedback))
        assert [event.id for event in predictions] == [f"{number:032x}" for number in range(5)]
        assert [event.id for event in reports] == [f"{number:032x}" for number in range(4)]
    assert predictions[4] == prediction(
        4, 1004.0, id=f"{4:032x}", source="api", sentiment="negative", milliseconds=1.5, characters=20
    )
    assert reports[3] == feedback(3, 1003.0, "Tweet 3", id=f"{3:032x}", source="page", fingerprint="tweet 3")
    with store.database.reading() as connection:
        (fired,) = alert.listed(connection)
        assert sa.inspect(connection).get_table_names() == sorted(schema.metadata.tables)
    assert (fired.number, fired.time, fired.mistakes) == (1, 1002.0, reports[:3])
    assert (store.reached(RULE), store.reached("mail"), store.reached("webhook")) == (8, 1, 0)
    assert (store.reached(forwarder("prediction")), store.reached(forwarder("feedback"))) == (3, 3)
    assert [event.id for _, event in store.after(Feedback, store.reached(RULE), 9, 0)] == [reports[3].id]
    assert [event.id for _, event in store.after(Prediction, 3, 9, 0)] == [event.id for event in predictions[3:]]


@pytest.mark.parametrize("missing", [["author"], ["author", "fingerprint"]])
def test_predictions_of_earlier_programs_get_the_columns_that_they_lack(store: Store, missing: list[str]) -> None:
    store.add([prediction(1, fingerprint="a", author="b")])
    with store.database.writing(schema.predictions) as connection:
        for index in schema.predictions.indexes:
            index.drop(connection)
        for name in missing:
            connection.exec_driver_sql(f"ALTER TABLE predictions DROP COLUMN {name}")
    store.create()
    store.add([prediction(2, fingerprint="a", author="b")])
    assert [event.author for event in store.read(Prediction)] == [None, "b"]
    with store.database.reading() as connection:
        names = {index["name"] for index in sa.inspect(connection).get_indexes("predictions")}
    assert names >= {index.name for index in schema.predictions.indexes}


def test_a_move_that_fails_changes_nothing(tmp_path: Path) -> None:
    file = old_store(tmp_path)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE events SET body = 'no JSON' WHERE number = 2")
    with pytest.raises(Unavailable, match="malformed JSON"):
        Store(str(file)).create()
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT COUNT(*) FROM events").fetchone() == (9,)
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert names == {"events", "alerts", "progress", "sqlite_sequence"}


def test_old_predictions_are_deleted_and_feedback_is_kept(store: Store) -> None:
    now = time.time()
    ages = range(1, 11)
    store.add([make(days, when=now - days * DAY + 60) for days in ages for make in (prediction, feedback)])
    store.advance(RULE, 10)
    prune(store, days=3, feedback_days=None, megabytes=100, forwarding=False)
    assert stored(store) == ["1", "2", "3"]
    assert len(stored(store, Feedback)) == 10
    prune(store, days=3, feedback_days=5, megabytes=100, forwarding=False)
    assert stored(store, Feedback) == ["1", "2", "3", "4", "5"]


def test_old_events_are_kept_until_they_were_forwarded(store: Store) -> None:
    store.add([make(number, when=1000.0) for number in range(1, 10) for make in (prediction, feedback)])
    ages: dict[str, Any] = {"days": 30, "feedback_days": 30, "megabytes": 100, "forwarding": True}
    prune(store, **ages)
    assert (len(stored(store)), len(stored(store, Feedback))) == (9, 9)
    store.advance(forwarder("prediction"), 4)
    store.advance(forwarder("feedback"), 5)
    prune(store, **ages)
    assert (stored(store), len(stored(store, Feedback))) == (list("56789"), 9), "no rule has seen the feedback"
    store.advance(RULE, 3)
    prune(store, **ages)
    assert stored(store, Feedback) == list("456789")
    prune(store, **{**ages, "forwarding": False})
    assert stored(store) == []


def test_the_oldest_predictions_are_deleted_if_the_file_is_too_large(sqlite_store: Store, tmp_path: Path) -> None:
    sqlite_store.add([prediction(number, text="x" * 1000) for number in range(5000)])
    prune(sqlite_store, days=30, feedback_days=None, megabytes=2, forwarding=False)
    remaining = list(sqlite_store.read(Prediction))
    assert remaining[-1].id == prediction(4999).id
    assert 500 < len(remaining) < 2000
    file = tmp_path / "events" / "events.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert file.stat().st_size <= 2e6


def test_feedback_is_kept_when_the_file_is_too_large(sqlite_store: Store) -> None:
    sqlite_store.add(feedback(number, text=f"{number} {'x' * 1000}") for number in range(500))
    sqlite_store.add(prediction(number, text="x" * 1000) for number in range(500))
    prune(sqlite_store, days=30, feedback_days=None, megabytes=0.1, forwarding=False)
    assert stored(sqlite_store) == []
    assert len(stored(sqlite_store, Feedback)) == 500


def test_an_empty_store_above_the_size_limit_can_be_pruned(sqlite_store: Store) -> None:
    prune(sqlite_store, days=30, feedback_days=None, megabytes=0.000_001, forwarding=False)
    assert stored(sqlite_store) == []


def test_a_writer_writes_every_event_before_it_stops(store: Store, counts: dict[str, int]) -> None:
    event_writer = writer(store, counts, seconds=60)
    event_writer.start()
    event_writer.add(prediction(number) for number in range(100))
    event_writer.close()
    assert len(stored(store)) == counts["stored"] == 100


def test_events_beyond_the_buffer_are_dropped_and_counted(store: Store, counts: dict[str, int]) -> None:
    event_writer = writer(store, counts, seconds=60, most=10)
    event_writer.start()
    event_writer.add(prediction(number) for number in range(25))
    event_writer.close()
    assert counts == {"stored": 10, "dropped": 15}


def test_events_wait_while_the_store_is_locked(store: Store, counts: dict[str, int]) -> None:
    event_writer = writer(store, counts)
    event_writer.start()
    with store.database.writing(schema.predictions):
        event_writer.add([prediction(1)])
        time.sleep(0.2)
        assert counts["stored"] == 0
    event_writer.close()
    assert counts == {"stored": 1, "dropped": 0}


def test_an_event_that_the_store_refuses_does_not_stop_the_others(
    store: Store, counts: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    event_writer = writer(store, counts)
    event_writer.start()
    unsupported = prediction(2, text="late \ud83d")  # half of an emoji, which UTF-8 cannot represent
    event_writer.add([prediction(1), unsupported, prediction(3)])
    event_writer.close()
    assert (stored(store), counts) == (["1", "3"], {"stored": 2, "dropped": 1})
    assert unsupported.id in caplog.text
    assert "late" not in caplog.text


def test_events_wait_while_postgresql_is_stopped(own_postgresql: Cluster, counts: dict[str, int]) -> None:
    with closing(Store(own_postgresql.url())) as store:
        store.create()
        event_writer = writer(store, counts)
        event_writer.start()
        event_writer.add([prediction(1)])
        wait_until(lambda: counts["stored"] == 1)
        own_postgresql.stop("fast")
        event_writer.add([prediction(2)])
        time.sleep(0.3)
        with pytest.raises(Unavailable):
            store.waiting(Prediction, 0)
        assert counts == {"stored": 1, "dropped": 0}
        own_postgresql.start()
        event_writer.close()
        assert (stored(store), counts) == (["1", "2"], {"stored": 2, "dropped": 0})


def test_a_file_that_is_no_database_is_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_text("no database, but a text that is long enough to be none of SQLite's")
    with pytest.raises(Unavailable, match=r"events\.db: file is not a database"):
        Store(f"sqlite:///{tmp_path / 'events.db'}").create()


def test_a_folder_that_cannot_be_written_is_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match=r"folder/events\.db: .*Not a directory"):
        Store(f"sqlite:///{tmp_path / 'file' / 'folder' / 'events.db'}").create()


def test_parameters_of_a_postgresql_url_are_respected(postgresql: Cluster) -> None:
    url = postgresql.new_database()
    with closing(Store(f"{url}?options=-csearch_path%3Devents&sslmode=disable")) as store, closing(Store(url)) as other:
        with other.database.reading() as connection:
            connection.execute(sa.text("CREATE SCHEMA events"))
        store.create()
        assert store.exists()
        assert not other.exists()
    with pytest.raises(Unavailable, match="SSL"), closing(Store(f"{url}?sslmode=require")) as encrypted:
        encrypted.create()


def test_a_user_who_may_not_create_tables_is_told_so(postgresql: Cluster) -> None:
    url = postgresql.new_database()
    postgresql.execute("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN")
    with (
        closing(Store(url.replace("tests@", "guest:a-secret@"))) as store,
        pytest.raises(StoreError, match="permission denied for schema public") as refused,
    ):
        store.create()
    assert "a-secret" not in str(refused.value)


def test_an_unreachable_server_is_an_error_without_the_password() -> None:
    with pytest.raises(Unavailable, match="127.0.0.1") as failure:
        Store(f"postgresql://tests:a-secret@127.0.0.1:{free_port()}/events").create()
    assert "a-secret" not in str(failure.value)
    assert failure.value.__suppress_context__


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("a-secret", "is not the URL of a database: write sqlite:///events.db, or postgresql://"),
        ("'postgresql://tests:a-secret@db/events'", "without quotation marks"),
        ("mysql://tests:a-secret@db/events", "is neither SQLite nor PostgreSQL"),
        ("postgresql://tests:a-secret@db:port/events", "is not the URL of a database"),
        ("sqlite://", "has no file name"),
        ("sqlite:///:memory:", "has no file name"),
    ],
)
def test_a_wrong_url_is_refused_without_repeating_it(url: str, reason: str) -> None:
    with pytest.raises(StoreError, match=reason) as failure:
        Store(url)
    assert "a-secret" not in str(failure.getrepr(chain=True, style="short"))


@pytest.mark.parametrize("name", ["events.db", "air paradis/été.sqlite3", "~/events.db"])
def test_a_file_can_be_given_as_a_path_or_as_a_url(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for url in (name, f"sqlite:///{name}"):
        store = Store(url)
        store.create()
        store.add([prediction(1)])
    assert stored(Store(name)) == ["1"]
    assert (tmp_path / name.replace("~", "home")).is_file()


@pytest.mark.slow
def test_written_events_survive_a_killed_process(store: Store, events_url: str) -> None:
    code = f"""
import os, signal, sys, time
sys.path.insert(0, {str(PROJECT)!r})
from telemetry.store import Store
from telemetry.writer import Writer
from tests.events import prediction
event_writer = Writer(Store(sys.argv[1]), count=lambda *_: None, seconds=0.1)
event_writer.start()
event_writer.add(prediction(number) for number in range(1000))
time.sleep(2)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code, events_url], check=False).returncode == -9
    assert len(stored(store)) == 1000


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
