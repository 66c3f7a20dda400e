"""The store of runs and models: connect to it, check it before any work is done, lock it for changes."""

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
# Environment variable and default for the cache folder, shared with downloads (conf/data, conf/embed). It contains the
# locks of stores that are not local files.
CACHE = "TWEET_SENTIMENT_CACHE", "~/.cache/tweet_sentiment"
# Do not retry the first request to a server. By default, MLflow retries for 4 minutes.
FIRST_CONTACT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
CONNECT_SECONDS = 5


class StoreError(UserError):
    """A store of runs and models that cannot be used."""


def cache_folder() -> Path:
    """Return the cache folder."""
    variable, default = CACHE
    return Path(os.environ.get(variable, default)).expanduser()


def connect() -> None:
    """Set MLflow's tracking URI to the database in the project's folder, unless the environment names another store.

    Raises:
        StoreError: the store cannot be reached or used, or its files belong to another folder.
    """
    require_user_name()
    uri = os.environ.get("MLFLOW_TRACKING_URI") or sqlite_uri(DATABASE)
    file = database(uri)
    # An absolute path also works in subprocesses with another working directory.
    mlflow.set_tracking_uri(uri if file is None else sqlite_uri(file))
    if file is not None and file.resolve() == DATABASE.resolve():
        require_own_files(file)
    require_usable(mlflow.get_tracking_uri())


def require_user_name() -> None:
    """Set a user name if the system has none (no entry in /etc/passwd): MLflow writes it to every run."""
    try:
        getpass.getuser()
    except KeyError:
        os.environ["LOGNAME"] = f"uid-{os.getuid()}"


@cache
def require_usable(uri: str) -> None:
    """Check that a store responds, once per process.

    Raises:
        StoreError: it does not respond, or cannot be used.
    """
    try:
        require_listening(uri)
        with without_retries():
            mlflow.MlflowClient().search_experiments(max_results=1)
    except (mlflow.MlflowException, SQLAlchemyError, OSError) as error:
        raise StoreError(advice(uri, error)) from error


def require_listening(uri: str) -> None:
    """Check that a database server accepts connections; MLflow would retry for minutes.

    Raises:
        OSError: it does not.
    """
    address = urlsplit(uri)
    if address.scheme.startswith(("postgresql", "mysql", "mssql")) and address.hostname and address.port:
        socket.create_connection((address.hostname, address.port), timeout=CONNECT_SECONDS).close()


