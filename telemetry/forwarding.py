"""Forward stored events to Azure Application Insights, in order and at least once."""

import importlib
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from telemetry.events import SENDER
from telemetry.settings import Settings
from telemetry.store import FORWARDER, Store
from telemetry.worker import Delayed

BATCH = 200
TIMEOUT_SECONDS = 10.0
# Application Insights rejects records older than 48 hours, so older events are sent with a later timestamp;
# their field `time` keeps the true one.
# Source: https://github.com/microsoft/ApplicationInsights-JS/issues/205
OLDEST_SECONDS = 47 * 60 * 60.0


class Outlet(Protocol):
    """A client that sends events."""

    def send(self, records: Sequence[logging.LogRecord]) -> bool:
        """Send records synchronously; return whether all were accepted."""


def connect(settings: Settings) -> Outlet | None:
    """Return the configured outlet, or None if events are not forwarded.

    Raises:
        ValueError: the connection string is invalid.
    """
    if settings.connection_string is None:
        return None
    library = importlib.import_module(f"telemetry.outlets.{settings.exporter}")
    outlet: Outlet = library.connect(settings.connection_string.get_secret_value(), timeout=TIMEOUT_SECONDS)
    return outlet


def forward(store: Store, outlet: Outlet, settle_seconds: float) -> None:
    """Forward new events in batches; a batch is marked as forwarded once it was accepted.

    A process killed in between sends the batch again; events have an id by which duplicates can be recognised.

    Raises:
        Delayed: a batch was not accepted; the next call starts with it.
        sqlite3.Error: the store cannot be read or written.
    """
    number = store.reached(FORWARDER)
    while batch := store.after(number, BATCH, settle_seconds):
        if not outlet.send([record(event.body) for event in batch]):
            reason = "Application Insights did not accept a batch (reason in the log)"
            store.advance(FORWARDER, number, reason)
            raise Delayed(reason)
        number = batch[-1].number
        store.advance(FORWARDER, number)


def record(event: Mapping[str, Any]) -> logging.LogRecord:
    """Return an event as a log record whose `customDimensions` are the fields of the event."""
    fields = {name: str(value) for name, value in event.items() if value is not None}
    return logging.makeLogRecord(
        {
            "name": SENDER,
            "levelno": logging.INFO,
            "levelname": "INFO",
            "msg": event["kind"],
            "created": max(event["time"], time.time() - OLDEST_SECONDS),
            "custom_dimensions": fields,
        }
    )
