"""The service in this process, with settings."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.testclient import TestClient

from service.service import TweetSentiment
from tests.e2e.server import variables


@contextmanager
def started(client: tuple[str, int] = ("127.0.0.1", 50000), **settings: object) -> Iterator[TestClient]:
    """Start the service with settings of its own and of telemetry; return a client with this address."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in variables(settings).items():
            environment.setenv(name, value)
        environment.setattr(gc, "freeze", lambda: None)  # else its models would never be freed
        app = TweetSentiment.to_asgi()
        with TestClient(app, raise_server_exceptions=False, client=client) as test_client:
            yield test_client
