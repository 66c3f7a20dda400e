"""Requests that try to block the service, to fill its memory or to hold its connections."""

import asyncio
import gzip
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

MEGABYTE = 2**20
# Just below the largest body that the service reads.
LARGE = 4 * MEGABYTE - 1_000
# The most tweets in a request.
LARGEST = 512
# Texts that take the service's cleaning and tokenizing longest, of 2,000 characters each.
LONG_TEXTS = {
    "words": "late again and nobody tells us why " * 58,
    "one word": "a" * 2_000,
    "emoji": "\U0001f621" * 2_000,
    "families": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 285,
    "entities": "&amp;" * 400,
    "mentions": "@" * 2_000,
    "names": "@anna" * 400,
    "links": "http://" * 285,
    "domains": "a.b." * 500,
    "digits": "1 " * 1_000,
    "phones": "+1 (555) 555-" * 153,
    "dots": ". " * 1_000,
    "smileys": ">:-(" * 500,
    "apostrophes": "don't" * 400,
    "tags": "<" * 2_000,
    "accents": "e\u0301" * 1_000,
}


class Attack(NamedTuple):
    """A bad request.

    Attributes:
        parts: what is sent.
        status: the status of the answer; 0 if the connection is closed without one, None if nobody waits for it.
        pause: seconds between the parts.
    """

    parts: Callable[[], Iterable[bytes]]
    status: int | None
    pause: float = 0.0


def head(path: str = "/predict", method: str = "POST", **headers: object) -> bytes:
    """Return the request line and headers."""
    all_headers = {"host": "localhost", "content-type": "application/json"} | {
        name.replace("_", "-"): str(value) for name, value in headers.items()
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in all_headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def post(content: bytes, path: str = "/predict", **headers: object) -> list[bytes]:
    """Return a request with a body."""
    return [head(path, "POST", content_length=len(content), **headers) + content]


def body(content: bytes, status: int = 400) -> Attack:
    """Return an attack by the body of a request."""
    return Attack(lambda: post(content), status)


def repeated(start: bytes, middle: bytes, end: bytes, size: int = LARGE) -> bytes:
    """Return a body of at most `size` bytes that repeats its middle."""
    return start + middle * ((size - len(start) - len(end)) // len(middle)) + end


def unknown_fields(number: int) -> bytes:
    """Return an object with fields of different names."""
    return ("{" + ",".join(f'"a{field}":1' for field in range(number)) + "}").encode()


def chunked(chunk: bytes, number: int) -> Iterator[bytes]:
    """Yield a request that does not announce its size."""
    yield head(transfer_encoding="chunked")
    for _ in range(number):
        yield chunk
    yield b"0\r\n\r\n"


def drop_by_drop(content: bytes) -> list[bytes]:
    """Return the bytes of a request one by one."""
    return [bytes([byte]) for byte in content]


def good(text: str, texts: int, source: str) -> bytes:
    """Return a request that the service answers, with the same long text again and again."""
    return json.dumps({"texts": [text[:2_000]] * texts, "source": source}, ensure_ascii=False).encode()


ATTACKS: Mapping[str, Attack] = {
    "a slow body": Attack(lambda: [head(content_length=1000), *[b"a"] * 1000], 504, 0.1),
    "slow headers": Attack(lambda: drop_by_drop(head(x=1_000 * "a")), 408, 0.1),
    "empty lines": Attack(lambda: [b"\r\n"] * 1_000, 408, 0.1),
    "nothing": Attack(lambda: [b""] * 1_000, 0, 0.1),
    "200 MB": Attack(lambda: [head(content_length=200 * MEGABYTE)], 413),
    "200 MB in chunks": Attack(lambda: chunked(b"100000\r\n" + b"a" * MEGABYTE + b"\r\n", 200), 413),
    "tiny chunks": Attack(lambda: chunked(b"1\r\na\r\n" * 40_000, 10), 400),
    "640,000 unknown fields": body(unknown_fields(640_000), 413),
    "340,000 unknown fields": body(unknown_fields(340_000)),
    "equal fields": body(repeated(b"{", b'"text":"a",', b'"text":"a"}')),
    "a million texts": body(repeated(b'{"texts":[', b'"a",', b'"a"]}')),
    "two million numbers": body(repeated(b'{"texts":[', b"1,", b"1]}")),
    "a million lists": body(repeated(b'{"texts":[', b"[],", b"[]]}")),
    "spaces": body(repeated(b"", b" ", b"")),
    "a long text": body(repeated(b'{"text":"', b"a", b'"}')),
    "a long text of escapes": body(repeated(b'{"text":"', b"\\u00e9", b'"}')),
    "a long text of quotation marks": body(repeated(b'{"text":"', b'\\"', b'"}')),
    "a long key": body(repeated(b'{"', b"a", b'":1}')),
    "a long key of escapes": body(repeated(b'{"', b"\\u0061", b'":1}')),
    "long numbers": body(repeated(b'{"text":', b"9", b"}")),
    "long fractions": body(repeated(b'{"text":0.', b"9", b"}")),
    "infinity": body(b'{"text":1e999}'),
    "a million digits in a list": body(b'{"texts":[' + b"1" * 1_000_000 + b"]}"),
    "deep lists": body(b"[" * LARGE),
    "deep lists of texts": body(repeated(b'{"texts":', b"[", b"")),
    "deep objects": body(repeated(b"", b'{"text":', b"")),
    "broken JSON": body(b'{"text": "late'),
    "no UTF-8": body(b'{"text": "\xff\xfe"}'),
    "half a character": body(b'{"text": "\\ud83d"}'),
    "compressed": Attack(lambda: post(gzip.compress(b'{"text": "late"}'), content_encoding="gzip"), 415),
    "another method": Attack(lambda: [head(method="DELETE")], 405),
    "an unknown address": Attack(lambda: [head(f"/{random.random()}", method="GET")], 404),
    "a long address": Attack(lambda: [head("/" + "a" * 60_000, method="GET")], 431),
    "a long header": Attack(lambda: [head("/livez", "GET", x="a" * MEGABYTE)], 431),
    "many headers": Attack(lambda: [b"GET /livez HTTP/1.1\r\n" + b"x: 1\r\n" * 50_000 + b"\r\n"], 431),
    "two lengths": Attack(lambda: [head(content_length=1, transfer_encoding="chunked") + b"0\r\n\r\n"], 400),
    "many requests at once": Attack(lambda: [head("/livez", "GET") * 10_000], 200),
    "cut off": Attack(lambda: [head(content_length=1000) + b'{"text": "la'], None),
    "deaf": Attack(lambda: [head("/docs.json", "GET") * 1_000], None),
    "no HTTP": Attack(lambda: [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"], 400),
}


async def send(address: tuple[str, int], attack: Attack) -> int | None:
    """Send the parts of a request until the server answers or closes; return the status as in `Attack`."""
    reader, writer = await asyncio.open_connection(*address)
    line = asyncio.create_task(reader.readline())
    try:
        for part in attack.parts():
            if line.done():
                break
            writer.write(part)
            with suppress(ConnectionError):  # the server has closed the connection; its answer may have come before
                await writer.drain()
            await asyncio.sleep(attack.pause)
        return None if attack.status is None else int((await line or b"HTTP/1.1 0").split()[1])
    finally:
        line.cancel()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
