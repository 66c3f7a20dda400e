"""A service that replaces its model while clients send requests."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from tests.e2e.server import free_port, variables

PROJECT = Path(__file__).parents[2]
TWEET = "late again and rude"
CLIENTS = 6
TIMEOUT_SECONDS = 180  # a machine may be busy


@dataclass
class Load:
    """Clients that send one request after the other, some on one connection, some each on a new one."""

    url: str
    clients: int = CLIENTS
    key: str | None = None
    pause_seconds: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, *, keep: bool) -> None:
        limits = httpx.Limits(max_keepalive_connections=1 if keep else 0)
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        with httpx.Client(base_url=self.url, headers=headers, limits=limits, timeout=30, trust_env=False) as client:
            while not self.stopped.wait(self.pause_seconds):
                try:
                    answer = client.post("/predict", json={"text": TWEET})
                    self.answers[answer.json()["model_version"] if answer.is_success else str(answer)] += 1
                except httpx.TransportError as error:
                    self.failures.append(repr(error))

    def __enter__(self) -> "Load":
        self.threads = [
            threading.Thread(target=self.run, kwargs={"keep": bool(client % 2)}) for client in range(self.clients)
        ]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()


@dataclass
class Service:
    """A running service."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def messages(self) -> str:
        """Return the log without the lines of requests."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return "\n".join(line for line in lines if not line.startswith("{"))

    def wait_for_message(self, text: str) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while text not in self.messages():
            assert time.monotonic() < deadline, self.messages()
            time.sleep(0.1)

    def workers(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if is_worker(child)]

    def replace(self) -> None:
        """Make the service take the latest Bento, and wait until its old worker has ended."""
        (old,) = self.workers()
        self.process.send_signal(signal.SIGHUP)
        old.wait(TIMEOUT_SECONDS)

    def version(self) -> str:
        return str(httpx.get(f"{self.url}/model", trust_env=False, timeout=10).json()["version"])


def is_worker(process: psutil.Process) -> bool:
    try:
        return "_bentoml_impl.worker.service" in process.cmdline()
    except psutil.NoSuchProcess:  # it has ended
        return False


@contextmanager
def served(home: Path, tmp_path: Path, bento: str, folder: Path, **settings: object) -> Iterator[Service]:
    """Start the service in a folder, with settings of its own and of telemetry, and stop it afterwards."""
    port = free_port()
    settings |= {"port": port, "requests_per_minute": 10**6, "telemetry_database": f"sqlite:///{tmp_path}/events.db"}
    environment = {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "true"} | variables(settings)
    log = tmp_path / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", bento],
            cwd=folder,
            env=os.environ | environment,
            stdout=output,
            stderr=output,
        )
    started = Service(process, f"http://127.0.0.1:{port}", log)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not is_ready(started.url):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.1)
    try:
        yield started
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(TIMEOUT_SECONDS)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).is_success
    except httpx.TransportError:
        return False
