"""`python -m telemetry export`: reported mispredictions as a table to relabel and train on."""

import csv
import logging
import os
import re
import subprocess
import sys
import time
import tracemalloc
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hydra.utils import instantiate
from openpyxl import load_workbook

from tables.workbooks import read_sheet
from telemetry import export
from telemetry.__main__ import main
from telemetry.events import Feedback
from telemetry.store import Store
from tests.documentation import documented
from tests.e2e.server import free_port
from tests.events import feedback, prediction
from tests.integration.chain import configuration
from tests.mailbox import serve

PROJECT = Path(__file__).parents[2]
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
DAY = 24 * 60 * 60
TEXTS = ("délayed again 😠", 'she said "no", twice;\nNA', "lovely crew", "=2+3\tNA")


def reported(number: int, text: str, predicted: str, true: str, comment: str | None = None) -> Feedback:
    sentiments = {"predicted_sentiment": predicted, "true_sentiment": true}
    return feedback(number, NOVEMBER + number * DAY, text, **sentiments, comment=comment)


def add_reports(store: Store) -> None:
    """Store three mispredictions among other events."""
    store.add(
        [
            reported(0, TEXTS[0], "positive", "negative", "ça alors"),
            prediction(9, NOVEMBER, "a"),
            reported(1, "right", "negative", "negative"),
            reported(2, TEXTS[1], "positive", "negative"),
            reported(3, TEXTS[2], "negative", "positive"),
        ]
    )


