"""What finished runs have found, as a document."""

import json
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import yaml

from pipeline import runs
from pipeline.artifacts import ArtifactError
from steps import document
from steps.document import FIGURES

pytestmark = pytest.mark.usefixtures("store")
TEST = {"roc_auc": 0.91, "accuracy": 0.8, "accuracy_at_half": 0.81, "expected_cost": 210.0}


@pytest.fixture
def finished(tmp_path: Path) -> str:
    """Log a run of `main` with what it leaves behind, and return its id."""
    (tmp_path / "splits").mkdir()
    counts = {name: {"rows": 1000, "negative": 500} for name in ("train", "validation", "test")}
    described = {"data": "tweets", "synthetic": False, "digest": "d" * 64, "splits": counts}
    described["unknown_groups"] = {"train": 1200, "validation": 3, "test": 0}
    described["near_duplicates"] = {name: {"rows": 19, "share": 0.019} for name in ("validation", "test")}
    (tmp_path / "splits" / "splits.yaml").write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
    ranked = pd.DataFrame([{"name": name, **dict.fromkeys(FIGURES, 0.5)} for name in ("best | one", "other")])
    with mlflow.start_run(run_name="split") as split:
        mlflow.log_artifacts(str(tmp_path / "splits"), "splits")
    with mlflow.start_run(run_name="select") as select:
        mlflow.log_param("inputs.splits", f"runs:/{split.info.run_id}/splits")
        mlflow.log_params({"select.metric": "roc_auc", "select.confidence": 0.9})
        mlflow.log_params({"cost.missed_negative": 3.0, "cost.false_alarm": 1.0})
        mlflow.set_tag("winner", "other")
        mlflow.log_metrics({f"test_{name}": value for name, value in TEST.items()})
        mlflow.log_metrics({"validation_to_test_gap": -0.004, "validation_to_test_gap_in_standard_errors": -0.5})
        mlflow.log_metrics({"lead_over_second": 0.02, "lead_over_second_low": 0.01, "lead_over_second_high": 0.03})
    with mlflow.start_run(run_name="main") as main:
        mlflow.set_tags({"step": "main", "select": select.info.run_id, "cores": 2, "command": "mlflow run . -P x=1"})
        runs.log_table(pd.DataFrame({"seconds": [60.0, 120.0]}), "steps.csv")
        for stage in ("02 network", "01 baselines"):
            runs.log_table(ranked, f"stages/{stage}.csv")
            mlflow.log_text("no table", f"stages/{stage}.md")
    return str(main.info.run_id)


def test_a_document_tells_what_was_run_on_what_and_what_came_out(finished: str, tmp_path: Path) -> None:
    document.main([f"A study={finished}", "--folder", str(tmp_path / "docs")])
    text = (tmp_path / "docs" / "results.md").read_text(encoding="utf-8")
    for told in ("## A study", "mlflow run . -P x=1", "3 minutes on 2 cores", "train 1,000", "best \\| one",
                 "AUC **0.9100**", "unknown authors: train 1,200, validation 3, test 0.",
                 "Near-duplicates of training tweets: 1.9 % of validation, 1.9 % of test.",
                     "0.0040 above validation", "Selected: **other**", "costs 3.0",
                 "+0.0200 in roc_auc", "90 % interval +0.0100 to +0.0300"):  # fmt: skip
        assert told in text
    assert text.index("### baselines") < text.index("### network")
    (found,) = json.loads((tmp_path / "docs" / "results.json").read_text(encoding="utf-8"))
    assert found["selected"] == "other"
    assert found["metrics"]["test_roc_auc"] == TEST["roc_auc"]


def test_a_run_of_the_same_title_replaces_the_older_one_and_others_stay(finished: str, tmp_path: Path) -> None:
    for titles in (["one"], ["two"], ["one"]):
        document.main([*(f"{title}={finished}" for title in titles), "--folder", str(tmp_path)])
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert [each["title"] for each in found] == ["one", "two"]


def test_what_is_no_finished_run_of_main_is_refused_and_nothing_is_written(finished: str, tmp_path: Path) -> None:
    select = mlflow.get_run(finished).data.tags["select"]
    with pytest.raises(ArtifactError, match="is not a finished `main` run .step unknown, status FINISHED."):
        document.main([f"A study={select}", "--folder", str(tmp_path / "docs")])
    assert not (tmp_path / "docs").exists()


def test_a_document_is_silent_about_what_an_older_run_of_split_did_not_count() -> None:
    assert document.caveats({"data": "tweets"}) == []
    assert document.caveats({"unknown_groups": {"train": 0}, "near_duplicates": None}) == []
