"""The step `distill` on small splits, and a network that learns from it, with a tracking store of its own."""

import re
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from hydra import initialize_config_dir
from mlflow.entities import Run

from pipeline import artifacts, plan
from pipeline.artifacts import run_id
from pipeline.candidates import CandidateError
from pipeline.plan import CandidateSpec, Stage
from sentiment.data.extra_texts import ExtraTextsError
from steps import distill, embed, train_keras
from tests.integration.candidates import SharedCandidates, save_splits
from tests.integration.chain import CONF, configuration, last_run

pytestmark = pytest.mark.usefixtures("shared", "undrawn")

NEW = [f"{'rude and late' if number % 2 else 'lovely, thanks'} once more {number}" for number in range(20)]


@pytest.fixture(scope="module")
def source(shared: SharedCandidates) -> Path:
    return shared.splits


@pytest.fixture(scope="module")
def teacher(shared: SharedCandidates) -> str:
    return shared.logistic_regression


@pytest.fixture(scope="module")
def texts(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write texts of which 20 are new; of the others, some stand in a split, some are there twice."""
    known = [pd.read_parquet(source / f"{name}.parquet")["text"][0] for name in ("train", "validation", "test")]
    file = tmp_path_factory.mktemp("texts") / "texts.csv"
    pd.DataFrame({"text": [*NEW, *known, known[1].upper(), f"  {known[2]}", NEW[0].upper()]}).to_csv(file, index=False)
    return file


def run(source: Path, teacher: str, *options: str) -> Path:
    """Run the step, and return the folder of the corpus."""
    uri = distill.main(configuration(f"inputs.corpus={source}", f"inputs.teacher={teacher}", *options))
    return Path(mlflow.artifacts.download_artifacts(uri))


@pytest.fixture(scope="module")
def corpus(source: Path, teacher: str, texts: Path) -> Path:
    return run(source, teacher, f"distill.extra_texts={texts}")


def key(text: str) -> str:
    return " ".join(text.lower().split())


def rows(corpus: Path, name: str = "train") -> pd.DataFrame:
    return pd.read_parquet(corpus / f"{name}.parquet")


def taught(corpus: Path) -> pd.DataFrame:
    """Return the rows that had no label."""
    return rows(corpus)[rows(corpus)["group"].str.startswith("taught-")]


def answers(teacher: str, texts: list[str]) -> np.ndarray:
    return mlflow.pyfunc.load_model(teacher).predict(texts)["negative_probability"].to_numpy()


def test_the_texts_are_new_and_each_is_there_once(source: Path, corpus: Path) -> None:
    known = {key(text) for name in ("train", "validation", "test") for text in rows(source, name)["text"]}
    found = [key(text) for text in taught(corpus)["text"]]
    assert sorted(found) == sorted(key(text) for text in NEW)
    assert not known & set(found)


def test_validation_and_test_stay_as_they_are(source: Path, corpus: Path) -> None:
    for name in ("validation", "test"):
        assert (corpus / f"{name}.parquet").read_bytes() == (source / f"{name}.parquet").read_bytes()
    was, now = (artifacts.describe_data(folder) for folder in (source, corpus))
    changed = {name for name in was["digests"] if was["digests"][name] != now["digests"][name]}
    assert changed == {"train"}


def test_a_new_text_is_to_be_answered_as_the_teacher_does(teacher: str, corpus: Path) -> None:
    found = taught(corpus)
    np.testing.assert_allclose(found["target"], answers(teacher, found["text"].tolist()))
    assert (found["negative"] == (found["target"] >= 0.5)).all()
    assert found["negative"].nunique() == 2
    assert found["negative"].dtype == rows(corpus, "validation")["negative"].dtype


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_of_a_labelled_tweet_label_and_teacher_both_count(
    source: Path, teacher: str, texts: Path, weight: float
) -> None:
    corpus = run(source, teacher, f"distill.extra_texts={texts}", f"distill.label_weight={weight}")
    train, found = rows(source), rows(corpus)
    found = found[: len(train)]
    assert found["text"].tolist() == train["text"].tolist()
    expected = weight * train["negative"] + (1 - weight) * answers(teacher, train["text"].tolist())
    np.testing.assert_allclose(found["target"], expected)


def test_new_texts_are_cut_as_those_of_the_corpus(source: Path, corpus: Path) -> None:
    assert (corpus / "preprocess.yaml").read_bytes() == (source / "preprocess.yaml").read_bytes()
    first = taught(corpus).iloc[1]
    assert first["text"] == "rude and late once more 1"
    assert first["tokens"].tolist() == first["text"].split()


def test_no_more_texts_are_taken_than_asked_for_and_always_the_same(source: Path, teacher: str, texts: Path) -> None:
    options = [f"distill.extra_texts={texts}", "distill.max_texts=5"]
    drawn = [taught(run(source, teacher, *options, f"seed={seed}"))["text"].tolist() for seed in (1, 1, 2)]
    assert [len(each) for each in drawn] == [5, 5, 5]
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_corpus_says_who_has_taught_what(teacher: str, corpus: Path) -> None:
    assert artifacts.describe_data(corpus)["taught"] == {"texts": 20, "teacher": teacher}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Distillation needs texts to label: set distill.extra_texts="),
        (["distill.extra_texts=x.csv", "distill.label_weight=1.5"], "distill.label_weight=1.5"),
        (["distill.extra_texts=x.csv", "distill.max_texts=0"], "distill.max_texts=0"),
    ],
)
def test_settings_that_mean_nothing_are_refused_before_a_run_is_made(
    source: Path, teacher: str, options: list[str], said: str
) -> None:
    before = last_run().info.run_id
    with pytest.raises(ExtraTextsError, match=re.escape(said)):
        run(source, teacher, *options)
    assert last_run().info.run_id == before


def test_a_missing_file_is_named(source: Path, teacher: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv \(distill\.extra_texts\)"):
        run(source, teacher, "distill.extra_texts=nowhere.csv")


def test_texts_that_all_stand_in_a_split_are_refused(source: Path, teacher: str, tmp_path: Path) -> None:
    rows(source, "test")[["text"]].to_parquet(tmp_path / "test.parquet")
    with pytest.raises(ExtraTextsError, match="every text already occurs in a split"):
        run(source, teacher, f"distill.extra_texts={tmp_path / 'test.parquet'}")


def test_a_teacher_that_may_know_validation_or_test_is_refused(teacher: str, texts: Path, tmp_path: Path) -> None:
    other = save_splits(tmp_path / "other", validation=range(500, 620))
    with pytest.raises(CandidateError, match="trained with validation split .*, but inputs.splits has"):
        run(other, teacher, f"distill.extra_texts={texts}")


def student(corpus: Path) -> Run:
    """Train a small network on a corpus, and return its run."""
    embedding = embed.main(configuration(f"inputs.corpus={corpus}", "embed=learned", "embed.vector_size=8"))
    inputs = [f"inputs.corpus={corpus}", f"inputs.embedding={embedding}"]
    small = ["train_keras=average", "train_keras.sequence_length=9", "train_keras.network.units=8"]
    quick = ["train_keras.epochs=4", "train_keras.learning_rate=0.05"]
    return mlflow.get_run(run_id(train_keras.main(configuration(*inputs, *small, *quick))))


def test_a_network_learns_what_the_teacher_says_and_not_the_labels(corpus: Path, tmp_path: Path) -> None:
    turned = shutil.copytree(corpus, tmp_path / "turned")
    train = rows(turned)
    train.assign(target=1 - train["target"]).to_parquet(turned / "train.parquet")
    assert student(corpus).data.metrics["val_roc_auc"] > 0.75
    assert student(turned).data.metrics["val_roc_auc"] < 0.5


def test_the_run_of_a_student_names_what_it_was_taught(corpus: Path, teacher: str) -> None:
    used = {data.dataset.name: data.dataset.digest for data in student(corpus).inputs.dataset_inputs}
    by_teacher = mlflow.get_run(run_id(teacher)).inputs.dataset_inputs
    assert used["small train"] == artifacts.short(artifacts.describe_data(corpus)["digests"]["train"])
    assert used["small train"] not in {data.dataset.digest for data in by_teacher}
    assert used["small validation"] in {data.dataset.digest for data in by_teacher}

    item = CandidateSpec("train_keras", ["distill.extra_texts=texts.csv"], teacher="train_bert")
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        candidate = plan.candidate(Stage("distillation", [item]), item, [], {})
    assert candidate.name("train_keras") == "train_keras bilstm word2vec lemmatize extra_texts=texts.csv"
