"""Digests of artifacts: they depend on content only, not on file dates."""

import hashlib
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mlflow
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri

from sentiment.data.folders import LIMITS

# Texts for people, with a digest of their own: no model learns from them.
WORDING = {LIMITS}
# Files that MLflow and Python write to a model's folder when it is loaded; no part of the output.
LEFT_BY_LOADING = {"registered_model_meta", "__pycache__"}


def digest_tags(uris: Iterable[str]) -> dict[str, str]:
    """Return two digests of files and folders: `wording` of the texts for people, and `digest` of everything else."""
    parts: dict[str, list[dict[str, str]]] = {"digest": [], "wording": []}
    for uri in uris:
        files = digests(uri)
        words = {name: value for name, value in files.items() if Path(name).name in WORDING}
        parts["wording"].append(words)
        parts["digest"].append({name: value for name, value in files.items() if name not in words})
    return {name: digest(part) for name, part in parts.items()}


def digests(uri: str) -> dict[str, str]:
    """Return the sha256 of a file, or of every file below a folder; local ones are read in place, also behind links."""
    with tempfile.TemporaryDirectory() as scratch:
        if is_local_uri(uri):
            path = Path(local_file_uri_to_path(uri)).resolve(strict=True)
        else:
            path = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=scratch))
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        found = {file.relative_to(path): file for file in files}
        return {name.as_posix(): sha256(file) for name, file in found.items() if not LEFT_BY_LOADING & set(name.parts)}


def sha256(file: Path) -> str:
    """Return the sha256 of a file, in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def digest(value: Any) -> str:
    """Return the sha256 of a value, as JSON writes it, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
