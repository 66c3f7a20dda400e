"""Let a worker stop without cutting off clients that keep their connections open.

uvicorn closes such a connection between two requests at once, so that a request on its way fails. Here it waits a
moment: each response says that it is the last one on its connection, so clients open another, to the next worker.
"""

import asyncio
import signal
import socket
import threading
from collections.abc import Awaitable, Callable
from functools import partial

import uvicorn

# Clients that send requests one after the other send the next one within this time.
GRACE_SECONDS = 1.0
POLL_SECONDS = 0.02

CLOSING = threading.Event()
Shutdown = Callable[[list[socket.socket] | None], Awaitable[None]]


def install() -> None:
    """Change how the uvicorn server that runs this process stops; do nothing if none does, as in tests."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if isinstance(server, uvicorn.Server):
        server.shutdown = partial(drain, server, server.shutdown)  # type: ignore[method-assign]


async def drain(server: uvicorn.Server, shut_down: Shutdown, sockets: list[socket.socket] | None = None) -> None:
    """Accept no more connections, let clients close theirs, then shut down."""
    CLOSING.set()
    for listening in server.servers:
        listening.close()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + GRACE_SECONDS
    while server.server_state.connections and loop.time() < deadline:
        await asyncio.sleep(POLL_SECONDS)
    await shut_down(sockets)
