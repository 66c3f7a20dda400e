"""What all tests share."""

import os
import sys
from collections.abc import Iterator

import pytest

from steps.__main__ import QUIET

# Before any test imports what reads these.
for name, value in QUIET.items():
    os.environ.setdefault(name, value)


@pytest.fixture(autouse=True)
def _own_code() -> Iterator[None]:
    """Take the code of the models that a test has loaded off the path, where MLflow leaves it before the project's."""
    before = list(sys.path)
    yield
    sys.path[:] = before
