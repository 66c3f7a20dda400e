"""Start model servers and load-test them. Not a benchmark itself."""

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

STARTUP_TIMEOUT_SECONDS = 120
# A script for wrk: sends the given bodies in a loop, and prints the results as JSON.
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


class LoadTestResult(NamedTuple):
    """Requests per second, and latency percentiles in milliseconds."""

    rate: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Server:
    """How to start a server, and how to send it a tweet.

    Attributes:
        name: its name in tables.
        command: the command to start it; `{port}` is replaced by the port.
        path: path of predictions.
        ready: path of the readiness check.
        question: function from a tweet to the body of a request.
        folder: its working directory.
        settings: environment variables; `{port}` is replaced by the port.
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
        """Start the server, wait until it has classified one tweet, and stop it afterwards.

        Raises:
            RuntimeError: it did not respond in time, or with an error; the message contains the end of its output.
        """
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [str(part).format(port=port) for part in self.command]
        settings = {name: value.format(port=port) for name, value in self.settings.items()}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PYTHON"))}
        with tempfile.TemporaryFile() as output:
            started = time.perf_counter()
            process = psutil.Popen(
                command, cwd=self.folder, env=inherited | settings, stdout=output, stderr=output, start_new_session=True
            )
            try:
                self.wait(process, port)
                yield Running(self, port, time.perf_counter() - started, process)
            except httpx.HTTPError as error:
                output.seek(0)
                raise RuntimeError(f"{self.name}: {error}\n{output.read().decode()[-3000:]}") from error
            finally:
                if process.poll() is None:
                    processes = [process, *process.children(recursive=True)]
                    process.terminate()
                    for alive in psutil.wait_procs(processes, timeout=30)[1]:
                        alive.kill()

    def wait(self, process: psutil.Popen, port: int) -> None:
        """Wait for the first successful response."""
        deadline = time.monotonic() + STARTUP_TIMEOUT_SECONDS
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
    """A running server.

    Attributes:
        server: its definition.
        port: its port.
        cold_start: seconds from its start to its first response.
        process: its main process; children may do the work.
    """

    server: Server
    port: int
    cold_start: float
    process: psutil.Popen

    @property
    def megabytes(self) -> float:
        """Return the memory of all its processes (proportional set size, which counts shared memory once)."""
        processes = [self.process, *self.process.children(recursive=True)]
        return float(sum(process.memory_full_info().pss for process in processes)) / 2**20

    def ask(self, bodies: Sequence[Any], *, connections: int, seconds: float) -> LoadTestResult:
        """Load-test the server with wrk, on one thread.

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
        summary = json.loads(done.stdout.partition("JSON")[2])
        if summary["failed"] or not summary["requests"]:
            raise RuntimeError(f"{self.server.name}: {summary['failed']} of {summary['requests']} requests failed.")
        return LoadTestResult(summary["requests"] / summary["seconds"], summary["p50"], summary["p99"])
