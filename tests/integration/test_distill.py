"""The step `distill` on small splits, and a network trained on its corpus."""

import re
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from hydra import initialize_config_dir
from mlflow.entities import Run

from pipeline import artifacts, plan, stored_predictions
from pipeline.artifacts import run_id
from pipeline.candidates import CandidateError
from pipeline.plan import CandidateSpec, Stage
from sentiment.data.extra_texts import ExtraTextsError
from steps import distill, embed, train_bert, train_keras
from tests.checkpoints import save_checkpoint
from tests.corpora import TOKENIZER
from tests.integration.candidates import SharedCandidates, save_splits
from tests.integration.chain import CONF, configuration, last_run

pytestmark = pytest.mark.usefixtures("shared", "no_plots")

NEW = [f"{'rude and late' if number % 2 else 'lovely, thanks'} once more {number}" for number in range(20)]


@pytest.fixture(scope="module")
def source(shared: SharedCandidates) -> Path:
    return shared.splits


@pytest.fixture(scope="module")
def teacher(shared: SharedCandidates) -> str:
    return shared.logistic_regression


@pytest.fixture(scope="module")
def texts(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 20 new texts, texts that occur in a split, and duplicates."""
    from_splits = [pd.read_parquet(source / f"{name}.parquet")["text"][0] for name in ("train", "validation", "test")]
    file = tmp_path_factory.mktemp("texts") / "texts.csv"
    pd.DataFrame({"text": [*NEW, *from_splits, from_splits[1].upper(), f"  {from_splits[2]}", NEW[0].upper()]}).to_csv(
        file, index=False
    )
    return file


def run(source: Path, teacher: str, *options: str) -> Path:
    """Run the step; return the folder of the corpus."""
    uri = distill.main(configuration(f"inputs.corpus={source}", f"inputs.teacher={teacher}", *options))
    return Path(mlflow.artifacts.download_artifacts(uri))


@pytest.fixture(scope="module")
def corpus(source: Path, teacher: str, texts: Path) -> Path:
    return run(source, teacher, f"distill.extra_texts={texts}")


def key(text: str) -> str:
    return " ".join(text.lower().split())


def rows(corpus: Path, name: str = "train") -> pd.DataFrame:
    return pd.read_parquet(corpus / f"{name}.parquet")


def pseudo_labelled(corpus: Path) -> pd.DataFrame:
    """Return the pseudo-labelled rows of train."""
    return rows(corpus)[rows(corpus)["group"].str.startswith("taught-")]


def answers(teacher: str, texts: list[str]) -> np.ndarray:
    return mlflow.pyfunc.load_model(teacher).predict(texts)["negative_probability"].to_numpy()


def test_added_texts_are_new_and_unique(source: Path, corpus: Path) -> None:
    from_splits = {key(text) for name in ("train", "validation", "test") for text in rows(source, name)["text"]}
    added = [key(text) for text in pseudo_labelled(corpus)["text"]]
    assert sorted(added) == sorted(key(text) for text in NEW)
    assert not from_splits & set(added)


def test_validation_and_test_do_not_change(source: Path, corpus: Path) -> None:
    for name in ("validation", "test"):
        assert (corpus / f"{name}.parquet").read_bytes() == (source / f"{name}.parquet").read_bytes()
    before, after = (artifacts.describe_data(folder) for folder in (source, corpus))
    changed = {name for name in before["digests"] if before["digests"][name] != after["digests"][name]}
    assert changed == {"train"}


def test_the_target_of_a_new_text_is_the_teacher_s_answer(teacher: str, corpus: Path) -> None:
    added = pseudo_labelled(corpus)
    np.testing.assert_allclose(added["target"], answers(teacher, added["text"].tolist()))
    assert (added["negative"] == (added["target"] >= 0.5)).all()
    assert added["negative"].nunique() == 2
    assert added["negative"].dtype == rows(corpus, "validation")["negative"].dtype


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_the_target_of_a_labelled_tweet_mixes_label_and_teacher(
    source: Path, teacher: str, texts: Path, weight: float
) -> None:
    corpus = run(source, teacher, f"distill.extra_texts={texts}", f"distill.label_weight={weight}")
    train = rows(source)
    distilled = rows(corpus)[: len(train)]
    assert distilled["text"].tolist() == train["text"].tolist()
    expected = weight * train["negative"] + (1 - weight) * answers(teacher, train["text"].tolist())
    np.testing.assert_allclose(distilled["target"], expected)


def test_without_new_texts_the_teacher_labels_the_training_split(source: Path, teacher: str) -> None:
    corpus = run(source, teacher, "distill.label_weight=0.0")
    assert rows(corpus)["text"].tolist() == rows(source)["text"].tolist()
    np.testing.assert_allclose(rows(corpus)["target"], answers(teacher, rows(source)["text"].tolist()))
    assert last_run().data.metrics["taught_texts"] == 0


def test_new_texts_are_tokenized_like_the_corpus(source: Path, corpus: Path) -> None:
    assert (corpus / "preprocess.yaml").read_bytes() == (source / "preprocess.yaml").read_bytes()
    first = pseudo_labelled(corpus).iloc[1]
    assert first["text"] == "rude and late once more 1"
    assert first["tokens"].tolist() == first["text"].split()


def test_max_texts_draws_the_same_texts_for_the_same_seed(source: Path, teacher: str, texts: Path) -> None:
    options = [f"distill.extra_texts={texts}", "distill.max_texts=5"]
    drawn = [pseudo_labelled(run(source, teacher, *options, f"seed={seed}"))["text"].tolist() for seed in (1, 1, 2)]
    assert [len(sample) for sample in drawn] == [5, 5, 5]
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_corpus_names_its_teacher(teacher: str, corpus: Path) -> None:
    assert artifacts.describe_data(corpus)["taught"] == {"texts": 20, "teacher": teacher}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["distill.label_weight=1.0"], "The teacher has nothing to label: set distill.extra_texts="),
        (["distill.extra_texts=x.csv", "distill.label_weight=1.5"], "distill.label_weight=1.5"),
        (["distill.extra_texts=x.csv", "distill.max_texts=0"], "distill.max_texts=0"),
    ],
)
def test_invalid_settings_are_refused_before_a_run_starts(
    source: Path, teacher: str, options: list[str], message: str
) -> None:
    before = last_run().info.run_id
    with pytest.raises(ExtraTextsError, match=re.escape(message)):
        run(source, teacher, *options)
    assert last_run().info.run_id == before


def test_a_missing_file_is_reported(source: Path, teacher: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv \(distill\.extra_texts\)"):
        run(source, teacher, "distill.extra_texts=nowhere.csv")


def test_a_file_whose_texts_all_occur_in_a_split_is_refused(source: Path, teacher: str, tmp_path: Path) -> None:
    rows(source, "test")[["text"]].to_parquet(tmp_path / "test.parquet")
    with pytest.raises(ExtraTextsError, match="every text already occurs in a split"):
        run(source, teacher, f"distill.extra_texts={tmp_path / 'test.parquet'}")


def test_a_teacher_trained_on_other_splits_is_refused(teacher: str, texts: Path, tmp_path: Path) -> None:
    other = save_splits(tmp_path / "other", validation=range(500, 620))
    with pytest.raises(CandidateError, match="trained with validation split .*, but inputs.splits has"):
        run(other, teacher, f"distill.extra_texts={texts}")


def student(corpus: Path) -> Run:
    """Train a small network on a corpus; return its run."""
    embedding = embed.main(configuration(f"inputs.corpus={corpus}", "embed=learned", "embed.vector_size=8"))
    inputs = [f"inputs.corpus={corpus}", f"inputs.embedding={embedding}"]
    network = ["train_keras=average", "train_keras.sequence_length=9", "train_keras.network.units=8"]
    fit = ["train_keras.epochs=4", "train_keras.learning_rate=0.05"]
    return mlflow.get_run(run_id(train_keras.main(configuration(*inputs, *network, *fit))))


def test_a_network_learns_the_teacher_s_targets_instead_of_the_labels(corpus: Path, tmp_path: Path) -> None:
    inverted = shutil.copytree(corpus, tmp_path / "inverted")
    train = rows(inverted)
    train.assign(target=1 - train["target"]).to_parquet(inverted / "train.parquet")
    assert student(corpus).data.metrics["val_roc_auc"] > 0.75
    assert student(inverted).data.metrics["val_roc_auc"] < 0.5


@pytest.mark.extended
def test_bert_can_be_a_student(corpus: Path, teacher: str, tmp_path: Path) -> None:
    inputs = [f"inputs.splits={corpus}", f"train_bert.checkpoint={save_checkpoint(tmp_path)}"]
    fit = ["train_bert.fit.learning_rate=3e-3", "train_bert.fit.epochs=4", "train_bert.fit.batch_size=8"]
    uri = train_bert.main(configuration(*inputs, "train_bert.max_tokens=32", *fit))
    assert last_run().data.metrics["val_roc_auc"] > 0.75
    assert set(stored_predictions.read_seen(uri)) > set(stored_predictions.read_seen(teacher))


def test_the_run_of_a_student_logs_its_training_data(corpus: Path, teacher: str) -> None:
    digests = {data.dataset.name: data.dataset.digest for data in student(corpus).inputs.dataset_inputs}
    teacher_inputs = mlflow.get_run(run_id(teacher)).inputs.dataset_inputs
    assert digests["small train"] == artifacts.short(artifacts.describe_data(corpus)["digests"]["train"])
    assert digests["small train"] not in {data.dataset.digest for data in teacher_inputs}
    assert digests["small validation"] in {data.dataset.digest for data in teacher_inputs}

    spec = CandidateSpec("train_keras", ["distill.extra_texts=texts.csv"], teacher="train_bert")
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        candidate = plan.candidate(Stage("distillation", [spec]), spec, [], {})
    assert candidate.name("train_keras") == "train_keras bilstm word2vec lemmatize extra_texts=texts.csv"


class Certain:
    """A teacher that calls every tweet negative."""

    def negative_probability(self, texts: list[str]) -> np.ndarray:
        return np.ones(len(texts))


@pytest.mark.parametrize("several", [True, False])
def test_pseudo_labelled_texts_count_as_rows_of_the_main_data(several: bool) -> None:
    train = pd.DataFrame({"text": ["fine"], "negative": [0], "group": ["ana"], "tokens": [["fine"]]})
    train = train.assign(source="people") if several else train
    settings = {"label_weight": 0.5, "source": "main"}
    labelled = distill.pseudo_label(Certain(), train, ["new"], TOKENIZER, **settings)  # type: ignore[arg-type]
    assert labelled["target"].tolist() == [0.5, 1.0]
    assert labelled.get("source", pd.Series(["none", "none"])).tolist() == (
        ["people", "main"] if several else ["none"] * 2
    )
