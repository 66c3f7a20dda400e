"""`python -m telemetry export`: reported mispredictions as a table to relabel and train on."""

import csv
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hydra.utils import instantiate

from telemetry.__main__ import main
from telemetry.events import Feedback
from telemetry.store import Store
from tests.events import feedback, prediction
from tests.integration.chain import configuration

PROJECT = Path(__file__).parents[2]
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
DAY = 24 * 60 * 60
TEXTS = ("délayed again 😠", 'she said "no", twice;\nNA', "lovely crew", "=2+3\tNA")


def reported(number: int, text: str, predicted: str, true: str, comment: str | None = None) -> Feedback:
    sentiments = {"predicted_sentiment": predicted, "true_sentiment": true}
    return feedback(number, NOVEMBER + number * DAY, text, **sentiments, comment=comment)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Store three mispredictions among other events."""
    store = Store(tmp_path / "events.db")
    store.create()
    store.add(
        [
            reported(0, TEXTS[0], "positive", "negative", "ça alors"),
            prediction(9, NOVEMBER, "a"),
            reported(1, "right", "negative", "negative"),
            reported(2, TEXTS[1], "positive", "negative"),
            reported(3, TEXTS[2], "negative", "positive"),
        ]
    )
    return store.path


def export(*options: object, text: bool = True, **variables: object) -> subprocess.CompletedProcess[Any]:
    """Run the command in a new process."""
    command = [sys.executable, "-m", "telemetry", "export", *map(str, options)]
    environment = os.environ | {f"TELEMETRY_{name.upper()}": str(value) for name, value in variables.items()}
    encoding = "utf-8" if text else None
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, encoding=encoding, check=False, timeout=60
    )


def test_reported_mispredictions_are_exported_with_their_true_label(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "mispredicted.csv"
    completed = export("--output", file, path=store)
    assert (completed.returncode, completed.stdout) == (0, "")
    assert "3 mispredictions from 4 feedback events" in completed.stderr
    with file.open(encoding="utf-8-sig", newline="") as rows:
        header, first, second, third = csv.reader(rows)
    assert header == [
        "text",
        "label",
        "predicted",
        "negative_probability",
        "model_version",
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
        "2026-11-01T00:00:00+00:00",
        "0" * 32,
        "ça alors",
    ]
    assert second[:2] == [TEXTS[1], "negative"]
    assert third[:3] + third[-1:] == [TEXTS[2], "positive", "negative", ""]


def test_without_a_file_the_export_goes_to_standard_output(store: Path, tmp_path: Path) -> None:
    completed = export("--path", store, path=tmp_path / "another.db")
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
    store: Path, since: str, count: int, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_PATH", str(store))
    main(["export", "--since", since])
    assert len(list(csv.reader(capfd.readouterr().out.splitlines(keepends=True)))) == 1 + count


def read_back(file: Path) -> pd.DataFrame:
    """Read a table as `data=csv` does."""
    data = configuration("data=csv", f"data.path='{file}'").data
    frame: pd.DataFrame = instantiate(data.source, section="data")
    return frame[[data.text_column, data.label_column]].set_axis(["text", "label"], axis="columns")


def test_the_export_can_be_used_for_training(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "mispredicted.csv"
    main(["export", "--output", str(file), "--path", str(store)])
    rows = read_back(file)
    assert list(rows["text"]) == list(TEXTS[:3])
    assert list(rows["label"]) == ["negative", "negative", "positive"]
    assert configuration("data=csv").data.negative_values == ["negative"]
    assert list(pd.read_csv(file)["label"]) == ["negative", "negative", "positive"]


@pytest.mark.parametrize("to_file", [True, False])
def test_every_text_is_read_back_unchanged(tmp_path: Path, to_file: bool) -> None:
    texts = [
        "=2+3", "@SUM(A1)", "@AirParadis late again", "+1 \u2708", "- never again", "\ttab", "'quoted'", "'=2+3",
        'she said "no"', '"late', 'fine"', 'two\nlines, "both" bad\r\n=2+3', "NA", "007", "a;b|c\td", " spaces ",
        "\ufeffmark", "d\u00e9\u00e7u \U0001f620",
    ]  # fmt: skip
    store = Store(tmp_path / "events.db")
    store.create()
    store.add(reported(number, text, "positive", "negative", text) for number, text in enumerate(texts))
    file = tmp_path / "mispredicted.csv"
    if to_file:
        main(["export", "--path", str(store.path), "--output", str(file)])
    else:
        file.write_bytes(export("--path", store.path, text=False).stdout)
    assert file.read_bytes().startswith("\ufeff".encode())
    assert list(read_back(file)["text"]) == texts


@pytest.mark.parametrize(
    ("options", "variables", "reason"),
    [
        ((), {}, "no event store: pass --path, or set TELEMETRY_PATH"),
        ((), {"path": "nowhere.db"}, "no event store at nowhere.db: correct --path"),
        (("--since", "yesterday"), {}, "argument --since: invalid day value: 'yesterday'"),
        ((), {"days": "a-secret"}, "TELEMETRY_DAYS: Input should be a valid number"),
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
        main(["export", *options])
    assert stopped.value.code == 2
    stderr = capsys.readouterr().err
    assert reason in stderr
    assert "a-secret" not in stderr
    assert not (PROJECT / "nowhere.db").exists()
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_command_is_shown_without_a_traceback() -> None:
    completed = export(days="a-secret")
    assert completed.returncode == 2
    assert "TELEMETRY_DAYS: Input should be a valid number" in completed.stderr
    assert "Traceback" not in completed.stderr
    assert "a-secret" not in completed.stderr
