"""The data sets that runs log as their inputs."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import mlflow
import pytest
import yaml

from pipeline import artifacts
from tests.integration.candidates import save_splits

THREADS = 4


@pytest.mark.usefixtures("store")
def test_concurrent_runs_can_log_the_same_new_data(tmp_path: Path) -> None:
    splits = save_splits(tmp_path / "splits")
    frames, path = artifacts.read_splits(splits), splits / "splits.yaml"
    description = yaml.safe_load(path.read_text(encoding="utf-8"))
    barrier = Barrier(THREADS)

    def log(_: int) -> str:
        with mlflow.start_run() as run:
            barrier.wait()
            artifacts.log_data(frames, artifacts.describe_data(splits))
        return str(run.info.run_id)

    with ThreadPoolExecutor(THREADS) as threads:
        for _ in range(5):
            digests = {name: uuid4().hex for name in description["digests"]}
            path.write_text(yaml.safe_dump({**description, "digests": digests}), encoding="utf-8")
            for run_id in threads.map(log, range(THREADS)):
                inputs = mlflow.get_run(run_id).inputs.dataset_inputs
                assert {data.dataset.digest for data in inputs} == {digests[name] for name in frames}
