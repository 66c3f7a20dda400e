"""The pipeline against an MLflow server that uses PostgreSQL and proxies artifacts."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.commands import BIN, WITHOUT_BERT, Chain, load, run_pipeline, step
from tests.e2e.server import free_port
from tests.integration.chain import REPEATED, quality

pytestmark = pytest.mark.slow
# One of each kind: a linear model and a network.
TWO_CANDIDATES = (
    "'plan.stages=[{name: simple, candidates: [{step: train_baseline, options: []}]}, "
    "{name: advanced, candidates: [{step: train_keras, options: []}]}]'"
)
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.fixture
def database() -> Iterator[str]:
    """Start PostgreSQL in a temporary folder; it refuses to run as root, so root runs it as `postgres`."""
    if not POSTGRES:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    binaries, port = POSTGRES[-1].parent, free_port()
    with tempfile.TemporaryDirectory(prefix="postgresql-") as cluster:
        user = []
        if os.geteuid() == 0:
            user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(cluster, "postgres", "postgres")

        def run(program: str, *arguments: str) -> None:
            command = [*user, str(binaries / program), "-D", cluster, *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

        run("initdb", "-U", "mlflow", "-A", "trust")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={cluster}"
        run("pg_ctl", "-w", "-o", options, "-l", f"{cluster}/log", "start")
        yield f"postgresql://mlflow@127.0.0.1:{port}/postgres"
        run("pg_ctl", "-w", "-m", "immediate", "stop")


@pytest.fixture
def server(database: str, tmp_path: Path) -> Iterator[str]:
    """Start an MLflow server that keeps runs in the database and proxies artifacts."""
    port = free_port()
    command = [BIN / "mlflow", "server", "--backend-store-uri", database, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--artifacts-destination", tmp_path / "artifacts", "--serve-artifacts", "--workers", "1"]
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
