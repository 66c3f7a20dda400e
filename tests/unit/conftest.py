"""Fixtures of several unit tests: the service in this process.

Imports that take seconds are in the fixtures: the process that starts the workers imports this file, too.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from starlette.testclient import TestClient

StartService = Callable[..., "AbstractContextManager[TestClient]"]


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.packaged_model import save_packaged

    return save_packaged(tmp_path_factory.mktemp("packaged") / "model")


@pytest.fixture
def start_service(packaged: Path) -> StartService:
    """Return a function that starts the service with settings."""
    from tests.in_process import started

    def start(**settings: Any) -> "AbstractContextManager[TestClient]":
        return started(**{"model": packaged, **settings})

    return start


@pytest.fixture
def client(start_service: StartService) -> "Iterator[TestClient]":
    with start_service() as client:
        yield client
