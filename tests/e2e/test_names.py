"""Names as people give them: of files, columns and folders."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sentiment.data.datasets import sample
from tests.e2e.commands import Chain, environment, pipeline

pytestmark = pytest.mark.slow
PROJECT = Path(__file__).parents[2]
STUDY = (
    "select.families=[baseline] select.floor.roc_auc=null select.resamples=20 "
    """'plan.stages=[{name: simple, candidates: [{step: train_baseline, options: ["train_baseline=dummy"]}]}]'"""
)


def test_a_study_of_a_file_with_accents_spaces_parentheses_and_an_equals_sign(
    tmp_path: Path, new_store: Callable[[Path], str]
) -> None:
    folder = tmp_path / "air paradis" / "année=2026"
    folder.mkdir(parents=True)
    tweets = sample.load(rows=400, seed=0)
    tweets.columns = ["Texte du tweet", "catégorie", "l'auteur"]
    tweets.to_csv(folder / "tweets, août (1).csv", index=False)
    chain = Chain(tracking_uri=new_store(folder), output="")
    data = (
        f"data=csv 'data.path={folder / 'tweets, août (1).csv'}' data.text_column='Texte du tweet' "
        "data.label_column=catégorie data.group_column=l\\'auteur"
    )
    done = subprocess.run(
        pipeline(f"{data} {STUDY}"),
        cwd=folder,
        env=environment(chain.tracking_uri),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (split,) = chain.runs("split")
    assert split.data.params["data.path"] == str(folder / "tweets, août (1).csv")
    assert chain.statuses("split", "select", "main") == dict.fromkeys(("split", "select", "main"), ["FINISHED"])
    assert not (tmp_path / "air%20paradis").exists(), "MLflow makes one of an encoded path"


def test_make_sets_up_a_project_in_a_folder_with_a_space(tmp_path: Path) -> None:
    folder = tmp_path / "air paradis"
    folder.mkdir()
    (folder / "Makefile").write_bytes((PROJECT / "Makefile").read_bytes())
    (folder / "conda.yaml").write_text("dependencies: []\n", encoding="utf-8")
    (folder / "constraints.txt").touch()
    command = ["make", f"PYTHON={sys.executable}", "TORCH=gpu", "setup"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / ".venv" / "installed").is_file()
