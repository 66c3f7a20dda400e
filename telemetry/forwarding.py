"""Forward stored events to Azure Application Insights, in order and at least once."""

import importlib
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from telemetry.events import SENDER, Disagreement, Feedback, Prediction
from telemetry.settings import Settings
from telemetry.store import Numbered, Store, forwarder
from telemetry.worker import Count, Delayed, one_by_one

UNREACHABLE = "ingestion_unreachable"
BATCH = 200
TIMEOUT_SECONDS = 10.0
# Kinds of events, in the order in which they are forwarded.
KINDS = (Prediction, Disagreement, Feedback)
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


def forward(store: Store, outlet: Outlet, undo_seconds: float, count: Count = lambda _: None) -> None:
    """Forward new events in batches; a batch is marked as forwarded once it was accepted.

    A process killed in between sends the batch again; events have an id by which duplicates can be recognised.

    Raises:
        Delayed: a batch was not accepted; the next call starts with it.
        Unavailable: the store cannot be read or written.
    """
    for kind in KINDS:
        reader = forwarder(kind.kind)

        def send(batch: Sequence[Numbered], reader: str = reader) -> None:
            if not outlet.send([record(event.body()) for _, event in batch]):
                raise Delayed(UNREACHABLE, "Application Insights did not accept a batch (reason in the log)")
            store.advance(reader, batch[-1].number)

        while batch := store.after(kind, store.reached(reader), BATCH, undo_seconds):
            one_by_one(store, reader, batch, send, count)


def waiting(store: Store) -> int:
    """Return the number of events that are not forwarded yet."""
    return sum(store.waiting(kind, store.reached(forwarder(kind.kind))) for kind in KINDS)


def record(event: Mapping[str, Any]) -> logging.LogRecord:
    """Return an event as a log record whose `customDimensions` are the fields of the event."""
    fields = {name: str(value) for name, value in event.items() if value is not None}
    # Both libraries send `traceId` as the operation id.
    trace = {"traceId": event["trace_id"]} if event.get("trace_id") else {}
    return logging.makeLogRecord(
        {
            **trace,
            "name": SENDER,
            "levelno": logging.INFO,
            "levelname": "INFO",
            "msg": event["kind"],
            "created": max(event["time"], time.time() - OLDEST_SECONDS),
            "custom_dimensions": fields,
        }
    )
