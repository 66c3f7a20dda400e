"""What a command that is given again makes again: nothing that is there already."""

from pathlib import Path

import pytest

from tests.e2e.commands import Chain, run_pipeline

pytestmark = pytest.mark.slow
STEPS = ("split", "preprocess", "embed", "train_baseline", "train_keras", "train_bert", "select", "package")


def test_the_same_command_again_runs_no_step_and_says_so(copied_chain: Chain, tmp_path: Path) -> None:
    before = {step: [run.info.run_id for run in copied_chain.runs(step)] for step in STEPS}
    again = run_pipeline(copied_chain.tracking_uri, tmp_path)
    assert {step: [run.info.run_id for run in again.runs(step)] for step in STEPS} == before
    assert again.statuses("main") == {"main": ["FINISHED", "FINISHED"]}
    for said in (
        "split: unchanged, reusing run",
        "train_keras bilstm word2vec lemmatize: unchanged, reusing run",
        "package: unchanged, reusing run",
        "Registered:",
    ):
        assert said in again.output
