"""Newline-delimited JSON on standard input."""

import os
from collections.abc import Iterator
from typing import Any

from watch.tweets import Batch, batch_of

CHUNK_BYTES = 65_536


def batches(descriptor: int, _position: Any = None) -> Iterator[Batch]:
    """Yield the tweets of complete lines as they come, until the end of the input; they cannot be read twice."""
    rest, number = b"", 0
    while True:
        chunk = os.read(descriptor, CHUNK_BYTES)
        *lines, rest = (rest + chunk).split(b"\n")
        if not chunk:
            lines, rest = [rest], b""
        numbered = [(f"line {number + offset}", line) for offset, line in enumerate(lines, start=1)]
        number += len(lines)
        yield batch_of([(place, line) for place, line in numbered if line.strip()], None)
        if not chunk:
            return
