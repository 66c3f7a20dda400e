"""Serve a Bento: `python -m service tweet_sentiment:latest`, or a folder (by default the one it is called in).

Unlike `bentoml serve` it refuses to be reached by everybody without keys, and ends with a message where the model does
not get ready in time, instead of starting it again and again.
"""

import signal
import sys
import threading
import time

import bentoml
import httpx
from pydantic import ValidationError

from service.settings import Settings

ASK_AGAIN_SECONDS = 0.1


def main(arguments: list[str]) -> None:
    """Serve until the process is told to stop.

    Raises:
        SystemExit: the settings are wrong, or the model does not get ready.
    """
    settings = read_settings()
    asked_to_stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: asked_to_stop.set())
    with bentoml.serve(arguments[0] if arguments else ".", host=settings.host, port=settings.port):
        failure = wait_until_ready(settings, asked_to_stop)
        if failure is None:
            asked_to_stop.wait()
    if failure is not None:
        sys.exit(failure)


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SystemExit: one of them is wrong, or the service would be open to everybody.
    """
    try:
        settings = Settings()
        settings.require_safe()
    except ValidationError as error:
        told = [f"SERVICE_{str(wrong['loc'][0]).upper()}: {wrong['msg']}" for wrong in error.errors()]
        sys.exit("\n".join(told))
    except ValueError as error:
        sys.exit(str(error))
    return settings


def wait_until_ready(settings: Settings, asked_to_stop: threading.Event) -> str | None:
    """Wait until the model has passed its self-test; return why it will not, if so."""
    deadline = time.monotonic() + settings.start_seconds
    address = f"http://{settings.host}:{settings.port}"
    with httpx.Client(base_url=address, timeout=1, trust_env=False) as client:
        while time.monotonic() < deadline and not asked_to_stop.wait(ASK_AGAIN_SECONDS):
            try:
                answer = client.get("/readyz")
            except httpx.TransportError:
                continue
            # It answers only when the self-test is over.
            return None if answer.is_success else "The model is not ready: the log says why."
    return None if asked_to_stop.is_set() else f"No answer within {settings.start_seconds:g} seconds."


if __name__ == "__main__":
    main(sys.argv[1:])
