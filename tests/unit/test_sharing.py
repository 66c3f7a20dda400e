"""Rate limits of several replicas, through a real PostgreSQL, also while it is down."""

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from service import sharing
from service.limits import Limiter
from service.sharing import Sharing
from telemetry.database import Database
from telemetry.store import Store
from tests.postgresql import Cluster, running

SECONDS = 0.05


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Run a cluster that a test may stop."""
    with running() as cluster:
        yield cluster


@pytest.fixture
def open_database(cluster: Cluster) -> Iterator[Callable[[], Database]]:
    """Return a function that connects to a new database once more."""
    name = f"test_{secrets.token_hex(6)}"
    cluster.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # our own name
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Store(cluster.url(name)))).database


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(SECONDS)


def clock() -> float:
    return 1_000_000_021.0


def test_what_a_client_uses_at_one_replica_counts_at_the_others(open_database: Callable[[], Database]) -> None:
    replicas = [Limiter(clock), Limiter(clock)]
    with (
        closing(Sharing(replicas[0], open_database(), seconds=SECONDS).start()),
        closing(Sharing(replicas[1], open_database(), seconds=SECONDS).start()),
    ):
        assert replicas[0].take("client", "tweets", 400, 1_000) == 0
        assert replicas[1].take("client", "tweets", 500, 1_000) == 0
        eventually(lambda: replicas[1].take("client", "tweets", 101, 1_000) > 0)
        assert replicas[1].take("another client", "tweets", 1_000, 1_000) == 0


def test_a_replica_without_the_database_limits_on_its_own_and_says_so_once(
    cluster: Cluster, open_database: Callable[[], Database], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, sharing.__name__)
    limiter = Limiter(clock)
    with closing(Sharing(limiter, open_database(), seconds=SECONDS).start()):
        limiter.take("client", "tweets", 1, 10)
        cluster.stop()
        try:
            limiter.take("client", "tweets", 1, 10)
            eventually(lambda: "Rate limits are not shared for now" in caplog.text)
            time.sleep(5 * SECONDS)
            assert caplog.text.count("Rate limits are not shared for now") == 1
            assert [limiter.take("client", "tweets", 4, 10) > 0 for _ in range(3)] == [False, False, True]
        finally:
            cluster.start()
        eventually(lambda: "share the rate limits again" in caplog.text)
    other = Limiter(clock)
    with closing(Sharing(other, open_database(), seconds=SECONDS).start()):
        other.take("client", "tweets", 1, 1_000)
        eventually(lambda: other.take("client", "tweets", 990, 1_000) > 0)


def test_counts_of_earlier_minutes_are_deleted(open_database: Callable[[], Database]) -> None:
    now = clock()
    limiter, database = Limiter(lambda: now), open_database()
    for _ in range(4):
        limiter.take("client", "tweets", 1, 10)
        limiter.share(Sharing(limiter, database).exchange)
        now += 60
    with database.reading() as connection:
        assert len(connection.execute(sharing.USES.select()).all()) == 2
