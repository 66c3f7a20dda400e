"""The step `cascade` on small splits."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pipeline import candidates, stored_predictions
from pipeline.candidates import CandidateError
from sentiment.inference.classifier import Classifier
from sentiment.inference.runtimes.cascade import ACCURATE, FAST, is_sure
from sentiment.training.cascading import CascadeError
from steps import cascade
from tests.integration.candidates import SharedCandidates, save_splits, train
from tests.integration.chain import configuration, last_run

pytestmark = pytest.mark.usefixtures("shared", "no_plots")


@pytest.fixture(scope="module")
def splits(shared: SharedCandidates) -> Path:
    return shared.splits


@pytest.fixture(scope="module")
def members(shared: SharedCandidates) -> list[str]:
    """Return the URIs of two models, the faster one first (of words, it has far fewer features than of characters)."""
    return [shared.logistic_regression, shared.characters]


def run(splits: Path, *uris: str, options: tuple[str, ...] = ()) -> str:
    inputs = [f"inputs.splits={splits}", f"inputs.candidates=[{','.join(uris)}]", "calibration.folds=3"]
    uri: str = cascade.main(configuration(*inputs, *options))
    return uri


def test_the_faster_model_answers_what_it_is_sure_of(splits: Path, members: list[str], tmp_path: Path) -> None:
    uri = run(splits, *reversed(members), options=("cascade.max_auc_drop=0.02",))
    metrics = last_run().data.metrics
    folder = candidates.fetch_served(uri, tmp_path)
    served, fast, accurate = (Classifier.load(path) for path in (folder, folder / FAST, folder / ACCURATE))
    texts = pd.read_parquet(splits / "validation.parquet")["text"].tolist()
    probabilities = [member.negative_probability(texts) for member in (fast, accurate)]
    sure = is_sure(probabilities[0], metrics["cascade_bound"])
    assert metrics["answered_by_fast_share"] == sure.mean() > 0
    np.testing.assert_allclose(served.score(texts), np.where(sure, *probabilities))
    for member, member_uri in ((fast, members[0]), (accurate, members[1])):
        expected = Classifier.load(candidates.fetch_served(member_uri, tmp_path / member_uri[-12:-6]))
        assert np.array_equal(member.score(texts), expected.score(texts))


def test_its_auc_is_at_most_the_allowed_drop_below_that_of_the_accurate_model(splits: Path, members: list[str]) -> None:
    uri = run(splits, *members, options=("cascade.max_auc_drop=0.005",))
    validation = pd.read_parquet(splits / "validation.parquet")
    auc, accurate = (
        roc_auc_score(validation["negative"], stored_predictions.read(of, validation, None).score)
        for of in (uri, members[1])
    )
    assert auc >= accurate - 0.005 - 1e-9
    row = candidates.read(uri)
    assert (row["family"], row["runtime"]) == ("cascade", "cascade")
    assert candidates.may_be_served(pd.DataFrame([row]), configuration("select.families=[cascade]")).item()
    assert stored_predictions.read_seen(uri) >= stored_predictions.read_seen(members[1])


def test_a_fast_model_without_use_is_refused(splits: Path, members: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> float:
        raise CascadeError("The fast model cannot answer any tweet alone")

    monkeypatch.setattr(cascade.cascading, "choose_bound", refused)
    with pytest.raises(CascadeError):
        run(splits, *members)
    assert last_run().data.tags["error"].startswith("The fast model cannot answer")


def test_any_other_number_of_models_than_two_is_refused(
    splits: Path, members: list[str], shared: SharedCandidates
) -> None:
    with pytest.raises(CandidateError, match=r"needs at least two models \(inputs.candidates\)"):
        run(splits, members[0])
    with pytest.raises(CandidateError, match="combines two models, not 3"):
        run(splits, *members, shared.dummy)


def test_models_of_other_splits_are_refused(splits: Path, members: list[str], tmp_path: Path) -> None:
    other = save_splits(tmp_path / "other", validation=range(500, 620))
    with pytest.raises(CandidateError, match="trained with validation split .*, but inputs.splits has"):
        run(splits, members[0], train(other, "dummy"))
