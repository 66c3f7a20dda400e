"""Repeating a command reuses all finished runs."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.hydra_config import HydraConfig

from steps import main
from tests.e2e.commands import OPTIONS, Chain
from tests.integration.candidates import command_line_configuration
from tests.integration.chain import CONF
from tests.integration.conftest import using_store

pytestmark = pytest.mark.slow
STEPS = ("split", "preprocess", "embed", "train_baseline", "train_keras", "train_bert", "select", "package")


@pytest.fixture
def options() -> Iterator[list[str]]:
    """Return the options of the chain; reset Hydra's state afterwards."""
    yield shlex.split(OPTIONS)
    HydraConfig.instance().cfg = None


def test_the_same_options_again_reuse_all_steps(
    copied_chain: Chain,
    options: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = {step: [run.info.run_id for run in copied_chain.runs(step)] for step in STEPS}
    caplog.set_level("INFO", logger="pipeline")
    with using_store(copied_chain.tracking_uri, tmp_path, "Default"):
        cfg = command_line_configuration(*options)
        with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
            main.main(cfg)
    assert {step: [run.info.run_id for run in copied_chain.runs(step)] for step in STEPS} == before
    assert copied_chain.statuses("main") == {"main": ["FINISHED", "FINISHED"]}
    for message in (
        "split: unchanged, reusing run",
        "train_keras bilstm word2vec lemmatize: unchanged, reusing run",
        "package: unchanged, reusing run",
    ):
        assert message in caplog.text
    assert "Registered:" in capsys.readouterr().out
