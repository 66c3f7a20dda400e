"""The house rules that import-linter holds: every one of them fails where it is broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("sentiment", "pipeline", "steps", "tables", "telemetry", "service", "ui")
ROOMS = ["data", "evaluation", "inference", "reports", "training"]
# A module, and what it must not import: one violation for each contract of pyproject.toml.
PLANTED = [
    ("sentiment/data/checks.py", "pipeline.plan"),
    ("pipeline/runs.py", "steps.split"),
    ("sentiment/inference/text.py", "sentiment.data.splitting"),
    ("sentiment/data/corpus.py", "sentiment.training.embedding"),
    ("sentiment/training/blending.py", "sentiment.evaluation.metrics"),
    ("sentiment/evaluation/slices.py", "sentiment.reports.plots"),
    ("steps/split.py", "steps.embed"),
    ("sentiment/training/bag_of_words.py", "hydra.utils"),
    ("service/api.py", "sentiment.evaluation.metrics"),
    ("telemetry/store.py", "sentiment.inference.text"),
    ("ui/notes.py", "sentiment.inference.text"),
    ("ui/views/watch.py", "ui.views.model"),
    ("tables/reading.py", "sentiment.inference.text"),
    ("tables/writing.py", "pandas"),
    ("sentiment/inference/explain.py", "tables.columns"),
    ("telemetry/export.py", "tables.reading"),
    ("sentiment/inference/runtimes/tflite.py", "tensorflow"),
]


def test_the_library_has_five_rooms_and_nothing_outside_them() -> None:
    inside = [path.name for path in (ROOT / "sentiment").iterdir() if path.name != "__pycache__"]
    assert sorted(inside) == ["__init__.py", *ROOMS]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what import-linter reports of a copy of the project with all of these imports."""
    folder = tmp_path_factory.mktemp("project")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for module, imported in PLANTED:
        with (folder / module).open("a", encoding="utf-8") as file:
            file.write(f"\nimport {imported}\n")
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("module", "imported"), PLANTED)
def test_an_import_that_runs_the_wrong_way_is_noticed(module: str, imported: str, report: str) -> None:
    importer = module.removesuffix(".py").replace("/", ".")
    # import-linter names a package outside the project without its modules.
    name = imported if imported.partition(".")[0] in PACKAGES else imported.partition(".")[0]
    assert f"{importer} -> {name} (l." in report, report
