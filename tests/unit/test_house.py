"""The import rules: import-linter reports every violation."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "sentiment",
    "pipeline",
    "steps",
    "tables",
    "monitoring",
    "telemetry",
    "service",
    "watch",
    "ui",
    "delivery",
    "papers",
    "demo",
)
SUBPACKAGES = ["data", "evaluation", "inference", "reports", "training"]
# A module and a forbidden import: at least one violation per contract of pyproject.toml.
VIOLATIONS = [
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
    ("ui/health.py", "telemetry.report"),
    ("watch/feed.py", "telemetry.store"),
    ("ui/views/watch.py", "ui.views.model"),
    ("tables/reading.py", "sentiment.inference.text"),
    ("tables/writing.py", "pandas"),
    ("monitoring/drift.py", "tables.errors"),
    ("sentiment/inference/explain.py", "tables.columns"),
    ("telemetry/export.py", "tables.reading"),
    ("sentiment/inference/runtimes/tflite.py", "tensorflow"),
    ("delivery/checks.py", "service.settings"),
    ("service/model.py", "delivery.checks"),
    ("papers/results.py", "steps.document"),
    ("pipeline/headline.py", "papers.results"),
    ("watch/feed.py", "demo.story"),
    ("demo/corpus.py", "sentiment.evaluation.metrics"),
]


def test_the_library_consists_of_five_subpackages() -> None:
    names = [path.name for path in (ROOT / "sentiment").iterdir() if path.name != "__pycache__"]
    assert sorted(names) == ["__init__.py", *SUBPACKAGES]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the report of import-linter on a copy of the project with all these imports."""
    folder = tmp_path_factory.mktemp("project")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for module, imported in VIOLATIONS:
        with (folder / module).open("a", encoding="utf-8") as file:
            file.write(f"\nimport {imported}\n")
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    completed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert completed.returncode == 1, completed.stdout + completed.stderr
    return completed.stdout


@pytest.mark.parametrize(("module", "imported"), VIOLATIONS)
def test_a_forbidden_import_is_reported(module: str, imported: str, report: str) -> None:
    importer = module.removesuffix(".py").replace("/", ".")
    # import-linter reports external packages without their modules.
    name = imported if imported.partition(".")[0] in PACKAGES else imported.partition(".")[0]
    assert f"{importer} -> {name} (l." in report, report
