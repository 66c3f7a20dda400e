"""What a request passes before it reaches the model: ASGI middleware, the outermost first in `service.py`."""

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

# Answered to anybody: whether the service lives, and what it offers.
OPEN = ("/livez", "/readyz", "/healthz", "/docs.json", "/", "/static_content")


class Problems:
    """Give all errors the shape of problem details, also those of the parts that know no such thing."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = replaced = False

        async def watched(message: Message) -> None:
            nonlocal started, replaced
            if message["type"] == "http.response.start":
                started = True
                headers = Headers(raw=message["headers"])
                status = message["status"]
                if status >= 400 and headers.get("content-type") != problems.MEDIA_TYPE:
                    replaced = True
                    kept = {name: headers[name] for name in ("allow", "retry-after") if name in headers}
                    told = problems.DETAILS.get(status, problems.DETAILS[500])
                    await problems.response(status, told, kept)(scope, receive, send)
            if not replaced:
                await send(message)

        try:
            await self.app(scope, receive, watched)
        except Problem as problem:
            if started:
                raise
            await problem.response()(scope, receive, send)
        except Exception as error:  # noqa: BLE001 (told to the client and to the log, without what the client has sent)
            log.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
            if not started:
                await problems.response(500, problems.DETAILS[500])(scope, receive, send)


class Admission:
    """Let in who bears a key, or is on this machine where there are none; and nobody too often."""

    def __init__(self, app: ASGIApp, *, keys: Sequence[str], anonymous: bool, requests_per_minute: int) -> None:
        """Wrap an application."""
        self.app = app
        self.keys, self.anonymous = [key.encode() for key in keys], anonymous
        self.limit = RateLimitItemPerMinute(requests_per_minute)
        self.limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, if it may be."""
        if scope["type"] == "http" and not is_open(scope["path"]):
            address = scope["client"][0] if scope["client"] else "unknown"
            key = self.key_of(scope)
            # Who fails is counted by address: keys cannot be tried out.
            if not self.limiter.hit(self.limit, address if key is None else f"key {key}"):
                seconds = 60 / self.limit.amount
                raise Problem(
                    429,
                    f"More than {self.limit.amount} requests in a minute. Wait, or send several tweets in one request.",
                    {"Retry-After": str(max(1, round(seconds)))},
                )
            if self.keys and key is None:
                raise Problem(401, "Give a valid key: `Authorization: Bearer <key>`.", {"WWW-Authenticate": "Bearer"})
            if not (self.keys or self.anonymous or is_loopback(address)):
                raise Problem(
                    401,
                    "Without keys only this machine is answered: its keeper must set SERVICE_API_KEYS.",
                    {"WWW-Authenticate": "Bearer"},
                )
        await self.app(scope, receive, send)

    def key_of(self, scope: Scope) -> int | None:
        """Return the number of the key that a request bears; all are compared, each in constant time."""
        scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        same = [hmac.compare_digest(key, given.strip().encode()) for key in self.keys]
        return same.index(True) if any(same) else None


class TimeLimit:
    """Give up a request that takes too long, be it the client or the model that is slow."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        """Wrap an application."""
        self.app, self.seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request in time."""
        try:
            async with asyncio.timeout(self.seconds if scope["type"] == "http" else None):
                await self.app(scope, receive, send)
        except TimeoutError as error:
            told = f"No answer within {self.seconds:g} seconds. Send the request faster, or fewer tweets in it."
            raise Problem(504, told) from error


class BodyLimit:
    """Read no more of a request than the limit, whatever it says of its length."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        """Wrap an application."""
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is not too large."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        too_large = Problem(413, f"The request is larger than {self.most:,} bytes. Send fewer tweets in it.")
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self.most:
            raise too_large
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.most:
                raise too_large
            return message

        await self.app(scope, counted, send)


def is_open(path: str) -> bool:
    """Return whether a path is answered to anybody."""
    return path in OPEN or path.startswith("/static_content/")
