"""A new champion takes over, and a service stops, without a failed request."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pipeline.source_code import HANDED_OVER
from tests.e2e.replacing import PROJECT, TIMEOUT_SECONDS, TWEET, Load, Service, is_ready, served
from tests.packaged_model import save_packaged

pytestmark = [pytest.mark.slow, pytest.mark.extended]
PACKAGES = ("service", "telemetry", "sentiment", "tables", "monitoring")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of Bentos."""
    return tmp_path_factory.mktemp("bentoml")


def build(home: Path, folder: Path, version: str, *, broken: bool = False) -> None:
    """Build a Bento whose model has a version."""
    for name in PACKAGES:
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in HANDED_OVER:
        shutil.copy(PROJECT / name, folder)
    about = save_packaged(folder / "model") / "about.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"version": version}))
    if broken:
        (folder / "model" / "classifier" / "golden.json").unlink()
    include = [*(f"{name}/**" for name in (*PACKAGES, "model")), *HANDED_OVER]
    (folder / "bentofile.yaml").write_text(
        json.dumps({"service": "service.service:TweetSentiment", "include": include, "python": {"packages": []}})
    )
    command = [sys.executable, "-m", "bentoml", "build", "--bentofile", "bentofile.yaml", "."]
    environment = os.environ | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "true"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


@pytest.fixture
def service(home: Path, tmp_path: Path) -> Iterator[Service]:
    """Serve the latest Bento, of version 1."""
    build(home, tmp_path / "first", "1")
    with served(home, tmp_path, "tweet_sentiment:latest", PROJECT) as running:
        yield running


def test_a_new_champion_takes_over_without_a_failed_request(service: Service, home: Path, tmp_path: Path) -> None:
    with Load(service.url) as load:
        build(home, tmp_path / "second", "2")
        service.replace()
        time.sleep(1)
    assert load.failures == []
    assert set(load.answers) == {"1", "2"}
    assert service.version() == "2"
    assert len(service.workers()) == 1


def test_a_new_bento_that_cannot_be_served_leaves_the_old_one_in_place(
    service: Service, home: Path, tmp_path: Path
) -> None:
    (old,) = service.workers()
    with Load(service.url) as load:
        build(home, tmp_path / "broken", "3", broken=True)
        service.process.send_signal(signal.SIGHUP)
        service.wait_for_message("Keeping the old worker: Cannot serve the model")
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while len(service.workers()) > 1 and time.monotonic() < deadline:
            time.sleep(0.1)
    assert load.failures == []
    assert set(load.answers) == {"1"}
    assert service.workers() == [old]


def test_a_worker_that_dies_is_replaced_by_one_of_the_same_bento(service: Service, home: Path, tmp_path: Path) -> None:
    build(home, tmp_path / "second", "2")
    (old,) = service.workers()
    old.kill()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not (is_ready(service.url) and service.workers() != [old]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert service.version() == "1", "only SIGHUP changes the model"


def test_the_current_folder_is_served_as_in_the_container_and_its_model_can_be_replaced(
    home: Path, tmp_path: Path
) -> None:
    build(home, tmp_path / "first", "1")
    bentos = home / "bentos" / "tweet_sentiment"
    folder = shutil.copytree(bentos / (bentos / "latest").read_text().strip() / "src", tmp_path / "src")
    with served(home, tmp_path, ".", folder) as service:
        assert service.version() == "1"
        (old,) = service.workers()
        about = folder / "model" / "about.json"
        about.write_text(json.dumps(json.loads(about.read_text()) | {"version": "2"}))
        service.process.send_signal(signal.SIGHUP)
        old.wait(TIMEOUT_SECONDS)
        assert service.version() == "2"


def test_clients_are_told_to_leave_before_a_service_stops(service: Service) -> None:
    """As a load balancer with connections to it; requests on their way are answered."""
    with httpx.Client(base_url=service.url, trust_env=False, timeout=30) as client:
        assert client.post("/predict", json={"text": TWEET}).headers.get("connection") != "close"
        (worker,) = service.workers()
        service.process.terminate()
        answers = []
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not answers or answers[-1].headers.get("connection") != "close":
            assert time.monotonic() < deadline
            answers.append(client.post("/predict", json={"text": TWEET}))
    assert all(answer.is_success for answer in answers)
    worker.wait(TIMEOUT_SECONDS)
    assert service.process.wait(TIMEOUT_SECONDS) == 0
