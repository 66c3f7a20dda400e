"""The service, the page and a browser, each a process of its own, as people meet them."""

import os
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Playwright

PROJECT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60
# Debian's Chromium may run as root and without a GPU; it looks for nobody but the page.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def launch(playwright: Playwright) -> Browser:
    """Start Chromium: the one that is installed here, else the one that Playwright has downloaded."""
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OPTIONS)


@contextmanager
def process(command: list[str], ready: str, log: Path, settings: Mapping[str, object]) -> Iterator[None]:
    """Run a module of the project until it answers at an address; stop it afterwards."""
    environment = os.environ | {name: str(value) for name, value in settings.items()}
    with log.open("ab") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=PROJECT, env=environment, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not answers(ready):
            assert started.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.1)
        yield
    finally:
        started.terminate()
        started.wait(PATIENCE_SECONDS)


def answers(address: str) -> bool:
    """Return whether an address answers well."""
    try:
        return httpx.get(address, timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False


@contextmanager
def service(
    port: int, folder: Path, bento: str = "service.service:TweetSentiment", **settings: object
) -> Iterator[str]:
    """Serve a model; yield its address."""
    told = {"SERVICE_PORT": port, "BENTOML_DO_NOT_TRACK": "true", **settings}
    address = f"http://127.0.0.1:{port}"
    with process(["service", bento], f"{address}/readyz", folder / "service.log", told):
        yield address


class Forwarder(socketserver.ThreadingTCPServer):
    """A server that does not wait for its connections when it is closed."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


def copy(source: socket.socket, sink: socket.socket) -> None:
    """Send what comes from one connection to another, until either is closed."""
    with suppress(OSError):
        while received := source.recv(65_536):
            sink.sendall(received)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def forwarded(port: int, target: int) -> Iterator[None]:
    """Forward the connections to a port of this machine to another one."""

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", target)) as other:
                answering = threading.Thread(target=copy, args=(other, self.request), daemon=True)
                answering.start()
                copy(self.request, other)
                answering.join()

    with Forwarder(("127.0.0.1", port), Forward) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@contextmanager
def page(port: int, folder: Path, **settings: object) -> Iterator[str]:
    """Open the page; yield its address."""
    address = f"http://127.0.0.1:{port}"
    with process(["ui"], f"{address}/_stcore/health", folder / "page.log", {"UI_PORT": port, **settings}):
        yield address
