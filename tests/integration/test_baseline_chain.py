"""From tweets to a registered baseline, step by step, with a tracking store of its own; and what stops it."""

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from sentiment.classifier import Classifier
from steps import preprocess, select, split, tracking, train_baseline
from steps.select import CandidateError
from steps.tracking import ArtifactError, ExportError
from tests.integration.chain import Chain, configuration, last_run

pytestmark = pytest.mark.usefixtures("store")
FAST = ("search.folds=2", "train_baseline.classifier.C=1.0")


def artifact(run: Run, path: str, folder: Path) -> Path:
    """Fetch an artifact of a run."""
    return Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=path, dst_path=str(folder)))


@pytest.fixture(scope="module")
def model(chain: Chain) -> str:
    uri: str = train_baseline.main(configuration(f"inputs.corpus={chain.corpus}", *FAST))
    return uri


@pytest.fixture(scope="module")
def dummy(chain: Chain) -> str:
    uri: str = train_baseline.main(
        configuration(f"inputs.corpus={chain.corpus}", "search.folds=2", "train_baseline=dummy")
    )
    return uri


def champion() -> str | None:
    found = MlflowClient().search_registered_models()
    return found[0].aliases.get("champion") if found else None


def test_a_corpus_keeps_every_row_and_its_text(chain: Chain, tmp_path: Path) -> None:
    splits = tracking.fetch(chain.splits, "splits", tmp_path / "a")
    corpus = tracking.fetch(chain.corpus, "corpus", tmp_path / "b")
    for name in ("train", "validation", "test"):
        before, after = (pd.read_parquet(folder / f"{name}.parquet") for folder in (splits, corpus))
        pd.testing.assert_frame_equal(before, after.drop(columns="tokens"))
        tokenize = tracking.read_tokenizer(corpus)
        assert [list(tokens) for tokens in after["tokens"]] == [tokenize(text) for text in after["text"]]


def test_a_trained_model_logs_all_that_a_comparison_needs(model: str, tmp_path: Path) -> None:
    run = mlflow.get_run(tracking.run_id(model))
    assert run.info.status == "FINISHED"
    promised = "accuracy f1 roc_auc average_precision log_loss brier expected_cost".split()  # noqa: SIM905
    promised = [f"val_{name}" for name in promised]
    promised += ["threshold", "fit_seconds", "predict_seconds", "served_bytes", "native_bytes", "export_auc_drop"]
    assert not set(promised) - set(run.data.metrics)
    assert run.data.params["train_baseline.classifier.C"] == "1.0"
    assert {used.dataset.name for used in run.inputs.dataset_inputs} == {"sample train", "sample validation"}
    for path in ("config.yaml", "plots/roc.png", "plots/precision_recall.png", "plots/calibration.png",
                 "plots/confusion.png", "tables/search.csv", "tables/most_wrong.csv"):  # fmt: skip
        assert artifact(run, path, tmp_path).stat().st_size > 0


def test_no_trainer_sees_or_scores_the_test_split(model: str) -> None:
    run = mlflow.get_run(tracking.run_id(model))
    assert not [name for name in run.data.metrics if name.startswith("test")]
    assert {tag.value for used in run.inputs.dataset_inputs for tag in used.tags} == {"train", "validation"}


def test_the_logged_model_answers_raw_tweets_at_its_threshold(model: str) -> None:
    answers = mlflow.pyfunc.load_model(model).predict(["@AirParadis lost my bag AGAIN &amp; nobody cares", ""])
    assert list(answers.columns) == ["negative_probability", "sentiment"]
    threshold = mlflow.get_run(tracking.run_id(model)).data.metrics["threshold"]
    expected = np.where(answers["negative_probability"] >= threshold, "negative", "positive")
    assert answers["sentiment"].tolist() == expected.tolist()


def test_the_logged_probabilities_are_those_of_the_served_form_on_raw_texts(
    model: str, chain: Chain, tmp_path: Path
) -> None:
    corpus = tracking.fetch(chain.corpus, "corpus", tmp_path)
    texts = pd.read_parquet(corpus / "validation.parquet")["text"].tolist()
    answers = mlflow.pyfunc.load_model(model).predict(texts)["negative_probability"]
    np.testing.assert_array_equal(answers, tracking.read_validation(model, tmp_path)["probability"])


