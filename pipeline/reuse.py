"""Reuse: find a finished run with the same settings, inputs and code.

A run has the tags `fingerprint`, a digest of everything that determines its output, and `digest`, a digest of the
output. Both depend on content only, not on commits or file dates, and not on the files of other steps. Code counts
without its prose: rewording a comment, docstring, log line or error message retrains nothing.
"""

import json
import logging
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import mlflow
from mlflow.entities import Run

from pipeline.digests import digest, digest_tags, digests
from pipeline.source_code import READ_BY_PEOPLE, code

log = logging.getLogger(__name__)

FINGERPRINT = "fingerprint.json"
# Tag of a run: locations of the artifacts that it passes on, as the store addresses them.
HANDS_OVER = "hands_over"


def fingerprint(step: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that determines the output of a step: its settings, and digests of its inputs, files and code.

    Args:
        step: the step.
        settings: the sections of the configuration that it reads, `seed`, and `inputs` (URIs).
    """
    own = {section: value for section, value in settings.items() if section != "inputs"}
    return {
        "step": step,
        "settings": own,
        "inputs": {
            name: [digest_of(uri, wording=step in READ_BY_PEOPLE) for uri in listed(uris)]
            for name, uris in settings["inputs"].items()
        },
        "files": dict(sorted(named_files(own))),
        "code": code(step, frozenset(targets(own))),
        "python": platform.python_version(),
    }


def find(parts: Mapping[str, Any], experiment_id: str, *, since: int) -> Run | None:
    """Return the latest finished run with this fingerprint whose artifacts are intact, or None.

    Args:
        parts: the value of `fingerprint`.
        experiment_id: the experiment to search.
        since: the earliest start of a run that may be used, in milliseconds since 1970.
    """
    asked = f"tags.fingerprint = '{digest(parts)}' and attributes.status = 'FINISHED'"
    asked += f" and attributes.start_time >= {since}"
    found = mlflow.search_runs([experiment_id], asked, order_by=["attributes.start_time DESC"], output_format="list")
    for run in found:
        if intact(run):
            return run
        log.warning("%s: not reusing run %s, its artifacts are missing or damaged.", run.info.run_name, run.info.run_id)
    return None


def log_fingerprint(step: str, settings: Mapping[str, Any]) -> None:
    """Tag the active run with the fingerprint of its step, and log the parts of the fingerprint."""
    parts = fingerprint(step, settings)
    mlflow.log_dict(parts, FINGERPRINT)
    mlflow.set_tag("fingerprint", digest(parts))


def log_digest(*uris: str) -> None:
    """Tag the active run with the locations of the artifacts that it passes on, and with their digests."""
    mlflow.set_tags({HANDS_OVER: json.dumps(uris), **digest_tags(uris)})


def intact(run: Run) -> bool:
    """Return whether all artifacts that a run passes on still exist, unchanged."""
    uris = json.loads(run.data.tags.get(HANDS_OVER, "[]"))
    try:
        found = digest_tags(uris)
    except (mlflow.MlflowException, OSError):
        return False
    return not uris or found.items() <= run.data.tags.items()


def digest_of(uri: str, *, wording: bool) -> str:
    """Return the digest of an input (`runs:/<run id>/<artifact>` or a local folder), or the URI if it has none.

    With `wording`, include the texts for people.
    """
    location = urlparse(uri)
    if location.scheme != "runs":
        folder = Path(uri).expanduser()
        tags = digest_tags([str(folder)]) if folder.exists() else {}
    else:
        try:
            tags = mlflow.get_run(location.path.split("/")[1]).data.tags
        except mlflow.MlflowException:  # the step that reads this input reports the error
            tags = {}
    found = [tags[name] for name in ("digest", "wording")[: 1 + wording] if name in tags]
    return " ".join(found) or uri


def targets(settings: Any) -> Iterator[str]:
    """Yield all values of `_target_` in nested settings."""
    if isinstance(settings, Mapping):
        yield from (str(value) for key, value in settings.items() if key == "_target_")
        settings = list(settings.values())
    if isinstance(settings, list):
        for value in settings:
            yield from targets(value)


def named_files(settings: Any) -> Iterator[tuple[str, str]]:
    """Yield paths of existing files and folders in the settings, each with its digest.

    Skips `cache`: the content taken from it is identified by a URL. A `checkpoint` may be a folder without a slash or
    dot in its name.
    """
    if isinstance(settings, Mapping):
        yield from named_file(settings.get("checkpoint"))
        settings = [value for key, value in settings.items() if key not in {"cache", "checkpoint"}]
    if isinstance(settings, list):
        for value in settings:
            yield from named_files(value)
    if isinstance(settings, str) and {"/", "\\", "."} & set(settings):
        yield from named_file(settings)


def named_file(value: Any) -> Iterator[tuple[str, str]]:
    """Yield a value and the digest of the file or folder at that path, if it exists."""
    if isinstance(value, str) and Path(value).expanduser().exists():
        yield value, digest(digests(str(Path(value).expanduser())))


def listed(value: str | list[str]) -> list[str]:
    """Return one or several values as a list."""
    return [value] if isinstance(value, str) else list(value)
