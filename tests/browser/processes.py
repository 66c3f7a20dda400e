"""Start the service, the page and a browser, each in its own process."""

import os
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
from playwright.sync_api import Browser, Playwright

PROJECT = Path(__file__).parents[2]
SERVICE = "service.service:TweetSentiment"
TIMEOUT_SECONDS = 60
# Lets Debian's Chromium run as root and without a GPU, and stops its background traffic.
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
    """Start Chromium: the installed one, else the one that Playwright downloaded."""
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OPTIONS)


@contextmanager
def process(
    command: list[str], ready: str, log: Path, settings: Mapping[str, object]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a module of the project, wait until the URL `ready` answers, and stop the module afterwards."""
    environment = os.environ | {name: str(value) for name, value in settings.items()}
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=PROJECT, env=environment, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not is_healthy(ready):
            assert child.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.1)
        yield child
    finally:
        child.terminate()
        child.wait(TIMEOUT_SECONDS)


def is_healthy(address: str) -> bool:
    """Return whether a URL answers with success."""
    try:
        return httpx.get(address, timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False


@contextmanager
def service(port: int, folder: Path, bento: str = SERVICE, /, **settings: object) -> Iterator[str]:
    """Serve a model; yield its address."""
    with serving(port, folder, bento, **settings):
        yield f"http://127.0.0.1:{port}"


def serving(
    port: int, folder: Path, bento: str = SERVICE, /, **settings: object
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Serve a model; the value is the process."""
    variables = {"SERVICE_PORT": port, "BENTOML_DO_NOT_TRACK": "true", **settings}
    return process(["service", bento], f"http://127.0.0.1:{port}/readyz", folder / "service.log", variables)


def kill(child: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children at once, as a machine that fails does."""
    parent = psutil.Process(child.pid)
    for one in (parent, *parent.children(recursive=True)):
        one.kill()
    child.wait(TIMEOUT_SECONDS)


class Forwarder(socketserver.ThreadingTCPServer):
    """A TCP server that does not wait for open connections when it closes."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


def copy(source: socket.socket, sink: socket.socket) -> None:
    """Copy bytes from one connection to another until either is closed."""
    with suppress(OSError):
        while received := source.recv(65_536):
            sink.sendall(received)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def forwarded(port: int, target: int) -> Iterator[None]:
    """Forward connections from one local port to another."""

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", target)) as upstream:
                reply_thread = threading.Thread(target=copy, args=(upstream, self.request), daemon=True)
                reply_thread.start()
                copy(self.request, upstream)
                reply_thread.join()

    with Forwarder(("127.0.0.1", port), Forward) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@contextmanager
def page(port: int, folder: Path, **settings: object) -> Iterator[str]:
    """Start the page; yield its address."""
    address = f"http://127.0.0.1:{port}"
    with process(["ui"], f"{address}/_stcore/health", folder / "page.log", {"UI_PORT": port, **settings}):
        yield address
