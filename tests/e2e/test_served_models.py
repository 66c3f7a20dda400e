"""A logged model works in an empty folder, in an environment with only its requirements."""

import json
import os
import subprocess
from pathlib import Path

import mlflow
import pytest

from tests.e2e.commands import BIN, Chain, load

pytestmark = [pytest.mark.slow, pytest.mark.extended]
TWEETS = ["@AirParadis two hours late &amp; nobody cares :(", "Lovely crew, thank you!", "", "\U0001f620" * 50]
CODE = f"""
import importlib.util, json, sys
import mlflow
answers = mlflow.pyfunc.load_model(sys.argv[1]).predict({TWEETS!r})
heavy = [name for name in ("tensorflow", "keras", "torch", "transformers", "hydra") if importlib.util.find_spec(name)]
print(json.dumps([answers["negative_probability"].tolist(), answers["sentiment"].tolist(), heavy]))
"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which each test makes its environment anew: the same path lets it reuse compiled code."""
    return tmp_path_factory.mktemp("environments")


@pytest.mark.parametrize("step", ["train_baseline", "train_keras", "train_bert"])
def test_a_model_needs_only_its_requirements(step: str, chain: Chain, scratch: Path, tmp_path: Path) -> None:
    uri = f"runs:/{chain.runs(step)[0].info.run_id}/model"
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(chain.tracking_uri)
    folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path / "model")))
    mlflow.set_tracking_uri(before)

    venv = scratch / "venv"
    subprocess.run([BIN / "uv", "venv", "--quiet", "--python=3.11", "--clear", venv], check=True)
    install = [BIN / "uv", "pip", "install", "--quiet", "--python", venv, "-r", folder / "requirements.txt"]
    subprocess.run(install, check=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    completed = subprocess.run(
        [venv / "bin/python", "-W", "ignore", "-c", CODE, folder],
        cwd=empty,
        env={**environment, "PYTHONPYCACHEPREFIX": str(scratch / "compiled")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    probability, sentiment, heavy = json.loads(completed.stdout.splitlines()[-1])
    expected = load(chain, uri).predict(TWEETS)
    assert probability == pytest.approx(expected["negative_probability"].tolist(), abs=1e-6)
    assert sentiment == expected["sentiment"].tolist()
    assert heavy == []
