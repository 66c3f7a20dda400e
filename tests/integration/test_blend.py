"""The step `blend` on small splits."""

import json
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pipeline import candidates, stored_predictions
from pipeline.artifacts import run_id
from pipeline.candidates import CandidateError
from sentiment.inference.classifier import Classifier
from sentiment.inference.probabilities import logit
from sentiment.inference.runtimes.blend import FILE, probability
from sentiment.training.blending import BlendError
from steps import blend
from tests.integration.candidates import SharedCandidates, folder_of, predict_in_process, save_splits, train
from tests.integration.chain import configuration, last_run

pytestmark = pytest.mark.usefixtures("shared", "no_plots")


@pytest.fixture(scope="module")
def splits(shared: SharedCandidates) -> Path:
    return shared.splits


@pytest.fixture(scope="module")
def word_model(shared: SharedCandidates) -> str:
    return shared.logistic_regression


@pytest.fixture(scope="module")
def character_model(shared: SharedCandidates) -> str:
    return shared.characters


def run(splits: Path, *candidates: str, options: tuple[str, ...] = ()) -> str:
    inputs = [f"inputs.splits={splits}", f"inputs.candidates=[{','.join(candidates)}]", "calibration.folds=3"]
    uri: str = blend.main(configuration(*inputs, *options))
    return uri


@pytest.fixture(scope="module")
def blended(splits: Path, word_model: str, character_model: str) -> str:
    return run(splits, word_model, character_model)


def member_names(*uris: str) -> list[str]:
    """Return the names of members of the family `baseline`."""
    return [f"baseline_{run_id(uri)[:4]}" for uri in uris]


def test_the_served_blend_combines_the_answers_of_its_members(
    splits: Path, word_model: str, character_model: str, blended: str, tmp_path: Path
) -> None:
    params = mlflow.get_run(run_id(blended)).data.params
    weights = np.array([float(params[f"weight.{name}"]) for name in member_names(word_model, character_model)])
    texts = pd.read_parquet(splits / "test.parquet")["text"].tolist()
    members = [
        mlflow.pyfunc.load_model(uri).predict(texts)["negative_probability"] for uri in (word_model, character_model)
    ]
    served = candidates.fetch_served(blended, tmp_path)
    intercept = json.loads((served / FILE).read_text(encoding="utf-8"))["intercept"]
    expected = probability(np.column_stack([logit(member.to_numpy()) for member in members]), weights, intercept)
    classifier = Classifier.load(served)
    np.testing.assert_allclose(classifier.score(texts), expected, atol=1e-9)
    answers = mlflow.pyfunc.load_model(blended).predict(texts)["negative_probability"]
    np.testing.assert_allclose(answers, classifier.calibration(expected), atol=1e-9)


def test_its_metrics_are_out_of_fold(splits: Path, word_model: str, character_model: str, blended: str) -> None:
    negative = pd.read_parquet(splits / "validation.parquet")["negative"]
    texts = pd.read_parquet(splits / "validation.parquet")["text"].tolist()
    members = [
        predict_in_process(uri, texts)["negative_probability"].to_numpy() for uri in (word_model, character_model)
    ]
    logits = np.column_stack([logit(member) for member in members])
    out_of_fold = blend.blending.fit(negative.to_numpy(), logits, folds=3, seed=42).out_of_fold
    assert out_of_fold is not None
    logged = mlflow.get_run(run_id(blended)).data.metrics
    assert logged["val_roc_auc"] == pytest.approx(roc_auc_score(negative, out_of_fold))
    served = mlflow.pyfunc.load_model(blended).predict(texts)["negative_probability"]
    assert logged["val_roc_auc"] != pytest.approx(roc_auc_score(negative, served), abs=1e-6)
    assert abs(logged["export_auc_drop"]) < 1e-6


