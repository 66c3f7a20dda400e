"""The databases that can keep events, SQLite and PostgreSQL, and what differs between them."""

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL, Connection, Engine, event, exc
from sqlalchemy.dialects import postgresql, sqlite

# How long a process waits for the locks of others, and for a connection.
LOCK_TIMEOUT_SECONDS = 30.0
CONNECT_TIMEOUT_SECONDS = 5
# Identifies the advisory locks of this program among those of others ("tw").
LOCK_CLASS = 0x7477
# Errors of a statement, which fails again if it is repeated.
WRONG_STATEMENT = (exc.DataError, exc.IntegrityError, exc.ProgrammingError, exc.NotSupportedError)


class StoreError(Exception):
    """A store that cannot be used: a wrong address, or tables of another version."""


class Unavailable(Exception):
    """The store cannot be reached or written now; nothing was changed, unless the connection broke at the end."""


class Database(ABC):
    """A database.

    Attributes:
        engine: its connections.
        name: its address, without the password.
    """

    def __init__(self, engine: Engine) -> None:
        """Wrap an engine."""
        self.engine = engine
        self.name = engine.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads.

        Raises:
            Unavailable: the store cannot be reached.
        """
        with self._transaction() as connection:
            yield connection

    @contextmanager
    def writing(self, lock: sa.Table, *, durable: bool = False) -> Iterator[Connection]:
        """Open a transaction that writes, after those of other processes with the same lock.

        So numbers are in the order of commits: a reader that has seen number 7 never misses number 6.

        Args:
            lock: the table whose numbers must be in order.
            durable: whether the commit must survive a power cut. Without it, commits survive a killed process.

        Raises:
            Unavailable: the store cannot be reached or written.
        """
        with self._transaction(durable=durable) as connection:
            self.lock(connection, lock, durable=durable)
            yield connection

    @contextmanager
    def _transaction(self, **options: Any) -> Iterator[Connection]:
        try:
            with self.engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection
        except WRONG_STATEMENT:
            raise
        except exc.DBAPIError as error:
            raise Unavailable(f"{self.name}: {str(error.orig).strip()}") from None
        except exc.TimeoutError:
            raise Unavailable(f"{self.name}: all connections are busy") from None

    def insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """Return an INSERT that can say what to do about rows that exist."""
        return (sqlite if self.engine.dialect.name == "sqlite" else postgresql).insert(table)

    @abstractmethod
    def lock(self, connection: Connection, table: sa.Table, *, durable: bool) -> None:
        """Prepare a writing transaction."""

    @abstractmethod
    def prepare(self) -> None:
        """Prepare a database for its first table."""

    @abstractmethod
    def now(self, connection: Connection) -> float:
        """Return the time by the database's clock, in seconds since 1970."""

    @abstractmethod
    def period(self, times: sa.ColumnElement[float], seconds: int) -> sa.ColumnElement[int]:
        """Return the number of the period, since 1970, in which times are."""

    @abstractmethod
    def bytes(self) -> int | None:
        """Release free space, and return the size of the database, or None if it has no limit."""


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


class PostgreSQL(Database):
    """A database of PostgreSQL."""

    def __init__(self, url: URL) -> None:
        """Wrap a database."""
        super().__init__(
            sa.create_engine(
                url.set(drivername="postgresql+psycopg"),
                connect_args={
                    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                    "tcp_user_timeout": 1000 * CONNECT_TIMEOUT_SECONDS,
                    "application_name": "tweet_sentiment",
                    "options": f"-c lock_timeout={LOCK_TIMEOUT_SECONDS:.0f}s "
                    f"-c statement_timeout={2 * LOCK_TIMEOUT_SECONDS:.0f}s",
                },
                pool_pre_ping=True,
                pool_timeout=CONNECT_TIMEOUT_SECONDS,
                hide_parameters=True,
            )
        )

    def lock(self, connection: Connection, table: sa.Table, *, durable: bool) -> None:
        """Take the advisory lock of a table, which PostgreSQL releases after the commit is visible.

        Source: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
        """
        connection.exec_driver_sql(f"SET LOCAL synchronous_commit = {'on' if durable else 'off'}")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_CLASS, sa.func.hashtext(table.name))))

    def prepare(self) -> None:
        """Do nothing."""

    def now(self, connection: Connection) -> float:
        """Return the time of PostgreSQL, not that of the start of the transaction, which may have waited for a lock."""
        return float(connection.scalar(sa.select(sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double))))

    def period(self, times: sa.ColumnElement[float], seconds: int) -> sa.ColumnElement[int]:
        """Return the number of the period."""
        return sa.cast(sa.func.floor(times / seconds), sa.Integer)

    def bytes(self) -> None:
        """Return None: space is reused by PostgreSQL, not released."""


def connect(url: str) -> Database:
    """Return the database at a URL; the connection is opened when it is used.

    Raises:
        StoreError: the URL is no URL of SQLite or PostgreSQL. The message never repeats it, as it may hold a password.
    """
    advice = "write sqlite:///events.db, or postgresql://user:password@host/name"
    try:
        parsed = sa.make_url(url)
    except (exc.ArgumentError, ValueError):
        raise StoreError(f"is not the URL of a database: {advice}") from None
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return SQLite(Path(parsed.database).expanduser())
        case "sqlite":
            raise StoreError("names no file: write sqlite:///events.db, with four slashes for an absolute path")
        case "postgresql":
            return PostgreSQL(parsed)
        case _:
            raise StoreError(f"is neither SQLite nor PostgreSQL: {advice}")


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
