"""Fixtures of several unit tests: the service in this process."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from service.service import TweetSentiment
from tests.e2e.server import variables
from tests.packaged_model import save_packaged

StartService = Callable[..., AbstractContextManager[TestClient]]


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_packaged(tmp_path_factory.mktemp("packaged") / "model")


@pytest.fixture
def start_service(packaged: Path, monkeypatch: pytest.MonkeyPatch) -> StartService:
    """Return a function that starts the service with settings."""

    @contextmanager
    def start(client: tuple[str, int] = ("127.0.0.1", 50000), **settings: object) -> Iterator[TestClient]:
        with monkeypatch.context() as environment:
            for name, value in variables({"model": packaged, **settings}).items():
                environment.setenv(name, value)
            app = TweetSentiment.to_asgi()
            with TestClient(app, raise_server_exceptions=False, client=client) as test_client:
                yield test_client

    return start


@pytest.fixture
def client(start_service: StartService) -> Iterator[TestClient]:
    with start_service() as client:
        yield client
