"""What all tests share."""

import os
import sys
import tempfile
from collections.abc import Iterator

import pytest

from steps.__main__ import QUIET

# Before any test imports what reads these. What the caller has set for runs of his own is not for tests.
OF_THE_CALLER = ("APPLICATIONINSIGHTS_", "MLFLOW_", "SERVICE_", "TELEMETRY_", "UI_")
for name in [name for name in os.environ if name.startswith(OF_THE_CALLER)]:
    del os.environ[name]
for name, value in QUIET.items():
    os.environ.setdefault(name, value)
# BentoML reads it once. Workers inherit the folder, which is gone when the tests are over.
if "PYTEST_XDIST_WORKER" not in os.environ:
    BENTOS = tempfile.TemporaryDirectory(prefix="bentoml-")
    os.environ["BENTOML_HOME"] = BENTOS.name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a module on one worker, where they share fixtures, unless they belong to a larger group."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.fixture(autouse=True)
def _own_code() -> Iterator[None]:
    """Take the code of the models that a test has loaded off the path, where MLflow leaves it before the project's."""
    before = list(sys.path)
    yield
    sys.path[:] = before