@contextmanager
def without_retries() -> Iterator[None]:
    """Make MLflow's requests fail fast, unless the environment sets retries and timeout."""
    added = {name: value for name, value in FIRST_CONTACT.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def end_run(run_id: str, status: str, error: str) -> None:
    """End a run that this process has not opened, and set its tag `error`; do nothing if the store does not respond."""
    with suppress(mlflow.MlflowException, SQLAlchemyError), without_retries():
        client = mlflow.MlflowClient()
        client.set_tag(run_id, "error", error)
        client.set_terminated(run_id, status)


def advice(uri: str, error: Exception) -> str:
    """Return what is wrong with a store, and what to do about it, without passwords."""
    code, reason = getattr(error, "error_code", ""), str(error).partition("\n")[0]
    reason = re.sub(r"""^.*Caused by \w+\(["']?(.*?)["']?\)+$""", r"\1", reason)  # unwrap the errors of `requests`
    if code in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
        problem = "refuses access. Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
    elif "database schema" in reason:
        problem = (
            f"has the database schema of another MLflow version than the installed one, {mlflow.__version__}. If the "
            f"schema is older, back up the database and run `mlflow db upgrade '{shown(uri)}'`. If it is newer, update "
            "MLflow."
        )
    elif code == "ENDPOINT_NOT_FOUND" or "not in a valid JSON format" in reason:
        problem = "is not an MLflow server. Correct MLFLOW_TRACKING_URI."
    elif uri.startswith("http") or isinstance(error, OSError):
        problem = f"does not respond. Start it, or correct MLFLOW_TRACKING_URI. ({reason})"
    else:
        problem = f"cannot be used. Correct MLFLOW_TRACKING_URI. ({reason})"
    password = urlsplit(uri).password
    return f"The store {shown(uri)} {problem.replace(password, '***') if password else problem}"


def shown(uri: str) -> str:
    """Mask the password in the URI of a store."""
    password = urlsplit(uri).password
    return uri.replace(f":{password}@", ":***@") if password else uri


def database(uri: str) -> Path | None:
    """Return the file of a SQLite store; None for any other store, and for a URI with options."""
    match = re.fullmatch(r"sqlite:///([^?]+)", uri)
    return Path(unquote(match[1])).absolute() if match else None


def sqlite_uri(file: Path) -> str:
    """Return the URI of a SQLite file. Spaces and accents are not encoded: MLflow would create folders named so."""
    return f"sqlite:///{str(file.absolute()).replace('%', '%25')}"


def require_own_files(file: Path) -> None:
    """Check that a database was not moved or copied here with its project: MLflow would write to the former folder.

    Raises:
        StoreError: it belongs to a former folder.
    """
    if former := former_folders(file):
        raise StoreError(
            f"{file} stores the files of its runs in {former[0] / 'mlruns'}: this project was moved or copied from "
            f"there, and would write to that folder. Run `make relocate` (python -m pipeline.relocation) to change "
            f"these paths to {file.parent / 'mlruns'}."
        )


def former_folders(file: Path) -> list[Path]:
    """Return the folders, other than its own, in which experiments of a database were created."""
    if not file.is_file():
        return []
    try:
        with closing_connection(file) as connection:
            locations = connection.execute("SELECT artifact_location FROM experiments").fetchall()
    except sqlite3.Error:  # not a database, or without these tables: MLflow reports it
        return []
    matches = [re.fullmatch(r"(.+)/mlruns/\d+", local_path(location)) for (location,) in locations]
    folders = {Path(match[1]) for match in matches if match}
    return sorted(folder for folder in folders if is_former(folder, file.parent))


def is_former(folder: Path, project: Path) -> bool:
    """Return whether a project came from a folder: one that no longer exists, or that is another project."""
    moved = not folder.exists()
    return moved or (not folder.samefile(project) and (folder / "MLproject").is_file())


def local_path(location: str) -> str:
    """Return the local path of an artifact location (a path or a `file://` URI), or an empty string."""
    if location.startswith("file:"):
        return unquote(urlsplit(location).path)
    return "" if re.match(r"\w{2,}:", location) else location


@contextmanager
def closing_connection(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a SQLite database for one transaction, and close it afterwards."""
    connection = sqlite3.connect(file)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def lock(name: str, uri: str, *, seconds: float = -1) -> FileLock:
    """Return a lock shared by all commands on this machine that write to a store.

    The lock file is next to the file of a SQLite store, with the same permissions; for any other store, it is in the
    user's cache.

    Args:
        name: name of the locked resource.
        uri: URI of the store.
        seconds: timeout; by default, wait forever.

    Raises:
        StoreError: this user cannot write to the folder of locks.
    """
    file = database(uri)
    if file is None:
        folder, mode = cache_folder() / "locks", 0o600
    else:
        folder, mode = file.with_name(f"{file.name}.locks"), file.stat().st_mode & 0o666
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if file is not None:
            with suppress(PermissionError):  # only the folder's owner may change it
                folder.chmod(stat.S_IMODE(folder.parent.stat().st_mode))
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    except OSError as error:
        remedy = f"Set {CACHE[0]} to a folder of your own" if file is None else "Ask the owner of the store for access"
        raise StoreError(f"Cannot write to the folder of locks ({error}). {remedy}.") from error
    key = name if file is not None else f"{uri} {name}"
    return FileLock(folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.lock", timeout=seconds, mode=mode)