def test_fixed_weights_are_served_as_set(splits: Path, word_model: str, character_model: str, tmp_path: Path) -> None:
    names = member_names(word_model, character_model)
    fixed = f"blend.weights={{{names[0]}:0.4,{names[1]}:0.6}}"
    uri = run(splits, word_model, character_model, options=(fixed,))
    served = candidates.fetch_served(uri, tmp_path)
    written = json.loads((served / FILE).read_text(encoding="utf-8"))
    assert written == {"weights": {names[0]: 0.4, names[1]: 0.6}, "intercept": 0.0}
    with pytest.raises(BlendError, match=r"blend.weights=.* one number above 0 for each member"):
        run(splits, word_model, character_model, options=("blend.weights={bert:1}",))


def test_a_blend_is_a_candidate_like_any_other(blended: str, word_model: str, character_model: str) -> None:
    row = candidates.read(blended)
    assert (row["family"], row["runtime"]) == ("blend", "blend")
    assert row["validation"] == candidates.read(word_model)["validation"]
    members = [candidates.read(uri) for uri in (word_model, character_model)]
    assert row["megabytes"] >= sum(member["megabytes"] for member in members)
    assert row["fit_seconds"] > sum(member["fit_seconds"] for member in members)
    ranked = candidates.rank([*members, row], "roc_auc", None).to_dict("records")
    assert [candidate["family"] for candidate in ranked].count("blend") == 1


def test_a_blend_may_be_served_if_its_members_may(blended: str) -> None:
    rows = pd.DataFrame([candidates.read(blended)])
    allowed = {"select.families=[blend]": True, "select.families=[baseline]": False}
    for family, expected in allowed.items():
        assert candidates.may_be_served(rows, configuration(family)).item() == expected
    assert not candidates.may_be_served(rows, configuration("select.families=[blend]", "select.runtimes=[onnx]")).item()


def test_a_blend_has_seen_all_tweets_that_its_members_have_seen(splits: Path, word_model: str, tmp_path: Path) -> None:
    larger_splits = save_splits(tmp_path / "splits", train=[*range(240), *range(480, 500)])
    other = train(larger_splits, "logistic_regression")
    assert stored_predictions.read_seen(run(splits, word_model, other)) >= stored_predictions.read_seen(other)
    assert len(stored_predictions.read_seen(word_model)) == 360, "train and validation"
    assert len(stored_predictions.read_seen(other)) == 380


@pytest.mark.extended
def test_it_requires_its_members_packages_and_runs_with_its_own_code(blended: str, tmp_path: Path) -> None:
    requirements = Path(mlflow.pyfunc.get_model_dependencies(blended)).read_text(encoding="utf-8")
    assert "scikit-learn==" in requirements
    assert not any(name in requirements for name in ("tensorflow", "torch", "onnxruntime", "ai-edge-litert"))
    code = f"""
import mlflow
model = mlflow.pyfunc.load_model({str(folder_of(blended))!r})
from sentiment.inference.runtimes import blend
assert blend.__file__.startswith({str(folder_of(blended))!r}), blend.__file__
print(model.predict(["late and rude", "lovely, thanks"])["sentiment"].tolist())
"""
    completed = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert completed.stdout.strip() == "['negative', 'positive']", completed.stderr


def test_the_same_model_twice_counts_once(splits: Path, word_model: str) -> None:
    with pytest.raises(CandidateError, match="needs at least two models"):
        run(splits, word_model, word_model)


def test_a_blend_without_candidates_is_refused(splits: Path) -> None:
    with pytest.raises(CandidateError, match=r"needs at least two models \(inputs.candidates\)"):
        run(splits)


def test_candidates_of_other_splits_are_refused(splits: Path, word_model: str, tmp_path: Path) -> None:
    other = save_splits(tmp_path / "other", validation=range(500, 620))
    with pytest.raises(CandidateError, match="trained with validation split .*, but inputs.splits has"):
        run(splits, word_model, train(other, "dummy"))
    assert last_run().info.status == "FAILED"


def test_an_unknown_model_is_refused(splits: Path, word_model: str) -> None:
    with pytest.raises(CandidateError, match="cannot be found"):
        run(splits, word_model, f"runs:/{'0' * 32}/model")


def test_a_validation_split_too_small_for_the_folds_is_refused(
    splits: Path, word_model: str, character_model: str
) -> None:
    with pytest.raises(BlendError, match=r"calibration\.folds=61"):
        run(splits, word_model, character_model, options=("calibration.folds=61",))
