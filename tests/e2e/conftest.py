"""What the end-to-end tests share: one run of the pipeline on a database of its own."""

import pytest

from tests.e2e.smoke import Chain, run_pipeline


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Run the pipeline once."""
    folder = tmp_path_factory.mktemp("chain")
    return run_pipeline(f"sqlite:///{folder / 'mlflow.db'}", folder)
