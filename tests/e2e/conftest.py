"""What the end-to-end tests share: one run of the pipeline on a database of its own."""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.commands import BIN, Chain, run_pipeline


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Run the pipeline once."""
    folder = tmp_path_factory.mktemp("chain")
    return run_pipeline(f"sqlite:///{folder / 'mlflow.db'}", folder)


@pytest.fixture
def copied_chain(chain: Chain, tmp_path: Path) -> Chain:
    """Give a test that adds runs a copy of the database; the artifacts that it names are shared."""
    copy = shutil.copy(chain.tracking_uri.removeprefix("sqlite:///"), tmp_path)
    return replace(chain, tracking_uri=f"sqlite:///{copy}")


@pytest.fixture(scope="session")
def bento(chain: Chain) -> Path:
    """Return the folder of the Bento that the chain has built."""
    (run,) = chain.runs("package")
    return Path(os.environ["BENTOML_HOME"], "bentos", *run.data.tags["bento"].split(":"))


@pytest.fixture(scope="session")
def python(bento: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment of what the Bento asks for; return its Python."""
    venv = tmp_path_factory.mktemp("venv")
    subprocess.run([BIN / "uv", "venv", "--quiet", "--python", BIN / "python", "--clear", venv], check=True)
    needs = bento / "env" / "python" / "requirements.txt"
    install = [BIN / "uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", venv, "--requirement", needs]
    subprocess.run([*install, "--constraint", bento / "src" / "constraints.txt"], check=True)
    return venv / "bin" / "python"
