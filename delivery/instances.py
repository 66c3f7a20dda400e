"""What runs the revisions on one machine: processes (of the folder of a Bento) or containers (of an image)."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from delivery.errors import DeliveryError

# The longest that a service takes to answer what it has accepted.
STOP_SECONDS = 60.0
POLL_SECONDS = 0.02
# As the service is run in production (docs/engineer.md).
HARDENED = ("--read-only", "--tmpfs=/tmp", "--memory=512m", "--cap-drop=all", "--security-opt=no-new-privileges")
SETTINGS = ("SERVICE_", "TELEMETRY_")
CONTAINER = "container:"
REQUEST_LINE = re.compile(r"(?m)^\{.*\n?")


def start(name: str, image: str, port: int, log: Path) -> str:
    """Start a revision; return its process id, or `container:` and the name of its container.

    Raises:
        DeliveryError: the container cannot be started.
    """
    if not Path(image).is_dir():
        return start_container(f"tweet_sentiment-{name}", image, port)
    settings = {"SERVICE_HOST": "127.0.0.1", "SERVICE_PORT": str(port)}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "service"],
            cwd=Path(image) / "src",
            env=os.environ | settings,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    process.returncode = 0  # It outlives this program: Python need not warn that nobody has waited for it.
    return str(process.pid)


def start_container(name: str, image: str, port: int) -> str:
    """Start a container, with the settings of the service in this process's environment.

    Raises:
        DeliveryError: there is no engine, or it refuses.
    """
    variables = [f"--env={key}" for key in os.environ if key.startswith(SETTINGS) and key != "SERVICE_KEY"]
    options = os.environ.get("ENGINE_OPTIONS", "").split()
    engine("rm", "--force", name, check=False)
    engine(
        "run", "--detach", f"--name={name}", *HARDENED, *options, *variables, f"--publish=127.0.0.1:{port}:3000", image
    )
    return f"{CONTAINER}{name}"


def engine(*arguments: str, check: bool = True) -> str:
    """Call the container engine (ENGINE, or the first of docker and podman); return its output.

    Raises:
        DeliveryError: there is none, or it refuses.
    """
    program = os.environ.get("ENGINE") or next(filter(shutil.which, ("docker", "podman")), None)
    if program is None:
        raise DeliveryError("There is no container engine: install docker or podman, or set ENGINE.")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise DeliveryError(f"`{program} {arguments[0]}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout + done.stderr


def stop(runs: str) -> None:
    """Stop a process or a container."""
    if runs.startswith(CONTAINER):
        engine("stop", f"--time={STOP_SECONDS:g}", runs.removeprefix(CONTAINER))
        return
    if (process := process_of(runs)) is None:
        return
    process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    # It may stay a zombie for ever, where whoever started it has ended and no init collects it.
    while process_of(runs) is not None:
        if time.monotonic() > deadline:
            process.kill()
            return
        time.sleep(POLL_SECONDS)


def is_running(runs: str) -> bool:
    """Return whether a process or a container runs."""
    if runs.startswith(CONTAINER):
        state = engine("inspect", "--format={{.State.Running}}", runs.removeprefix(CONTAINER), check=False)
        return state.strip() == "true"
    return process_of(runs) is not None


def process_of(runs: str) -> psutil.Process | None:
    """Return the process of a revision, or None if it has ended."""
    try:
        process = psutil.Process(int(runs))
        # Another process may have its id by now. A zombie is one that this program has started, and that has ended.
        is_service = process.status() != psutil.STATUS_ZOMBIE and "service" in process.cmdline()
    except psutil.NoSuchProcess:
        return None
    return process if is_service else None


def log_of(runs: str, log: Path) -> str:
    """Return the log of a process or a container, without the lines of requests."""
    if runs.startswith(CONTAINER):
        text = engine("logs", runs.removeprefix(CONTAINER), check=False)
    else:
        text = log.read_text(encoding="utf-8") if log.exists() else ""
    return REQUEST_LINE.sub("", text).strip()


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
