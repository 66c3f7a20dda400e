"""The service in this process, with settings."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.testclient import TestClient

from service.service import TweetSentiment
from tests.e2e.server import variables


@contextmanager
def started(**settings: object) -> Iterator[TestClient]:
    """Start the service with settings of its own and of telemetry; return a client on this machine."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in variables(settings).items():
            environment.setenv(name, value)
        app = TweetSentiment.to_asgi()
        with TestClient(app, raise_server_exceptions=False, client=("127.0.0.1", 50000)) as client:
            yield client
