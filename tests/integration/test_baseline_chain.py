"""The steps from tweets to a trained baseline, and their errors."""

import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Run
from sklearn.metrics import roc_auc_score

from pipeline import artifacts, candidates, stored_predictions
from pipeline.artifacts import ArtifactError, fetch, run_id
from pipeline.trained import ExportError
from sentiment.data.corpus import read_tokenizer
from sentiment.data.leakage import near_duplicates
from sentiment.inference import classifier
from sentiment.inference.classifier import Classifier
from sentiment.inference.errors import SettingsError
from sentiment.training import bag_of_words
from steps import preprocess, train_baseline
from tests.integration.chain import Chain, configuration, last_run, quality

pytestmark = pytest.mark.usefixtures("store", "no_plots")
FAST = ("search.folds=2", "train_baseline.classifier.C=1.0")


def artifact(run: Run, path: str, folder: Path) -> Path:
    """Fetch an artifact of a run."""
    return Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=path, dst_path=str(folder)))


@pytest.fixture(scope="module")
def model(chain: Chain) -> str:
    uri: str = train_baseline.main(configuration(f"inputs.corpus={chain.corpus}", *FAST))
    return uri


def test_a_corpus_keeps_every_row_and_its_text(chain: Chain, tmp_path: Path) -> None:
    splits = fetch(chain.splits, "splits", tmp_path / "a")
    corpus = fetch(chain.corpus, "corpus", tmp_path / "b")
    for name in ("train", "validation", "test"):
        before, after = (pd.read_parquet(folder / f"{name}.parquet") for folder in (splits, corpus))
        pd.testing.assert_frame_equal(before, after.drop(columns="tokens"))
        tokenize = read_tokenizer(corpus)
        assert [list(tokens) for tokens in after["tokens"]] == [tokenize(text) for text in after["text"]]


def test_a_trained_model_logs_everything_a_comparison_needs(model: str, tmp_path: Path) -> None:
    run = mlflow.get_run(run_id(model))
    assert run.info.status == "FINISHED"
    expected = "accuracy f1 roc_auc average_precision log_loss brier calibration_error expected_cost".split()  # noqa: SIM905
    expected = [f"val_{name}" for name in expected]
    expected += ["threshold", "fit_seconds", "predict_milliseconds", "served_bytes", "native_bytes", "export_auc_drop"]
    assert not set(expected) - set(run.data.metrics)
    assert run.data.params["train_baseline.classifier.C"] == "1.0"
    assert {used.dataset.name for used in run.inputs.dataset_inputs} == {"csv train", "csv validation"}
    for path in ("config.yaml", "plots/roc.png", "plots/precision_recall.png", "plots/calibration.png",
                 "plots/confusion.png", "tables/search.csv", "tables/calibration.csv",
                 "tables/most_wrong.csv"):  # fmt: skip
        assert artifact(run, path, tmp_path).stat().st_size > 0


def test_a_trained_model_logs_its_auc_without_near_duplicates(chain: Chain, tmp_path: Path) -> None:
    corpus = Path(shutil.copytree(fetch(chain.corpus, "corpus", tmp_path), tmp_path / "corpus"))
    train, validation = (pd.read_parquet(corpus / f"{name}.parquet") for name in ("train", "validation"))
    similar = train[:30].assign(text="@someone " + train["text"] + "!! http://t.co/again")
    similar["tokens"] = similar["text"].map(read_tokenizer(corpus))
    pd.concat([validation, similar]).to_parquet(corpus / "validation.parquet", index=False)
    model = train_baseline.main(configuration(f"inputs.corpus={corpus}", *FAST))
    metrics = mlflow.get_run(run_id(model)).data.metrics
    is_new = ~near_duplicates({"train": train, "validation": pd.concat([validation, similar])})["validation"]
    assert not is_new[-30:].any()
    assert is_new.any()
    scores = stored_predictions.read_parquet(model, artifacts.VALIDATION)[is_new]
    assert metrics["val_roc_auc_without_near_duplicates"] == roc_auc_score(scores["negative"], scores["score"])
    assert metrics["val_roc_auc_without_near_duplicates"] != metrics["val_roc_auc"]


