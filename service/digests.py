"""SHA-256 digests of folders: of the packaged model, and of the code that serves it."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

# Python writes it while the program runs.
CACHE = "__pycache__"
PACKAGES = ("monitoring", "sentiment", "service", "tables", "telemetry")


def of_files(folder: Path, files: Iterable[Path]) -> dict[str, str]:
    """Return the digest of each file by its path in a folder, in the order of the paths.

    Raises:
        OSError: a file cannot be read.
    """
    digests = {}
    for path in sorted(file.relative_to(folder) for file in files):
        with (folder / path).open("rb") as file:
            digests[path.as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def total(digests: Mapping[str, str]) -> str:
    """Return the digest of digests, in their order; it is the one that a signature names as its subject."""
    return hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests.values())).hexdigest()


def of_code(root: Path) -> str:
    """Return the digest of the packages of the service in a folder."""
    paths = (path for package in PACKAGES for path in (root / package).rglob("*"))
    return total(of_files(root, (path for path in paths if path.is_file() and CACHE not in path.parts)))
