"""`sentiment.training.bag_of_words` and every option of conf/train_baseline."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from hydra.utils import instantiate
from omegaconf import OmegaConf
from sklearn.pipeline import Pipeline

from sentiment.inference.errors import SettingsError
from sentiment.inference.log_count_ratio import LogCountRatio
from sentiment.inference.runtimes import sklearn as runtime
from sentiment.training import bag_of_words

build = partial(bag_of_words.build, instantiate=partial(instantiate, _convert_="all"))
OPTIONS = sorted((Path(__file__).parents[2] / "conf/train_baseline").glob("*.yaml"))


def settings(option: Path) -> dict[str, object]:
    cfg = OmegaConf.create({"seed": 7, "train_baseline": OmegaConf.load(option)})
    if OmegaConf.select(cfg, "train_baseline.transformer.n_components"):
        cfg.train_baseline.transformer.n_components = 5  # at most the number of words in the test data
    return OmegaConf.to_container(cfg.train_baseline, resolve=True)  # type: ignore[return-value]


@pytest.fixture
def train() -> pd.DataFrame:
    random = np.random.default_rng(0)
    negative = random.integers(0, 2, 160).astype("int8")
    class_words = [
        [["late", "lost", "rude", "never", "sorry"], ["lovely", "thanks", "great", "quick", "kind"]][1 - label]
        for label in negative
    ]
    neutral_words = [["flight", "crew", "seat", "gate", "bag"]] * len(class_words)
    documents = [
        " ".join(random.choice([*telling, *neutral], 12))
        for telling, neutral in zip(class_words, neutral_words, strict=True)
    ]
    return pd.DataFrame(
        {"document": documents, "negative": negative, "group": [f"user{i % 40}" for i in range(160)], "weight": 1.0}
    )


@pytest.mark.parametrize("option", OPTIONS, ids=lambda path: path.stem)
def test_every_option_can_be_searched_and_its_served_form_agrees_with_it(
    option: Path, train: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    monkeypatch.setattr(bag_of_words, "DOCUMENTS_FOR_PROCESSES", 0)
    pipeline, grid = build(settings(option))
    documents = train["document"].tolist()
    best, table, _ = bag_of_words.search(
        pipeline, grid, documents, train, folds=2, scoring="roc_auc", seed=7, cache=tmp_path / "cache"
    )
    assert len(table) == np.prod([len(values) for values in grid.values()])
    skops.io.dump(best, tmp_path / runtime.FILE)
    score = runtime.load(tmp_path, text=str.split)  # type: ignore[arg-type]
    np.testing.assert_array_equal(score(documents), bag_of_words.negative_probability(best, documents))


def test_a_search_in_two_processes_has_the_same_result(
    train: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (option,) = [path for path in OPTIONS if path.stem == "nb_svm"]
    pipeline, grid = build(settings(option))
    scores = []
    monkeypatch.setattr(bag_of_words, "DOCUMENTS_FOR_PROCESSES", 0)
    for processes in ("1", "2"):
        monkeypatch.setenv("LOKY_MAX_CPU_COUNT", processes)
        _, table, _ = bag_of_words.search(
            pipeline,
            grid,
            train["document"].tolist(),
            train,
            folds=2,
            scoring="roc_auc",
            seed=7,
            cache=tmp_path / processes,
        )
        scores.append(table.filter(regex="^param_|test_score$"))
    pd.testing.assert_frame_equal(*scores)


def test_a_fixed_value_is_not_searched() -> None:
    pipeline, grid = build({"classifier": {"_target_": "sklearn.linear_model.LogisticRegression", "C": 0.1}})
    assert (pipeline["classifier"].C, grid) == (0.1, {})


def test_parameters_inside_a_union_are_searched() -> None:
    words = {"_target_": "sklearn.feature_extraction.text.TfidfVectorizer", "ngram_range": {"search": [[1, 1], [1, 2]]}}
    union = {"_target_": "sklearn.pipeline.FeatureUnion", "transformer_list": [["words", words]]}
    pipeline, grid = build({"vectorizer": union, "classifier": {"_target_": "sklearn.dummy.DummyClassifier"}})
    assert grid == {"vectorizer__words__ngram_range": [(1, 1), (1, 2)]}
    assert pipeline.get_params()["vectorizer__words__ngram_range"] == (1, 1)


@pytest.mark.parametrize(
    ("parts", "message"),
    [({"clasifier": {}}, "clasifier"), ({"vectorizer": {"_target_": "builtins.dict"}}, "no classifier")],
)
def test_a_pipeline_with_wrong_parts_is_refused(parts: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        build(parts)


def test_fewer_authors_than_folds_are_refused(train: pd.DataFrame, tmp_path: Path) -> None:
    pipeline, grid = build({"classifier": {"_target_": "sklearn.dummy.DummyClassifier"}})
    with pytest.raises(SettingsError, match="search.folds=50"):
        bag_of_words.search(
            pipeline, grid, train["document"].tolist(), train, folds=50, scoring="roc_auc", seed=0, cache=tmp_path
        )


def search(pipeline: Pipeline, train: pd.DataFrame, cache: Path) -> Pipeline:
    documents = train["document"].tolist()
    return bag_of_words.search(pipeline, {}, documents, train, folds=2, scoring="roc_auc", seed=7, cache=cache)[0]


def test_rows_count_by_their_weight(train: pd.DataFrame, tmp_path: Path) -> None:
    contradicted = pd.concat([train, train.assign(negative=1 - train["negative"], weight=0.1)])
    (option,) = [path for path in OPTIONS if path.stem == "logistic_regression"]
    best = search(build(settings(option))[0], contradicted, tmp_path)
    probability = bag_of_words.negative_probability(best, train["document"].tolist())
    assert ((probability > 0.5) == train["negative"]).mean() > 0.9


def test_a_classifier_without_weights_is_refused_if_they_differ(train: pd.DataFrame, tmp_path: Path) -> None:
    neighbours = {"_target_": "sklearn.neighbors.KNeighborsClassifier"}
    counts = {"_target_": "sklearn.feature_extraction.text.CountVectorizer"}
    pipeline, _ = build({"vectorizer": counts, "classifier": neighbours})
    search(pipeline, train, tmp_path)
    with pytest.raises(SettingsError, match=r"training\.weights: KNeighborsClassifier \(.*\) takes no weights"):
        search(pipeline, train.assign(weight=np.linspace(0.1, 1, len(train))), tmp_path)


def test_log_count_ratios_follow_the_paper() -> None:
    counts = np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    ratio = LogCountRatio(alpha=1.0).fit(counts, [1, 0]).ratio_
    p, q = np.array([2.0, 1.0, 2.0]), np.array([2.0, 2.0, 1.0])
    np.testing.assert_allclose(ratio, np.log((p / p.sum()) / (q / q.sum())))


def test_a_file_with_an_untrusted_type_is_refused(tmp_path: Path) -> None:
    skops.io.dump(Path("a harmless type that no pipeline contains"), tmp_path / runtime.FILE)
    with pytest.raises(skops.io.exceptions.UntrustedTypesFoundException):
        runtime.load(tmp_path, text=str.split)  # type: ignore[arg-type]
