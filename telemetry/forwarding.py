"""Forward what is in the store to Azure Application Insights: in order, at least once."""

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
# Application Insights refuses what is older than 48 hours. The field `time` says when it really was.
# Source: https://github.com/microsoft/ApplicationInsights-JS/issues/205
OLDEST_SECONDS = 47 * 60 * 60.0


class Outlet(Protocol):
    """A way to where events are forwarded."""

    def send(self, records: Sequence[logging.LogRecord]) -> bool:
        """Send records at once; return whether all were taken."""


def connect(settings: Settings) -> Outlet | None:
    """Return the outlet of the settings, if events are to be forwarded.

    Raises:
        ValueError: the connection string is wrong.
    """
    if settings.connection_string is None:
        return None
    library = importlib.import_module(f"telemetry.outlets.{settings.exporter}")
    outlet: Outlet = library.connect(settings.connection_string.get_secret_value(), timeout=TIMEOUT_SECONDS)
    return outlet


def forward(store: Store, outlet: Outlet, settle_seconds: float) -> None:
    """Forward what has not been, in batches; a batch counts once it was taken.

    A process that is killed between the two sends a batch again: the events bear an id, by which to count them once.

    Raises:
        Delayed: a batch was not taken; the next call begins with it.
        sqlite3.Error: the store cannot be read or written.
    """
    number = store.reached(FORWARDER)
    while batch := store.after(number, BATCH, settle_seconds):
        if not outlet.send([record(event.body) for event in batch]):
            reason = "Application Insights has not taken a batch; the log says why."
            store.advance(FORWARDER, number, reason)
            raise Delayed(reason)
        number = batch[-1].number
        store.advance(FORWARDER, number)


def record(event: Mapping[str, Any]) -> logging.LogRecord:
    """Return an event as a record of logging, of its time as far as that is taken, its fields as `customDimensions`."""
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
