"""What is left behind by a step that is killed, and what the same command does next."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.smoke import BIN, PROJECT, Chain, environment

pytestmark = pytest.mark.slow


def train_keras(chain: Chain, *options: str) -> list[str]:
    """Return the command that trains a network on what the chain has made."""
    corpus, embedding = (chain.runs(step)[0].info.run_id for step in ("preprocess", "embed"))
    command = [str(BIN / "mlflow"), "run", str(PROJECT), "--env-manager=local", "-e", "train_keras"]
    command += ["-P", f"corpus=runs:/{corpus}/corpus", "-P", f"embedding=runs:/{embedding}/embedding"]
    return [*command, "-P", f"hydra_options={' '.join(['train_keras.network.units=8', *options])}"]


def child_of(pid: int, deadline: float) -> int:
    """Return the process of the step that a launcher has started, once its run is logged to."""
    while time.monotonic() < deadline:
        found = subprocess.run(["pgrep", "-f", "-P", str(pid), "steps"], capture_output=True, text=True, check=False)
        if found.stdout:
            return int(found.stdout.split()[0])
        time.sleep(0.2)
    raise TimeoutError("the step was not started")


def test_a_killed_step_is_failed_and_the_same_command_works_afterwards(copied_chain: Chain, tmp_path: Path) -> None:
    chain = copied_chain
    champion = chain.client.get_model_version_by_alias("tweet_sentiment", "champion").version
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            train_keras(chain, "train_keras.epochs=1000", "train_keras.patience=1000"),
            cwd=tmp_path,
            env=environment(chain.tracking_uri),
            stdout=output,
            stderr=output,
        )
    deadline = time.monotonic() + 120
    step = child_of(process.pid, deadline)
    while "epoch 2 " not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
    os.kill(step, signal.SIGKILL)
    for child in subprocess.run(["pgrep", "-P", str(step)], capture_output=True, text=True, check=False).stdout.split():
        os.kill(int(child), signal.SIGKILL)
    assert process.wait(60) != 0
    killed = chain.runs("train_keras")[0]
    assert (killed.info.status, "served_bytes" in killed.data.metrics) == ("FAILED", False)

    again = subprocess.run(
        train_keras(chain, "train_keras.epochs=1"),
        cwd=tmp_path,
        env=environment(chain.tracking_uri),
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert chain.runs("train_keras")[0].info.status == "FINISHED"
    assert chain.client.get_model_version_by_alias("tweet_sentiment", "champion").version == champion


def test_a_failing_step_fails_the_pipeline_says_why_and_registers_nothing(copied_chain: Chain, tmp_path: Path) -> None:
    chain = copied_chain
    versions = len(chain.client.search_model_versions("name = 'tweet_sentiment'"))
    command = [str(BIN / "mlflow"), "run", str(PROJECT), "--env-manager=local"]
    done = subprocess.run(
        [*command, "-P", "hydra_options=data=csv data.path=nowhere.csv"],
        cwd=tmp_path,
        env=environment(chain.tracking_uri),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "nowhere.csv (data.path)" in done.stderr
    assert "split failed" in done.stderr
    assert chain.runs("main")[0].info.status == chain.runs("split")[0].info.status == "FAILED"
    assert len(chain.client.search_model_versions("name = 'tweet_sentiment'")) == versions
