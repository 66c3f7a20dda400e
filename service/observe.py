"""Request ids, traces and the log of requests: one line of JSON for each, which never holds text of a client."""

import json
import logging
import re
import secrets
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPMethod
from typing import TextIO

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import metrics
from service.draining import CLOSING

log = logging.getLogger("service.requests")

# Key of the ASGI scope.
VISIT = "tweet_sentiment.visit"
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# Source: https://www.w3.org/TR/trace-context/#traceparent-header; version 00, and later ones, which may append fields.
TRACE_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?")
METHODS = frozenset(HTTPMethod)


@dataclass
class Visit:
    """One request, for the log.

    Attributes:
        request_id: of the client, or a new one.
        trace_id: of the client's trace, or a new one: 32 hexadecimal digits.
        flags: of the client's trace.
        key: number of its API key, from 1, or None without a valid one.
    """

    request_id: str
    trace_id: str
    flags: str
    key: int | None = None


class Stdout(logging.StreamHandler[TextIO]):
    """Write to standard output, whatever it is at the time."""

    def __init__(self) -> None:
        """Write messages as they are."""
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """The current standard output."""
        return sys.stdout


def configure_log() -> None:
    """Write the log of requests to standard output, once."""
    if not log.handlers:
        log.addHandler(Stdout())
        log.setLevel(logging.INFO)
        log.propagate = False  # BentoML would write each line again, in its own format


class Observed:
    """Give each request an id and a trace, and log it once it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), None
        visit = scope[VISIT] = start(Headers(scope=scope))

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = visit.request_id
                headers["Traceparent"] = f"00-{visit.trace_id}-{secrets.token_hex(8)}-{visit.flags}"
                if CLOSING.is_set():
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self.app(scope, receive, send_observed)
        finally:
            log.info(line(visit, scope, status, time.perf_counter() - started))


def start(headers: Headers) -> Visit:
    """Return a visit with the ids of a request; invalid ones are replaced, as they end up in logs and headers."""
    request_id = headers.get("x-request-id", "")
    parent = TRACE_PARENT.fullmatch(headers.get("traceparent", ""))
    if parent is not None and parent[1] == "00" and parent[4] is not None:
        parent = None
    return Visit(
        request_id=request_id if REQUEST_ID.fullmatch(request_id) else secrets.token_hex(16),
        trace_id=secrets.token_hex(16) if parent is None else parent[2],
        flags="00" if parent is None else parent[3],
    )


def line(visit: Visit, scope: Scope, status: int | None, seconds: float) -> str:
    """Return the line of a request in the log; its status is null if the client left before the answer."""
    return json.dumps(
        {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "request_id": visit.request_id,
            "trace_id": visit.trace_id,
            "method": scope["method"] if scope["method"] in METHODS else metrics.OTHER,
            "path": metrics.label(scope["path"]),
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
            "key": visit.key,
        }
    )
