"""Repeating a command reuses all finished runs."""

from pathlib import Path

import pytest

from tests.e2e.commands import Chain, run_pipeline

pytestmark = pytest.mark.slow
STEPS = ("split", "preprocess", "embed", "train_baseline", "train_keras", "train_bert", "select", "package")


def test_the_same_command_again_reuses_all_steps(copied_chain: Chain, tmp_path: Path) -> None:
    before = {step: [run.info.run_id for run in copied_chain.runs(step)] for step in STEPS}
    repeated = run_pipeline(copied_chain.tracking_uri, tmp_path)
    assert {step: [run.info.run_id for run in repeated.runs(step)] for step in STEPS} == before
    assert repeated.statuses("main") == {"main": ["FINISHED", "FINISHED"]}
    for message in (
        "split: unchanged, reusing run",
        "train_keras bilstm word2vec lemmatize: unchanged, reusing run",
        "package: unchanged, reusing run",
        "Registered:",
    ):
        assert message in repeated.output
