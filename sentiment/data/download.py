"""Download a large file once, into a folder that is kept: resumable, checked by size and checksum."""

import errno
import hashlib
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import requests
from filelock import FileLock, Timeout
from tqdm import tqdm

from sentiment.inference.errors import UserError

log = logging.getLogger(__name__)

CHUNK = 1 << 16  # bytes; what a cut connection can lose at most
CONNECT_AND_READ_SECONDS = (10, 60)
PARTIAL, WHOLE, RANGE_NOT_SATISFIABLE = 206, 200, 416


class DownloadError(UserError, OSError):
    """A file that could not be downloaded, or is not the one that was expected."""


def fetch(url: str, folder: Path, *, size: int | None, sha256: str | None) -> Path:
    """Return the local copy of a URL, downloaded unless the folder already holds it.

    What arrives is kept in `<name>.part` until it is complete and checked, so that a download that was cut off, or
    killed, goes on from there. Processes that want the same file wait for the one that downloads it.

    Args:
        url: where the file is published.
        folder: where it is kept; made if missing.
        size: its size in bytes; None takes what the server says.
        sha256: its checksum, in hexadecimal digits; None takes that of the first download, which is kept in
            `<name>.sha256` and holds from then on.

    Raises:
        DownloadError: the server cannot be reached or refuses, the body ends early, size or checksum are wrong.
        OSError: with `errno.ENOSPC`, the disk has no room for the file.
    """
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    if name in {"", ".."}:
        raise DownloadError(f"{url} names no file.")
    target = folder / name
    if target.exists() and fault_of(target, size=size, sha256=sha256 or recorded_checksum(target)) is None:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with alone(target):
        return fetch_alone(url, target, size=size, sha256=sha256)


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Wait until no other process downloads a file, and keep others from it."""
    lock = FileLock(target.with_name(f"{target.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("Waiting for another process that downloads %s.", target)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def fetch_alone(url: str, target: Path, *, size: int | None, sha256: str | None) -> Path:
    """Return the local copy of a URL while no other process touches it; arguments and errors are those of `fetch`."""
    recorded = recorded_checksum(target)
    expected = sha256 or recorded
    if target.exists():
        fault = fault_of(target, size=size, sha256=expected)
        if fault is None:  # another process has just downloaded it
            return target
        log.warning("%s is not the file that was once downloaded: %s. It is downloaded again.", target, fault)
        target.unlink()
    part = target.with_name(f"{target.name}.part")
    if size is None or present(part) != size:
        size = download(url, part, size=size)
    if fault := fault_of(part, size=size, sha256=expected):
        if size is not None and present(part) < size:
            raise DownloadError(f"{url}: {fault}. The connection was cut; the same command goes on from {part}.")
        part.unlink()
        by_record = recorded is not None and expected == recorded
        hint = f" To accept another file, delete {record_of(target)}." if by_record else ""
        raise DownloadError(
            f"{url}: {fault}. The download was thrown away. If it happens again, the file was replaced at its source."
            f"{hint}"
        )
    if expected is None:
        found = checksum(part)
        record_of(target).write_text(f"{found}  {target.name}\n", encoding="utf-8")
        log.warning(
            "No checksum was published for %s. That of this copy, sha256 %s, was written to %s and holds from now on.",
            url,
            found,
            record_of(target),
        )
    return part.rename(target)


def record_of(target: Path) -> Path:
    """Return the file that keeps the checksum of a first download."""
    return target.with_name(f"{target.name}.sha256")


def recorded_checksum(target: Path) -> str | None:
    """Return the checksum of the first download of a file, None before it.

    Raises:
        DownloadError: the file that should keep it holds something else.
    """
    record = record_of(target)
    if not record.is_file():
        return None
    found = re.match(r"[0-9a-f]{64}\b", record.read_text(encoding="utf-8"))
    if found is None:
        raise DownloadError(f"{record} holds no checksum. Delete it, and check {target} by other means.")
    return found[0]


def download(url: str, part: Path, *, size: int | None) -> int | None:
    """Append to `part` what it lacks of a URL, and return the size of the whole file, if known.

    Raises:
        DownloadError: the server cannot be reached or refuses.
        OSError: with `errno.ENOSPC`, the disk has no room for the file.
    """
    try:
        with request(url, start=present(part)) as response:
            if response.status_code == RANGE_NOT_SATISFIABLE:  # The part is no beginning of this file.
                part.unlink()
                return download(url, part, size=size)
            if response.status_code not in {WHOLE, PARTIAL}:
                raise DownloadError(
                    f"{url}: the server answers {response.status_code} {response.reason}. Check the address, "
                    f"or download the file by hand to {part.with_suffix('')}."
                )
            start = first_byte(response)
            if start != present(part):  # This server sends the whole file, whatever it was asked for.
                part.unlink(missing_ok=True)
            if start != present(part):
                raise DownloadError(f"{url}: asked for the whole file, the server sent it from byte {start} on.")
            if size is None and "Content-Length" in response.headers:
                size = start + int(response.headers["Content-Length"])
            if size is not None:
                require_space(part.parent, size - start)
            append(response, part, size=size)
    except requests.RequestException as error:
        raise DownloadError(
            f"{url}: {type(error).__name__} after {present(part):,} bytes. The same command goes on from there; "
            f"without a network, download the file by hand to {part.with_suffix('')}."
        ) from error
    return size


def request(url: str, *, start: int) -> requests.Response:
    """Ask for the bytes of a URL as they are stored, from `start` on."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    return requests.get(url, headers=headers, stream=True, timeout=CONNECT_AND_READ_SECONDS)


def append(response: requests.Response, part: Path, *, size: int | None) -> None:
    """Write the body of a response at the end of `part`, with a progress bar.

    Raises:
        OSError: with `errno.ENOSPC`, the disk filled up.
    """
    bar = tqdm(desc=part.stem, total=size, initial=present(part), unit="B", unit_scale=True, unit_divisor=1024)
    with bar, part.open("ab") as file:
        for chunk in response.iter_content(CHUNK):
            try:
                file.write(chunk)
                file.flush()
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise no_space(part.parent, needed=None if size is None else size - present(part)) from error
                raise
            bar.update(len(chunk))


def first_byte(response: requests.Response) -> int:
    """Return where in the file the body of a response begins."""
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(match[1]) if match and response.status_code == PARTIAL else 0


def require_space(folder: Path, needed: int) -> None:
    """Raise an OSError with `errno.ENOSPC` unless the disk of a folder has room for that many bytes."""
    if shutil.disk_usage(folder).free < needed:
        raise no_space(folder, needed=needed)


def no_space(folder: Path, *, needed: int | None) -> OSError:
    """Return the error that says where room is lacking, and how much is needed."""
    free = shutil.disk_usage(folder).free
    lacking = "more is needed" if needed is None else f"{needed:,} bytes are needed"
    return OSError(errno.ENOSPC, f"No space for the download: {lacking}, {free:,} are free", str(folder))


def fault_of(path: Path, *, size: int | None, sha256: str | None) -> str | None:
    """Return in words how a file differs from what is expected; None if it does not."""
    if size is not None and present(path) != size:
        return f"{present(path):,} bytes, expected {size:,}"
    if sha256 is not None and (found := checksum(path)) != sha256.lower():
        return f"sha256 {found}, expected {sha256}"
    return None


def present(path: Path) -> int:
    """Return the size of a file in bytes, 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def checksum(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
