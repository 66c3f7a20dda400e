"""The page starts only with valid settings."""

import ast
import os
import re
import sys
from pathlib import Path

import pytest

import ui
from ui.__main__ import main

Command = list[str]
ROOT = Path(ui.__file__).parents[1]


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[Command]:
    """Record the commands that would replace the process, without running them."""
    commands: list[Command] = []
    monkeypatch.setattr(os, "execv", lambda _, command: commands.append(command))
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
    monkeypatch.setenv("UI_ANONYMOUS", "true")
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
        ("UI_HOST", "0.0.0.0"),
        ("UI_HOST", "::"),
        ("UI_HOST", "sentiment.airline.example"),
        ("UI_LOGIN", "missing.toml"),
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


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_on_this_machine_no_login_is_needed(
    executed: list[Command], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("UI_HOST", host)
    main()
    assert executed[0][5] == f"--server.address={host}"


def login_file(folder: Path, **replaced: str) -> Path:
    """Write a complete log-in configuration, some values replaced or, if empty, left out."""
    values = {
        "redirect_uri": "https://sentiment.airline.example/oauth2callback",
        "cookie_secret": "a-secret-of-the-tests",
        "client_id": "page",
        "client_secret": "another-secret-of-the-tests",
        "server_metadata_url": "https://login.airline.example/.well-known/openid-configuration",
    }
    lines = [f'{name} = "{value}"' for name, value in (values | replaced).items() if value]
    file = folder / "login.toml"
    file.write_text("\n".join(["[auth]", *lines]), encoding="utf-8")
    return file


def test_with_a_login_the_page_may_be_open_to_others(
    executed: list[Command], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UI_HOST", "0.0.0.0")
    monkeypatch.setenv("UI_LOGIN", str(login_file(tmp_path)))
    main()
    assert executed[0][-1] == f"--secrets.files={tmp_path / 'login.toml'}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[auth", "is not a TOML file"),
        ("[other]\na = 1\n", "lacks client_id"),
        ("auth = 3\n", "has no section"),
        (None, "lacks client_secret, cookie_secret"),
    ],
)
def test_an_incomplete_login_stops_the_start_without_repeating_a_secret(
    executed: list[Command],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str | None,
    reason: str,
) -> None:
    file = login_file(tmp_path, client_secret="", cookie_secret="")
    if content is not None:
        file.write_text(f"{content}# a-secret-of-the-tests", encoding="utf-8")
    monkeypatch.setenv("UI_LOGIN", str(file))
    with pytest.raises(SystemExit):
        main()
    message = capsys.readouterr().err
    assert "UI_LOGIN" in message
    assert reason in message
    assert "secret-of-the-tests" not in message
    assert executed == []


def test_a_login_contradicts_a_page_open_to_everybody(
    executed: list[Command], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UI_LOGIN", str(login_file(tmp_path)))
    monkeypatch.setenv("UI_ANONYMOUS", "true")
    with pytest.raises(SystemExit):
        main()
    assert "UI_ANONYMOUS" in capsys.readouterr().err
    assert executed == []


def test_settings_of_the_service_do_not_concern_the_page(
    executed: list[Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_DATABASE", "no URL")
    monkeypatch.setenv("TELEMETRY_UNDO_SECONDS", "-1")
    main()
    assert len(executed) == 1


# Names of packages that differ from those of their modules.
DISTRIBUTIONS = {"yaml": "pyyaml", "pydantic_core": "pydantic", "pydantic_settings": "pydantic-settings"}


def test_the_image_installs_what_the_page_imports_and_nothing_else() -> None:
    """Streamlit imports Authlib itself, for the log-in."""
    modules = set()
    for path in (path for package in ("ui", "tables", "monitoring") for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add(str(node.module).partition(".")[0])
    external = modules - set(sys.stdlib_module_names) - {"ui", "tables", "monitoring"}
    (line,) = re.findall(r"--constraint constraints.txt \\\n *(.*)", (ROOT / "ui/Dockerfile").read_text("utf-8"))
    assert set(line.split()) == {DISTRIBUTIONS.get(name, name) for name in external} | {"authlib"}
    pinned = {pin.partition("==")[0].lower() for pin in (ROOT / "constraints.txt").read_text("utf-8").splitlines()}
    assert set(line.split()) <= pinned, "every version is fixed"
