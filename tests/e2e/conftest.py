"""What the end-to-end tests share: one run of the pipeline on a database of its own."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.smoke import Chain, run_pipeline


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Run the pipeline once."""
    folder = tmp_path_factory.mktemp("chain")
    return run_pipeline(f"sqlite:///{folder / 'mlflow.db'}", folder)


@pytest.fixture
def copied_chain(chain: Chain, tmp_path: Path) -> Chain:
    """Give a test that adds runs a copy of the database; the artifacts that it names are shared."""
    copy = shutil.copy(chain.tracking_uri.removeprefix("sqlite:///"), tmp_path)
    return replace(chain, tracking_uri=f"sqlite:///{copy}")
