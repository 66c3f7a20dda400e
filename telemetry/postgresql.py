"""Events in PostgreSQL, shared by several replicas of the service."""

import sqlalchemy as sa
from sqlalchemy import URL, Connection

from telemetry.database import LOCK_TIMEOUT_SECONDS, Database

CONNECT_TIMEOUT_SECONDS = 5
# Identifies the advisory locks of this program among those of others ("tw").
LOCK_CLASS = 0x7477


class PostgreSQL(Database):
    """A database of PostgreSQL."""

    def __init__(self, url: URL) -> None:
        """Wrap a database."""
        given = url.query.get("options", "")
        super().__init__(
            sa.create_engine(
                url.set(drivername="postgresql+psycopg"),
                connect_args={
                    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                    "tcp_user_timeout": 1000 * CONNECT_TIMEOUT_SECONDS,
                    "application_name": "tweet_sentiment",
                    "options": f"{given} -c lock_timeout={LOCK_TIMEOUT_SECONDS:.0f}s "
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
        clock = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
        seconds: float = connection.execute(sa.select(clock)).scalar_one()
        return seconds

    def period(self, times: sa.ColumnElement[float], seconds: int) -> sa.ColumnElement[int]:
        """Return the number of the period."""
        return sa.cast(sa.func.floor(times / seconds), sa.Integer)

    def bytes(self) -> None:
        """Return None: space is reused by PostgreSQL, not released."""
