"""The code of a step: the project's files and the distributions that it imports, directly or not.

Code counts without its prose: rewording a comment, docstring, log line or error message retrains nothing.
"""

import ast
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path

import grimp

from pipeline.digests import digest, sha256

ROOT = Path(__file__).parents[1]
PACKAGES = ("steps", "pipeline", "sentiment", "tables", "monitoring", "service", "telemetry")
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
READ_BY_PEOPLE = {"drift", "evaluate", "explain", "select", "status"}
# Steps whose output contains code, so that its prose counts.
HANDS_OVER_CODE = {"package"}
# Files that they hand over with it.
HANDED_OVER = ("VERSION", "constraints.txt")


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
    if step in HANDS_OVER_CODE:
        files |= {ROOT / name for name in HANDED_OVER}
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
