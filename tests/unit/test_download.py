"""`sentiment.data.download`, tested with a local server that can misbehave."""

import contextlib
import errno
import hashlib
import multiprocessing
import re
import shutil
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sentiment.data import download
from sentiment.data.download import DownloadError, fetch

BODY = bytes(range(256)) * 2_000
SHA256 = hashlib.sha256(BODY).hexdigest()
EXPECTED: dict[str, Any] = {"size": len(BODY), "sha256": SHA256}
Usage = namedtuple("Usage", "total used free")


class Server(ThreadingHTTPServer):
    """Serve `body` under any path, and record the requested ranges."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = BODY
        self.ranges: list[str | None] = []
        self.ignores_ranges = False
        self.sends_length = True
        self.cut_after: int | None = None
        self.status: int | None = None
        self.seconds_per_block = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/data/tweets%20v1.zip?mirror=1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        requested_range = self.headers["Range"]
        server.ranges.append(requested_range)
        if server.status:
            self.send_error(server.status)
            return
        start = int(re.findall(r"\d+", requested_range)[0]) if requested_range and not server.ignores_ranges else 0
        if start >= len(server.body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.body) - 1}/{len(server.body)}")
        if server.sends_length:
            self.send_header("Content-Length", str(len(server.body) - start))
        self.end_headers()
        content = server.body[start : server.cut_after]
        with contextlib.suppress(ConnectionError):
            for block in range(0, len(content), 16_384):
                self.wfile.write(content[block : block + 16_384])
                time.sleep(server.seconds_per_block)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def get(server: Server, folder: Path, *, size: int | None = len(BODY), sha256: str | None = SHA256) -> Path:
    return fetch(server.url, folder, size=size, sha256=sha256)


def remaining_files(folder: Path) -> list[str]:
    """Return the names of the files that a download left, except its lock."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_downloads_once(server: Server, tmp_path: Path) -> None:
    path = get(server, tmp_path / "new" / "cache")
    assert path == tmp_path / "new" / "cache" / "tweets v1.zip"
    assert path.read_bytes() == BODY
    assert get(server, tmp_path / "new" / "cache") == path
    assert server.ranges == [None]
    assert remaining_files(path.parent) == [path.name]


@pytest.mark.parametrize("sends_length", [True, False])
def test_size_and_checksum_are_optional(server: Server, tmp_path: Path, sends_length: bool) -> None:
    server.sends_length = sends_length
    assert get(server, tmp_path, size=None, sha256=None).read_bytes() == BODY
    assert get(server, tmp_path, size=None, sha256=None).read_bytes() == BODY
    assert len(server.ranges) == 1


