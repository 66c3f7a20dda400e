"""HTTP client of the service; failures become a `ServiceError` with a reason that the page can explain."""

from collections.abc import Sequence
from typing import Any, Literal

import httpx

MOST_TWEETS = 512  # the service's limit for one request
MOST_CHARACTERS = 2_000
CONNECT_SECONDS = 10.0

Reason = Literal["gone", "asleep", "slow", "key", "too_large", "too_many", "unfit", "broken"]
REASONS: dict[int, Reason] = {
    400: "unfit",
    401: "key",
    403: "key",
    413: "too_large",
    429: "too_many",
    502: "asleep",
    503: "asleep",
    504: "slow",
}


class ServiceError(Exception):
    """A request to the service failed.

    Attributes:
        reason: key of the message that the page shows (`trouble.<reason>`).
        detail: the `detail` of the problem that the service returned, if any.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        """Store the reason and the detail."""
        super().__init__(f"{reason} {detail}".strip())
        self.reason, self.detail = reason, detail


class Service:
    """Client of the service at a URL; every method raises ServiceError on failure."""

    def __init__(
        self, url: str, key: str | None, *, patience_seconds: float, transport: httpx.BaseTransport | None = None
    ) -> None:
        """Configure the URL, the API key and the timeout."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        timeout = httpx.Timeout(patience_seconds, connect=min(CONNECT_SECONDS, patience_seconds))
        self._client = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)

    def predict(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """Return the prediction for each of up to `MOST_TWEETS` tweets."""
        body = self._request("POST", "predict", {"texts": list(texts)}, required="predictions")
        predictions: list[dict[str, Any]] = body["predictions"]
        return predictions

    def explain(self, text: str) -> dict[str, Any]:
        """Return the contribution of each word of a tweet to its prediction."""
        return self._request("POST", "explain", {"text": text}, required="contributions")

    def model(self) -> dict[str, Any]:
        """Return the metadata of the service's model."""
        return self._request("GET", "model", required="version")

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None, *, required: str) -> dict[str, Any]:
        """Return the response body, which has at least the required field."""
        try:
            response = self._client.request(method, path, json=body)
        except httpx.ConnectError as error:
            raise ServiceError("gone") from error
        except httpx.TimeoutException as error:
            raise ServiceError("slow") from error
        except httpx.TransportError as error:  # connection dropped, as by a service that is stopping
            raise ServiceError("asleep") from error
        if not response.is_success:
            raise ServiceError(REASONS.get(response.status_code, "broken"), detail(response))
        json_object = read(response)
        if required not in json_object:  # something else answered in place of the service, such as a login page
            raise ServiceError("broken")
        return json_object


def read(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object in a response, or an empty one if there is none."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def detail(response: httpx.Response) -> str:
    """Return the `detail` of a problem (RFC 9457); empty for errors of a proxy, which have another format."""
    if response.headers.get("content-type", "").partition(";")[0] != "application/problem+json":
        return ""
    return str(read(response).get("detail", ""))
