"""Addresses of databases."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc

from telemetry.database import Database, StoreError
from telemetry.postgresql import PostgreSQL
from telemetry.sqlite import SQLite

# Of a path to a file of SQLite: anything else without a scheme is a mistake.
SUFFIXES = (".db", ".sqlite", ".sqlite3")


def connect(url: str) -> Database:
    """Return the database at a URL, or in the file of a path; the connection is opened when it is used.

    Raises:
        StoreError: it is neither. The message never repeats the URL, which may contain a password.
    """
    if url.endswith(SUFFIXES) and "://" not in url:
        return SQLite(Path(url).expanduser())
    advice = "write sqlite:///events.db, or postgresql://user:password@host/name, without quotation marks"
    try:
        parsed = sa.make_url(url)
    except (exc.ArgumentError, ValueError):
        raise StoreError(f"is not the URL of a database: {advice}") from None
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return SQLite(Path(parsed.database).expanduser())
        case "sqlite":
            raise StoreError("has no file name: write sqlite:///events.db, with four slashes for an absolute path")
        case "postgresql" | "postgres":
            return PostgreSQL(parsed)
        case _:
            raise StoreError(f"is neither SQLite nor PostgreSQL: {advice}")
