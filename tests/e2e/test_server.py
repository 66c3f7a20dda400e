"""The pipeline against an MLflow server that uses PostgreSQL and proxies artifacts."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.commands import BIN, WITHOUT_BERT, Chain, load, run_pipeline, step
from tests.e2e.server import free_port
from tests.integration.chain import REPEATED, quality
from tests.postgresql import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.extended]
# One of each kind: a linear model and a network.
TWO_CANDIDATES = (
    "'plan.stages=[{name: simple, candidates: [{step: train_baseline, options: []}]}, "
    "{name: advanced, candidates: [{step: train_keras, options: []}]}]'"
)


@pytest.fixture
def server(own_postgresql: Cluster, tmp_path: Path) -> Iterator[str]:
    """Start an MLflow server that keeps runs in the database and proxies artifacts."""
    port = free_port()
    command = [
        BIN / "mlflow",
        "server",
        "--backend-store-uri",
        own_postgresql.url(),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    command += ["--artifacts-destination", tmp_path / "artifacts", "--serve-artifacts"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 90
    while not is_healthy(f"{url}/health"):
        assert process.poll() is None, (tmp_path / "server.log").read_text()
        assert time.monotonic() < deadline, (tmp_path / "server.log").read_text()
        time.sleep(0.3)
    yield url
    process.terminate()
    process.wait(30)


def is_healthy(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def test_the_pipeline_trains_the_same_models_with_a_server(server: str, chain: Chain, tmp_path: Path) -> None:
    remote = run_pipeline(server, tmp_path, step("main", f"hydra_options={WITHOUT_BERT} {TWO_CANDIDATES}"))
    local_linear, remote_linear = (pipeline.runs("train_baseline")[0] for pipeline in (chain, remote))
    assert quality(local_linear) == quality(remote_linear), "to the last digit"
    (local_network,), (remote_network,) = (pipeline.runs("train_keras") for pipeline in (chain, remote))
    assert quality(local_network) == pytest.approx(quality(remote_network), rel=REPEATED, abs=REPEATED)
    (select,) = remote.runs("select")
    assert select.info.artifact_uri.startswith("mlflow-artifacts:")
    assert server in remote.output, "links to the candidates"
    answer = load(remote, "models:/tweet_sentiment/1").predict(["@AirParadis late again"])
    assert 0 < answer["negative_probability"].item() < 1
    assert not (tmp_path / "mlruns").exists(), "nothing bypasses the server"
