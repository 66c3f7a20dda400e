"""Checks before the start, so that the last line says what is wrong, instead of a worker's log."""

import errno
import socket
from ipaddress import ip_address
from pathlib import Path

from service import signature
from service.model import ABOUT
from service.settings import Settings
from telemetry import forwarding
from telemetry.database import StoreError, Unavailable
from telemetry.settings import Settings as TelemetrySettings
from telemetry.store import Store


def check(settings: Settings, telemetry: TelemetrySettings) -> None:
    """Check everything that the settings name.

    Raises:
        ValueError: something cannot work; the message names the variable and what to do.
    """
    settings.require_safe()
    for variable, folder in (("SERVICE_MODEL", settings.given_model), ("SERVICE_SHADOW", settings.shadow)):
        if folder is not None and not (folder / ABOUT).is_file():
            raise ValueError(
                f"{variable}: {folder} contains no packaged model. Set it to the folder `model` of a Bento "
                "(`bentoml get tweet_sentiment:latest --output path` prints the folder of the Bento)."
            )
    check_port(settings.host, settings.port)
    forwarding.connect(telemetry)
    if telemetry.database is not None:
        check_store(telemetry.database.get_secret_value())


def check_signatures(settings: Settings, packaged: Path) -> None:
    """Check the signatures of the model and of the challenger, if there is a public key.

    Args:
        settings: the settings.
        packaged: the model in the Bento, which is served unless the settings name another.

    Raises:
        ValueError: the key cannot be used, or a signature is missing or wrong.
    """
    if settings.model_public_key is None:
        return
    try:
        signature.read_key(settings.model_public_key)
        for folder in filter(None, (settings.given_model or packaged, settings.shadow)):
            try:
                signature.verify(folder, settings.model_public_key)
            except signature.SignatureError as error:
                raise ValueError(f"The model in {folder} is not served. {error}") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"SERVICE_MODEL_PUBLIC_KEY: {error}") from None


def check_port(host: str, port: int) -> None:
    """Check that the service can listen.

    Raises:
        ValueError: it cannot.
    """
    family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    try:
        with socket.socket(family) as listening:
            # As the server does: connections of a service that has just stopped do not keep the port.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
    except OSError as error:
        reasons = {
            errno.EADDRINUSE: "another program uses this port. Stop it, or set SERVICE_PORT to another port",
            errno.EACCES: "this user may not use this port. Set SERVICE_PORT to one above 1023",
            errno.EADDRNOTAVAIL: "this machine has no such address. Correct SERVICE_HOST",
        }
        reason = reasons.get(error.errno or 0, f"{error.strerror}. Correct SERVICE_HOST or SERVICE_PORT")
        raise ValueError(f"Cannot listen on {address(host, port)}: {reason}.") from None


def check_store(url: str) -> None:
    """Create the store of events if it is missing.

    Raises:
        ValueError: it cannot be reached or written, or belongs to another version of this program.
    """
    try:
        Store(url).create()
    except (StoreError, Unavailable) as error:
        reason = " ".join(str(error).split())  # PostgreSQL's has several lines
        raise ValueError(
            "TELEMETRY_DATABASE: cannot use the store. Check that it can be reached, and that this user may write to "
            f"it. {reason}"
        ) from None


def address(host: str, port: int) -> str:
    """Return an address as it is written in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
