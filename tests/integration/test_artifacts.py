"""What is logged of the data that a run has used."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import mlflow
import pytest
import yaml

from pipeline import artifacts
from tests.integration.candidates import save_splits

AT_ONCE = 4


@pytest.mark.usefixtures("store")
def test_runs_that_log_the_same_new_data_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    splits = save_splits(tmp_path / "splits")
    frames, path = artifacts.read_splits(splits), splits / "splits.yaml"
    described = yaml.safe_load(path.read_text(encoding="utf-8"))
    begin = Barrier(AT_ONCE)

    def log(_: int) -> str:
        with mlflow.start_run() as run:
            begin.wait()
            artifacts.log_data(frames, artifacts.describe_data(splits))
        return str(run.info.run_id)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        for _ in range(5):
            digests = {name: uuid4().hex for name in described["digests"]}
            path.write_text(yaml.safe_dump({**described, "digests": digests}), encoding="utf-8")
            for run_id in threads.map(log, range(AT_ONCE)):
                used = mlflow.get_run(run_id).inputs.dataset_inputs
                assert {data.dataset.digest for data in used} == {digests[name] for name in frames}
