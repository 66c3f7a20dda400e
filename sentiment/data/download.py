"""Download a large file once into a cache folder: resumable, checked by size and checksum."""

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

CHUNK = 1 << 16  # bytes; the most that a lost connection can waste
CONNECT_AND_READ_SECONDS = (10, 60)
PARTIAL, WHOLE, RANGE_NOT_SATISFIABLE = 206, 200, 416


class DownloadError(UserError, OSError):
    """A file that could not be downloaded, or differs from the expected one."""


def fetch(url: str, folder: Path, *, size: int | None, sha256: str | None) -> Path:
    """Return the local copy of a URL; download it if the folder does not contain it yet.

    Data is written to `<name>.part` until the file is complete and checked, so that an interrupted download resumes
    from there. Processes that need the same file wait for the one that is downloading it.

    Args:
        url: where the file is published.
        folder: the cache folder; created if missing.
        size: its size in bytes; None accepts the size announced by the server.
        sha256: its checksum, in hexadecimal digits; None accepts the first download, whose checksum is stored in
            `<name>.sha256` and required from then on.

    Raises:
        DownloadError: the server is unreachable or refuses, the body is incomplete, size or checksum are wrong.
        OSError: with `errno.ENOSPC`, the disk is full.
    """
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    if name in {"", ".."}:
        raise DownloadError(f"{url} does not end with a file name. Use the URL of the file itself.")
    target = folder / name
    if target.exists() and mismatch(target, size=size, sha256=sha256 or recorded_checksum(target)) is None:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(target):
        return fetch_exclusively(url, target, size=size, sha256=sha256)


@contextmanager
def exclusive(target: Path) -> Iterator[None]:
    """Lock a file against downloads by other processes, after waiting for the current one."""
    lock = FileLock(target.with_name(f"{target.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("Waiting for another process to download %s.", target)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def fetch_exclusively(url: str, target: Path, *, size: int | None, sha256: str | None) -> Path:
    """Do the work of `fetch` while holding the lock; arguments and errors are the same."""
    recorded = recorded_checksum(target)
    expected = sha256 or recorded
    if target.exists():
        difference = mismatch(target, size=size, sha256=expected)
        if difference is None:  # another process has just downloaded it
            return target
        log.warning("%s has changed since it was downloaded: %s. Downloading it again.", target, difference)
        target.unlink()
    part = target.with_name(f"{target.name}.part")
    if size is None or size_of(part) != size:
        size = download(url, part, size=size)
    if difference := mismatch(part, size=size, sha256=expected):
        if size is not None and size_of(part) < size:
            raise DownloadError(f"{url}: {difference}. The connection was lost; run the command again to resume.")
        part.unlink()
        by_record = recorded is not None and expected == recorded
        hint = f" To accept another file, delete {checksum_file(target)}." if by_record else ""
        raise DownloadError(
            f"{url}: {difference}. The download was deleted. If this happens again, the file was replaced at its "
            f"source.{hint}"
        )
    if expected is None:
        digest = checksum(part)
        checksum_file(target).write_text(f"{digest}  {target.name}\n", encoding="utf-8")
        log.warning(
            "No checksum is configured for %s. That of this copy, sha256 %s, was written to %s and is required from "
            "now on.",
            url,
            digest,
            checksum_file(target),
        )
    return part.rename(target)


def checksum_file(target: Path) -> Path:
    """Return the file that stores the checksum of the first download."""
    return target.with_name(f"{target.name}.sha256")


def recorded_checksum(target: Path) -> str | None:
    """Return the checksum of the first download of a file; None before it.

    Raises:
        DownloadError: the file that stores it contains something else.
    """
    record = checksum_file(target)
    if not record.is_file():
        return None
    match = re.match(r"[0-9a-f]{64}\b", record.read_text(encoding="utf-8"))
    if match is None:
        raise DownloadError(f"{record} contains no checksum. Delete it, and check {target} by other means.")
    return match[0]


def download(url: str, part: Path, *, size: int | None) -> int | None:
    """Download the rest of a URL to `part`, and return the size of the whole file, if known.

    Raises:
        DownloadError: the server is unreachable or refuses.
        OSError: with `errno.ENOSPC`, the disk is full.
    """
    try:
        with request(url, start=size_of(part)) as response:
            if response.status_code == RANGE_NOT_SATISFIABLE:  # The part does not belong to this file.
                part.unlink()
                return download(url, part, size=size)
            if response.status_code not in {WHOLE, PARTIAL}:
                raise DownloadError(
                    f"{url}: the server answered {response.status_code} {response.reason}. Check the address, "
                    f"or download the file yourself to {part.with_suffix('')}."
                )
            start = first_byte(response)
            if start != size_of(part):  # This server ignores range requests and sends the whole file.
                part.unlink(missing_ok=True)
            if start != size_of(part):
                raise DownloadError(
                    f"{url}: the whole file was requested, but the server sent it from byte {start} on."
                )
            if size is None and "Content-Length" in response.headers:
                size = start + int(response.headers["Content-Length"])
            if size is not None:
                require_space(part.parent, size - start)
            append(response, part, size=size)
    except requests.RequestException as error:
        raise DownloadError(
            f"{url}: {type(error).__name__} after {size_of(part):,} bytes. Run the command again to resume; "
            f"without a network, download the file yourself to {part.with_suffix('')}."
        ) from error
    return size


def request(url: str, *, start: int) -> requests.Response:
    """Request the stored bytes of a URL, uncompressed, from `start` on."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    return requests.get(url, headers=headers, stream=True, timeout=CONNECT_AND_READ_SECONDS)


def append(response: requests.Response, part: Path, *, size: int | None) -> None:
    """Append the body of a response to `part`, with a progress bar.

    Raises:
        OSError: with `errno.ENOSPC`, the disk is full.
    """
    bar = tqdm(desc=part.stem, total=size, initial=size_of(part), unit="B", unit_scale=True, unit_divisor=1024)
    with bar, part.open("ab") as file:
        for chunk in response.iter_content(CHUNK):
            try:
                file.write(chunk)
                file.flush()
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise no_space(part.parent, needed=None if size is None else size - size_of(part)) from error
                raise
            bar.update(len(chunk))


def first_byte(response: requests.Response) -> int:
    """Return the position in the file at which the body of a response begins."""
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(match[1]) if match and response.status_code == PARTIAL else 0


def require_space(folder: Path, needed: int) -> None:
    """Raise an OSError with `errno.ENOSPC` if the disk of a folder lacks that many free bytes."""
    if shutil.disk_usage(folder).free < needed:
        raise no_space(folder, needed=needed)


def no_space(folder: Path, *, needed: int | None) -> OSError:
    """Return the error for a full disk, with the folder and the space needed."""
    free = shutil.disk_usage(folder).free
    required = "more is needed" if needed is None else f"{needed:,} bytes are needed"
    return OSError(errno.ENOSPC, f"No space for the download: {required}, {free:,} are free", str(folder))


def mismatch(path: Path, *, size: int | None, sha256: str | None) -> str | None:
    """Describe how a file differs from the expected one; None if it does not."""
    if size is not None and size_of(path) != size:
        return f"{size_of(path):,} bytes, expected {size:,}"
    if sha256 is not None and (actual := checksum(path)) != sha256.lower():
        return f"sha256 {actual}, expected {sha256}"
    return None


def size_of(path: Path) -> int:
    """Return the size of a file in bytes; 0 if it does not exist."""
    return path.stat().st_size if path.exists() else 0


def checksum(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
