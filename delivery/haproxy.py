"""One machine: revisions behind HAProxy, whose runtime API changes weights without a reload.

The state is in HAProxy's memory: a server per revision, and a map with images, labels and what runs each revision
(`instances`).
https://docs.haproxy.org/2.6/management.html#9.3
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from delivery import instances
from delivery.errors import DeliveryError
from delivery.revisions import Revision

BACKEND = "revisions"
MAP = "revisions.map"  # relative to the folder of the socket: HAProxy's commands allow no spaces in a name
TIMEOUT_SECONDS = 10.0
CONFIGURATION = """\
global
  stats socket "unix@{socket}" mode 600 level admin
  noreuseport
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend public
  bind 127.0.0.1:{port}
  default_backend {backend}
backend {backend}
  balance roundrobin
  # Nothing reads the variable: it makes HAProxy keep the map, which holds the state of releases.
  http-request set-var(txn.state) str(),map({map})
"""
MAINTENANCE = 1  # bit of srv_admin_state


@dataclass(frozen=True)
class Proxy:
    """A running HAProxy, and the revisions behind it.

    Attributes:
        socket: its runtime API. The logs of the revisions lie in the same folder.
    """

    socket: Path

    @property
    def url(self) -> str:
        """The public address."""
        return self._state()["url"]

    def name(self, version: str) -> str:
        """Return the name of the revision of a version."""
        return version

    def revisions(self) -> list[Revision]:
        """Return all revisions, the oldest first."""
        state = self._state()
        labels = {name: label.removeprefix("label/") for label, name in state.items() if label.startswith("label/")}
        header, *rows = [line.lstrip("# ").split() for line in self._ask(f"show servers state {BACKEND}")[1:]]
        servers = [dict(zip(header, row, strict=True)) for row in rows]
        return [
            Revision(
                name=server["srv_name"],
                image=state[f"image/{server['srv_name']}"],
                weight=int(server["srv_uweight"]),
                label=labels.get(server["srv_name"]),
                active=not int(server["srv_admin_state"]) & MAINTENANCE,
                url=f"http://127.0.0.1:{server['srv_port']}",
            )
            for server in sorted(servers, key=lambda server: int(server["srv_id"]))
        ]

    def create(self, name: str, image: str) -> None:
        """Start a revision without traffic: a process for a folder (a Bento), otherwise a container.

        Raises:
            DeliveryError: it cannot be started.
        """
        port = instances.free_port()
        self._set({f"image/{name}": image})
        self._change(f"add server {BACKEND}/{name} 127.0.0.1:{port} weight 0", "New server registered.")
        self.activate(name)

    def activate(self, name: str) -> None:
        """Start the process or the container of a revision."""
        state, port = self._state(), self._port(name)
        self._set({f"runs/{name}": instances.start(name, state[f"image/{name}"], port, self._log(name))})
        self._change(f"enable server {BACKEND}/{name}")

    def deactivate(self, name: str) -> None:
        """Stop the process or the container of a revision, after it has answered what it has accepted."""
        self._change(f"set server {BACKEND}/{name} state maint")
        if runs := self._state().get(f"runs/{name}"):
            instances.stop(runs)

    def set_weights(self, weights: Mapping[str, int]) -> None:
        """Divide the traffic."""
        self._change("; ".join(f"set weight {BACKEND}/{name} {share}" for name, share in weights.items()))

    def add_label(self, label: str, name: str) -> None:
        """Move a label to a revision."""
        revision = next(revision for revision in self.revisions() if revision.name == name)
        self._set({f"label/{label}": name})
        if revision.label not in (None, label):
            self.remove_label(str(revision.label))

    def remove_label(self, label: str) -> None:
        """Remove a label."""
        self._change(f"del map {MAP} label/{label}")

    def failure(self, name: str) -> str | None:
        """Return why a revision does not run: the last line of its log, if its process has ended."""
        runs = self._state()[f"runs/{name}"]
        if instances.is_running(runs):
            return None
        lines = instances.log_of(runs, self._log(name)).splitlines()
        return lines[-1] if lines else "it has ended without a message"

    def stop(self) -> None:
        """Stop all revisions."""
        for revision in self.revisions():
            if revision.active:
                self.deactivate(revision.name)

    def _log(self, name: str) -> Path:
        return self.socket.with_name(f"{name}.log")

    def _port(self, name: str) -> int:
        url = next(revision.url for revision in self.revisions() if revision.name == name)
        return int(url.rpartition(":")[2])

    def _state(self) -> dict[str, str]:
        rows = [line.split(maxsplit=2)[1:] for line in self._ask(f"show map {MAP}")]
        return {key: unquote(value) for key, value in rows}

    def _set(self, entries: Mapping[str, str]) -> None:
        """Set entries of the map, whether they exist or not."""
        state = self._state()
        verbs = {key: "set" if key in state else "add" for key in entries}
        self._change("; ".join(f"{verbs[key]} map {MAP} {key} {quote(value)}" for key, value in entries.items()))

    def _change(self, command: str, success: str = "") -> None:
        """Change something.

        Raises:
            DeliveryError: HAProxy refuses.
        """
        answer = " ".join(self._ask(command))
        if answer != success:
            raise DeliveryError(f"HAProxy refuses `{command}`: {answer}")

    def _ask(self, command: str) -> list[str]:
        """Return the lines of HAProxy's answer.

        Raises:
            DeliveryError: it does not answer.
        """
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(TIMEOUT_SECONDS)
                connection.connect(str(self.socket))
                connection.sendall(f"{command}\n".encode())
                connection.shutdown(socket.SHUT_WR)
                parts = iter(lambda: connection.recv(2**16), b"")
                answer = b"".join(parts).decode()
        except OSError as error:
            raise DeliveryError(
                f"No HAProxy answers at {self.socket} ({error}). Start one: "
                f"python -m delivery --haproxy {self.socket} proxy"
            ) from error
        return [line for line in answer.splitlines() if line.strip()]


@contextmanager
def running(socket_file: Path, port: int) -> Iterator[Proxy]:
    """Run HAProxy on a port of this machine, and stop it and its revisions afterwards.

    Args:
        socket_file: its runtime API; its other files and the logs of the revisions lie beside it.
        port: the public port.

    Raises:
        DeliveryError: HAProxy is missing, or cannot start.
    """
    program = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
    if program is None:
        raise DeliveryError("There is no command `haproxy`. Install it: apt-get install haproxy")
    proxy = Proxy(socket_file.resolve())
    folder = proxy.socket.parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MAP).write_text("", encoding="utf-8")
    configuration = folder / "haproxy.cfg"
    configuration.write_text(
        CONFIGURATION.format(socket=proxy.socket.name, port=port, backend=BACKEND, map=MAP), encoding="utf-8"
    )
    with (folder / "haproxy.log").open("wb") as log:
        # In a session of its own, so that Ctrl-C reaches it only through this program.
        process = subprocess.Popen(
            [program, "-db", "-f", configuration.name], cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until_answering(proxy, process, folder / "haproxy.log")
        proxy._set({"url": f"http://127.0.0.1:{port}"})
        yield proxy
    finally:
        if process.poll() is None:
            proxy.stop()
            process.terminate()
        process.wait()


def wait_until_answering(proxy: Proxy, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for the runtime API.

    Raises:
        DeliveryError: HAProxy has ended.
    """
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        with contextlib.suppress(DeliveryError):
            proxy.revisions()
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise DeliveryError(f"HAProxy does not start: {log.read_text(encoding='utf-8').strip()}")
        time.sleep(instances.POLL_SECONDS)