def test_no_trainer_sees_or_scores_the_test_split(model: str) -> None:
    run = mlflow.get_run(run_id(model))
    assert not [name for name in run.data.metrics if name.startswith("test")]
    assert {tag.value for used in run.inputs.dataset_inputs for tag in used.tags} == {"train", "validation"}


def test_the_logged_model_classifies_raw_tweets_at_its_threshold(model: str) -> None:
    answers = mlflow.pyfunc.load_model(model).predict(["@AirParadis lost my bag AGAIN &amp; nobody cares", ""])
    assert list(answers.columns) == ["negative_probability", "sentiment", "uncertain", "reliable"]
    threshold = mlflow.get_run(run_id(model)).data.metrics["threshold"]
    expected = np.where(answers["negative_probability"] >= threshold, "negative", "positive")
    assert answers["sentiment"].tolist() == expected.tolist()


def test_the_logged_probabilities_are_those_of_the_served_form(model: str, chain: Chain, tmp_path: Path) -> None:
    corpus = fetch(chain.corpus, "corpus", tmp_path)
    validation = pd.read_parquet(corpus / "validation.parquet")
    answers = mlflow.pyfunc.load_model(model).predict(validation["text"].tolist())["negative_probability"]
    served = candidates.fetch_served(model, tmp_path)
    logged = stored_predictions.read(model, validation, None)
    np.testing.assert_array_equal(answers, classifier.read_calibration(served)(logged.score))


def test_a_linear_model_trained_again_in_two_processes_is_identical(
    model: str, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    monkeypatch.setattr(bag_of_words, "DOCUMENTS_FOR_PROCESSES", 0)
    repeated = train_baseline.main(configuration(f"inputs.corpus={chain.corpus}", *FAST))
    first, second = (mlflow.get_run(run_id(uri)) for uri in (model, repeated))
    assert quality(first) == quality(second)
    stored = [stored_predictions.read_parquet(uri, artifacts.VALIDATION) for uri in (repeated, model)]
    pd.testing.assert_frame_equal(*stored, check_exact=True)


def test_an_artifact_of_the_wrong_step_is_refused(chain: Chain, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="inputs.corpus=.*preprocess.yaml"):
        train_baseline.main(configuration(f"inputs.corpus={chain.splits}"))
    assert last_run().info.status == "FAILED"
    with pytest.raises(ArtifactError, match="there is no such folder"):
        preprocess.main(configuration(f"inputs.splits={tmp_path / 'nothing'}"))
    with pytest.raises(ArtifactError, match="cannot be downloaded"):
        preprocess.main(configuration(f"inputs.splits=runs:/{'0' * 32}/splits"))


def test_a_local_folder_works_in_place_of_a_uri(chain: Chain, tmp_path: Path) -> None:
    folder = fetch(chain.corpus, "corpus", tmp_path)
    uri = train_baseline.main(configuration(f"inputs.corpus={folder}", "search.folds=2", "train_baseline=dummy"))
    assert mlflow.get_run(run_id(uri)).info.status == "FINISHED"


def test_a_served_form_worse_than_its_model_is_refused(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    predict = Classifier.negative_probability
    monkeypatch.setattr(Classifier, "negative_probability", lambda self, texts: 1 - predict(self, texts))
    with pytest.raises(ExportError, match=r"export\.max_auc_drop=0\.003"):
        train_baseline.main(configuration(f"inputs.corpus={chain.corpus}", *FAST))
    assert last_run().info.status == "FAILED"


def test_a_wrong_cost_is_refused_before_training(chain: Chain) -> None:
    with pytest.raises(SettingsError, match=r"cost\.missed_negative=-1"):
        train_baseline.main(configuration(f"inputs.corpus={chain.corpus}", "cost.missed_negative=-1"))
