"""What tests of training share."""

from pathlib import Path

import pytest

from tests.checkpoints import save_checkpoint
from tests.conftest import Once
from tests.exported_bert import save_exported


@pytest.fixture(scope="session")
def exported_bert(once: Once) -> Path:
    """Export a small BERT once for all workers; return the folder that `save_exported` wrote."""
    return once("exported BERT", lambda folder: save_exported(save_checkpoint(folder / "checkpoint"), folder))
