"""Exit with 0 if the service in this container is ready: `python -m service.probe`, for HEALTHCHECK.

It runs every few seconds, so it imports nothing heavy. http.client, unlike urllib, takes no notice of HTTP_PROXY.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

TIMEOUT_SECONDS = 2.0
# Addresses of this machine for services that listen on all addresses.
LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def is_ready() -> bool:
    """Return whether the service is ready."""
    host = os.environ.get("SERVICE_HOST", "").strip("[]") or "127.0.0.1"
    port = int(os.environ.get("SERVICE_PORT", "") or 3000)
    connection = HTTPConnection(LOCAL.get(host, host), port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_ready())
