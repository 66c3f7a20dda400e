"""The store that runs and models are kept in: found, checked before any work, and locked while it is changed."""

import errno
import getpass
import hashlib
import os
import re
import socket
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mlflow
from filelock import FileLock
from sqlalchemy.exc import SQLAlchemyError

from sentiment.inference.errors import UserError

PROJECT = Path(__file__).parents[1]
DATABASE = PROJECT / "mlflow.db"
# Where locks lie for a store that is not a file here: the folder that keeps downloads (conf/data, conf/embed).
CACHE = "TWEET_SENTIMENT_CACHE", "~/.cache/tweet_sentiment"
# At the first contact MLflow asks a server once; later it retries, for 4 minutes by default.
FIRST_CONTACT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
CONNECT_SECONDS = 5


class StoreError(UserError):
    """A store of runs and models that cannot be used."""


def connect() -> None:
    """Point MLflow at the database in the project's folder, unless the environment names another store.

    Raises:
        StoreError: the store cannot be reached or used, or its files belong to another folder.
    """
    require_user_name()
    named = os.environ.get("MLFLOW_TRACKING_URI") or sqlite_uri(DATABASE)
    file = database(named)
    # A path is made absolute, for processes that are started in another folder.
    mlflow.set_tracking_uri(named if file is None else sqlite_uri(file))
    if file is not None and file.resolve() == DATABASE.resolve():
        require_own_files(file)
    require_usable(mlflow.get_tracking_uri())


def require_user_name() -> None:
    """Give a user without an entry in the system's list a name, which MLflow writes into every run."""
    try:
        getpass.getuser()
    except KeyError:
        os.environ["LOGNAME"] = f"uid-{os.getuid()}"


@cache
def require_usable(uri: str) -> None:
    """Refuse a store that does not answer; one that has answered once is not asked again by this process.

    Raises:
        StoreError: why it does not, and what to do.
    """
    try:
        require_listening(uri)
        with impatient():
            mlflow.MlflowClient().search_experiments(max_results=1)
    except (mlflow.MlflowException, SQLAlchemyError, OSError) as error:
        raise StoreError(advice(uri, error)) from error


def require_listening(uri: str) -> None:
    """Refuse a database server that does not listen: MLflow would try for minutes.

    Raises:
        OSError: it does not.
    """
    address = urlsplit(uri)
    if address.scheme.startswith(("postgresql", "mysql", "mssql")) and address.hostname and address.port:
        socket.create_connection((address.hostname, address.port), timeout=CONNECT_SECONDS).close()


@contextmanager
def impatient() -> Iterator[None]:
    """Have MLflow give up on a server soon, unless the environment says when."""
    own = {name: value for name, value in FIRST_CONTACT.items() if name not in os.environ}
    os.environ.update(own)
    try:
        yield
    finally:
        for name in own:
            del os.environ[name]


def end_run(run_id: str, status: str, error: str) -> None:
    """End a run that this process has not opened, with an error as its tag, if the store answers."""
    with suppress(mlflow.MlflowException, SQLAlchemyError), impatient():
        client = mlflow.MlflowClient()
        client.set_tag(run_id, "error", error)
        client.set_terminated(run_id, status)


def advice(uri: str, error: Exception) -> str:
    """Return what is wrong with a store, and what to do about it; passwords are left out."""
    code, told = getattr(error, "error_code", ""), str(error).partition("\n")[0]
    told = re.sub(r"""^.*Caused by \w+\(["']?(.*?)["']?\)+$""", r"\1", told)  # of what `requests` says, the reason
    if code in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
        what = "refuses access. Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
    elif "database schema" in told:
        what = (
            f"has the schema of another version of MLflow than this one, {mlflow.__version__}. Of an older version: "
            f"back up the database, then `mlflow db upgrade '{shown(uri)}'`. Of a newer one: update MLflow."
        )
    elif code == "ENDPOINT_NOT_FOUND" or "not in a valid JSON format" in told:
        what = "is not an MLflow server. Correct MLFLOW_TRACKING_URI."
    elif uri.startswith("http") or isinstance(error, OSError):
        what = f"does not answer. Start it, or correct MLFLOW_TRACKING_URI. ({told})"
    else:
        what = f"cannot be used. Correct MLFLOW_TRACKING_URI. ({told})"
    password = urlsplit(uri).password
    return f"The store {shown(uri)} {what.replace(password, '***') if password else what}"


