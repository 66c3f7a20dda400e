"""A step on a full disk."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from steps import split
from tests.corpora import data
from tests.integration.chain import configuration


@pytest.fixture
def small_disk(store: str, tmp_path: Path) -> Iterator[Path]:  # noqa: ARG001
    """Store the artifacts of the next runs on a disk of 100 kB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", folder], check=False).returncode != 0:
        pytest.skip("mounting a small disk is not allowed here")
    before = mlflow.tracking.fluent._get_experiment_id()
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("small disk", artifact_location=folder.as_uri()))
    yield folder
    mlflow.set_experiment(experiment_id=before)
    subprocess.run(["umount", folder], check=True)


def test_a_step_on_a_full_disk_fails_and_works_once_there_is_space(small_disk: Path) -> None:
    with pytest.raises(OSError) as failure:
        split.main(configuration(*data(500)))
    assert failure.value.errno == errno.ENOSPC
    (run,) = mlflow.search_runs(output_format="list")
    assert run.info.status == "FAILED"

    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    uri = split.main(configuration(*data(500)))
    assert mlflow.get_run(uri.split("/")[1]).info.status == "FINISHED"
