"""The packaged champion, served in its own process, in an environment with only the Bento's requirements."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from service.ids import event_id
from telemetry.events import Prediction
from telemetry.store import Store
from tests.e2e.commands import BIN, Chain, environment, load
from tests.e2e.server import TIMEOUT_SECONDS, Server, free_port, served, start, wait_until_ready
from tests.fake_ingestion import ingestion

pytestmark = pytest.mark.slow
TWEETS = [
    "@AirParadis two hours late &amp; nobody cares :(",
    "Lovely crew, thank you!",
    "\U0001f620" * 50,
    "vol annulé",
]
SCHEMATHESIS = """\
[[operations]]
include-name = "PUT /predictions/{prediction_id}/feedback"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "409"]
"""
# Nor can it say that the time of a tweet must not be in the future.
PAST_TIMES = """\
import datetime, schemathesis
from hypothesis import strategies as st

zones = st.integers(-720, 720).map(lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes)))
times = st.datetimes(max_value=datetime.datetime(2026, 1, 1), timezones=zones)
schemathesis.openapi.format("date-time", times.map(datetime.datetime.isoformat))
"""
HEAVY = ("tensorflow", "keras", "torch", "transformers", "mlflow", "pandas", "hydra")


@pytest.fixture(scope="module")
def server(bento: Path, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    database = f"sqlite:///{folder / 'events.db'}"
    with served(python, bento, folder, telemetry_database=database, requests_per_minute=10**6) as server:
        yield server


def test_the_service_agrees_with_the_registered_model_and_its_mlflow_server(
    server: Server, chain: Chain, tmp_path: Path
) -> None:
    predictions = server.client.post("/predict", json={"texts": TWEETS}).raise_for_status().json()["predictions"]
    uri = "models:/tweet_sentiment@champion"
    expected = load(chain, uri).predict(TWEETS)
    probabilities = [prediction["negative_probability"] for prediction in predictions]
    assert probabilities == pytest.approx(expected["negative_probability"].tolist(), abs=1e-6)
    assert [prediction["sentiment"] for prediction in predictions] == expected["sentiment"].tolist()
    assert [prediction["certainty"] == "uncertain" for prediction in predictions] == expected["uncertain"].tolist()
    assert [prediction["reliable"] for prediction in predictions] == expected["reliable"].tolist()
    (version,) = {prediction["model_version"] for prediction in predictions}
    assert server.client.get("/model").json()["version"] == version == "1"
    with served_by_mlflow(chain, uri, tmp_path) as client:
        for tweet, probability in zip(TWEETS, probabilities, strict=True):
            (answer,) = client.post("/invocations", json={"inputs": [tweet]}).raise_for_status().json()["predictions"]
            assert answer["negative_probability"] == pytest.approx(probability, abs=1e-6)


@contextmanager
def served_by_mlflow(chain: Chain, uri: str, folder: Path) -> Iterator[httpx.Client]:
    """Serve a registered model with MLflow's own server."""
    port = free_port()
    command = [BIN / "mlflow", "models", "serve", "--model-uri", uri, "--env-manager", "local", "--port", str(port)]
    log = folder / "mlflow.log"
    with log.open("wb") as output:
        variables = environment(chain.tracking_uri)
        process = subprocess.Popen(command, env=variables, stdout=output, stderr=output, start_new_session=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            deadline = time.monotonic() + TIMEOUT_SECONDS
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
        process.wait(TIMEOUT_SECONDS)


def test_the_service_needs_no_training_framework_and_no_mlflow(python: Path, server: Server) -> None:
    code = f"import importlib.util; print([name for name in {HEAVY!r} if importlib.util.find_spec(name)])"
    assert subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    assert server.client.get("/livez").is_success


def test_no_tweet_is_logged_or_stored(server: Server) -> None:
    secret = "nobody may read this"
    server.client.post("/predict", json={"text": secret}).raise_for_status()
    server.client.post("/predict", json={"text": [secret]})
    server.client.post("/predict", content=secret, headers={"Content-Type": "application/json"})
    time.sleep(1)
    files = [server.log, *server.log.parent.glob("events.db*")]
    assert all(secret.encode() not in path.read_bytes() for path in files)


@pytest.mark.extended
def test_a_request_in_flight_is_answered_before_the_service_stops(bento: Path, python: Path, tmp_path: Path) -> None:
    with served(python, bento, tmp_path) as server:
        answers = []
        request = {"texts": ["late again and nobody tells us why " * 50] * 512}
        thread = threading.Thread(target=lambda: answers.append(server.client.post("/predict", json=request)))
        thread.start()
        time.sleep(0.1)
        server.process.terminate()
        thread.join()
        assert server.process.wait(TIMEOUT_SECONDS) == 0
    assert len(answers[0].raise_for_status().json()["predictions"]) == 512


@pytest.mark.extended
def test_a_killed_worker_is_replaced_and_its_predictions_stay_stored(bento: Path, python: Path, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'events.db'}"
    with served(python, bento, tmp_path, telemetry_database=database) as server:
        answers = server.client.post("/predict", json={"texts": TWEETS}).raise_for_status().json()["predictions"]
        time.sleep(1)
        server.worker().kill()
        wait_until_ready(server.client, server.process, server.log)
        answers += server.client.post("/predict", json={"texts": TWEETS}).raise_for_status().json()["predictions"]
    with closing(Store(database)) as store:
        stored = [event.id for event in store.read(Prediction)]
    assert stored == [event_id(answer["prediction_id"]) for answer in answers]


@pytest.mark.parametrize("exporter", ["opencensus", "opentelemetry"])
def test_predictions_reach_application_insights(
    bento: Path, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exporter: str
) -> None:
    with ingestion() as azure:
        monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", azure.connection_string)
        settings = {"telemetry_database": f"sqlite:///{tmp_path / 'events.db'}", "telemetry_exporter": exporter}
        with served(python, bento, tmp_path, **settings) as server:
            predictions = (
                server.client.post("/predict", json={"texts": TWEETS}).raise_for_status().json()["predictions"]
            )
            deadline = time.monotonic() + TIMEOUT_SECONDS
            while len(azure.events()) < len(TWEETS) and time.monotonic() < deadline:
                time.sleep(0.1)
    assert azure.events() == [("prediction", event_id(prediction["prediction_id"])) for prediction in predictions]


def test_the_service_does_not_start_if_the_model_answers_differently(bento: Path, python: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(bento, tmp_path / "bento")
    path = damaged / "src" / "model" / "classifier" / "golden.json"
    golden = json.loads(path.read_text(encoding="utf-8"))
    golden[0]["negative_probability"] = 1 - golden[0]["negative_probability"]
    path.write_text(json.dumps(golden), encoding="utf-8")
    process, log = start(python, damaged, tmp_path)
    assert process.wait(TIMEOUT_SECONDS) == 1
    (*_, reason) = log.read_text(encoding="utf-8").strip().splitlines()
    assert "answers differently than after training" in reason


def test_without_keys_the_service_refuses_to_listen_on_all_interfaces(
    bento: Path, python: Path, tmp_path: Path
) -> None:
    process, log = start(python, bento, tmp_path, host="0.0.0.0")
    assert process.wait(TIMEOUT_SECONDS) == 2
    assert "SERVICE_API_KEYS" in log.read_text(encoding="utf-8")


def test_a_wrong_setting_is_reported_by_name_without_its_value(bento: Path, python: Path, tmp_path: Path) -> None:
    process, log = start(python, bento, tmp_path, port="many", api_keys="guess-me")
    assert process.wait(TIMEOUT_SECONDS) == 2
    output = log.read_text(encoding="utf-8")
    assert "SERVICE_PORT" in output
    assert "SERVICE_API_KEYS" in output
    assert "guess-me" not in output


def test_bentoml_lists_the_bento(chain: Chain) -> None:
    completed = subprocess.run(
        [BIN / "python", "-m", "bentoml", "list", "--output", "json"], capture_output=True, text=True, check=True
    )
    (run,) = chain.runs("package")
    assert run.data.tags["bento"] in {bento["tag"] for bento in json.loads(completed.stdout)}


def test_the_answers_conform_to_the_openapi_document(server: Server, tmp_path: Path) -> None:
    """Schemathesis generates valid and invalid requests from the OpenAPI document and checks all answers against it."""
    # The schema cannot say that the text of feedback must be that of the prediction.
    (tmp_path / "schemathesis.toml").write_text('hooks = "past_times.py"\n' + SCHEMATHESIS, encoding="utf-8")
    (tmp_path / "past_times.py").write_text(PAST_TIMES, encoding="utf-8")
    description = server.client.base_url.join("/docs.json")
    command = [BIN / "st", "run", str(description), "--max-examples", "40", "--seed", "1", "--continue-on-failure"]
    completed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout
