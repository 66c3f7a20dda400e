"""Forward by OpenCensus' handler of logging, which Microsoft has retired; it works on Python 3.11 and 3.12.

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
    """The library's handler, which tells whether records were taken.

    Its queue and its folder of failed batches are not used: both lose records. The store keeps what was not taken.
    """

    def send(self, records: Sequence[logging.LogRecord]) -> bool:
        """Send records at once; return whether all were taken."""
        envelopes = [self.log_record_to_envelope(record) for record in records]
        return bool(self._transmit(envelopes) is transport.TransportStatusCode.SUCCESS)

    def log_record_to_envelope(self, record: logging.LogRecord) -> Any:
        """Return the record as it is sent, without what is said of the place in the code that it comes from."""
        envelope = super().log_record_to_envelope(record)
        envelope.data.baseData.properties = dict(record.custom_dimensions)  # type: ignore[attr-defined]
        return envelope


def connect(connection_string: str, *, timeout: float) -> Outlet:
    """Return an outlet to an instance of Application Insights.

    Args:
        connection_string: of the instance.
        timeout: seconds until a batch counts as not taken.

    Raises:
        ValueError: the connection string is wrong.
    """
    os.environ.setdefault("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")  # no statistics on us to others
    hide_texts(transport.__name__)
    return Outlet(connection_string=connection_string, enable_local_storage=False, timeout=timeout)
