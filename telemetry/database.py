"""What the store needs of a database: `telemetry.sqlite` and `telemetry.postgresql` are the two."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, exc
from sqlalchemy.dialects import postgresql, sqlite

# How long a process waits for the locks of others.
LOCK_TIMEOUT_SECONDS = 30.0
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
        self.name = engine.url.set(drivername=engine.dialect.name).render_as_string(hide_password=True)

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
            raise Unavailable(f"{self.name}: {' '.join(str(error.orig).split())}") from None
        except exc.TimeoutError:
            raise Unavailable(f"{self.name}: all connections are busy") from None

    def insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """Return an INSERT that can say what to do about rows that exist."""
        return sqlite.insert(table) if self.engine.dialect.name == "sqlite" else postgresql.insert(table)

    @abstractmethod
    def lock(self, connection: Connection, table: sa.Table, *, durable: bool) -> None:
        """Prepare a writing transaction."""

    def exists(self) -> bool:
        """Return whether there is a database to connect to."""
        return True

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
