"""User errors: one hierarchy, drawn as a tree in CONTRIBUTING.md."""

import ast
import pickle
from importlib import import_module
from pathlib import Path

import pytest

from sentiment.data.download import DownloadError
from sentiment.inference.errors import MissingFileError, UserError

ROOT = Path(__file__).parents[2]
CLASSES = sorted(
    (".".join(path.relative_to(ROOT).with_suffix("").parts), node.name)
    for package in ("sentiment", "pipeline", "steps", "delivery", "papers", "demo")
    for path in (ROOT / package).rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.ClassDef) and node.name.endswith("Error")
)


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_every_error_class_is_a_user_error_in_the_tree(module: str, name: str) -> None:
    error = getattr(import_module(module), name)
    assert issubclass(error, UserError)
    assert f"─ {name}" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8") or error is UserError
    assert str(pickle.loads(pickle.dumps(error("what, where, what to do")))) == "what, where, what to do"


@pytest.mark.parametrize("error", [MissingFileError, DownloadError])
def test_file_errors_are_also_os_errors(error: type[Exception]) -> None:
    assert issubclass(error, OSError)


def test_the_tree_contains_no_deleted_class() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    names = [line.split("─ ")[1].split()[0] for line in text.splitlines() if "─ " in line]
    assert sorted(names) == sorted(name for _, name in CLASSES if name != "UserError")
