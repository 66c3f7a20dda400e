"""Reuse: find a finished run with the same settings, inputs and code.

A run has the tags `fingerprint`, a digest of everything that determines its output, and `digest`, a digest of the
output. Both depend on content only, not on commits or file dates, and not on the files of other steps. Code counts
without its prose: rewording a comment, docstring, log line or error message retrains nothing.
"""

import ast
import hashlib
import json
import logging
import platform
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import grimp
import mlflow
from mlflow.entities import Run

from sentiment.data.folders import LIMITS

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[1]
PACKAGES = ("steps", "pipeline", "sentiment", "tables", "service", "telemetry")
# Modules that are loaded by name or copied, so that no import statement shows them: the user, and the module or
# package.
LOADED_BY_NAME = {
    "sentiment.inference.classifier": "sentiment.inference.runtimes",
    "sentiment.training.network": "sentiment.training.encoders",
    "pipeline.trained": "sentiment.inference.pyfunc",
    "pipeline.packaging": "service",
    "service.service": "telemetry",
    "telemetry.forwarding": "telemetry.outlets",
}
# Reports for people. They count only for the steps whose result they are: the artifacts of other steps do not change.
REPORTS = "sentiment.reports"
READ_BY_PEOPLE = {"select"}
WORDING = {LIMITS}
# Steps whose output contains code, so that its prose counts.
HANDS_OVER_CODE = {"package"}
FINGERPRINT = "fingerprint.json"
# Tag of a run: locations of the artifacts that it passes on, as the store addresses them.
HANDS_OVER = "hands_over"
# Files that MLflow and Python write to a model's folder when it is loaded; no part of the output.
LEFT_BY_LOADING = {"registered_model_meta", "__pycache__"}


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


def digest_tags(uris: Iterable[str]) -> dict[str, str]:
    """Return two digests of files and folders: `wording` of the texts for people, and `digest` of everything else."""
    parts: dict[str, list[dict[str, str]]] = {"digest": [], "wording": []}
    for uri in uris:
        files = digests(uri)
        words = {name: value for name, value in files.items() if Path(name).name in WORDING}
        parts["wording"].append(words)
        parts["digest"].append({name: value for name, value in files.items() if name not in words})
    return {name: digest(part) for name, part in parts.items()}


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


def digests(uri: str) -> dict[str, str]:
    """Return the sha256 of a file, or of every file below a folder; local stores are read in place."""
    with tempfile.TemporaryDirectory() as scratch:
        here = urlparse(uri).scheme in {"", "file"}
        path = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=None if here else scratch))
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


def code(step: str, targets: frozenset[str]) -> dict[str, str]:
    """Return the code of a step and all its direct and indirect imports: project files with their digests, and
    distributions with their versions.

    Args:
        step: the step.
        targets: dotted names of `_target_` in the configuration.
    """
    graph = import_graph(reports=step in READ_BY_PEOPLE)
    found, waiting = set[str](), {f"steps.{step}", *(module for name in targets for module in parents(name))}
    while waiting := (waiting & graph.modules) - found:
        found |= waiting
        loaded = {LOADED_BY_NAME[module] for module in found & set(LOADED_BY_NAME)}
        loaded |= {module for package in loaded for module in graph.find_descendants(package)}
        waiting = loaded.union(*(graph.find_upstream_modules(module) for module in waiting))
    own = {module for module in found if module.partition(".")[0] in PACKAGES}
    files = {file for module in own for file in module_files(module)}
    others = {name.partition(".")[0] for name in (found - own) | set(targets)}
    digest_file = sha256 if step in HANDS_OVER_CODE else code_digest
    installed = {name for package in others for name in distributions().get(package, ())}
    return {
        **{file.relative_to(ROOT).as_posix(): digest_file(file) for file in sorted(files)},
        **{name: version(name) for name in sorted(installed)},
    }


def code_digest(file: Path) -> str:
    """Return the digest of a Python module without its prose, or the sha256 of any other file."""
    return digest(without_prose(file.read_text(encoding="utf-8"))) if file.suffix == ".py" else sha256(file)


@lru_cache(maxsize=1_000)
def without_prose(source: str) -> str:
    """Return the syntax tree of Python code without comments, docstrings, log lines and error messages."""
    return ast.dump(ProseRemover().visit(ast.parse(source)))


class ProseRemover(ast.NodeTransformer):
    """Remove prose from a syntax tree: it does not affect the output of a finished run."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        """Remove docstrings and log lines."""
        match node.value:
            case ast.Constant(value=str()) | ast.Call(func=ast.Attribute(value=ast.Name(id="log"))):
                return None
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        """Keep only the class of the exception."""
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        return node


@cache
def import_graph(*, reports: bool) -> grimp.ImportGraph:
    """Return the graph of imports, internal and external; without `reports`, these modules are removed.

    It is built once per process. Files that change later still change the fingerprint, by their digests.
    """
    graph = grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)
    for module in () if reports else {REPORTS, *graph.find_descendants(REPORTS)}:
        graph.remove_module(module)
    return graph


def module_files(module: str) -> list[Path]:
    """Return the file of a module, and the templates in a package."""
    path = ROOT / module.replace(".", "/")
    if path.is_dir():
        return [path / "__init__.py", *sorted(path.glob("*.j2"))]
    return [path.parent / f"{path.name}.py"]


def parents(name: str) -> list[str]:
    """Return the modules that may contain a dotted name: `a` and `a.b` for `a.b.c`."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


@cache
def distributions() -> Mapping[str, list[str]]:
    """Return the installed distributions that provide each importable package."""
    return metadata.packages_distributions()


@cache
def version(name: str) -> str:
    """Return the version of an installed distribution."""
    return metadata.version(name)


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
