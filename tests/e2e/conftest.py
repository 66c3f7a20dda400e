"""Fixtures of the end-to-end tests: one run of the pipeline in its own database, and the environment of its Bento."""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Once
from tests.e2e.commands import BIN, OPTIONS, Chain, pipeline, run_pipeline


@pytest.fixture(scope="session")
def chain(once: Once) -> Chain:
    """Run the pipeline once for all tests."""

    def run(folder: Path) -> None:
        finished = run_pipeline(f"sqlite:///{folder / 'mlflow.db'}", folder, pipeline(OPTIONS))
        (folder / "output").write_text(finished.output, encoding="utf-8")

    folder = once("chain", run)
    return Chain(f"sqlite:///{folder / 'mlflow.db'}", (folder / "output").read_text(encoding="utf-8"))


@pytest.fixture
def copied_chain(chain: Chain, tmp_path: Path) -> Chain:
    """Copy the database for a test that adds runs; the artifacts stay shared."""
    copy = shutil.copy(chain.tracking_uri.removeprefix("sqlite:///"), tmp_path)
    return replace(chain, tracking_uri=f"sqlite:///{copy}")


@pytest.fixture(scope="session")
def bento(chain: Chain) -> Path:
    """Return the folder of the chain's Bento."""
    (run,) = chain.runs("package")
    return Path(os.environ["BENTOML_HOME"], "bentos", *run.data.tags["bento"].split(":"))


@pytest.fixture(scope="session")
def python(bento: Path, once: Once) -> Path:
    """Install the Bento's requirements in a new environment; return its Python."""

    def install(venv: Path) -> None:
        subprocess.run([BIN / "uv", "venv", "--quiet", "--python", BIN / "python", "--clear", venv], check=True)
        requirements = bento / "env" / "python" / "requirements.txt"
        command = [BIN / "uv", "pip", "install", "--quiet", "--python", venv]
        command += ["--requirement", requirements, "--constraint", bento / "src" / "constraints.txt"]
        subprocess.run(command, check=True)

    return once("venv", install) / "bin" / "python"
