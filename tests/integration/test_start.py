"""`python -m service`: it starts, or its last line says at once what is wrong."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from pipeline import signing
from tests.e2e.server import free_port, variables
from tests.packaged_model import save_packaged
from tests.signed_model import save_keys

PROJECT = Path(__file__).parents[2]
# Without a Bento: this project's service, and the model of SERVICE_MODEL.
COMMAND = [sys.executable, "-m", "service", "service.service:TweetSentiment"]
# Far less than the startup timeout, which is a minute.
AT_ONCE_SECONDS = 45
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_packaged(tmp_path_factory.mktemp("packaged") / "model")


@pytest.fixture
def start(packaged: Path, tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts the service with settings and other environment variables."""
    processes = []

    def start_process(environment: dict[str, str] | None = None, **settings: object) -> subprocess.Popen[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
        own = {"BENTOML_HOME": str(tmp_path / "home"), "BENTOML_DO_NOT_TRACK": "true"}
        chosen = variables({"model": packaged, "port": free_port(), **settings}) | (environment or {})
        process = subprocess.Popen(
            COMMAND,
            cwd=PROJECT,
            env=inherited | own | chosen,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        processes.append(process)
        return process

    yield start_process
    for process in processes:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=AT_ONCE_SECONDS)


def refusal(process: subprocess.Popen[str]) -> str:
    """Return the last line of a service that has refused to start."""
    started = time.monotonic()
    output, _ = process.communicate(timeout=90)
    assert time.monotonic() - started < AT_ONCE_SECONDS
    assert process.returncode == 2, output
    assert "Traceback" not in output
    return output.strip().splitlines()[-1]


def wait_for_answer(process: subprocess.Popen[str], url: str) -> httpx.Response:
    """Classify a tweet as soon as the service is ready."""
    with httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        deadline = time.monotonic() + AT_ONCE_SECONDS
        while time.monotonic() < deadline:
            assert process.poll() is None
            try:
                if client.get("/readyz").is_success:
                    return client.post("/predict", json={"text": "late again"})
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    raise AssertionError("not ready")


def test_a_port_in_use_is_refused_though_its_program_says_it_is_ready(start: Start) -> None:
    port = free_port()
    with subprocess.Popen([sys.executable, "-c", READY_SERVER, str(port)]) as other:
        try:
            url = f"http://127.0.0.1:{port}/readyz"
            deadline = time.monotonic() + AT_ONCE_SECONDS
            while not answers(url):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            line = refusal(start(port=port))
            assert line == (
                f"Cannot listen on 127.0.0.1:{port}: another program uses this port. "
                "Stop it, or set SERVICE_PORT to another port."
            )
        finally:
            other.kill()


READY_SERVER = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    log_message = lambda *_: None
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest.mark.extended
@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
@pytest.mark.parametrize("host", ["::1", "localhost"])
def test_the_service_listens_on_each_loopback_address(start: Start, host: str) -> None:
    port = free_port()
    process = start(host=host, port=port)
    answer = wait_for_answer(process, f"http://[::1]:{port}" if ":" in host else f"http://127.0.0.1:{port}")
    assert answer.json()["sentiment"] == "negative"


@pytest.mark.extended
def test_a_proxy_for_the_internet_concerns_neither_the_start_nor_the_probe(start: Start) -> None:
    port, nobody = free_port(), f"http://127.0.0.1:{free_port()}"
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"), nobody)
    assert wait_for_answer(start(proxies, port=port), f"http://127.0.0.1:{port}").is_success
    probe = [sys.executable, "-m", "service.probe"]
    for probed, code in ((port, 0), (free_port(), 1)):
        environment = {**os.environ, **proxies, "SERVICE_PORT": str(probed), "SERVICE_HOST": "0.0.0.0"}
        assert subprocess.run(probe, cwd=PROJECT, env=environment, check=False, timeout=30).returncode == code


@pytest.mark.extended
def test_a_home_folder_in_a_path_is_understood(start: Start, packaged: Path) -> None:
    port = free_port()
    home = {"HOME": str(packaged.parent)}
    process = start(home, port=port, model="~/model", telemetry_database="sqlite:///~/events.db")
    assert wait_for_answer(process, f"http://127.0.0.1:{port}").is_success
    assert (packaged.parent / "events.db").is_file()


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("SERVICE_PORT", "tcp://10.0.0.1:80", "SERVICE_PORT: Kubernetes has set this variable for a Service named"),
        ("SERVICE_HOST", "example.org", "SERVICE_HOST: Value error, is not an IP address"),
        ("SERVICE_HOST", "203.0.113.7", "SERVICE_API_KEYS"),
        ("SERVICE_MODEL", "~/nothing", "SERVICE_MODEL: .*/nothing contains no packaged model"),
        ("SERVICE_SHADOW", "/nothing", "SERVICE_SHADOW: /nothing contains no packaged model"),
        ("SERVICE_MODEL_PUBLIC_KEY", "/nothing.pem", "SERVICE_MODEL_PUBLIC_KEY: .*No such file.*/nothing.pem"),
        ("SERVICE_API_KEYS", '"0123456789abcdef"', "SERVICE_API_KEYS: the value is in quotation marks"),
        ("TELEMETRY_DATABASE", "sqlite:////proc/nothing/events.db", "TELEMETRY_DATABASE: cannot use the store"),
        ("TELEMETRY_DATABASE", "postgresql://u:pw@127.0.0.1:1/x", "TELEMETRY_DATABASE: cannot use the store"),
        (
            "APPLICATIONINSIGHTS_CONNECTION_STRING",
            '"InstrumentationKey=00000000-0000-0000-0000-000000000001"',
            "APPLICATIONINSIGHTS_CONNECTION_STRING: the value is in quotation marks",
        ),
    ],
)
def test_what_cannot_work_is_refused_at_once_with_the_cause(
    start: Start, variable: str, value: str, sentence: str
) -> None:
    refused = refusal(start({variable: value}))
    assert re.search(sentence, refused), refused
    assert "pw" not in refused
    assert "0123456789abcdef" not in refused


