"""A growing file of newline-delimited JSON, or a folder of such files."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from watch.errors import WatchError
from watch.tweets import Batch, batch_of

ENDINGS = (".ndjson", ".jsonl")
CHUNK_BYTES = 1_000_000
POLL_SECONDS = 1.0


def batches(path: Path, position: Any, pause: Callable[[float], object]) -> Iterator[Batch]:
    """Yield the tweets of complete lines, file by file in the order of their names, and wait for more.

    A file that was replaced or has become shorter is read from its beginning.

    Args:
        path: the file, or the folder of files that end in .ndjson or .jsonl.
        position: for each file its inode, the bytes and the lines that were read.
        pause: waits.

    Raises:
        WatchError: the path does not exist, or a file cannot be read.
    """
    if not path.exists():
        raise WatchError(f"{path} does not exist.")
    done: dict[str, list[int]] = dict(position or {})
    while True:
        grew = False
        for file in files_of(path):
            while (batch := _next(file, done)) is not None:
                grew = True
                yield batch
        if not grew:
            yield Batch([], [], done)
            pause(POLL_SECONDS)


def files_of(path: Path) -> list[Path]:
    """Return the file, or the files of the folder."""
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix in ENDINGS and file.is_file())
    return [path] if path.exists() else []  # it is being replaced


def _next(path: Path, done: dict[str, list[int]]) -> Batch | None:
    """Return the next tweets of a file, and note how far it is read; None if no line is complete."""
    try:
        with path.open("rb") as file:
            status = path.stat()
            inode, offset, number = done.get(path.name, [status.st_ino, 0, 0])
            if inode != status.st_ino or offset > status.st_size:
                inode, offset, number = status.st_ino, 0, 0
            file.seek(offset)
            chunk = file.read(CHUNK_BYTES)
    except OSError as error:
        raise WatchError(f"{path} cannot be read: {error.strerror}.") from None
    end = chunk.rfind(b"\n") + 1
    if not end:
        if len(chunk) < CHUNK_BYTES:
            return None
        end = len(chunk)  # no tweet is that long: it is rejected
    lines = chunk[:end].removesuffix(b"\n").split(b"\n")
    places = [
        (f"{path.name}, line {number + count}", line) for count, line in enumerate(lines, start=1) if line.strip()
    ]
    done[path.name] = [inode, offset + end, number + len(lines)]
    return batch_of(places, {name: list(numbers) for name, numbers in done.items()})
