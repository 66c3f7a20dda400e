"""Servers of models, started and asked as their users would; no benchmark itself."""

import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil

PATIENCE_SECONDS = 120
# Sends the bodies given one after the other, again and again; prints what has come of it as JSON.
SCRIPT = """\
local bodies = {%s}
local number = 0
request = function()
  number = number %% #bodies + 1
  return wrk.format("POST", "%s", {["Content-Type"] = "application/json"}, bodies[number])
end
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('JSON{"requests": %%d, "seconds": %%f, "p50": %%f, "p99": %%f, "failed": %%d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


class Asked(NamedTuple):
    """What has come of asking a server: requests a second, and the times of answers in milliseconds."""

    rate: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Server:
    """How a server is started, and asked for one tweet.

    Attributes:
        name: what it is called in tables.
        command: that starts it; `{port}` stands for the port.
        path: where it is asked.
        ready: where it tells that it is ready.
        question: from a tweet to the body of a request.
        folder: where it is started.
        settings: of its environment.
    """

    name: str
    command: Sequence[str | Path]
    folder: Path
    path: str = "/predict"
    ready: str = "/readyz"
    question: Any = staticmethod(lambda text: {"text": text})
    settings: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def started(self) -> Iterator["Running"]:
        """Start the server, wait until it has answered one tweet, and stop it afterwards.

        Raises:
            RuntimeError: it does not answer in time, or not well; what it has printed last is part of the message.
        """
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [str(part).format(port=port) for part in self.command]
        settings = {name: value.format(port=port) for name, value in self.settings.items()}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PYTHON"))}
        with tempfile.TemporaryFile() as printed:
            started = time.perf_counter()
            process = psutil.Popen(
                command, cwd=self.folder, env=kept | settings, stdout=printed, stderr=printed, start_new_session=True
            )
            try:
                self.wait(process, port)
                yield Running(self, port, time.perf_counter() - started, process)
            except httpx.HTTPError as error:
                printed.seek(0)
                raise RuntimeError(f"{self.name}: {error}\n{printed.read().decode()[-3000:]}") from error
            finally:
                if process.poll() is None:
                    family = [process, *process.children(recursive=True)]
                    process.terminate()
                    for left in psutil.wait_procs(family, timeout=30)[1]:
                        left.kill()

    def wait(self, process: psutil.Popen, port: int) -> None:
        """Wait for the first answer."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            while True:
                try:
                    if client.get(self.ready).is_success:
                        client.post(self.path, json=self.question("a first tweet")).raise_for_status()
                        return
                except httpx.TransportError:
                    if time.monotonic() > deadline or process.poll() is not None:
                        raise
                time.sleep(0.02)


@dataclass(frozen=True)
class Running:
    """A server that runs.

    Attributes:
        server: how it was started.
        port: where it listens.
        cold_start: seconds from its start to its first answer.
        process: the process started, whose children may be what answers.
    """

    server: Server
    port: int
    cold_start: float
    process: psutil.Popen

    @property
    def megabytes(self) -> float:
        """Return the memory that its processes hold together, what they share counted once (proportional set size)."""
        family = [self.process, *self.process.children(recursive=True)]
        return float(sum(process.memory_full_info().pss for process in family)) / 2**20

    def ask(self, bodies: Sequence[Any], *, connections: int, seconds: float) -> Asked:
        """Ask for as many seconds over as many connections, by wrk with one thread.

        Raises:
            RuntimeError: a request failed.
        """
        strings = ", ".join(json.dumps(json.dumps(body)) for body in bodies)
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "ask.lua"
            script.write_text(SCRIPT % (strings, self.server.path), encoding="utf-8")
            command = [
                "wrk",
                "--threads=1",
                f"--connections={connections}",
                f"--duration={seconds:g}s",
                "--timeout=60s",
            ]
            address = f"http://127.0.0.1:{self.port}"
            done = subprocess.run([*command, f"--script={script}", address], capture_output=True, text=True, check=True)
        told = json.loads(done.stdout.partition("JSON")[2])
        if told["failed"] or not told["requests"]:
            raise RuntimeError(f"{self.server.name}: {told['failed']} of {told['requests']} requests failed.")
        return Asked(told["requests"] / told["seconds"], told["p50"], told["p99"])
