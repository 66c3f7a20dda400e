"""`pipeline.store`: unusable stores are refused before any work, and users share locks."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import mlflow
import pytest

from pipeline import store
from pipeline.store import StoreError

ROOT = Path(__file__).parents[2]
UID = 12345
# A user without an entry in /etc/passwd who can read what root can: the interpreter may belong to root.
AS_OTHER_USER = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
AS_OTHER_USER += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can become another user"
)


@pytest.fixture(autouse=True)
def _former_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restore MLflow's store."""
    before = mlflow.get_tracking_uri()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("http_proxy", raising=False)
    monkeypatch.delenv("HTTP_PROXY", raising=False)
    store.require_usable.cache_clear()
    yield
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], str]) -> Path:
    """Create a database of runs; return its file."""
    folder = tmp_path_factory.mktemp("made")
    file = folder / "mlflow.db"
    client = mlflow.MlflowClient(new_store(folder))
    client.create_experiment("test", artifact_location=str(file.parent / "artifacts"))
    return file


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def connect(uri: str) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        store.connect()

    return connect


@pytest.fixture
def start_server() -> Iterator[Callable[[int], str]]:
    """Return a function that starts a server which always answers with one status, and returns its address."""
    servers = []

    def start(status: int) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"<html>something else</html>")

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def unused_address() -> str:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["http", "postgresql"])
def test_a_server_that_is_down_is_reported_within_seconds(connect: Callable[[str], None], scheme: str) -> None:
    address = unused_address()
    started = time.monotonic()
    with pytest.raises(StoreError) as refused:
        connect(f"{scheme}://mlflow:secret@{address}/runs")
    assert time.monotonic() - started < 20
    message = str(refused.value)
    assert message.startswith(f"The store {scheme}://mlflow:***@{address}/runs does not respond. Start it, or correct")
    assert "secret" not in message
    assert "\n" not in message


def test_after_the_first_contact_mlflow_uses_its_own_timeouts(
    connect: Callable[[str], None], database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(f"sqlite:///{database}")
    assert not set(store.FIRST_CONTACT) & set(os.environ)
    monkeypatch.setattr(mlflow, "MlflowClient", None)  # a second check would fail
    connect(f"sqlite:///{database}")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "refuses access. Set MLFLOW_TRACKING_USERNAME"),
        (403, "refuses access. Set MLFLOW_TRACKING_USERNAME"),
        (404, "is not an MLflow server. Correct MLFLOW_TRACKING_URI."),
        (200, "is not an MLflow server. Correct MLFLOW_TRACKING_URI."),
        (503, "does not respond. Start it, or correct MLFLOW_TRACKING_URI."),
    ],
)
def test_the_advice_matches_the_servers_answer(
    connect: Callable[[str], None], start_server: Callable[[int], str], status: int, message: str
) -> None:
    with pytest.raises(StoreError, match=message):
        connect(start_server(status))


