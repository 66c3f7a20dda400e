"""ASGI middleware in front of the API: error format, authentication, rate limit, timeout, body limit."""

import asyncio
import hmac
import logging
import traceback
from collections.abc import Sequence

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import problems
from service.problems import Problem
from service.settings import is_loopback

log = logging.getLogger(__name__)

# Paths that need no API key: probes and documentation.
OPEN = ("/livez", "/readyz", "/healthz", "/docs.json", "/", "/static_content")


class Problems:
    """Return every error as problem details, including those of BentoML and Starlette."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = replaced = False

        async def send_as_problem(message: Message) -> None:
            nonlocal started, replaced
            if message["type"] == "http.response.start":
                started = True
                headers = Headers(raw=message["headers"])
                status = message["status"]
                if status >= 400 and headers.get("content-type") != problems.MEDIA_TYPE:
                    replaced = True
                    kept_headers = {name: headers[name] for name in ("allow", "retry-after") if name in headers}
                    detail = problems.DETAILS.get(status, problems.DETAILS[500])
                    await problems.response(status, detail, kept_headers)(scope, receive, send)
            if not replaced:
                await send(message)

        try:
            await self.app(scope, receive, send_as_problem)
        except Problem as problem:
            if started:
                raise
            await problem.response()(scope, receive, send)
        except Exception as error:  # noqa: BLE001 (returned and logged without any text of the client)
            log.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
            if not started:
                await problems.response(500, problems.DETAILS[500])(scope, receive, send)


class Admission:
    """Check the API key (without keys: that the client is on this machine) and the rate limit."""

    def __init__(self, app: ASGIApp, *, keys: Sequence[str], anonymous: bool, requests_per_minute: int) -> None:
        """Wrap an application."""
        self.app = app
        self.keys, self.anonymous = [key.encode() for key in keys], anonymous
        self.limit = RateLimitItemPerMinute(requests_per_minute)
        self.limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, if it is admitted."""
        if scope["type"] == "http" and not is_open(scope["path"]):
            address = scope["client"][0] if scope["client"] else "unknown"
            key = self.key_of(scope)
            # Requests without a valid key are counted by IP address, so that keys cannot be guessed.
            if not self.limiter.hit(self.limit, address if key is None else f"key {key}"):
                seconds = 60 / self.limit.amount
                raise Problem(
                    429,
                    f"More than {self.limit.amount} requests per minute. Wait, or send several tweets per request.",
                    {"Retry-After": str(max(1, round(seconds)))},
                )
            if self.keys and key is None:
                raise Problem(
                    401,
                    "The API key is missing or invalid. Send `Authorization: Bearer <key>`.",
                    {"WWW-Authenticate": "Bearer"},
                )
            if not (self.keys or self.anonymous or is_loopback(address)):
                raise Problem(
                    401,
                    "The service has no API keys and answers only requests from its own machine. "
                    "Its administrator must set SERVICE_API_KEYS.",
                    {"WWW-Authenticate": "Bearer"},
                )
        await self.app(scope, receive, send)

    def key_of(self, scope: Scope) -> int | None:
        """Return the index of the request's API key, or None; all keys are compared, each in constant time."""
        scheme, _, credentials = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        matches = [hmac.compare_digest(key, credentials.strip().encode()) for key in self.keys]
        return matches.index(True) if any(matches) else None


class TimeLimit:
    """Abort a request that takes too long, whether the client or the model is slow."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        """Wrap an application."""
        self.app, self.seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request within the time limit."""
        try:
            async with asyncio.timeout(self.seconds if scope["type"] == "http" else None):
                await self.app(scope, receive, send)
        except TimeoutError as error:
            detail = f"No response within {self.seconds:g} seconds. Send the request faster, or with fewer tweets."
            raise Problem(504, detail) from error


class BodyLimit:
    """Stop reading a request body at the limit, whatever its Content-Length says."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        """Wrap an application."""
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request whose body is within the limit."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        too_large = Problem(413, f"The request body is larger than {self.most:,} bytes. Send fewer tweets per request.")
        content_length = Headers(scope=scope).get("content-length", "0")
        if content_length.isdecimal() and int(content_length) > self.most:
            raise too_large
        bytes_read = 0

        async def receive_limited() -> Message:
            nonlocal bytes_read
            message = await receive()
            bytes_read += len(message.get("body", b""))
            if bytes_read > self.most:
                raise too_large
            return message

        await self.app(scope, receive_limited, send)


def is_open(path: str) -> bool:
    """Return whether a path needs no API key."""
    return path in OPEN or path.startswith("/static_content/")
