"""Forward with the OpenCensus log handler, which Microsoft has retired; it works on Python 3.11 and 3.12.

Source: https://github.com/census-instrumentation/opencensus-python/tree/master/contrib/opencensus-ext-azure
"""

import logging
import os
from collections.abc import Sequence
from typing import Any

from opencensus.ext.azure.common import transport
from opencensus.ext.azure.log_exporter import AzureLogHandler

from telemetry.outlets import hide_texts


class Outlet(AzureLogHandler):  # type: ignore[misc]  # the library has no types
    """The library's handler, with a method that reports whether records were accepted.

    The library's queue and retry folder are not used, as both lose records; unsent events stay in the store.
    """

    def send(self, records: Sequence[logging.LogRecord]) -> bool:
        """Send records synchronously; return whether all were accepted."""
        envelopes = [self.log_record_to_envelope(record) for record in records]
        return bool(self._transmit(envelopes) is transport.TransportStatusCode.SUCCESS)

    def log_record_to_envelope(self, record: logging.LogRecord) -> Any:
        """Return the record as it is sent, without its source location (module, line)."""
        envelope = super().log_record_to_envelope(record)
        envelope.data.baseData.properties = dict(record.custom_dimensions)  # type: ignore[attr-defined]
        return envelope


def connect(connection_string: str, *, timeout: float) -> Outlet:
    """Return an outlet to an Application Insights resource.

    Args:
        connection_string: of the resource.
        timeout: seconds after which a batch counts as not accepted.

    Raises:
        ValueError: the connection string is invalid.
    """
    os.environ.setdefault("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")  # no usage statistics to Microsoft
    hide_texts(transport.__name__)
    return Outlet(connection_string=connection_string, enable_local_storage=False, timeout=timeout)
