"""The errors that a user can mend: one family, drawn as a tree in CONTRIBUTING.md."""

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
    for package in ("sentiment", "pipeline", "steps")
    for path in (ROOT / package).rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.ClassDef) and node.name.endswith("Error")
)


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_every_error_class_is_one_that_a_user_can_mend_and_stands_in_the_tree(module: str, name: str) -> None:
    error = getattr(import_module(module), name)
    assert issubclass(error, UserError)
    assert f"─ {name}" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8") or error is UserError
    assert str(pickle.loads(pickle.dumps(error("what, where, what to do")))) == "what, where, what to do"


@pytest.mark.parametrize("error", [MissingFileError, DownloadError])
def test_errors_of_files_are_also_those_of_the_operating_system(error: type[Exception]) -> None:
    assert issubclass(error, OSError)


def test_the_tree_names_no_class_that_is_gone() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    drawn = [line.split("─ ")[1].split()[0] for line in text.splitlines() if "─ " in line]
    assert sorted(drawn) == sorted(name for _, name in CLASSES if name != "UserError")
