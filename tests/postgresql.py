"""A cluster of PostgreSQL in a temporary folder."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.e2e.server import free_port

OPTIONS = "-c listen_addresses=127.0.0.1 -c max_connections=200"


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs; skip the test, or fail in CI, where there are none."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(installed[-1]) if installed else shutil.which("initdb")
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "PostgreSQL is not installed (Debian: apt-get install postgresql)"
        )
    return Path(found).resolve().parent


@dataclass(frozen=True)
class Cluster:
    """A cluster that can be stopped and started; it refuses to run as root, so root runs it as `postgres`."""

    programs: Path
    folder: Path
    fsync: Literal["on", "off"]
    port: int = field(default_factory=free_port)

    def create(self) -> None:
        """Create the files."""
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")

    def start(self) -> None:
        """Start the server, on the same port as before."""
        options = f"{OPTIONS} -c fsync={self.fsync} -p {self.port} -c unix_socket_directories={self.folder}"
        self._run("pg_ctl", "-w", "-o", options, "-l", f"{self.folder}/log", "start")

    def stop(self, mode: Literal["fast", "immediate"] = "immediate") -> None:
        """Stop the server: in good order, or at once as in a crash, from which it recovers when it starts."""
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://tests@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Create an empty database; return its URL."""
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def execute(self, statements: LiteralString) -> None:
        """Execute statements."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statements)

    def _run(self, program: str, *arguments: str) -> None:
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        command = [*user, str(self.programs / program), "-D", str(self.folder), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def running(fsync: Literal["on", "off"] = "off") -> Iterator[Cluster]:
    """Run a new cluster; by default one that a crash of the machine may damage, which tests do not cause."""
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        cluster = Cluster(binaries(), Path(folder), fsync)
        cluster.create()
        cluster.start()
        try:
            yield cluster
        finally:
            if (cluster.folder / "postmaster.pid").exists():
                cluster.stop()
