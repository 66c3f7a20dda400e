"""The document of results that finished runs are written to."""

import json
from collections.abc import Callable
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import yaml

from pipeline import runs
from pipeline.artifacts import ArtifactError
from steps import document
from steps.document import FIGURES
from tests.integration.conftest import using_store

pytestmark = pytest.mark.usefixtures("store")
TEST = {"roc_auc": 0.91, "accuracy": 0.8, "accuracy_at_half": 0.81, "expected_cost": 210.0}


@pytest.fixture
def main_run_id(tmp_path: Path) -> str:
    """Log a finished run of `main` with its artifacts; return its id."""
    (tmp_path / "splits").mkdir()
    counts = {name: {"rows": 1000, "negative": 500} for name in ("train", "validation", "test")}
    description = {"data": "tweets", "digest": "d" * 64, "splits": counts}
    description["unknown_groups"] = {"train": 1200, "validation": 3, "test": 0}
    description["near_duplicates"] = {name: {"rows": 19, "share": 0.019} for name in ("validation", "test")}
    (tmp_path / "splits" / "splits.yaml").write_text(yaml.safe_dump(description, sort_keys=False), encoding="utf-8")
    names = ("best | one", "other", "finetune")
    ranked = pd.DataFrame([{"name": name, **dict.fromkeys(FIGURES, 0.5)} for name in names])
    scored = pd.DataFrame({"text": range(4), "negative": [1, 0, 1, 0], "score": [0.9, 0.6, 0.5, 0.1]})
    scored.to_parquet(tmp_path / "validation_predictions.parquet")
    with mlflow.start_run(run_name="train_bert") as trainer:
        mlflow.log_artifact(str(tmp_path / "validation_predictions.parquet"))
    ranked["uri"] = f"runs:/{trainer.info.run_id}/model"
    with mlflow.start_run(run_name="split") as split:
        mlflow.log_artifacts(str(tmp_path / "splits"), "splits")
    with mlflow.start_run(run_name="select") as select:
        mlflow.log_param("inputs.splits", f"runs:/{split.info.run_id}/splits")
        mlflow.log_params({"select.metric": "roc_auc", "select.confidence": 0.9})
        mlflow.log_params({"cost.missed_negative": 3.0, "cost.false_alarm": 1.0})
        mlflow.set_tag("winner", "other")
        mlflow.log_metrics({f"test_{name}": value for name, value in TEST.items()})
        mlflow.log_metrics({"validation_to_test_gap": -0.004, "validation_to_test_gap_in_standard_errors": -0.5})
        mlflow.log_metric("faithfulness_pearson", 0.99)
        mlflow.log_metrics({"lead_over_second": 0.02, "lead_over_second_low": 0.01, "lead_over_second_high": 0.03})
    with mlflow.start_run(run_name="main") as main:
        mlflow.set_tags({"step": "main", "select": select.info.run_id, "cores": 2, "command": "mlflow run . -P x=1"})
        runs.log_table(pd.DataFrame({"seconds": [60.0, 120.0]}), "steps.csv")
        for stage in ("02 network", "01 baselines"):
            runs.log_table(ranked, f"stages/{stage}.csv")
            mlflow.log_text("no table", f"stages/{stage}.md")
    return str(main.info.run_id)


def test_a_document_describes_command_data_and_results(main_run_id: str, tmp_path: Path) -> None:
    document.main([f"A study={main_run_id}", "--folder", str(tmp_path / "docs")])
    text = (tmp_path / "docs" / "results.md").read_text(encoding="utf-8")
    for expected in ("## A study", f"(run `{main_run_id}`)",
                 "mlflow run . -P x=1", "3 minutes on 2 cores", "train 1,000", "best \\| one",
                 "AUC **0.9100**", "unknown authors: train 1,200, validation 3, test 0.",
                 "Near-duplicates of training tweets: 1.9 % of validation, 1.9 % of test.",
                     "0.0040 above validation", "Selected: **other**", "costs 3.0",
                 "+0.0200 in roc_auc", "90 % interval +0.0100 to +0.0300"):  # fmt: skip
        assert expected in text
    assert text.index("### baselines") < text.index("### network")
    (result,) = json.loads((tmp_path / "docs" / "results.json").read_text(encoding="utf-8"))
    assert result["selected"] == "other"
    assert result["metrics"]["test_roc_auc"] == TEST["roc_auc"]
    assert result["metrics"]["faithfulness_pearson"] == 0.99
    assert result["run"] == main_run_id


def test_a_document_keeps_the_roc_curve_of_the_best_of_each_approach(main_run_id: str, tmp_path: Path) -> None:
    document.main([f"A study={main_run_id}", "--folder", str(tmp_path / "docs")])
    (result,) = json.loads((tmp_path / "docs" / "results.json").read_text(encoding="utf-8"))
    (name, recall), *others = result["curves"].items()
    assert (name, others, len(recall)) == ("finetune", [], 51)
    assert (recall[10], recall[40]) == (0.5, 1.0)


def test_a_run_replaces_only_the_older_one_with_the_same_title(main_run_id: str, tmp_path: Path) -> None:
    for titles in (["one"], ["two"], ["one"]):
        document.main([*(f"{title}={main_run_id}" for title in titles), "--folder", str(tmp_path)])
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert [result["title"] for result in results] == ["one", "two"]


def test_the_latest_run_is_the_latest_finished_one_of_main(main_run_id: str) -> None:
    with mlflow.start_run(run_name="main"), mlflow.start_run(nested=True):
        mlflow.set_tags({"step": "main"})
        assert document.find("latest").info.run_id == main_run_id


def test_without_a_finished_run_of_main_there_is_no_latest(new_store: Callable[[Path], str], tmp_path: Path) -> None:
    with (
        using_store(new_store(tmp_path), tmp_path),
        pytest.raises(ArtifactError, match=r"no finished run of `main` in .*make run"),
    ):
        document.find("latest")


def test_a_run_other_than_main_is_refused_and_nothing_is_written(main_run_id: str, tmp_path: Path) -> None:
    select = mlflow.get_run(main_run_id).data.tags["select"]
    with pytest.raises(ArtifactError, match="is not a finished `main` run .step unknown, status FINISHED."):
        document.main([f"A study={select}", "--folder", str(tmp_path / "docs")])
    assert not (tmp_path / "docs").exists()


def test_a_document_omits_counts_that_older_runs_of_split_lack() -> None:
    assert document.caveats({"data": "tweets"}) == []
    assert document.caveats({"unknown_groups": {"train": 0}, "near_duplicates": None}) == []
