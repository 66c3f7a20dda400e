"""The container image that `make image` has built, run as it is meant to be: read-only, without rights, in 512 MB."""

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

from tests.e2e.server import PATIENCE_SECONDS, free_port

ENGINE = os.environ.get("ENGINE") or next(filter(shutil.which, ("docker", "podman")), "")
IMAGE = os.environ.get("IMAGE", "localhost/tweet_sentiment:latest")
KEY = "a-key-of-the-tests-long-enough"
HARDENED = ("--read-only", "--tmpfs=/tmp", "--memory=512m", "--cap-drop=all", "--security-opt=no-new-privileges")


@dataclass
class Container:
    """A container that runs."""

    id: str
    client: httpx.Client

    def execute(self, *command: str) -> str:
        """Return what a command prints in it."""
        return engine("exec", self.id, *command).stdout.strip()


def engine(*arguments: str) -> subprocess.CompletedProcess[str]:
    if ENGINE not in ("docker", "podman"):
        pytest.fail("Neither docker nor podman is installed; set ENGINE to what runs containers here.")
    return subprocess.run([ENGINE, *arguments], capture_output=True, text=True, check=False)


@contextmanager
def started(**settings: str) -> Iterator[Container]:
    """Start the image, wait until it is ready, and remove it afterwards."""
    port = free_port()
    given = [f"--env=SERVICE_{name.upper()}={value}" for name, value in settings.items()]
    options = os.environ.get("ENGINE_OPTIONS", "").split()
    done = engine("run", "--detach", *HARDENED, *options, *given, f"--publish=127.0.0.1:{port}:3000", IMAGE)
    assert done.returncode == 0, done.stderr
    container = done.stdout.strip()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5, trust_env=False) as client:
            wait_until_ready(client, container)
            yield Container(container, client)
    finally:
        engine("rm", "--force", container)


def wait_until_ready(client: httpx.Client, container: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if client.get("/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        told = engine("logs", container)
        assert time.monotonic() < deadline, told.stdout + told.stderr
        time.sleep(0.2)


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    with started(api_keys=KEY) as container:
        yield container


def test_it_answers_who_bears_a_key(container: Container) -> None:
    asked = {"texts": ["@AirParadis two hours late :("] * 512}
    bearer = {"Authorization": f"Bearer {KEY}"}
    answers = container.client.post("/predict", json=asked, headers=bearer).raise_for_status().json()["predictions"]
    assert len(answers) == 512
    assert container.client.post("/predict", json=asked).status_code == 401
    told = container.client.post("/explain", json={"text": "so late"}, headers=bearer).raise_for_status().json()
    assert [word["text"] for word in told["contributions"]] == ["so", "late"]


def test_it_runs_as_nobody_in_particular_and_can_write_nothing_but_temporary_files(container: Container) -> None:
    assert container.execute("python", "-c", "import os; print(os.getuid())") == "10001"
    written = "open('/service/written', 'w')"
    assert container.execute("python", "-c", f"import contextlib\nwith contextlib.suppress(OSError): {written}") == ""
    assert engine("exec", container.id, "python", "-c", written).returncode == 1


def test_it_holds_neither_pip_nor_a_training_framework_nor_mlflow(container: Container) -> None:
    names = ("pip", "tensorflow", "keras", "torch", "transformers", "mlflow", "pandas", "hydra")
    code = f"import importlib.util; print([name for name in {names!r} if importlib.util.find_spec(name)])"
    assert container.execute("python", "-c", code) == "[]"


def test_it_says_what_it_is_made_of(container: Container) -> None:
    materials = json.loads(container.execute("cat", "/service/sbom.cdx.json"))
    assert materials["bomFormat"] == "CycloneDX"
    assert {"bentoml", "numpy"} <= {component["name"] for component in materials["components"]}


def test_it_ends_well_when_it_is_told_to() -> None:
    with started(api_keys=KEY) as container:
        assert engine("stop", "--time=20", container.id).returncode == 0
        assert engine("wait", container.id).stdout.strip() == "0"


def test_without_keys_it_does_not_listen_to_everybody() -> None:
    done = engine("run", "--rm", *HARDENED, *os.environ.get("ENGINE_OPTIONS", "").split(), IMAGE)
    assert done.returncode == 2
    assert "SERVICE_API_KEYS" in done.stderr