def test_logs_the_checksum_if_none_is_configured(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    get(server, tmp_path, sha256=None)
    assert SHA256 in caplog.text


def test_resumes_after_a_lost_connection(server: Server, tmp_path: Path) -> None:
    server.cut_after = 200_000
    with pytest.raises(DownloadError, match=r"after 196,608 bytes.*Run the command again to resume"):
        get(server, tmp_path)
    server.cut_after = None
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.ranges == [None, "bytes=196608-"]  # whole chunks are kept


def test_detects_a_truncated_response_without_a_length(server: Server, tmp_path: Path) -> None:
    server.cut_after, server.sends_length = 200_000, False
    with pytest.raises(DownloadError, match=r"200,000 bytes, expected 512,000.*to resume"):
        get(server, tmp_path)
    server.cut_after = None
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.ranges == [None, "bytes=200000-"]


def test_resumes_after_the_process_was_killed(server: Server, tmp_path: Path) -> None:
    server.seconds_per_block = 0.05
    child = multiprocessing.get_context("spawn").Process(target=fetch, args=(server.url, tmp_path), kwargs=EXPECTED)
    child.start()
    part = tmp_path / "tweets v1.zip.part"
    deadline = time.monotonic() + 30
    while download.size_of(part) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.kill()
    child.join()
    server.seconds_per_block = 0.0
    downloaded = download.size_of(part)
    assert 0 < downloaded < len(BODY)
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.ranges == [None, f"bytes={downloaded}-"]


def test_starts_over_if_the_server_ignores_ranges(server: Server, tmp_path: Path) -> None:
    (tmp_path / "tweets v1.zip.part").write_bytes(BODY[:1_000])
    server.ignores_ranges = True
    assert get(server, tmp_path).read_bytes() == BODY


@pytest.mark.parametrize("size", [len(BODY), None])
def test_starts_over_if_the_partial_file_is_too_long(server: Server, tmp_path: Path, size: int | None) -> None:
    (tmp_path / "tweets v1.zip.part").write_bytes(BODY * 2)
    assert get(server, tmp_path, size=size).read_bytes() == BODY


def test_a_complete_partial_file_needs_no_request(tmp_path: Path) -> None:
    (tmp_path / "tweets.zip.part").write_bytes(BODY)
    assert fetch("http://127.0.0.1:9/tweets.zip", tmp_path, **EXPECTED).read_bytes() == BODY


def test_refuses_a_wrong_checksum_and_deletes_the_file(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=f"sha256 {SHA256}, expected {'0' * 64}"):
        get(server, tmp_path, sha256="0" * 64)
    assert remaining_files(tmp_path) == []


def test_refuses_a_file_that_is_too_long(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"512,000 bytes, expected 511,999"):
        get(server, tmp_path, size=len(BODY) - 1)
    assert remaining_files(tmp_path) == []


def test_replaces_a_corrupt_copy(server: Server, tmp_path: Path) -> None:
    get(server, tmp_path).write_bytes(BODY[::-1])
    assert get(server, tmp_path).read_bytes() == BODY
    assert len(server.ranges) == 2


@pytest.mark.parametrize("status", [403, 404, 500])
def test_reports_the_status_of_the_server(server: Server, tmp_path: Path, status: int) -> None:
    server.status = status
    with pytest.raises(DownloadError, match=rf"answered {status}.*yourself to .*tweets v1\.zip"):
        get(server, tmp_path)
    assert remaining_files(tmp_path) == []


def test_explains_what_to_do_without_a_network(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"ConnectionError after 0 bytes.*yourself to .*tweets\.zip"):
        fetch("http://127.0.0.1:9/tweets.zip", tmp_path, size=None, sha256=None)


def test_refuses_a_url_without_a_file_name(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="does not end with a file name"):
        fetch("http://127.0.0.1:9/", tmp_path, size=None, sha256=None)


@pytest.mark.parametrize("size", [len(BODY), None])
def test_checks_the_disk_space_before_it_starts(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int | None
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**6, 10**6 - 5_000, 5_000))
    with pytest.raises(OSError, match=r"512,000 bytes are needed, 5,000 are free") as raised:
        get(server, tmp_path, size=size)
    assert raised.value.errno == errno.ENOSPC
    assert raised.value.filename == str(tmp_path)


def test_reports_a_full_disk(server: Server, tmp_path: Path) -> None:
    (tmp_path / "tweets v1.zip.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space for the download: 512,000 bytes are needed") as raised:
        get(server, tmp_path)
    assert raised.value.errno == errno.ENOSPC


def test_two_processes_download_a_file_once(server: Server, tmp_path: Path) -> None:
    server.seconds_per_block = 0.02
    processes = [
        multiprocessing.get_context("spawn").Process(target=fetch, args=(server.url, tmp_path), kwargs=EXPECTED)
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "tweets v1.zip").read_bytes() == BODY
    assert server.ranges == [None]


def test_later_downloads_must_match_the_first_checksum(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = get(server, tmp_path, sha256=None)
    recorded = tmp_path / "tweets v1.zip.sha256"
    assert recorded.read_text(encoding="utf-8").split()[0] == SHA256
    assert f"sha256 {SHA256}" in caplog.text
    assert str(recorded) in caplog.text
    assert get(server, tmp_path, sha256=None) == file
    file.write_bytes(BODY[::-1])
    assert get(server, tmp_path, sha256=None).read_bytes() == BODY, "the corrupt copy was not replaced"
    file.unlink()
    server.body = BODY[::-1]
    with pytest.raises(DownloadError, match=rf"expected {SHA256}.* delete {recorded}"):
        get(server, tmp_path, sha256=None)
    assert not file.exists()


def test_a_published_checksum_takes_precedence_over_a_recorded_one(server: Server, tmp_path: Path) -> None:
    (tmp_path / "tweets v1.zip.sha256").write_text("0" * 64, encoding="utf-8")
    assert get(server, tmp_path).read_bytes() == BODY
