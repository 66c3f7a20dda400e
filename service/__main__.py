"""Serve a Bento: `python -m service tweet_sentiment:latest`, or a folder (default: the current one); or `--version`.

Unlike `bentoml serve`, it checks the settings first, and refuses to listen on a non-loopback address without API keys.
If the model does not become ready in time, it exits with a message instead of restarting the worker forever. SIGHUP
replaces the worker by one of the current Bento without a failed request.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import bentoml
from bentoml.exceptions import BentoMLException

from service import preflight, status
from service.settings import PACKAGED, Settings
from service.supervision import Supervisor
from service.version import version
from telemetry.settings import Settings as TelemetrySettings
from telemetry.settings import read

POLL_SECONDS = 0.1
# Exit codes.
FAILED, INVALID_SETTINGS = 1, 2


def main(arguments: list[str]) -> None:
    """Serve until the process receives a signal to stop; requests in flight are answered first.

    Raises:
        SystemExit: a setting is invalid, or the model does not become ready.
    """
    if arguments == ["--version"]:
        sys.stdout.write(f"{version()}\n")
        return
    asked = str(Path(arguments[0]).expanduser()) if arguments else "."
    bento = pinned(asked)
    settings = checked_settings(bento)
    with TemporaryDirectory(prefix="tweet_sentiment-") as folder:
        os.environ[status.FOLDER] = folder
        try:
            # BentoML handles SIGTERM and SIGINT from here on and stops its server.
            server = bentoml.serve(bento, host=settings.host, port=settings.port)
        except BentoMLException as error:
            reason = str(error).splitlines()[0]  # BentoML's advice on development follows
            stop(
                f"Cannot serve {bento}. {reason} `make package` builds a Bento, `bentoml list` lists them.",
                INVALID_SETTINGS,
            )
        with server:
            supervisor = Supervisor(server, bento, Path(folder), settings.start_seconds)
            replacement_asked = threading.Event()
            signal.signal(signal.SIGHUP, lambda *_: replacement_asked.set())
            failure = supervisor.wait_until_ready()
            while failure is None and server.running:
                if replacement_asked.is_set():
                    replacement_asked.clear()
                    supervisor.replace_worker(pinned(asked))
                time.sleep(POLL_SECONDS)
                failure = supervisor.failure()
    if failure is not None:
        stop(failure, FAILED)


def checked_settings(bento: str) -> Settings:
    """Read the settings from the environment, and check everything that they name.

    Raises:
        SystemExit: a setting is invalid, the service would be open to anyone, or a signature is wrong.
    """
    try:
        settings = read(Settings)
        preflight.check(settings, read(TelemetrySettings))
        preflight.check_signatures(settings, model_of(bento))
    except ValueError as error:
        stop(str(error), INVALID_SETTINGS)
    return settings


def pinned(bento: str) -> str:
    """Return the tag of a Bento with its version, so that a worker which dies is replaced by one of the same Bento."""
    try:
        return str(bentoml.bentos.get(bento).tag)
    except (BentoMLException, ValueError):  # a folder or a service, or no Bento, which `serve` reports
        return bento


def model_of(bento: str) -> Path:
    """Return the folder of the model in a Bento, given by its tag or folder; that of this code for a service."""
    try:
        root = Path(bentoml.bentos.get(bento).path)
    except (BentoMLException, ValueError):
        root = Path(bento)
    folder = root / "src" / PACKAGED.name
    return folder if folder.is_dir() else PACKAGED


def stop(message: str, code: int) -> NoReturn:
    """Exit with a message, which is the last line."""
    sys.stderr.write(f"{message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
