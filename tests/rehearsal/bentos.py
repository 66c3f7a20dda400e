"""Bentos to rehearse releases with: that of the champion, or of a tiny model, and copies that are newer or worse."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.packaging import SERVICE, SERVICE_REQUIREMENTS, TELEMETRY_REQUIREMENTS
from pipeline.source_code import HANDED_OVER
from sentiment.inference import golden
from sentiment.inference.classifier import REQUIREMENTS, pins
from sentiment.inference.runtimes import sklearn
from tests.documentation import PROJECT
from tests.packaged_model import save_packaged

PACKAGES = ("service", "telemetry", "sentiment/inference", "tables", "monitoring")
# Appended to a module of the service: every fifth time, the model fails.
FAILING = """

import itertools  # noqa: E402

_calls = itertools.count(1)
_score = Scorer.__call__


def _score_or_fail(self: Scorer, texts: Sequence[str]) -> list[Score]:
    if next(_calls) % 5 == 0:
        raise RuntimeError("A fault of the rehearsal")
    return _score(self, texts)


Scorer.__call__ = _score_or_fail
"""


def build_tiny(folder: Path, home: Path, *, requirements: bool) -> Path:
    """Build the Bento of a tiny model; return its folder.

    Args:
        folder: where to put its sources.
        home: a store of Bentos.
        requirements: whether it lists its requirements, which only an image needs.
    """
    for name in PACKAGES:
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "Dockerfile"))
    shutil.copy(PROJECT / "sentiment" / "__init__.py", folder / "sentiment")
    save_packaged(folder / "model")
    for name in HANDED_OVER:
        shutil.copy(PROJECT / name, folder)
    names = {*REQUIREMENTS, *sklearn.REQUIREMENTS, *SERVICE_REQUIREMENTS, *TELEMETRY_REQUIREMENTS}
    (folder / "requirements.txt").write_text("\n".join(pins(names)) + "\n" if requirements else "", encoding="utf-8")
    bentofile = {
        "service": SERVICE,
        "include": [*(f"{name}/**" for name in PACKAGES), "model/**", "requirements.txt", *HANDED_OVER],
        "python": {"requirements_txt": "requirements.txt", "lock_packages": False},
    }
    (folder / "bentofile.yaml").write_text(json.dumps(bentofile), encoding="utf-8")
    return bentoml(["build", "--output", "tag", "--bentofile", "bentofile.yaml", "."], folder, home)


def bentoml(arguments: Sequence[str], folder: Path, home: Path) -> Path:
    """Run a command of BentoML that prints a tag; return the folder of that Bento."""
    environment = os.environ | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "true"}
    command = [sys.executable, "-m", "bentoml", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return home / "bentos" / Path(*done.stdout.strip().rpartition("__tag__:")[2].split(":"))


def copy(bento: Path, folder: Path, model_version: str) -> Path:
    """Copy a Bento, with another version of its model."""
    shutil.copytree(bento, folder)
    file = model_of(folder) / "about.json"
    about = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(about | {"version": model_version}), encoding="utf-8")
    return folder


def damage_model(bento: Path) -> None:
    """Make the model answer differently than after training."""
    file = model_of(bento) / "classifier" / golden.FILE
    tweets = json.loads(file.read_text(encoding="utf-8"))
    tweets[0]["negative_probability"] = 1 - tweets[0]["negative_probability"]
    file.write_text(json.dumps(tweets), encoding="utf-8")


def damage_service(bento: Path) -> None:
    """Make the service fail now and then, so rarely that it passes its smoke test."""
    with (bento / "src" / "service" / "scoring.py").open("a", encoding="utf-8") as module:
        module.write(FAILING)


def model_of(bento: Path) -> Path:
    """Return the folder of a Bento's model."""
    return bento / "src" / "model"
