"""Forward with Azure Monitor's exporter for OpenTelemetry, the successor of OpenCensus.

Source: https://learn.microsoft.com/python/api/overview/azure/monitor-opentelemetry-exporter-readme
"""

import logging
import os
from collections.abc import Sequence

from azure.monitor.opentelemetry.exporter import AzureMonitorLogExporter
from azure.monitor.opentelemetry.exporter.export import _base
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.events import SENDER
from telemetry.outlets import hide_texts

NANOSECONDS = 10**9
# Set explicitly: the default resource detectors would query cloud metadata endpoints.
RESOURCE = Resource({"service.name": SENDER})


class Outlet:
    """The exporter without the library's queue and retry folder."""

    def __init__(self, exporter: AzureMonitorLogExporter) -> None:
        """Wrap an exporter."""
        self.exporter = exporter

    def send(self, records: Sequence[logging.LogRecord]) -> bool:
        """Send records synchronously; return whether all were accepted."""
        batch = [
            ReadableLogRecord(translate(record), RESOURCE, instrumentation_scope=InstrumentationScope(record.name))
            for record in records
        ]
        return self.exporter.export(batch) is LogRecordExportResult.SUCCESS


def translate(record: logging.LogRecord) -> LogRecord:
    """Convert a log record to an OpenTelemetry one, with the trace of its request."""
    request = trace.SpanContext(int(getattr(record, "traceId", "0"), 16), span_id=0, is_remote=True)
    return LogRecord(
        timestamp=int(record.created * NANOSECONDS),
        severity_number=SeverityNumber.INFO,
        severity_text=record.levelname,
        body=record.getMessage(),
        attributes=dict(record.custom_dimensions),  # type: ignore[attr-defined]
        context=trace.set_span_in_context(trace.NonRecordingSpan(request)),
    )


def connect(connection_string: str, *, timeout: float) -> Outlet:
    """Return an outlet to an Application Insights resource.

    Args:
        connection_string: of the resource.
        timeout: seconds after which a batch counts as not accepted.

    Raises:
        ValueError: the connection string is invalid.
    """
    # No usage statistics to Microsoft or among the events, and no remote configuration.
    for feature in ("STATSBEAT_DISABLED_ALL", "SDKSTATS_DISABLED", "CONTROLPLANE_DISABLED"):
        os.environ.setdefault(f"APPLICATIONINSIGHTS_{feature}", "true")
    hide_texts(_base.__name__)
    return Outlet(
        AzureMonitorLogExporter(
            connection_string=connection_string,
            disable_offline_storage=True,
            max_envelopes_per_second=0,  # no rate limit: the library drops records above it
            retry_total=0,
            timeout=timeout,
            read_timeout=timeout,
        )
    )
