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
# BentoML reads it once. The folder is gone when the tests are over.
BENTOS = tempfile.TemporaryDirectory(prefix="bentoml-")
os.environ["BENTOML_HOME"] = BENTOS.name


@pytest.fixture(autouse=True)
def _own_code() -> Iterator[None]:
    """Take the code of the models that a test has loaded off the path, where MLflow leaves it before the project's."""
    before = list(sys.path)
    yield
    sys.path[:] = before
