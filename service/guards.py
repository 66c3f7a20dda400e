"""ASGI middleware in front of the API: error format, authentication, rate limit, timeout, body limit."""

import asyncio
import hashlib
import hmac
import logging
import traceback
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import problems
from service.conventions import PROBES
from service.limits import Limiter
from service.observe import VISIT
from service.problems import Problem
from service.settings import is_loopback

log = logging.getLogger(__name__)

# Paths that need no API key.
DOCUMENTATION = ("/docs.json", "/")
# Key of the ASGI scope: the client to which a request is counted.
CLIENT = "tweet_sentiment.client"
# Bodies that are kept in memory at the same time, in largest bodies.
MOST_BODIES = 8


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
            frames = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s in request %s\n%s", type(error).__name__, scope[VISIT].request_id, frames)
            if not started:
                await problems.response(500, problems.DETAILS[500])(scope, receive, send)


class Admission:
    """Check the API key (without keys: that the client is on this machine) and the limit of requests."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: Sequence[str],
        anonymous: bool,
        requests_per_minute: int,
        limiter: Callable[[], Limiter],
    ) -> None:
        """Wrap an application."""
        self.app = app
        self.keys, self.anonymous = [key.encode() for key in keys], anonymous
        self.names = [f"key {hashlib.sha256(key).hexdigest()[:16]}" for key in self.keys]
        self.requests_per_minute, self.limiter = requests_per_minute, limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, if it is admitted."""
        if scope["type"] == "http" and scope["path"] not in PROBES:
            address = scope["client"][0] if scope["client"] else "unknown"
            key = self.key_of(scope)
            scope[VISIT].key = None if key is None else key + 1
            # Requests without a valid key are counted by IP address, so that keys cannot be guessed.
            scope[CLIENT] = network(address) if key is None else self.names[key]
            spend(self.limiter(), scope, "requests", 1, self.requests_per_minute)
            if is_documentation(scope["path"]):
                await self.app(scope, receive, send)
                return
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


def network(address: str) -> str:
    """Return the part of an IP address that a client cannot change at will: of IPv6, the network of 64 bits."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(ip_network((parsed.packed, 64), strict=False))
    return address


def spend(limiter: Limiter, scope: Scope, kind: str, cost: int, limit: int) -> None:
    """Count what an admitted request uses.

    Raises:
        Problem: it is more than its client may use in a minute.
    """
    if seconds := limiter.take(scope[CLIENT], kind, cost, limit):
        raise Problem(429, f"More than {limit:,} {kind} in a minute. Wait {seconds} s.", {"Retry-After": str(seconds)})


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
    """Stop reading a request body at the limit, whatever its Content-Length says, and refuse bodies beyond memory."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        """Wrap an application."""
        self.app, self.most = app, most
        self.kept = 0

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
            size = len(message.get("body", b""))
            bytes_read += size
            self.kept += size
            if bytes_read > self.most:
                raise too_large
            if self.kept > MOST_BODIES * self.most:
                raise Problem(503, "The service is handling too many large requests. Try again.", {"Retry-After": "1"})
            return message

        try:
            await self.app(scope, receive_limited, send)
        finally:
            self.kept -= bytes_read


def is_documentation(path: str) -> bool:
    """Return whether a path needs no API key."""
    return path in DOCUMENTATION or path.startswith("/assets/")