@pytest.fixture
def url(event_store: Store, events_url: str) -> str:
    """Store three mispredictions among other events, in SQLite and PostgreSQL; return the URL of the store."""
    add_reports(event_store)
    return events_url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of three mispredictions among other events."""
    with closing(Store(f"sqlite:///{tmp_path / 'events.db'}")) as store:
        store.create()
        add_reports(store)
    return tmp_path / "events.db"


def run(*options: object, text: bool = True, **variables: object) -> subprocess.CompletedProcess[Any]:
    """Run the command in a new process."""
    command = [sys.executable, "-m", "telemetry", *map(str, options)]
    environment = os.environ | {f"TELEMETRY_{name.upper()}": str(value) for name, value in variables.items()}
    encoding = "utf-8" if text else None
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, encoding=encoding, check=False, timeout=60
    )


def test_reported_mispredictions_are_exported_with_their_true_label(url: str, tmp_path: Path) -> None:
    table = tmp_path / "mispredicted.csv"
    completed = run("export", "--output", table, database=url)
    assert (completed.returncode, completed.stdout) == (0, "")
    assert completed.stderr == "Exported 3 mispredictions.\n"
    with table.open(encoding="utf-8-sig", newline="") as rows:
        header, first, second, third = csv.reader(rows)
    assert header == [
        "text",
        "label",
        "predicted",
        "negative_probability",
        "model_version",
        "source",
        "time",
        "prediction_id",
        "comment",
    ]
    assert first == [
        TEXTS[0],
        "negative",
        "positive",
        "0.75",
        "7",
        "api",
        "2026-11-01T00:00:00+00:00",
        "0" * 16,
        "ça alors",
    ]
    assert second[:2] == [TEXTS[1], "negative"]
    assert third[:3] + third[-1:] == [TEXTS[2], "positive", "negative", ""]


def test_without_a_file_the_export_goes_to_standard_output(file: Path, tmp_path: Path) -> None:
    completed = run("export", "--database", file, database=tmp_path / "another.db")
    assert completed.returncode == 0
    assert len(list(csv.reader(completed.stdout.splitlines(keepends=True)))) == 4
    assert TEXTS[0] in completed.stdout


@pytest.mark.parametrize(
    ("since", "count"),
    [
        ("2026-11-01", 3),
        ("2026-11-02", 2),
        ("2026-11-03T00:00:01", 1),
        ("2026-11-03T00:30:00+01:00", 2),
        ("2027-01-01", 0),
    ],
)
def test_mispredictions_before_a_day_are_omitted(
    file: Path, since: str, count: int, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_DATABASE", str(file))
    main(["export", "--since", since])
    assert len(list(csv.reader(capfd.readouterr().out.splitlines(keepends=True)))) == 1 + count


def test_mispredictions_without_a_text_are_left_out_and_counted(event_store: Store, events_url: str) -> None:
    event_store.add([feedback(1), replace(feedback(2), text=None), replace(feedback(3), text=None)])
    completed = run("export", database=events_url)
    assert len(completed.stdout.splitlines()) == 2
    assert completed.stderr.splitlines() == [
        "Leaving out 2 mispredictions that were reported without their text.",
        "Exported 1 mispredictions.",
    ]


def test_a_french_excel_gets_semicolons(file: Path, tmp_path: Path) -> None:
    table = tmp_path / "mispredicted.csv"
    main(["export", "--database", str(file), "--output", str(table), "--language", "fr"])
    assert table.read_bytes().startswith('\ufeff"text";"label";'.encode())
    assert list(read_back(table)["text"]) == list(TEXTS[:3])


def test_a_workbook_holds_the_same_rows(file: Path, tmp_path: Path) -> None:
    table, book = tmp_path / "mispredicted.csv", tmp_path / "mispredicted.XLSX"
    for output in (table, book):
        main(["export", "--database", str(file), "--output", str(output)])
    with table.open(encoding="utf-8-sig", newline="") as rows:
        assert read_sheet(book.read_bytes()).rows == list(csv.reader(rows))
    assert list(read_back(book)["text"]) == list(TEXTS[:3])


def read_back(file: Path) -> pd.DataFrame:
    """Read a table as `data=csv` does."""
    data = configuration("data=csv", f"data.path='{file}'").data
    frame: pd.DataFrame = instantiate(data.source, section="data")
    return frame[[data.text_column, data.label_column]].set_axis(["text", "label"], axis="columns")


def test_the_export_can_be_used_for_training(file: Path, tmp_path: Path) -> None:
    table = tmp_path / "mispredicted.csv"
    main(["export", "--output", str(table), "--database", str(file)])
    rows = read_back(table)
    assert list(rows["text"]) == list(TEXTS[:3])
    assert list(rows["label"]) == ["negative", "negative", "positive"]
    assert configuration("data=csv").data.negative_values == ["negative"]
    assert list(pd.read_csv(table)["label"]) == ["negative", "negative", "positive"]


AWKWARD = [
    "=2+3", "@SUM(A1)", "@AirParadis late again", "+1 \u2708", "- never again", "\ttab", "'quoted'", "'=2+3",
    'she said "no"', '"late', 'fine"', 'two\nlines, "both" bad\r\n=2+3', "NA", "007", "a;b|c\td", " spaces ",
    "\ufeffmark", "d\u00e9\u00e7u \U0001f620", "#N/A", "TRUE", "_x0041_", "bell \x07", "1e5", "2026-11-01",
]  # fmt: skip


@pytest.mark.parametrize("name", ["mispredicted.csv", "mispredicted.xlsx", None])
def test_every_text_is_read_back_unchanged_and_none_is_a_formula(tmp_path: Path, name: str | None) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    with closing(Store(url)) as store:
        store.create()
        store.add(reported(number, text, "positive", "negative", text) for number, text in enumerate(AWKWARD))
    table = tmp_path / (name or "mispredicted.csv")
    if name:
        main(["export", "--database", url, "--output", str(table)])
    else:
        table.write_bytes(run("export", "--database", url, text=False).stdout)
    assert list(read_back(table)["text"]) == AWKWARD
    if table.suffix == ".csv":
        assert table.read_bytes().startswith("\ufeff".encode())
    else:
        cells = [cell for row in load_workbook(table).active.iter_rows() for cell in row if isinstance(cell.value, str)]
        assert {cell.data_type for cell in cells} == {"s"}
        assert not [cell.value for cell in cells if cell.value.startswith(("=", "+", "-"))]


def test_many_mispredictions_are_exported_in_little_memory_with_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(export, "PROGRESS_SECONDS", 0.05)
    with closing(Store(f"sqlite:///{tmp_path / 'events.db'}")) as store:
        store.create()
        store.add(feedback(number, text="x" * 1_000) for number in range(10_000))
        tracemalloc.start()
        with caplog.at_level(logging.INFO):
            assert export.export(store, tmp_path / "mispredicted.csv", since=0, delimiter=",") == 10_000
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 6e6, "the texts alone take 10 MB"
    assert re.fullmatch(r"Exported [0-9,]+ of 10,000 mispredictions\.", caplog.messages[0])


@pytest.mark.parametrize(
    ("options", "variables", "reason"),
    [
        (("export",), {}, "There is no event store: pass --database, or set TELEMETRY_DATABASE."),
        (("work",), {}, "There is no event store: pass --database, or set TELEMETRY_DATABASE."),
        (("export",), {"database": "nowhere.db"}, "There is no event store at sqlite:///nowhere.db: correct"),
        (("export", "--since", "yesterday"), {}, "argument --since: invalid day value: 'yesterday'"),
        (("export",), {"days": "a-secret"}, "TELEMETRY_DAYS: Input should be a valid number"),
        (("export",), {"database": "mysql://a-secret@db/events"}, "TELEMETRY_DATABASE: Value error, is neither"),
        (("export", "--database", "mysql://a-secret@db/events"), {}, "argument --database: is neither SQLite nor"),
        (("work", "--database", "a-secret"), {}, "argument --database: is not the URL of a database"),
    ],
)
def test_a_missing_or_invalid_setting_is_named(
    options: tuple[str, ...],
    variables: dict[str, str],
    reason: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(PROJECT)
    for name, value in variables.items():
        monkeypatch.setenv(f"TELEMETRY_{name.upper()}", value)
    with pytest.raises(SystemExit) as stopped:
        main([*options])
    assert stopped.value.code == 2
    stderr = capsys.readouterr().err
    assert reason in stderr
    assert "a-secret" not in stderr
    assert not (PROJECT / "nowhere.db").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "variables", "code", "reason"),
    [
        (("export",), {"days": "a-secret"}, 2, "TELEMETRY_DAYS: Input should be a valid number"),
        (("export", "--output", "no-such-folder/x.csv"), {"database": "{file}"}, 1, "The file cannot be written: "),
        (("export", "--output", "no-such-folder/x.xlsx"), {"database": "{file}"}, 1, "The file cannot be written: "),
        (("export",), {"database": "postgresql://me:a-secret@127.0.0.1:{port}/x"}, 1, "The event store cannot be used"),
        (("work",), {"database": "postgresql://me:a-secret@127.0.0.1:{port}/x"}, 1, "The event store cannot be used"),
    ],
)
def test_an_error_of_the_command_is_shown_without_a_traceback(
    file: Path, options: tuple[str, ...], variables: dict[str, str], code: int, reason: str
) -> None:
    port = free_port()
    completed = run(*options, **{name: value.format(file=file, port=port) for name, value in variables.items()})
    assert completed.returncode == code
    assert reason in completed.stderr
    assert len(completed.stderr.splitlines()) <= 2
    assert "Traceback" not in completed.stderr
    assert "a-secret" not in completed.stderr


def test_the_jobs_run_without_a_service_until_they_are_stopped(
    event_store: Store, events_url: str, tmp_path: Path
) -> None:
    with serve() as mailbox:
        settings = mailbox.settings | {"database": events_url, "smtp_security": "none", "undo_seconds": 0}
        environment = os.environ | {f"TELEMETRY_{name.upper()}": str(value) for name, value in settings.items()}
        command = [sys.executable, *documented("python -m telemetry work")[1:]]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while "Running jobs on" not in (tmp_path / "log").read_text(encoding="utf-8"):
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.05)
            event_store.add(feedback(number) for number in range(3))
            while not mailbox.messages:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            process.terminate()
            process.wait(30)
    assert process.returncode == 0
    first, *_, last = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert first == f"Running jobs on {events_url}: rule, prune, mail."
    assert last == "Stopping."
    assert len(mailbox.messages) == 1


def test_the_commands_are_described(capsys: pytest.CaptureFixture[str]) -> None:
    commands = (([], "{work,export,labels,erase}"), (["work"], "SIGTERM"), (["export"], "--language {en,fr}"))
    for options, described in commands:
        with pytest.raises(SystemExit) as stopped:
            main([*options, "--help"])
        assert stopped.value.code == 0
        assert described in capsys.readouterr().out
