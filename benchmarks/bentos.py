"""Bentos of models that are not registered, and environments for them. Not a benchmark itself."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow

from pipeline import packaging
from sentiment.inference.classifier import DESCRIPTION

DOES_NOTHING = """\
import numpy as np

REQUIREMENTS = ()


def load(folder, text):
    return lambda texts: np.full(len(texts), 0.5)
"""


def make_bento(uri: str, folder: Path) -> Path:
    """Build a Bento of a model like the step `package`, in a separate store; return its folder."""
    folder.mkdir()
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # a bar for each model says nothing
    model = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder / "model")))
    names = ("name", "version", "alias", "run_id", "commit", "threshold", "runtime")
    packaging.assemble(folder / "context", model, dict.fromkeys(names, "benchmark"))
    (folder / "context" / "model" / "model_card.md").write_text("", encoding="utf-8")
    os.environ["BENTOML_HOME"] = str(folder / "bentoml")
    packaging.bentoml_build(folder / "context", "benchmark")
    (built,) = (folder / "bentoml").glob("bentos/*/*/bento.yaml")
    return built.parent


def make_environment(bento: Path, folder: Path) -> Path:
    """Create an environment with the requirements of a Bento; return its Python."""
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", folder]
    packages = ["--requirement", bento / "env/python/requirements.txt", "--constraint", bento / "src/constraints.txt"]
    subprocess.run([str(argument) for argument in (*install, *packages)], check=True)
    return folder / "bin" / "python"


def with_constant_model(bento: Path, folder: Path) -> Path:
    """Copy a Bento, and replace its model by one that returns a constant."""
    copied = shutil.copytree(bento, folder)
    classifier = copied / "src" / "model" / "classifier"
    description = json.loads((classifier / DESCRIPTION).read_text(encoding="utf-8"))
    description["calibration"] = {"slope": 1.0, "intercept": 0.0}
    (classifier / DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")
    golden = json.loads((classifier / "golden.json").read_text(encoding="utf-8"))
    constant = [{**tweet, "negative_probability": 0.5} for tweet in golden]
    (classifier / "golden.json").write_text(json.dumps(constant), encoding="utf-8")
    runtime = copied / "src" / "sentiment" / "inference" / "runtimes" / f"{description['runtime']}.py"
    runtime.write_text(DOES_NOTHING, encoding="utf-8")
    return copied
