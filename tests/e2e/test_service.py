"""The packaged champion, served by a process of its own, in an environment that holds what the Bento asks for alone."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from telemetry.store import Store
from tests.e2e.commands import BIN, Chain, environment, load
from tests.e2e.server import PATIENCE_SECONDS, Server, free_port, served, start, wait_until_ready
from tests.fake_ingestion import ingestion

pytestmark = pytest.mark.slow
TWEETS = [
    "@AirParadis two hours late &amp; nobody cares :(",
    "Lovely crew, thank you!",
    "\U0001f620" * 50,
    "vol annulé",
]
HEAVY = ("tensorflow", "keras", "torch", "transformers", "mlflow", "pandas", "hydra")


@pytest.fixture(scope="module")
def server(bento: Path, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    with served(python, bento, folder, telemetry_path=folder / "events.db", requests_per_minute=10**6) as server:
        yield server


def test_the_service_answers_as_the_registered_model_and_as_its_server_in_mlflow(
    server: Server, chain: Chain, tmp_path: Path
) -> None:
    told = server.client.post("/predict", json={"texts": TWEETS}).raise_for_status().json()["predictions"]
    uri = "models:/tweet_sentiment@champion"
    here = load(chain, uri).predict(TWEETS)
    probability = [answer["negative_probability"] for answer in told]
    assert probability == pytest.approx(here["negative_probability"].tolist(), abs=1e-6)
    assert [answer["sentiment"] for answer in told] == here["sentiment"].tolist()
    assert [answer["certainty"] == "uncertain" for answer in told] == here["uncertain"].tolist()
    (version,) = {answer["model_version"] for answer in told}
    assert server.client.get("/model").json()["version"] == version == "1"
    with served_by_mlflow(chain, uri, tmp_path) as client:
        for tweet, expected in zip(TWEETS, probability, strict=True):
            (answer,) = client.post("/invocations", json={"inputs": [tweet]}).raise_for_status().json()["predictions"]
            assert answer["negative_probability"] == pytest.approx(expected, abs=1e-6)


@contextmanager
def served_by_mlflow(chain: Chain, uri: str, folder: Path) -> Iterator[httpx.Client]:
    """Serve a registered model by MLflow's own server."""
    port = free_port()
    command = [BIN / "mlflow", "models", "serve", "--model-uri", uri, "--env-manager", "local", "--port", str(port)]
    log = folder / "mlflow.log"
    with log.open("wb") as output:
        told = environment(chain.tracking_uri)
        process = subprocess.Popen(command, env=told, stdout=output, stderr=output, start_new_session=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS, trust_env=False) as client:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while True:
                try:
                    if client.get("/ping").is_success:
                        break
                except httpx.TransportError:
                    pass
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield client
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def test_neither_a_training_framework_nor_mlflow_is_needed(python: Path, server: Server) -> None:
    code = f"import importlib.util; print([name for name in {HEAVY!r} if importlib.util.find_spec(name)])"
    assert subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    assert server.client.get("/livez").is_success


def test_no_text_of_a_tweet_is_logged_or_kept(server: Server) -> None:
    secret = "nobody may read this"
    server.client.post("/predict", json={"text": secret}).raise_for_status()
    server.client.post("/predict", json={"text": [secret]})
    server.client.post("/predict", content=secret, headers={"Content-Type": "application/json"})
    time.sleep(1)
    written = [server.log, *server.log.parent.glob("events.db*")]
    assert all(secret.encode() not in path.read_bytes() for path in written)


def test_a_request_in_flight_is_answered_before_the_service_stops(bento: Path, python: Path, tmp_path: Path) -> None:
    with served(python, bento, tmp_path) as server:
        answers = []
        asked = {"texts": ["late again and nobody tells us why " * 50] * 512}
        asking = threading.Thread(target=lambda: answers.append(server.client.post("/predict", json=asked)))
        asking.start()
        time.sleep(0.1)
        server.process.terminate()
        asking.join()
        assert server.process.wait(PATIENCE_SECONDS) == 0
    assert len(answers[0].raise_for_status().json()["predictions"]) == 512


def test_a_worker_that_is_killed_is_replaced_and_what_it_has_told_is_kept(
    bento: Path, python: Path, tmp_path: Path
) -> None:
    store = Store(tmp_path / "events.db")
    with served(python, bento, tmp_path, telemetry_path=store.path) as server:
        answers = server.client.post("/predict", json={"texts": TWEETS}).raise_for_status().json()["predictions"]
        time.sleep(1)
        server.worker().kill()
        wait_until_ready(server.client, server.process, server.log)
        answers += server.client.post("/predict", json={"texts": TWEETS}).raise_for_status().json()["predictions"]
    assert [event["id"] for event in store.read("prediction")] == [answer["prediction_id"] for answer in answers]


@pytest.mark.parametrize("exporter", ["opencensus", "opentelemetry"])
def test_predictions_reach_application_insights(
    bento: Path, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exporter: str
) -> None:
    with ingestion() as azure:
        monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", azure.connection_string)
        settings = {"telemetry_path": tmp_path / "events.db", "telemetry_exporter": exporter}
        with served(python, bento, tmp_path, **settings) as server:
            told = server.client.post("/predict", json={"texts": TWEETS}).raise_for_status().json()["predictions"]
            deadline = time.monotonic() + PATIENCE_SECONDS
            while len(azure.events()) < len(TWEETS) and time.monotonic() < deadline:
                time.sleep(0.1)
    assert azure.events() == [("prediction", answer["prediction_id"]) for answer in told]


def test_a_model_that_does_not_answer_as_it_did_stops_the_service(bento: Path, python: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(bento, tmp_path / "bento")
    path = damaged / "src" / "model" / "classifier" / "golden.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    told[0]["negative_probability"] = 1 - told[0]["negative_probability"]
    path.write_text(json.dumps(told), encoding="utf-8")
    process, log = start(python, damaged, tmp_path)
    assert process.wait(PATIENCE_SECONDS) == 1
    printed = log.read_text(encoding="utf-8")
    assert "answers differently than after training" in printed
    assert printed.strip().endswith("The model is not ready; see the error in the log above.")


def test_it_does_not_listen_to_everybody_without_keys(bento: Path, python: Path, tmp_path: Path) -> None:
    process, log = start(python, bento, tmp_path, host="0.0.0.0")
    assert process.wait(PATIENCE_SECONDS) == 2
    assert "SERVICE_API_KEYS" in log.read_text(encoding="utf-8")


def test_a_setting_that_is_wrong_is_told_by_its_name(bento: Path, python: Path, tmp_path: Path) -> None:
    process, log = start(python, bento, tmp_path, port="many", api_keys="guess-me")
    assert process.wait(PATIENCE_SECONDS) == 2
    printed = log.read_text(encoding="utf-8")
    assert "SERVICE_PORT" in printed
    assert "SERVICE_API_KEYS" in printed
    assert "guess-me" not in printed


def test_bentoml_lists_the_bento_with_what_it_holds(chain: Chain) -> None:
    done = subprocess.run(
        [BIN / "python", "-m", "bentoml", "list", "--output", "json"], capture_output=True, text=True, check=True
    )
    (run,) = chain.runs("package")
    assert run.data.tags["bento"] in {bento["tag"] for bento in json.loads(done.stdout)}


def test_the_interface_answers_as_its_description_says(server: Server, tmp_path: Path) -> None:
    """Schemathesis makes good and bad requests of the OpenAPI document, and checks all answers against it."""
    description = server.client.base_url.join("/docs.json")
    command = [BIN / "st", "run", str(description), "--max-examples", "40", "--seed", "1", "--continue-on-failure"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
