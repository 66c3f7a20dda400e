"""The service, as the page asks it: what it answers, and why it does not."""

from collections.abc import Sequence
from typing import Any, Literal

import httpx

MOST_TWEETS = 512  # that the service takes in one request
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
    """The service does not answer.

    Attributes:
        reason: why, in a word that the page has a sentence for.
        detail: what the service itself says of it.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        """Take the reason, and what the service says."""
        super().__init__(f"{reason} {detail}".strip())
        self.reason, self.detail = reason, detail


class Service:
    """The service at an address; the methods raise ServiceError where it does not answer as it should."""

    def __init__(
        self, url: str, key: str | None, *, patience_seconds: float, transport: httpx.BaseTransport | None = None
    ) -> None:
        """Take the address, the key that it asks for, and how long an answer may take."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        timeout = httpx.Timeout(patience_seconds, connect=min(CONNECT_SECONDS, patience_seconds))
        self._client = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)

    def predict(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """Return what the service says of each of up to `MOST_TWEETS` tweets."""
        told = self._ask("POST", "predict", {"texts": list(texts)}, holding="predictions")
        predictions: list[dict[str, Any]] = told["predictions"]
        return predictions

    def explain(self, text: str) -> dict[str, Any]:
        """Return how much each word of a tweet pushes towards negative or positive."""
        return self._ask("POST", "explain", {"text": text}, holding="contributions")

    def model(self) -> dict[str, Any]:
        """Return what the service tells of its model."""
        return self._ask("GET", "model", holding="version")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, *, holding: str) -> dict[str, Any]:
        """Return an answer, which holds at least this field."""
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.ConnectError as error:
            raise ServiceError("gone") from error
        except httpx.TimeoutException as error:
            raise ServiceError("slow") from error
        except httpx.TransportError as error:  # it has cut the line, as one that is stopping does
            raise ServiceError("asleep") from error
        if not answer.is_success:
            raise ServiceError(REASONS.get(answer.status_code, "broken"), detail(answer))
        told = read(answer)
        if holding not in told:  # something else answers in the place of the service, a page to sign in at, say
            raise ServiceError("broken")
        return told


def read(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object that an answer holds; an empty one, if it holds none."""
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def detail(answer: httpx.Response) -> str:
    """Return what an error says of itself (RFC 9457); what is before the service may say nothing of the kind."""
    if answer.headers.get("content-type", "").partition(";")[0] != "application/problem+json":
        return ""
    return str(read(answer).get("detail", ""))
