"""The container image of `make image`, run as in production: read-only, unprivileged, in 512 MB."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from tests.e2e.server import TIMEOUT_SECONDS, free_port

ENGINE = os.environ.get("ENGINE") or next(filter(shutil.which, ("docker", "podman")), "")
IMAGE = os.environ.get("IMAGE", "localhost/tweet_sentiment:latest")
KEY = "a-key-of-the-tests-long-enough"
HARDENED = ("--read-only", "--tmpfs=/tmp", "--memory=512m", "--cap-drop=all", "--security-opt=no-new-privileges")


@dataclass
class Container:
    """A running container."""

    id: str
    client: httpx.Client

    def execute(self, *command: str) -> str:
        """Run a command in the container; return its output."""
        return engine("exec", self.id, *command).stdout.strip()


def engine(*arguments: str) -> subprocess.CompletedProcess[str]:
    if ENGINE not in ("docker", "podman"):
        pytest.fail("Neither docker nor podman is installed; set ENGINE to your container engine.")
    return subprocess.run([ENGINE, *arguments], capture_output=True, text=True, check=False)


@contextmanager
def started(**settings: str) -> Iterator[Container]:
    """Start a container, wait until it is ready, and remove it afterwards."""
    port = free_port()
    variables = [f"--env=SERVICE_{name.upper()}={value}" for name, value in settings.items()]
    options = os.environ.get("ENGINE_OPTIONS", "").split()
    completed = engine("run", "--detach", *HARDENED, *options, *variables, f"--publish=127.0.0.1:{port}:3000", IMAGE)
    assert completed.returncode == 0, completed.stderr
    container = completed.stdout.strip()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5, trust_env=False) as client:
            wait_until_ready(client, container)
            yield Container(container, client)
    finally:
        engine("rm", "--force", container)


def wait_until_ready(client: httpx.Client, container: str) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            if client.get("/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        logs = engine("logs", container)
        assert time.monotonic() < deadline, logs.stdout + logs.stderr
        time.sleep(0.2)


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    with started(api_keys=KEY) as container:
        yield container


def test_it_answers_only_requests_with_a_key(container: Container) -> None:
    request = {"texts": ["@AirParadis two hours late :("] * 512}
    headers = {"Authorization": f"Bearer {KEY}"}
    answers = container.client.post("/predict", json=request, headers=headers).raise_for_status().json()["predictions"]
    assert len(answers) == 512
    assert container.client.post("/predict", json=request).status_code == 401
    explanation = container.client.post("/explain", json={"text": "so late"}, headers=headers).raise_for_status().json()
    assert [word["text"] for word in explanation["contributions"]] == ["so", "late"]


def test_it_runs_unprivileged_and_writes_only_temporary_files(container: Container) -> None:
    assert container.execute("python", "-c", "import os; print(os.getuid())") == "10001"
    write = "open('/service/written', 'w')"
    assert container.execute("python", "-c", f"import contextlib\nwith contextlib.suppress(OSError): {write}") == ""
    assert engine("exec", container.id, "python", "-c", write).returncode == 1


def test_it_contains_no_pip_no_training_framework_and_no_mlflow(container: Container) -> None:
    names = ("pip", "tensorflow", "keras", "torch", "transformers", "mlflow", "pandas", "hydra")
    code = f"import importlib.util; print([name for name in {names!r} if importlib.util.find_spec(name)])"
    assert container.execute("python", "-c", code) == "[]"


def test_it_contains_a_bill_of_materials(container: Container) -> None:
    sbom = json.loads(container.execute("cat", "/service/sbom.cdx.json"))
    assert sbom["bomFormat"] == "CycloneDX"
    assert {"bentoml", "numpy"} <= {component["name"] for component in sbom["components"]}


def test_it_exits_with_0_when_stopped() -> None:
    with started(api_keys=KEY) as container:
        assert engine("stop", "--time=20", container.id).returncode == 0
        assert engine("wait", container.id).stdout.strip() == "0"


def test_without_keys_it_does_not_start() -> None:
    completed = engine("run", "--rm", *HARDENED, *os.environ.get("ENGINE_OPTIONS", "").split(), IMAGE)
    assert completed.returncode == 2
    assert "SERVICE_API_KEYS" in completed.stderr
