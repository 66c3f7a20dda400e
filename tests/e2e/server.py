"""Serve a packaged model in its own process."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

TIMEOUT_SECONDS = 60


@dataclass
class Server:
    """A running service."""

    process: subprocess.Popen[bytes]
    client: httpx.Client
    log: Path

    def worker(self) -> psutil.Process:
        """Return the process that handles requests."""
        (worker,) = (child for child in psutil.Process(self.process.pid).children() if "worker" in str(child.cmdline()))
        return worker


@contextmanager
def served(python: Path, bento: Path, folder: Path, **settings: object) -> Iterator[Server]:
    """Start the service of a Bento as its container does, and stop it afterwards."""
    port = free_port()
    process, log = start(python, bento, folder, port=port, **settings)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            wait_until_ready(client, process, log)
            yield Server(process, client, log)
    finally:
        process.terminate()
        process.wait(TIMEOUT_SECONDS)


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def start(python: Path, bento: Path, folder: Path, **settings: object) -> tuple[subprocess.Popen[bytes], Path]:
    """Start the service; return its process and its log file."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PYTHON"))}
    log = folder / "service.log"
    with log.open("wb") as output:
        command = [str(python), "-m", "service"]
        home = {"BENTOML_HOME": str(folder / "home"), "BENTOML_DO_NOT_TRACK": "true"}
        process = subprocess.Popen(
            command, cwd=bento / "src", env=inherited | home | variables(settings), stdout=output, stderr=output
        )
    return process, log


def variables(settings: Mapping[str, object]) -> dict[str, str]:
    """Return the environment variables for settings of the service or of telemetry."""
    prefixed = {name if name.startswith("telemetry_") else f"service_{name}": value for name, value in settings.items()}
    return {name.upper(): str(value) for name, value in prefixed.items()}


def wait_until_ready(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            if client.get("/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
