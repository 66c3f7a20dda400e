"""Leases: which process runs each background job, decided by the store and its clock."""

import os
import secrets
import socket
import threading
import time

import sqlalchemy as sa

from telemetry.database import Unavailable
from telemetry.schema import workers
from telemetry.store import Store

LEASE_SECONDS = 15.0
RENEWALS = 3  # per lease


class Leases:
    """The leases of a process, which a thread renews; a job whose process has died is free after `seconds`.

    Attributes:
        store: the event store.
        holder: this process, for people.
        seconds: how long a lease lasts.
    """

    def __init__(self, store: Store, *, seconds: float = LEASE_SECONDS) -> None:
        """Configure the leases; nothing is held yet."""
        self.store, self.seconds = store, seconds
        self.holder = f"{socket.gethostname()}:{os.getpid()}"
        # Host and process number can be those of another container.
        self._token = secrets.token_hex(8)
        self._until: dict[str, float] = {}  # by the monotonic clock of this machine
        self._asked: dict[str, float] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="leases", daemon=True)

    def start(self) -> None:
        """Start the thread that renews leases."""
        self._thread.start()

    def close(self) -> None:
        """Stop renewing."""
        self._closing.set()
        self._thread.join()

    def release(self, name: str) -> None:
        """Release the lease of a job, so that another process need not wait for its end.

        Raises:
            Unavailable: the store cannot be reached; the lease ends by itself.
        """
        if self._until.pop(name, None) is not None:
            with self.store.database.writing(workers) as connection:
                connection.execute(sa.update(workers).where(self._mine(name)).values(holder=None, expires=None))

    def _mine(self, name: str) -> sa.ColumnElement[bool]:
        return (workers.c.name == name) & (workers.c.token == self._token)

    def acquire(self, name: str) -> bool:
        """Return whether this process has the lease of a job; ask the store a few times per lease at most.

        Raises:
            Unavailable: the store cannot be reached.
        """
        now = time.monotonic()
        if now < self._until.get(name, 0):
            return True
        if now < self._asked.get(name, 0) + self.seconds / RENEWALS and name not in self._until:
            return False
        self._asked[name] = now
        with self.store.database.writing(workers) as connection:
            clock = self.store.now(connection)
            free = workers.c.expires.is_(None) | (workers.c.expires <= clock) | (workers.c.token == self._token)
            values = {"holder": self.holder, "token": self._token, "expires": clock + self.seconds}
            insert = self.store.database.insert(workers).values(name=name, **values)
            taken = insert.on_conflict_do_update(index_elements=["name"], set_=values, where=free)
            held = connection.scalar(taken.returning(workers.c.name)) is not None
        if held:
            self._until[name] = now + self.seconds
        else:
            self._until.pop(name, None)
        return held

    def report(self, name: str, error: str | None) -> None:
        """Save that a job has run, and the code of its error, if it failed.

        Raises:
            Unavailable: the store cannot be reached.
        """
        with self.store.database.writing(workers) as connection:
            row = {"last_run": self.store.now(connection), "error": error}
            connection.execute(sa.update(workers).where(self._mine(name)).values(row))

    def _renew(self) -> None:
        while not self._closing.wait(self.seconds / RENEWALS):
            now = time.monotonic()
            try:
                with self.store.database.writing(workers) as connection:
                    mine = (workers.c.token == self._token) & workers.c.name.in_(list(self._until))
                    expires = self.store.now(connection) + self.seconds
                    renewal = sa.update(workers).where(mine).values(expires=expires).returning(workers.c.name)
                    kept = set(connection.scalars(renewal))
            except Unavailable:  # the jobs report it; leases that end meanwhile are acquired again
                continue
            for name in list(self._until):
                if name in kept:
                    self._until[name] = now + self.seconds
                else:
                    self._until.pop(name, None)