def test_select_registers_the_best_and_looks_at_the_test_split_once(
    model: str, dummy: str, chain: Chain, tmp_path: Path
) -> None:
    select.main(configuration(f"inputs.splits={chain.splits}", f"inputs.candidates=[{dummy},{model}]"))
    run = last_run()
    version = MlflowClient().get_model_version_by_alias("tweet_sentiment", "champion")
    assert version.run_id == tracking.run_id(model)
    assert {name for name in run.data.metrics if name.startswith("test_")} >= {"test_roc_auc", "test_expected_cost"}
    assert version.tags["synthetic"] == "True"
    table = pd.read_csv(artifact(run, "comparison/candidates.csv", tmp_path))
    assert table["roc_auc"].is_monotonic_decreasing
    assert len(table) == table["name"].nunique() == 2
    page = artifact(run, "comparison/candidates.html", tmp_path).read_text(encoding="utf-8")
    assert "synthetic" in page
    assert all(f"runs/{tracking.run_id(uri)}" in page for uri in (model, dummy))


def test_select_refuses_candidates_of_other_splits_and_leaves_the_champion(model: str, chain: Chain) -> None:
    before = champion()
    other = split.main(configuration("data.rows=300"))
    with pytest.raises(CandidateError, match="was trained on the splits"):
        select.main(configuration(f"inputs.splits={other}", f"inputs.candidates=[{model}]"))
    with pytest.raises(CandidateError, match="is no finished model"):
        run = tracking.run_id(chain.corpus)
        select.main(configuration(f"inputs.splits={chain.splits}", f"inputs.candidates=[runs:/{run}/model]"))
    with pytest.raises(CandidateError, match="cannot be found"):
        select.main(configuration(f"inputs.splits={chain.splits}", f"inputs.candidates=[runs:/{'0' * 32}/model]"))
    with pytest.raises(CandidateError, match=r"select\.runtimes"):
        options = [f"inputs.splits={chain.splits}", f"inputs.candidates=[{model}]", "select.runtimes=[onnx]"]
        select.main(configuration(*options))
    assert last_run().info.status == "FAILED"
    assert champion() == before


def test_an_artifact_of_the_wrong_step_is_refused(chain: Chain, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="inputs.corpus=.*preprocess.yaml"):
        train_baseline.main(configuration(f"inputs.corpus={chain.splits}"))
    assert last_run().info.status == "FAILED"
    with pytest.raises(ArtifactError, match="there is no such folder"):
        preprocess.main(configuration(f"inputs.splits={tmp_path / 'nothing'}"))
    with pytest.raises(ArtifactError, match="cannot be fetched"):
        preprocess.main(configuration(f"inputs.splits=runs:/{'0' * 32}/splits"))


def test_a_local_folder_works_in_the_place_of_a_uri(chain: Chain, tmp_path: Path) -> None:
    folder = tracking.fetch(chain.corpus, "corpus", tmp_path)
    uri = train_baseline.main(configuration(f"inputs.corpus={folder}", "search.folds=2", "train_baseline=dummy"))
    assert mlflow.get_run(tracking.run_id(uri)).info.status == "FINISHED"


def test_a_served_form_that_does_worse_than_its_model_is_refused(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    flipped = Classifier.negative_probability
    monkeypatch.setattr(Classifier, "negative_probability", lambda self, texts: 1 - flipped(self, texts))
    with pytest.raises(ExportError, match=r"export\.max_auc_drop=0\.003"):
        train_baseline.main(configuration(f"inputs.corpus={chain.corpus}", *FAST))
    assert last_run().info.status == "FAILED"


def test_a_wrong_cost_stops_before_anything_is_trained(chain: Chain) -> None:
    with pytest.raises(ValueError, match=r"cost\.missed_negative=-1"):
        train_baseline.main(configuration(f"inputs.corpus={chain.corpus}", "cost.missed_negative=-1"))
