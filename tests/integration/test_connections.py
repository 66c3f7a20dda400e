"""HTTP connections to a real server: what is slow, large or ambiguous is refused before the application is asked."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from service import connections
from service.connections import Connection

SECONDS = 0.6
GET = b"GET / HTTP/1.1\r\nHost: test\r\n"
Address = tuple[str, int]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once at `/early`, else after the body; the answer is large at `/large`."""
    if scope["type"] != "http":
        return
    if scope["path"] != "/early":
        while (await receive()).get("more_body", False):
            pass
    body = b"a" * (20_000_000 if scope["path"] == "/large" else 2)
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def server() -> Iterator[uvicorn.Server]:
    """Start a server whose waiting times are short."""
    with pytest.MonkeyPatch.context() as patch, socket.socket() as listening:
        patch.setenv("SERVICE_TIMEOUT_SECONDS", str(SECONDS))
        patch.setattr(connections, "LINGER_SECONDS", SECONDS)
        patch.setitem(uvicorn.config.HTTP_PROTOCOLS, "auto", "")
        patch.setitem(uvicorn.config.LOOP_FACTORIES, "auto", "")
        connections.install()
        connections.timeout_seconds.cache_clear()
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application, lifespan="off", log_config=None, timeout_keep_alive=1))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield server
        server.should_exit = True
        thread.join()
    connections.timeout_seconds.cache_clear()


@pytest.fixture
def client(server: uvicorn.Server) -> Iterator[socket.socket]:
    """Connect to the server."""
    address: Address = server.servers[0].sockets[0].getsockname()
    with socket.create_connection(address, timeout=5) as connection:
        yield connection


def read_answer(client: socket.socket) -> None:
    """Read one small answer of the application."""
    received = b""
    while not received.endswith(b"\r\n\r\naa"):
        received += client.recv(1000)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")


def answer(client: socket.socket) -> bytes:
    """Return all that the server sends until it closes the connection."""
    received = bytearray()
    while True:
        try:
            piece = client.recv(65_536)
        except ConnectionError:
            piece = b""
        if not piece:
            return bytes(received)
        received += piece


def drip(client: socket.socket, drop: bytes, seconds: float) -> None:
    """Send a drop again and again, until the server has closed the connection."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            client.sendall(drop)
        except ConnectionError:
            return
        time.sleep(0.05)
    raise AssertionError("the server does not close the connection")


@pytest.mark.parametrize(("start", "drop"), [(b"GET /", b"a"), (b"", b"\r\n"), (GET, b"")])
@pytest.mark.parametrize("earlier_request", [False, True])
def test_a_client_that_does_not_finish_its_headers_is_answered_with_408_and_closed(
    client: socket.socket, start: bytes, drop: bytes, earlier_request: bool
) -> None:
    if earlier_request:
        client.sendall(GET + b"\r\n")
        read_answer(client)
    started = time.monotonic()
    client.sendall(start)
    while time.monotonic() < started + SECONDS / 2:
        client.sendall(drop)
        time.sleep(0.05)
    received = answer(client)
    assert time.monotonic() - started < 5 * SECONDS
    assert received.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"application/problem+json" in received


@pytest.mark.parametrize("earlier_request", [False, True])
def test_a_client_that_sends_nothing_is_closed_without_an_answer(client: socket.socket, earlier_request: bool) -> None:
    if earlier_request:
        client.sendall(GET + b"\r\n")
        read_answer(client)
    assert answer(client) == b"", "a browser that connects in advance would show it as the answer to its request"


@pytest.mark.parametrize(
    "headers",
    [
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        GET + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        GET + b"X: a\r\n" * 20_000 + b"\r\n",
    ],
)
def test_large_headers_are_refused_with_431(client: socket.socket, headers: bytes) -> None:
    client.sendall(headers)
    assert b"HTTP/1.1 431 " in answer(client)


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: gzip, chunked, gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length : 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: +3\r\n\r\nabc",
        b"late again\r\n\r\n",
    ],
)
def test_a_request_whose_length_is_ambiguous_is_refused_and_the_connection_closed(
    client: socket.socket, request_: bytes
) -> None:
    client.sendall(request_ + GET + b"\r\n")
    received = answer(client)
    assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"200 OK" not in received, "nothing after it is read as another request"


def test_a_client_that_goes_on_sending_after_its_answer_is_closed(client: socket.socket) -> None:
    client.sendall(b"POST /early HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n")
    read_answer(client)
    drip(client, b"a", 10 * SECONDS)


def test_a_request_that_ends_after_its_answer_can_be_followed_by_another(client: socket.socket) -> None:
    client.sendall(b"POST /early HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n")
    read_answer(client)
    client.sendall(b"late" + GET + b"\r\n")
    read_answer(client)


@pytest.mark.parametrize("requests", [1, 10])
def test_a_client_that_does_not_read_its_answers_is_closed(
    server: uvicorn.Server, client: socket.socket, requests: int
) -> None:
    client.sendall(b"GET /large HTTP/1.1\r\nHost: test\r\n\r\n" * requests)
    deadline = time.monotonic() + 10
    while not server.server_state.connections:
        time.sleep(0.01)
    while server.server_state.connections:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_connection_too_many_is_closed_at_once(
    client: socket.socket, server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.sendall(GET + b"\r\n")
    read_answer(client)
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", len(server.server_state.connections))
    with socket.create_connection(server.servers[0].sockets[0].getsockname(), timeout=SECONDS / 2) as another:
        assert answer(another) == b""
    client.sendall(GET + b"\r\n")
    read_answer(client)


def test_servers_of_the_process_use_it_and_believe_no_proxy() -> None:
    connections.install()
    config = uvicorn.Config(application, log_config=None)
    config.load()
    assert config.http_protocol_class is Connection
    assert config.forwarded_allow_ips == ""


def test_requests_in_one_piece_are_answered_in_order(client: socket.socket) -> None:
    client.sendall(3_000 * (GET + b"\r\n") + GET + b"Connection: close\r\n\r\n")
    assert answer(client).count(b"HTTP/1.1 200 OK") == 3_001


def test_a_body_in_tiny_chunks_is_read(client: socket.socket) -> None:
    client.sendall(b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
    client.sendall(b"1\r\na\r\n" * 20_000 + b"0\r\n\r\n")
    assert b"HTTP/1.1 200 OK" in answer(client)
