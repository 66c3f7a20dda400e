"""Exit with 0 if the service in this container is ready: `python -m service.probe`, for HEALTHCHECK.

http.client, unlike urllib, takes no notice of HTTP_PROXY.
"""

import sys
from http.client import HTTPConnection, HTTPException

from service.settings import Settings, local

TIMEOUT_SECONDS = 2.0


def is_ready() -> bool:
    """Return whether the service is ready."""
    settings = Settings()
    connection = HTTPConnection(local(settings.host), settings.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_ready())
