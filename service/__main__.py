"""Serve a Bento: `python -m service tweet_sentiment:latest`, or a folder (by default the one it is called in).

Unlike `bentoml serve` it refuses to be reached by everybody without keys, and ends with a message where the model does
not get ready in time, instead of starting it again and again.
"""

import sys
import time
from typing import Protocol

import bentoml
import httpx

from service.settings import Settings
from telemetry import forwarding
from telemetry.settings import Settings as TelemetrySettings
from telemetry.settings import read

LOOK_AGAIN_SECONDS = 0.1
# The exit code for what a user can mend; that of a model that does not get ready is 1.
WRONG_SETTINGS = 2


class Server(Protocol):
    """A server that runs beside this thread."""

    @property
    def running(self) -> bool:
        """Return whether it does; it may not yet do so."""


def main(arguments: list[str]) -> None:
    """Serve until the process is told to stop; then what is in flight is answered first.

    Raises:
        SystemExit: the settings are wrong, or the model does not get ready.
    """
    settings = read_settings()
    # BentoML handles SIGTERM and SIGINT from here on: its server has stopped when it no longer runs.
    with bentoml.serve(arguments[0] if arguments else ".", host=settings.host, port=settings.port) as server:
        failure = wait_until_ready(settings, server)
        while failure is None and server.running:
            time.sleep(LOOK_AGAIN_SECONDS)
    if failure is not None:
        sys.exit(failure)


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SystemExit: one of them is wrong, or the service would be open to everybody.
    """
    try:
        settings = read(Settings)
        settings.require_safe()
        forwarding.connect(read(TelemetrySettings))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(WRONG_SETTINGS)
    return settings


def wait_until_ready(settings: Settings, server: Server) -> str | None:
    """Wait until the model has passed its self-test, or the server was told to stop; return why it will not, if so."""
    deadline, ran = time.monotonic() + settings.start_seconds, False
    with httpx.Client(base_url=f"http://{settings.host}:{settings.port}", timeout=1, trust_env=False) as client:
        while time.monotonic() < deadline:
            try:
                answer = client.get("/readyz")
            except httpx.TransportError:
                if ran and not server.running:
                    return None
                ran = server.running
                time.sleep(LOOK_AGAIN_SECONDS)
                continue
            # It answers only when the self-test is over.
            return None if answer.is_success else "The model is not ready: the log says why."
    return f"No answer within {settings.start_seconds:g} seconds."


if __name__ == "__main__":
    main(sys.argv[1:])
