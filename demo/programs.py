"""The programs of the demonstration: the service and the page, each in a process that ends with the demonstration."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from demo.errors import DemoError
from watch.patience import client_for

START_SECONDS, STOP_SECONDS, POLL_SECONDS = 120.0, 35.0, 0.2
LINES = 5


class Program:
    """A running program."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        """Keep its name, its process and the file of its output."""
        self.name, self.process, self.log = name, process, log

    def require_running(self) -> None:
        """Check that it has not ended.

        Raises:
            DemoError: it has; the message has the end of its output.
        """
        code = self.process.poll()
        if code is not None:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES:]
            said = "\n".join(f"  {line}" for line in lines)
            raise DemoError(f"{said}\n{self.name} ended with code {code}. All of its output: {self.log}")

    def wait_until_ready(self, url: str) -> None:
        """Wait until a URL of the program answers.

        Raises:
            DemoError: the program has ended, or does not answer in time.
        """
        deadline = time.monotonic() + START_SECONDS
        with client_for(url, None) as client:
            while not answers(client, url):
                self.require_running()
                if time.monotonic() > deadline:
                    raise DemoError(f"{self.name} did not answer within {START_SECONDS:.0f} s. Its output: {self.log}")
                time.sleep(POLL_SECONDS)


@contextmanager
def running(name: str, arguments: Sequence[str], settings: Mapping[str, str], log: Path) -> Iterator[Program]:
    """Run a module of the project (`python -m`), and stop it afterwards.

    Ctrl-C on the terminal does not reach it, so that it is stopped in good order.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield Program(name, process, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def environment(added: Mapping[str, object]) -> dict[str, str]:
    """Return the environment of the programs, without the user's stores and channels of events."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("TELEMETRY_", "APPLICATIONINSIGHTS_"))
    }
    return kept | {name: str(value) for name, value in added.items()}


def require_free(port: int, variable: str) -> None:
    """Check that nothing listens on a port of this machine.

    Raises:
        DemoError: something does.
    """
    with socket.socket() as attempt:
        if attempt.connect_ex(("127.0.0.1", port)) == 0:
            raise DemoError(
                f"Port {port} is in use, perhaps by another demonstration. Stop what uses it, or choose another port: "
                f"make demo {variable}={port + 1}"
            )


def answers(client: httpx.Client, url: str) -> bool:
    """Return whether a URL answers with success."""
    try:
        return client.get(url).is_success
    except httpx.TransportError:
        return False
