"""Ways to Azure Application Insights: one module for each library, chosen by TELEMETRY_EXPORTER."""

import logging
from collections.abc import Mapping


def hide_texts(logger: str) -> None:
    """Let a library log why an event was refused, but not the event: no log is to hold a text."""
    logging.getLogger(logger).addFilter(_without_events)


def _without_events(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple("(an event)" if isinstance(told, Mapping) else told for told in record.args)
    return True
