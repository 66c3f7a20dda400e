"""Clients of Azure Application Insights: one module per library, chosen by TELEMETRY_EXPORTER."""

import logging
from collections.abc import Mapping


def hide_texts(logger: str) -> None:
    """Keep events, and thus tweets, out of a library's log messages."""
    logging.getLogger(logger).addFilter(_without_events)


def _without_events(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple("(an event)" if isinstance(value, Mapping) else value for value in record.args)
    return True
