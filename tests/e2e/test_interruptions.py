"""What a killed or failed step leaves behind, and what the same command does next."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from steps import train_keras
from tests.e2e.commands import BIN, PROJECT, Chain, environment, pipeline, step
from tests.integration import candidates
from tests.integration.chain import configuration
from tests.integration.conftest import using_store

pytestmark = [pytest.mark.slow, pytest.mark.extended]
SMALL_STUDY = (
    "select.families=[baseline] select.floor.roc_auc=null select.resamples=20 "
    """'plan.stages=[{name: simple, candidates: [{step: train_baseline, options: ["train_baseline=dummy"]}]}]'"""
)

OPTIONS = ["train_keras=average", "export.max_auc_drop=0.02"]


def inputs_of_train_keras(chain: Chain) -> dict[str, str]:
    """Return the URIs of the chain's corpus and embedding."""
    makers = {"corpus": "preprocess", "embedding": "embed"}
    return {name: f"runs:/{chain.runs(maker)[0].info.run_id}/{name}" for name, maker in makers.items()}


def child_of(pid: int, deadline: float) -> int:
    """Wait until a launcher has started the process of a step; return its id."""
    while time.monotonic() < deadline:
        matches = subprocess.run(["pgrep", "-f", "-P", str(pid), "steps"], capture_output=True, text=True, check=False)
        if matches.stdout:
            return int(matches.stdout.split()[0])
        time.sleep(0.2)
    raise TimeoutError("the step did not start")


def kill(pid: int) -> None:
    """Kill a process and its descendants, without any cleanup."""
    os.kill(pid, signal.SIGSTOP)  # so that it starts no process that escapes
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    for child in children:
        kill(int(child))
    os.kill(pid, signal.SIGKILL)


def test_a_killed_step_is_marked_failed_and_can_be_run_again(copied_chain: Chain, tmp_path: Path) -> None:
    chain = copied_chain
    champion = chain.client.get_model_version_by_alias("tweet_sentiment", "champion").version
    inputs = inputs_of_train_keras(chain)
    command = [str(BIN / "mlflow"), "run", str(PROJECT), "--env-manager=local", "-e", "train_keras"]
    command += [word for name, uri in inputs.items() for word in ("-P", f"{name}={uri}")]
    endless = [*OPTIONS, "train_keras.epochs=1000", "train_keras.patience=1000"]
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "-P", f"hydra_options={' '.join(endless)}"],
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
    kill(step)
    assert process.wait(60) != 0
    killed = chain.runs("train_keras")[0]
    assert (killed.info.status, "served_bytes" in killed.data.metrics) == ("FAILED", False)

    with using_store(chain.tracking_uri, tmp_path):
        repeated = [f"inputs.{name}={uri}" for name, uri in inputs.items()]
        train_keras.main(configuration(*repeated, *OPTIONS, "train_keras.epochs=1"))
    assert chain.runs("train_keras")[0].info.status == "FINISHED"
    assert chain.client.get_model_version_by_alias("tweet_sentiment", "champion").version == champion


def test_a_failing_step_fails_the_pipeline_with_its_message(copied_chain: Chain) -> None:
    chain = copied_chain
    versions = len(chain.client.search_model_versions("name = 'tweet_sentiment'"))
    completed = subprocess.run(
        step("main", "data=csv", "data.path=nowhere.csv"),
        cwd=PROJECT,
        env=environment(chain.tracking_uri),
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 2
    message = f"No file {PROJECT / 'nowhere.csv'} (data.path)."
    *_, of_stage, of_step = completed.stderr.splitlines()
    assert message in completed.stderr.splitlines(), "printed by the step itself"
    assert of_stage.startswith("The stage 'simple' of the plan: all candidates failed")
    assert of_step == f"split failed: {message}"
    assert "Error executing job" not in completed.stderr
    assert "Traceback" not in completed.stderr
    (main, *_), (split, *_) = chain.runs("main"), chain.runs("split")
    assert (main.info.status, main.data.tags["error"]) == ("FAILED", f"{of_stage}\n{of_step}")
    assert (split.info.status, split.data.tags["error"]) == ("FAILED", message)
    assert len(chain.client.search_model_versions("name = 'tweet_sentiment'")) == versions


def test_two_commands_at_once_resume_an_interrupted_study_of_a_file_with_unusual_names(
    tmp_path: Path, new_store: Callable[[Path], str]
) -> None:
    folder = tmp_path / "air paradis" / "année=2026"
    folder.mkdir(parents=True)
    tweets = candidates.tweets(range(240))[["text", "negative", "group"]]
    tweets["negative"] = tweets["negative"].map({1: "negative", 0: "positive"})
    tweets.columns = ["Texte du tweet", "catégorie", "l'auteur"]
    tweets.to_csv(folder / "tweets, août (1).csv", index=False)
    data = (
        f"data=csv 'data.path={folder / 'tweets, août (1).csv'}' data.text_column='Texte du tweet' "
        "data.label_column=catégorie data.group_column=l\\'auteur"
    )
    chain = Chain(tracking_uri=new_store(folder), output="")

    options = f"{data} {SMALL_STUDY}"

    def start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("w") as output:
            return subprocess.Popen(
                command,
                cwd=folder,
                env=environment(chain.tracking_uri, PYTHONPATH=str(PROJECT)),
                stdout=output,
                stderr=output,
            )

    interrupted_log = tmp_path / "interrupted"
    process = start(pipeline(options), interrupted_log)
    deadline = time.monotonic() + 300
    while "train_baseline dummy lemmatize ..." not in interrupted_log.read_text():
        assert process.poll() is None, interrupted_log.read_text()
        assert time.monotonic() < deadline, interrupted_log.read_text()
        time.sleep(0.2)
    kill(process.pid)
    process.wait(60)

    logs = [tmp_path / "first", tmp_path / "second"]
    repeated = step("main", f"hydra_options={options}")
    for process, log in [(start(repeated, log), log) for log in logs]:
        assert process.wait(300) == 0, log.read_text()
    assert chain.statuses("split", "preprocess", "select") == {
        "split": ["FINISHED"],
        "preprocess": ["FINISHED"],
        "select": ["FINISHED"],
    }
    assert chain.statuses("train_baseline")["train_baseline"].count("FINISHED") == 1
    for log in logs:
        assert "split: unchanged" in log.read_text()
        assert "Registered:" in log.read_text()
    (split,) = chain.runs("split")
    assert split.data.params["data.path"] == str(folder / "tweets, août (1).csv")
    assert not (tmp_path / "air%20paradis").exists(), "MLflow created a folder with an encoded name"