def test_an_unknown_bento_is_refused(tmp_path: Path) -> None:
    command = [*COMMAND[:-1], "nothing:latest"]
    home = {"BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "true", "SERVICE_PORT": str(free_port())}
    completed = subprocess.run(
        command, cwd=PROJECT, env=os.environ | home, capture_output=True, text=True, check=False, timeout=60
    )
    assert completed.returncode == 2
    assert completed.stderr.strip().splitlines()[-1].startswith("Cannot serve nothing:latest. ")


def test_a_model_that_cannot_be_served_is_named_in_the_last_line(start: Start, tmp_path: Path) -> None:
    folder = save_packaged(tmp_path / "model")
    (folder / "classifier" / "golden.json").unlink()
    process = start(model=folder)
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 1, output
    assert re.search(r"Cannot serve the model in .*golden\.json", output.strip().splitlines()[-1])


def test_a_model_that_was_changed_after_it_was_signed_is_not_served(start: Start, tmp_path: Path) -> None:
    keys, folder = save_keys(tmp_path / "keys"), save_packaged(tmp_path / "model")
    signing.sign(folder, keys.private)
    with (folder / "model_card.md").open("a", encoding="utf-8") as card:
        card.write(" ")
    assert refusal(start(model=folder, model_public_key=keys.public)) == (
        f"SERVICE_MODEL_PUBLIC_KEY: The model in {folder} is not served. These files are not those that were signed: "
        "model_card.md. Restore the model, or package it again with the private key."
    )


def test_a_worker_that_dies_while_starting_ends_the_service_at_once(start: Start, tmp_path: Path) -> None:
    """As a worker that the system kills for its memory."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif '_bentoml_impl.worker.service' in sys.orig_argv: os.kill(os.getpid(), 9)\n"
    )
    process = start({"PYTHONPATH": str(tmp_path)})
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 1, output
    assert output.strip().splitlines()[-1].startswith("The worker exited before it was ready")


def test_a_stopped_service_ends_without_an_error(start: Start) -> None:
    port = free_port()
    process = start(port=port)
    wait_for_answer(process, f"http://127.0.0.1:{port}")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=AT_ONCE_SECONDS)
    assert process.returncode == 0


@pytest.mark.extended
def test_a_service_whose_worker_died_for_good_ends_with_an_error(start: Start) -> None:
    """BentoML replaces no worker in containers that it builds."""
    port = free_port()
    process = start({"BENTOML_CONTAINERIZED": "true"}, port=port)
    wait_for_answer(process, f"http://127.0.0.1:{port}")
    for child in psutil.Process(process.pid).children():
        if "_bentoml_impl.worker.service" in child.cmdline():
            child.kill()
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 1
    assert output.strip().splitlines()[-1].startswith("The worker of the service has exited")