def shown(uri: str) -> str:
    """Return the URI of a store for people, without a password."""
    password = urlsplit(uri).password
    return uri.replace(f":{password}@", ":***@") if password else uri


def database(uri: str) -> Path | None:
    """Return the file of a SQLite store; None for any other store, and for one that is given options."""
    found = re.fullmatch(r"sqlite:///([^?]+)", uri)
    return Path(unquote(found[1])).absolute() if found else None


def sqlite_uri(file: Path) -> str:
    """Return the URI of a SQLite store; spaces and accents stay: MLflow makes folders of the encoded name."""
    return f"sqlite:///{str(file.absolute()).replace('%', '%25')}"


def require_own_files(file: Path) -> None:
    """Refuse a database that came here with a moved or copied project: MLflow would write to the former folder.

    Raises:
        StoreError: it names the files of that folder, and how to correct it.
    """
    if former := former_folders(file):
        raise StoreError(
            f"{file} keeps the files of its runs in {former[0] / 'mlruns'}: this project was moved or copied from "
            f"there, and would write to that folder. Run `make relocate` (python -m pipeline.relocation), which "
            f"changes these paths to {file.parent / 'mlruns'}."
        )


def former_folders(file: Path) -> list[Path]:
    """Return the folders, other than its own, that a database was in when experiments were made in it."""
    if not file.is_file():
        return []
    try:
        with closing_connection(file) as connection:
            locations = connection.execute("SELECT artifact_location FROM experiments").fetchall()
    except sqlite3.Error:  # of another kind, or not a database: MLflow says what is wrong
        return []
    found = [re.fullmatch(r"(.+)/mlruns/\d+", local_path(location)) for (location,) in locations]
    folders = {Path(match[1]) for match in found if match}
    return sorted(folder for folder in folders if is_former(folder, file.parent))


def is_former(folder: Path, here: Path) -> bool:
    """Return whether a folder is that of a project from which the one here was moved or copied."""
    gone = not folder.exists()
    return gone or (not folder.samefile(here) and (folder / "MLproject").is_file())


def local_path(location: str) -> str:
    """Return the path in a location of artifacts: a path itself, or a URI `file://`; nothing of another URI."""
    if location.startswith("file:"):
        return unquote(urlsplit(location).path)
    return "" if re.match(r"\w{2,}:", location) else location


@contextmanager
def closing_connection(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a SQLite database, as one transaction."""
    connection = sqlite3.connect(file)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def lock(name: str, uri: str, *, seconds: float = -1) -> FileLock:
    """Return a lock among all commands of this machine that write to a store.

    It lies beside the file of a SQLite store, for all who may write to that; for any other store, in the user's cache.

    Args:
        name: what is locked.
        uri: of the store.
        seconds: for how long to wait for it; by default, for as long as it takes.

    Raises:
        StoreError: this user cannot write to the folder for it.
    """
    file = database(uri)
    if file is None:
        variable, default = CACHE
        folder, mode = Path(os.environ.get(variable, default)).expanduser() / "locks", 0o600
    else:
        folder, mode = file.with_name(f"{file.name}.locks"), file.stat().st_mode & 0o666
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if file is not None:
            with suppress(PermissionError):  # only whoever has made it may do so
                folder.chmod(stat.S_IMODE(folder.parent.stat().st_mode))
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    except OSError as error:
        where = f"Set {CACHE[0]} to a folder of your own" if file is None else "Ask the owner of the store"
        raise StoreError(f"The folder for locks cannot be written to ({error}). {where}.") from error
    key = name if file is not None else f"{uri} {name}"
    return FileLock(folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.lock", timeout=seconds, mode=mode)
