"""`sentiment.data.packages` with the real pip, against a package index on this machine."""

import hashlib
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest

from sentiment.data import packages
from sentiment.data.download import DownloadError

REQUIREMENT = "Rated-Texts==1.2"
METADATA = "Metadata-Version: 2.1\nName: Rated-Texts\nVersion: 1.2\n"
FILES = {"setup.py": "from setuptools import setup\nsetup(name='Rated-Texts', version='1.2')\n", "PKG-INFO": METADATA}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Serve an index with one source archive, and have pip use it alone; return the archive."""
    root = tmp_path_factory.mktemp("index")
    folder = root / "simple" / "rated-texts"
    folder.mkdir(parents=True)
    archive = folder / "rated_texts-1.2.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        for name, text in FILES.items():
            entry = tarfile.TarInfo(f"rated_texts-1.2/{name}")
            entry.size = len(text)
            file.addfile(entry, BytesIO(text.encode()))
    (folder / "index.html").write_text(f'<a href="{archive.name}">{archive.name}</a>', encoding="utf-8")
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root))) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        patch.setenv("PIP_CONFIG_FILE", "/dev/null")
        patch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_address[1]}/simple")
        patch.setenv("PIP_RETRIES", "0")
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONSTRAINT"):
            patch.delenv(name, raising=False)
        yield archive
        server.shutdown()


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_archive_is_downloaded_once(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = packages.fetch(REQUIREMENT, tmp_path / "cache", sha256=sha256(index))
    assert fetched.read_bytes() == index.read_bytes()
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert packages.fetch(REQUIREMENT, tmp_path / "cache", sha256=sha256(index)) == fetched


def test_a_damaged_copy_is_downloaded_again(index: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "Rated-Texts-1.2.tar.gz").write_bytes(index.read_bytes()[:50])
    fetched = packages.fetch(REQUIREMENT, tmp_path, sha256=sha256(index))
    assert fetched.read_bytes() == index.read_bytes()
    assert "has changed since it was downloaded: sha256" in caplog.text


@pytest.mark.usefixtures("index")
def test_an_archive_with_another_checksum_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="DO NOT MATCH THE HASHES") as refused:
        packages.fetch(REQUIREMENT, tmp_path, sha256="0" * 64)
    assert "https://pypi.org/project/Rated-Texts/1.2/#files" in str(refused.value)
    assert "set data.path to it" in str(refused.value)
    assert not list(tmp_path.glob("*.tar.gz"))


@pytest.mark.parametrize(
    ("requirement", "url", "reason"),
    [
        ("Rated-Texts==9.9", None, "Could not find a version that satisfies the requirement"),
        (REQUIREMENT, "http://127.0.0.1:9/simple", "could not be downloaded from the package index: "),
    ],
    ids=["no such version", "no index"],
)
def test_a_failed_download_states_the_reason_of_pip(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requirement: str, url: str | None, reason: str
) -> None:
    if url is not None:
        monkeypatch.setenv("PIP_INDEX_URL", url)
    with pytest.raises(DownloadError, match=reason):
        packages.fetch(requirement, tmp_path, sha256=sha256(index))


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("WARNING: slow\nERROR: No matching distribution\nmore\n", "No matching distribution"),
        ("/usr/bin/python: No module named pip\n", "/usr/bin/python: No module named pip"),
        ("", "it gave no reason"),
    ],
)
def test_the_reason_is_the_first_error_or_the_last_line(stderr: str, reason: str) -> None:
    assert packages.reason(stderr) == reason