def test_a_database_of_another_mlflow_version_is_refused_with_advice(
    connect: Callable[[str], None], database: Path, tmp_path: Path
) -> None:
    file = Path(shutil.copy(database, tmp_path))
    with store.closing_connection(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    with pytest.raises(StoreError, match=f"mlflow db upgrade 'sqlite:///{file}'.* If it is newer, update MLflow"):
        connect(f"sqlite:///{file}")


def test_a_file_that_is_not_a_database_is_refused(connect: Callable[[str], None], tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("nothing of the kind\n" * 500, encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be used. Correct MLFLOW_TRACKING_URI. .*file is not a database"):
        connect(f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_a_relative_path_starts_at_the_working_folder(
    connect: Callable[[str], None], database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(database.parent)
    connect("sqlite:///mlflow.db")
    assert mlflow.get_tracking_uri() == f"sqlite:///{database}"


@pytest.mark.parametrize("name", ["air paradis", "été", "100%", "a%20b"])
def test_a_database_is_found_in_a_folder_of_any_name(
    connect: Callable[[str], None], database: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    file = Path(shutil.copy(database, folder))
    connect(store.sqlite_uri(file))
    assert store.database(mlflow.get_tracking_uri()) == file
    assert {experiment.name for experiment in mlflow.search_experiments()} == {"test", "Default"}
    assert store.database(file.as_uri().replace("file://", "sqlite:///")) == file, "as `mlflow run` writes it"


def locks_folder(file: Path) -> Path:
    return file.with_name("mlflow.db.locks")


def test_locks_are_next_to_the_database_with_its_permissions(database: Path, tmp_path: Path) -> None:
    file = Path(shutil.copy(database, tmp_path))
    tmp_path.chmod(0o2775)
    file.chmod(0o664)
    with store.lock("aliases", f"sqlite:///{file}", seconds=0):
        (locked,) = locks_folder(file).iterdir()
        assert locked.stat().st_mode & 0o777 == 0o664
    assert locks_folder(file).stat().st_mode & 0o7777 == 0o2775


def test_locks_of_a_server_are_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWEET_SENTIMENT_CACHE", str(tmp_path))
    first, second = (store.lock("aliases", f"http://{server}", seconds=0) for server in ("one", "two"))
    assert Path(first.lock_file).parent == tmp_path / "locks"
    with first, second:
        assert len(list((tmp_path / "locks").iterdir())) == 2
    (tmp_path / "file").touch()
    monkeypatch.setenv("TWEET_SENTIMENT_CACHE", str(tmp_path / "file"))
    with pytest.raises(StoreError, match="Set TWEET_SENTIMENT_CACHE to a folder of your own"):
        store.lock("aliases", "http://one")


def run_as_other_user(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code as a user without a name, and without this user's environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    environment |= {"MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*AS_OTHER_USER, sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def shared_folder(database: Path, tmp_path: Path) -> Path:
    """Return the folder of a store that all users can write to."""
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if Path(tempfile.gettempdir()) in parent.parents:
            parent.chmod(parent.stat().st_mode | 0o111)
    Path(shutil.copy(database, tmp_path)).chmod(0o666)
    return tmp_path


@pytest.mark.extended
@needs_root
@pytest.mark.slow
def test_two_users_of_a_shared_store_wait_for_each_other(shared_folder: Path) -> None:
    uri = f"sqlite:///{shared_folder / 'mlflow.db'}"
    code = f"from pipeline import store; store.lock('aliases', {uri!r}, seconds=0).acquire()"
    with store.lock("aliases", uri, seconds=0):
        assert "filelock" in run_as_other_user(code, shared_folder).stderr.splitlines()[-1], (
            "this process holds the lock"
        )
    assert run_as_other_user(code, shared_folder).stderr == ""
    (shared_folder / "mlflow.db.locks").chmod(0o755)
    stderr = run_as_other_user(code, shared_folder).stderr
    assert "Cannot write to the folder of locks" in stderr
    shutil.rmtree(shared_folder / "mlflow.db.locks")
    assert run_as_other_user(code, shared_folder).stderr == ""
    with store.lock("aliases", uri, seconds=0):
        pass


@needs_root
@pytest.mark.slow
def test_a_user_without_a_name_can_move_an_alias(shared_folder: Path) -> None:
    code = f"""if True:
        from pipeline import registry, store
        from mlflow import MlflowClient
        store.connect()
        client = MlflowClient()
        client.create_registered_model("small")
        client.create_model_version("small", source={shared_folder.as_uri()!r})
        with registry.locked("small", seconds=0):
            registry.move("small", "champion", "1", "a test")
        print(registry.history("small")[0]["by"])
    """
    completed = run_as_other_user(code, shared_folder)
    assert (completed.stderr, completed.stdout) == ("", f"uid-{UID}\n")


@pytest.mark.parametrize("error", [sqlite3.OperationalError, OSError])
def test_an_error_without_a_code_is_reported_verbatim(error: type[Exception]) -> None:
    assert "no room" in store.advice("sqlite:///mlflow.db", error("no room"))
