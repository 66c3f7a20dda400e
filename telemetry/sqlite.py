"""Events in a file of SQLite, on a local disk."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import URL, Connection, event

from telemetry.database import LOCK_TIMEOUT_SECONDS, Database, Unavailable


class SQLite(Database):
    """A file of SQLite; its clock is that of the machine."""

    def __init__(self, path: Path) -> None:
        """Wrap a file."""
        super().__init__(
            sa.create_engine(
                URL.create("sqlite", database=str(path)),
                connect_args={"timeout": LOCK_TIMEOUT_SECONDS},
                hide_parameters=True,
            )
        )
        self.path = path
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)

    def lock(self, connection: Connection, table: sa.Table, *, durable: bool) -> None:
        """Do nothing: BEGIN IMMEDIATE has locked the file."""

    def exists(self) -> bool:
        """Return whether there is a file; connecting would create it."""
        return self.path.is_file()

    def prepare(self) -> None:
        """Create the file, and switch to write-ahead logging, so that readers need not wait for the writer.

        SQLite's own timeout does not apply when several processes switch at once, so this retries.
        """
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        with self._raw() as connection:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only takes effect before the first table
            while True:
                try:
                    connection.execute("PRAGMA journal_mode = WAL")
                    return
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                        raise
                    time.sleep(0.01)

    def now(self, connection: Connection) -> float:  # noqa: ARG002 (PostgreSQL is asked)
        """Return the time of this machine."""
        return time.time()

    def period(self, times: sa.ColumnElement[float], seconds: int) -> sa.ColumnElement[int]:
        """Return the number of the period; SQLite may have no FLOOR."""
        return sa.cast(times / seconds, sa.Integer)

    def bytes(self) -> int:
        """Release free pages to the file system; return the size of the file."""
        with self._raw() as connection:
            connection.executescript("PRAGMA incremental_vacuum")  # `execute` would release one page only
            (pages,), (size,) = (
                connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
            )
            return int(pages * size)

    @contextmanager
    def _raw(self) -> Iterator[sqlite3.Connection]:
        """Open a connection outside of transactions."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None)) as connection:
                yield connection
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(f"{self.name}: {error}") from None


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    """Leave transactions to `_begin`.

    Source: https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#pysqlite-serializable
    """
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if "durable" in options:
        connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if options['durable'] else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("BEGIN")
