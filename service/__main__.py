"""Serve a Bento: `python -m service tweet_sentiment:latest`, or a folder (default: the current one).

Unlike `bentoml serve`, it refuses to listen on a non-loopback address without API keys. If the model does not become
ready in time, it exits with a message instead of restarting the worker forever.
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

POLL_SECONDS = 0.1
# Exit code; a model that does not become ready exits with 1.
INVALID_SETTINGS = 2


class Server(Protocol):
    """A server in the background."""

    @property
    def running(self) -> bool:
        """Return whether the server is running; False also before it has started."""


def main(arguments: list[str]) -> None:
    """Serve until the process receives a signal to stop; requests in flight are answered first.

    Raises:
        SystemExit: a setting is invalid, or the model does not become ready.
    """
    settings = read_settings()
    # BentoML handles SIGTERM and SIGINT from here on and stops its server.
    with bentoml.serve(arguments[0] if arguments else ".", host=settings.host, port=settings.port) as server:
        failure = wait_until_ready(settings, server)
        while failure is None and server.running:
            time.sleep(POLL_SECONDS)
    if failure is not None:
        sys.exit(failure)


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SystemExit: a setting is invalid, or the service would be open to anyone.
    """
    try:
        settings = read(Settings)
        settings.require_safe()
        forwarding.connect(read(TelemetrySettings))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(INVALID_SETTINGS)
    return settings


def wait_until_ready(settings: Settings, server: Server) -> str | None:
    """Wait until the model has passed its self-test or the server has stopped; return why it failed, or None."""
    deadline, has_run = time.monotonic() + settings.start_seconds, False
    with httpx.Client(base_url=f"http://{settings.host}:{settings.port}", timeout=1, trust_env=False) as client:
        while time.monotonic() < deadline:
            try:
                response = client.get("/readyz")
            except httpx.TransportError:
                if has_run and not server.running:
                    return None
                has_run = server.running
                time.sleep(POLL_SECONDS)
                continue
            # The first response comes after the self-test.
            return None if response.is_success else "The model is not ready; see the error in the log above."
    return (
        f"The service was not ready within {settings.start_seconds:g} seconds. "
        "See the log above, or increase SERVICE_START_SECONDS."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
