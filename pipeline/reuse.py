"""Find the finished run that a step would only repeat: same settings, same inputs, same code.

A run carries the tag `fingerprint`, a digest of all that decides what it makes, and `digest`, one of what it has made.
Both are of content: neither the commit nor the date of a file enters, and of code only what it does: rewording a
comment, a docstring, a log line or the message of an error changes nothing.
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
# Modules that are loaded by name, or copied, which no import statement tells of: by whom, and where they are.
LOADED_BY_NAME = {
    "sentiment.inference.classifier": "sentiment.inference.runtimes",
    "pipeline.trained": "sentiment.inference.pyfunc",
    "pipeline.packaging": "service",
    "service.service": "telemetry",
    "telemetry.forwarding": "telemetry.outlets",
}
# What people read. Its wording counts for the steps whose result it is, and for no other: their hand-over is the same.
REPORTS = "sentiment.reports"
READ_BY_PEOPLE = {"select"}
WORDING = {LIMITS}
# The output of this step is code, with its docstrings and messages.
HANDS_OVER_CODE = {"package"}
FINGERPRINT = "fingerprint.json"
# The tag of a run that says where what it hands over lies, as the store addresses it.
HANDS_OVER = "hands_over"
# What MLflow and Python leave in the folder of a model that somebody loads: no part of what a step has made.
LEFT_BY_LOADING = {"registered_model_meta", "__pycache__"}


def fingerprint(step: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that decides what a step makes: its settings, and digests of its inputs, files and code.

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
    """Return the last finished run with this fingerprint whose artifacts are still what it has made, if there is one.

    Args:
        parts: what `fingerprint` returns.
        experiment_id: where to look.
        since: the earliest start of a run that may be used, in milliseconds since 1970.
    """
    asked = f"tags.fingerprint = '{digest(parts)}' and attributes.status = 'FINISHED'"
    asked += f" and attributes.start_time >= {since}"
    found = mlflow.search_runs([experiment_id], asked, order_by=["attributes.start_time DESC"], output_format="list")
    for run in found:
        if intact(run):
            return run
        log.warning("%s, run %s: what it has made is gone or damaged.", run.info.run_name, run.info.run_id)
    return None


def log_fingerprint(step: str, settings: Mapping[str, Any]) -> None:
    """Tag the open run with the fingerprint of its step, and log what that was made of."""
    parts = fingerprint(step, settings)
    mlflow.log_dict(parts, FINGERPRINT)
    mlflow.set_tag("fingerprint", digest(parts))


def log_digest(*uris: str) -> None:
    """Tag the open run with the files and folders that it hands over, as the store addresses them, and digests."""
    mlflow.set_tags({HANDS_OVER: json.dumps(uris), **digest_tags(uris)})


def digest_tags(uris: Iterable[str]) -> dict[str, str]:
    """Return two digests of files and folders: `wording`, of what in them is for people to read, and `digest`, of all
    else."""
    parts: dict[str, list[dict[str, str]]] = {"digest": [], "wording": []}
    for uri in uris:
        files = digests(uri)
        words = {name: value for name, value in files.items() if Path(name).name in WORDING}
        parts["wording"].append(words)
        parts["digest"].append({name: value for name, value in files.items() if name not in words})
    return {name: digest(part) for name, part in parts.items()}


def intact(run: Run) -> bool:
    """Return whether all that a run has handed over is still there, and still the same."""
    uris = json.loads(run.data.tags.get(HANDS_OVER, "[]"))
    try:
        found = digest_tags(uris)
    except (mlflow.MlflowException, OSError):
        return False
    return not uris or found.items() <= run.data.tags.items()


def digest_of(uri: str, *, wording: bool) -> str:
    """Return the digest of an input, `runs:/<run id>/<artifact>` or a local folder; without one, the URI.

    With `wording`, what is for people to read in it counts, too.
    """
    location = urlparse(uri)
    if location.scheme != "runs":
        folder = Path(uri).expanduser()
        tags = digest_tags([str(folder)]) if folder.exists() else {}
    else:
        try:
            tags = mlflow.get_run(location.path.split("/")[1]).data.tags
        except mlflow.MlflowException:  # the step whose input it is will say so
            tags = {}
    found = [tags[name] for name in ("digest", "wording")[: 1 + wording] if name in tags]
    return " ".join(found) or uri


def digests(uri: str) -> dict[str, str]:
    """Return the sha256 of every file below a folder, or of one file; a store on this machine is read where it is."""
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
    """Return what a step imports, itself included, directly or not: modules of this project with the digests of their
    files, and distributions with their versions.

    Args:
        step: the step.
        targets: dotted names that the configuration has it call.
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
    """Return the digest of a module without its prose; of any other file, the sha256."""
    return digest(without_prose(file.read_text(encoding="utf-8"))) if file.suffix == ".py" else sha256(file)


@lru_cache(maxsize=1_000)
def without_prose(source: str) -> str:
    """Return Python code as a syntax tree without comments, docstrings, log lines and messages of errors."""
    return ast.dump(ProseRemover().visit(ast.parse(source)))


class ProseRemover(ast.NodeTransformer):
    """Remove what a program says to people from a syntax tree: none of it changes the output of a run that finished."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        """Remove docstrings, and calls of the module's logger."""
        match node.value:
            case ast.Constant(value=str()) | ast.Call(func=ast.Attribute(value=ast.Name(id="log"))):
                return None
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        """Keep the class of an exception alone."""
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        return node


@cache
def import_graph(*, reports: bool) -> grimp.ImportGraph:
    """Return which modules import which, of this project and of others; without `reports`, as if there were none.

    It is built once a process: if a file changes afterwards, so does its digest, which enters the fingerprint anyway.
    """
    graph = grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)
    for module in () if reports else {REPORTS, *graph.find_descendants(REPORTS)}:
        graph.remove_module(module)
    return graph


def module_files(module: str) -> list[Path]:
    """Return the file of a module, and its data: beside it under the same name, or the templates in a package."""
    path = ROOT / module.replace(".", "/")
    if path.is_dir():
        return [path / "__init__.py", *sorted(path.glob("*.j2"))]
    return sorted(path.parent.glob(f"{path.name}.*"))


def parents(name: str) -> list[str]:
    """Return the modules and packages that a dotted name may be found in: `a.b.c` is in `a.b`, and that in `a`."""
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
    """Yield the dotted names that Hydra is to call, wherever they stand in the settings."""
    if isinstance(settings, Mapping):
        yield from (str(value) for key, value in settings.items() if key == "_target_")
        settings = list(settings.values())
    if isinstance(settings, list):
        for value in settings:
            yield from targets(value)


def named_files(settings: Any) -> Iterator[tuple[str, str]]:
    """Yield the paths in the settings where a file or folder lies, each with its digest.

    A cache is left out: what is taken from it is fixed by an address. A checkpoint may be a folder whose name looks
    like any other word.
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
    """Yield a value with the digest of the file or folder that it names, if there is one."""
    if isinstance(value, str) and Path(value).expanduser().exists():
        yield value, digest(digests(str(Path(value).expanduser())))


def listed(value: str | list[str]) -> list[str]:
    """Return one value, or several, as a list."""
    return [value] if isinstance(value, str) else list(value)
