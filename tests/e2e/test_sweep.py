"""A sweep of three trials, two at a time, of which one fails."""

import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from tests.corpora import data
from tests.e2e.commands import BIN, PROJECT, Chain, environment

pytestmark = [pytest.mark.slow, pytest.mark.extended]

C = "train_baseline.classifier.C"
PARALLEL = "hydra/launcher=joblib hydra.launcher.n_jobs=2"
SMALL = f"{' '.join(data(400))} search.folds=2 select.families=[baseline] select.floor.roc_auc=null select.resamples=20"


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], str]) -> Chain:
    """Run the sweep once, in a folder outside the project."""
    folder = tmp_path_factory.mktemp("sweep")
    store = new_store(folder)
    command = [str(BIN / "mlflow"), "run", str(PROJECT), "--env-manager=local"]
    command += ["-P", f"hydra_options=-m {PARALLEL} {SMALL} {C}=0.01,nonsense,10.0"]
    completed = subprocess.run(command, cwd=folder, env=environment(store), capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return Chain(tracking_uri=store, output=completed.stdout + completed.stderr)


def table(swept: Chain) -> pd.DataFrame:
    (sweep,) = swept.runs("sweep")
    return pd.read_csv(StringIO(mlflow.artifacts.load_text(f"{sweep.info.artifact_uri}/sweep/trials.csv")))


def test_trials_are_children_of_the_sweep_and_steps_children_of_their_trial(swept: Chain) -> None:
    (sweep,) = swept.runs("sweep")
    trials = swept.runs("trial")
    assert sweep.info.status == "FINISHED"
    assert {run.info.run_name for run in trials} == {"C=0.01", "C=nonsense", "C=10"}
    assert {run.data.tags["mlflow.parentRunId"] for run in trials} == {sweep.info.run_id}
    ids = {run.info.run_id for run in trials}
    assert {run.data.tags["mlflow.parentRunId"] for run in swept.runs("train_baseline")} == ids


def test_steps_that_do_not_depend_on_the_swept_value_run_once(swept: Chain) -> None:
    steps = ("split", "preprocess", "train_baseline", "select")
    assert {step: len(swept.runs(step)) for step in steps} == {
        "split": 1, "preprocess": 1, "train_baseline": 3, "select": 1,
    }  # fmt: skip


def test_a_failed_trial_is_listed_as_failed_and_stops_no_other(swept: Chain) -> None:
    assert table(swept)["status"].tolist() == ["FINISHED"] * 2 + ["FAILED"]
    assert table(swept)[C].iloc[-1] == "nonsense"
    assert sorted(run.info.status for run in swept.runs("trial")) == ["FAILED"] + ["FINISHED"] * 2
    assert "C=nonsense: train_baseline logistic_regression lemmatize failed" in swept.output


def test_the_table_is_printed_and_logged_with_a_plot(swept: Chain) -> None:
    (sweep,) = swept.runs("sweep")
    assert table(swept)["roc_auc"][:2].is_monotonic_decreasing
    files = mlflow.artifacts.list_artifacts(f"{sweep.info.artifact_uri}/sweep")
    assert {Path(file.path).name for file in files} == {"trials.csv", "trials.png"}
    assert "Trials of the sweep, best first" in swept.output


def test_the_best_trial_is_registered(swept: Chain) -> None:
    best = table(swept).iloc[0]
    champion = swept.client.get_model_version_by_alias("tweet_sentiment", "champion")
    assert f"runs:/{champion.run_id}/model" == best["model"]
    trained = swept.client.get_run(champion.run_id)
    assert float(trained.data.params[C]) == float(best[C])
    assert trained.data.metrics["val_roc_auc"] == best["roc_auc"]
