"""Setting up the project in a folder whose name contains a space."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
PROJECT = Path(__file__).parents[2]


def test_make_setup_works_in_a_folder_with_a_space(tmp_path: Path) -> None:
    folder = tmp_path / "air paradis"
    folder.mkdir()
    (folder / "Makefile").write_bytes((PROJECT / "Makefile").read_bytes())
    (folder / "conda.yaml").write_text("dependencies: []\n", encoding="utf-8")
    (folder / "constraints.txt").touch()
    command = ["make", f"PYTHON={sys.executable}", "TORCH=gpu", "setup"]
    completed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    assert (folder / ".venv" / "installed").is_file()
