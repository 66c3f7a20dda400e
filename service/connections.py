"""HTTP connections: uvicorn's, with limits on the time and the size of what comes before the application is asked.

BentoML offers no setting for uvicorn's protocol and event loop, so `install` replaces their defaults before the server
starts.
"""

import asyncio
import json
import os
from functools import cache
from http import HTTPStatus
from typing import Any

import uvicorn.config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service import problems
from service.settings import Settings

LOOP = "uvicorn.loops.asyncio:asyncio_loop_factory"
MOST_HEADER_BYTES = 32 * 1024
# Largest piece that is read at once. In one piece, thousands of tiny chunks or requests hold the event loop.
PIECE_BYTES = 16 * 1024
MOST_CONNECTIONS = 2_000
# How long a client may go on sending, or take to read, after its answer was written.
LINGER_SECONDS = 5.0
INVALID = "This is not valid HTTP/1.1."
SLOW = "The request line and the headers did not arrive in time."
LARGE = f"The request line and the headers are larger than {MOST_HEADER_BYTES:,} bytes."


def install() -> None:
    """Make this the protocol of uvicorn's servers, and let only SERVICE_TRUSTED_PROXIES decide about proxies."""
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:Connection"
    # Not uvloop, where it is installed: its transports read pieces of any size.
    uvicorn.config.LOOP_FACTORIES["auto"] = LOOP
    os.environ["FORWARDED_ALLOW_IPS"] = ""


@cache
def timeout_seconds() -> float:
    """Return how long a client may take to send the headers of a request, or to read anything of an answer."""
    return Settings().timeout_seconds


class Connection(HttpToolsProtocol):
    """A connection that is closed if headers are slow or large, or if a client goes on sending after its answer.

    The parser, llhttp, refuses requests whose length can be read in two ways (RFC 9112, section 6.3).
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Wait for a connection."""
        super().__init__(*arguments, **options)
        self.ws_protocol_class = None  # the API has no WebSockets
        self._deadline: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._blocked: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._receives = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        if len(self.connections) >= MOST_CONNECTIONS:
            transport.abort()
            return
        # asyncio has no public setting for it.
        transport.max_size = PIECE_BYTES  # type: ignore[attr-defined]
        super().connection_made(transport)
        self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        if self.transport is None:  # one connection too many
            return
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse a piece of one or more requests."""
        if self.transport.is_closing():
            return
        if self._deadline is None and self._is_idle():
            self._wait_for_headers()
        super().data_received(data)
        if self._deadline is not None:
            self._header_bytes += len(data)
            if self._header_bytes > MOST_HEADER_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, LARGE)

    def on_message_begin(self) -> None:
        """Wait for the headers of a request, which may come after another in the same piece."""
        super().on_message_begin()
        if self._deadline is None:
            self._wait_for_headers()

    def on_headers_complete(self) -> None:
        """Pass the request to the application."""
        self._stop_waiting()
        self._receives = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for the next request, if this one was answered before its end."""
        self._receives = False
        super().on_message_complete()
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
            self._wait_for_headers()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for a moment if the client is still sending this one."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()
        elif self._receives and self.cycle.response_complete:
            self._linger = self.loop.call_later(LINGER_SECONDS, self._close)

    def pause_writing(self) -> None:
        """Wait until the client reads, but not for ever."""
        super().pause_writing()
        self._blocked = self.loop.call_later(timeout_seconds(), self.transport.abort)

    def resume_writing(self) -> None:
        """Go on writing."""
        if self._blocked is not None:
            self._blocked.cancel()
            self._blocked = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection without a next request."""
        self._close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's text)
        """Refuse what is no HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, INVALID)

    def _is_idle(self) -> bool:
        """Return whether all requests so far have been read and answered."""
        return not self._receives and (self.cycle is None or self.cycle.response_complete)

    def _wait_for_headers(self) -> None:
        self._header_bytes = 0
        self._deadline = self.loop.call_later(timeout_seconds(), self._refuse_slow)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse_slow(self) -> None:
        """Close the connection; browsers connect in advance, and would take an answer for that to their request."""
        if self._header_bytes:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, SLOW)
        else:
            self._close()

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer with a problem, unless another answer is being written, and close the connection."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            body = json.dumps(problems.body(status, detail)).encode()
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {problems.MEDIA_TYPE}\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self._close()

    def _close(self) -> None:
        """Close the connection, even if the client does not read the rest of its answer."""
        if not self.transport.is_closing():
            self.transport.close()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)
