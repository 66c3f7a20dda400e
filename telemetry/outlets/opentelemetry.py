"""Forward by Azure Monitor's exporter for OpenTelemetry, the successor of OpenCensus.

Source: https://learn.microsoft.com/python/api/overview/azure/monitor-opentelemetry-exporter-readme
"""

import logging
import os
from collections.abc import Sequence

from azure.monitor.opentelemetry.exporter import AzureMonitorLogExporter
from azure.monitor.opentelemetry.exporter.export import _base
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.events import SENDER
from telemetry.outlets import hide_texts

NANOSECONDS = 10**9
# Named here: the detectors of resources would look for a cloud's metadata.
RESOURCE = Resource({"service.name": SENDER})


class Outlet:
    """The exporter, asked without the queue before it and without its folder of failed batches."""

    def __init__(self, exporter: AzureMonitorLogExporter) -> None:
        """Take an exporter."""
        self.exporter = exporter

    def send(self, records: Sequence[logging.LogRecord]) -> bool:
        """Send records at once; return whether all were taken."""
        batch = [
            ReadableLogRecord(translate(record), RESOURCE, instrumentation_scope=InstrumentationScope(record.name))
            for record in records
        ]
        return self.exporter.export(batch) is LogRecordExportResult.SUCCESS


def translate(record: logging.LogRecord) -> LogRecord:
    """Return a record of logging as one of OpenTelemetry."""
    return LogRecord(
        timestamp=int(record.created * NANOSECONDS),
        severity_number=SeverityNumber.INFO,
        severity_text=record.levelname,
        body=record.getMessage(),
        attributes=dict(record.custom_dimensions),  # type: ignore[attr-defined]
    )


def connect(connection_string: str, *, timeout: float) -> Outlet:
    """Return an outlet to an instance of Application Insights.

    Args:
        connection_string: of the instance.
        timeout: seconds until a batch counts as not taken.

    Raises:
        ValueError: the connection string is wrong.
    """
    # No statistics on us to others or among our events, and no settings from others.
    for feature in ("STATSBEAT_DISABLED_ALL", "SDKSTATS_DISABLED", "CONTROLPLANE_DISABLED"):
        os.environ.setdefault(f"APPLICATIONINSIGHTS_{feature}", "true")
    hide_texts(_base.__name__)
    return Outlet(
        AzureMonitorLogExporter(
            connection_string=connection_string,
            disable_offline_storage=True,
            max_envelopes_per_second=0,  # what exceeded it would be dropped
            retry_total=0,
            timeout=timeout,
            read_timeout=timeout,
        )
    )
