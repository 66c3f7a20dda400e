"""The service in this process, with settings."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from service import limits
from service.service import TweetSentiment
from tests.e2e.server import variables

NOON = 1_700_049_600.0  # 2023-11-15, UTC


@contextmanager
def started(
    client: tuple[str, int] = ("127.0.0.1", 50000), now: Callable[[], float] = lambda: NOON, **settings: object
) -> Iterator[TestClient]:
    """Start the service with settings of its own and of telemetry; return a client with this address.

    What clients use in a minute is counted by the clock `now`. By default it stands still, lest a minute begin between
    two requests of a test.
    """
    with pytest.MonkeyPatch.context() as environment:
        for name, value in variables(settings).items():
            environment.setenv(name, value)
        environment.setattr(gc, "freeze", lambda: None)  # else its models would never be freed
        environment.setattr(limits, "time", SimpleNamespace(time=now))
        app = TweetSentiment.to_asgi()
        with TestClient(app, raise_server_exceptions=False, client=client) as test_client:
            yield test_client
