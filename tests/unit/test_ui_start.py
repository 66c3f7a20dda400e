"""The page starts only with valid settings."""

import os
import sys
from pathlib import Path

import pytest

import ui
from ui.__main__ import main

Command = list[str]


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Command]:
    """Record the commands that would replace the process, without running them."""
    commands: list[Command] = []
    monkeypatch.setattr(os, "execv", lambda _, command: commands.append(command))
    monkeypatch.setenv("TELEMETRY_PATH", str(tmp_path / "events.db"))
    return commands


def test_by_default_streamlit_listens_on_this_machine_only(executed: list[Command]) -> None:
    main()
    (command,) = executed
    assert command[:4] == [sys.executable, "-m", "streamlit", "run"]
    assert Path(command[4]) == Path(ui.__file__).with_name("app.py")
    assert command[5:] == ["--server.address=127.0.0.1", "--server.port=8501"]


def test_streamlit_listens_at_the_set_address(executed: list[Command], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UI_HOST", "0.0.0.0")
    monkeypatch.setenv("UI_PORT", "80")
    main()
    assert executed[0][5:] == ["--server.address=0.0.0.0", "--server.port=80"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVICE_URL", "no address"),
        ("SERVICE_URL", "ftp://service.example"),
        ("UI_PORT", "seventy"),
        ("UI_PORT", "0"),
        ("UI_PATIENCE_SECONDS", "0"),
        ("TELEMETRY_UNDO_SECONDS", "-1"),
        ("TELEMETRY_PATH", ""),
        ("TELEMETRY_EXPORTER", "none"),
    ],
)
def test_an_invalid_setting_stops_the_start_and_is_named(
    executed: list[Command],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as exited:
        main()
    assert exited.value.code == 2
    assert name in capsys.readouterr().err
    assert executed == []


def test_an_invalid_connection_string_stops_the_start_and_is_not_shown(
    executed: list[Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=a-secret-of-the-tests")
    with pytest.raises(SystemExit) as exited:
        main()
    assert "a-secret-of-the-tests" not in str(exited.value)
    assert executed == []
