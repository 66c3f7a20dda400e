"""HTTP requests that wait while the other side is down or busy."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any

import httpx

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
TIMEOUT_SECONDS = 60.0
PASSING = (408, 425, 429, 500, 502, 503, 504)


class Refusal(Exception):
    """An answer that would be the same again.

    Attributes:
        status: of the answer.
        detail: what is wrong, in words of the other side.
    """

    def __init__(self, status: int, detail: str) -> None:
        """Keep the status and the reason."""
        super().__init__(f"{status}: {detail}")
        self.status, self.detail = status, detail


class Patience:
    """A client that repeats a request until it is answered: after `Retry-After`, or after 1, 2, 4 ... 60 seconds."""

    def __init__(
        self,
        name: str,
        client: httpx.Client,
        say: Callable[[str], None],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Configure the server's name in messages, the client, what reports each wait, and how to wait."""
        self.name, self.client, self.say, self.pause = name, client, say, pause

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Return the answer to a request that succeeded.

        Raises:
            Refusal: it would fail again.
        """
        wait = FIRST_WAIT_SECONDS
        while True:
            advised = None
            try:
                response = self.client.request(method, url, **options)
            except httpx.TransportError as error:
                reason = f"{self.name} cannot be reached ({type(error).__name__})"
            else:
                if response.is_success:
                    return response
                detail = problem(response)
                if response.status_code not in PASSING:
                    raise Refusal(response.status_code, detail)
                reason = f"{self.name} answers {response.status_code} ({detail})"
                advised = advised_wait(response.headers)
            seconds = wait if advised is None else advised
            self.say(f"{reason}; trying again in {seconds:.0f} s")
            self.pause(seconds)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)


def advised_wait(headers: httpx.Headers) -> float | None:
    """Return for how many seconds an answer asks to wait: by `Retry-After`, or by X's `x-rate-limit-reset`."""
    now = datetime.now(UTC)
    advice = headers.get("retry-after", "")
    try:
        until = parsedate_to_datetime(advice) if advice and not advice.isdecimal() else None
    except ValueError:
        until = None
    if advice.isdecimal():
        return float(advice)
    if until is not None:
        return max(0.0, (until - now).total_seconds())
    reset = headers.get("x-rate-limit-reset", "")
    return max(1.0, float(reset) - now.timestamp()) if reset.isdecimal() else None


def problem(response: httpx.Response) -> str:
    """Return what an answer says is wrong: the detail of problem details (RFC 9457), or the phrase of its status."""
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase
    return str(detail)


def client_for(url: str, token: str | None, **options: Any) -> httpx.Client:
    """Return a client of a URL; a proxy (HTTP_PROXY) is not used for this machine."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.Client(
        base_url=url,
        headers=headers,
        timeout=TIMEOUT_SECONDS,
        trust_env=not is_loopback(httpx.URL(url).host),
        **options,
    )


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
