"""Download the source archive of a Python package once into a cache folder, from the user's package index."""

import logging
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sentiment.data.download import DownloadError, exclusive, mismatch

log = logging.getLogger(__name__)

# No dependencies; the source archive, not a wheel; its metadata is read with the setuptools of this environment.
DOWNLOAD = ("download", "--no-deps", "--no-binary=:all:", "--no-build-isolation", "--require-hashes", "--no-input")


def fetch(requirement: str, folder: Path, *, sha256: str) -> Path:
    """Return the local copy of a source archive; download it if the folder does not contain it yet.

    pip downloads it, because it knows the user's index, proxy, certificates and credentials, and it checks the checksum
    before it looks into the archive. Processes that need the same archive wait for the one that is downloading it.

    Args:
        requirement: the package and its version, `name==1.2.3`.
        folder: the cache folder; created if missing.
        sha256: the checksum of the archive, in hexadecimal digits.

    Raises:
        DownloadError: pip is missing or fails, or the archive has another checksum.
    """
    target = folder / f"{requirement.replace('==', '-')}.tar.gz"
    if target.exists() and mismatch(target, size=None, sha256=sha256) is None:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(target), tempfile.TemporaryDirectory(dir=folder) as scratch:
        if target.exists():
            difference = mismatch(target, size=None, sha256=sha256)
            if difference is None:  # another process has just downloaded it
                return target
            log.warning("%s has changed since it was downloaded: %s. Downloading it again.", target, difference)
        log.info("Downloading %s from the package index.", requirement)
        shutil.move(download(requirement, Path(scratch), sha256=sha256), target)
    return target


def download(requirement: str, folder: Path, *, sha256: str) -> Path:
    """Have pip download a source archive into an empty folder; arguments and errors are those of `fetch`."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", *DOWNLOAD, "--dest", str(folder), "--requirement", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        name, _, version = requirement.partition("==")
        log.error("%s", done.stderr.strip())
        raise DownloadError(
            f"{requirement} could not be downloaded from the package index: {reason(done.stderr)}\n"
            f"Check the connection and the settings of pip (`pip config list`), or download the source archive from "
            f"https://pypi.org/project/{name}/{version}/#files yourself, and set data.path to it."
        )
    (archive,) = folder.glob("*.tar.gz")
    return archive


def reason(stderr: str) -> str:
    """Return the sentence with which pip explains a failure: its first error, or its last line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["it gave no reason"])[0 if errors else -1]
