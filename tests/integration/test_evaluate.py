"""The step `evaluate`: a model on any labelled tweets; errors before anything is scored."""

import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from urllib.parse import urlparse
from uuid import uuid4

import mlflow
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from mlflow.cli import gc
from mlflow.tracking import MlflowClient
from sklearn.metrics import roc_auc_score

from pipeline import registry, scoring
from pipeline.artifacts import SEEN, ArtifactError, run_id
from pipeline.candidates import CandidateError
from pipeline.registry import CHAMPION
from pipeline.store import closing_connection
from sentiment.data.errors import DataError
from sentiment.evaluation import behaviour
from sentiment.evaluation.metrics import HIGHER_IS_BETTER
from sentiment.inference.classifier import DESCRIPTION
from sentiment.inference.errors import ClassifierError, SettingsError
from steps import evaluate
from tests.integration.candidates import (
    SPLITS,
    SharedCandidates,
    folder_of,
    make_champion,
    predict_in_process,
    restored,
    tweets,
)
from tests.integration.chain import configuration, last_run

pytestmark = pytest.mark.usefixtures("shared", "no_plots")
# Tweets that no model has seen, and some of the training split.
UNSEEN, LEARNED = range(500, 700), range(0, 20)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write labelled tweets of three airlines; some of them are those of the training split."""
    return write(tmp_path_factory.mktemp("table") / "airlines.csv", [*LEARNED, *UNSEEN])


def write(file: Path, numbers: Sequence[int], **changes: object) -> Path:
    """Write tweets by number to a table, with changed columns."""
    frame = tweets(numbers)
    columns = {
        "text": frame["text"] + [f" @ana{number} https://t.co/{number}" * (number in UNSEEN) for number in numbers],
        "label": np.where(frame["negative"] == 1, "negative", "positive"),
        "user": [f"user{number // 4}" for number in numbers],
        "airline": [("Delta", "United", "Swiss")[number % 3] for number in numbers],
    }
    pd.DataFrame(columns | changes).to_csv(file, index=False)
    return file


@pytest.fixture
def name(shared: SharedCandidates) -> str:
    """Make the logistic regression the champion of a registered model used by one test only."""
    name = f"small_{uuid4().hex}"
    make_champion(shared.logistic_regression, name)
    return name


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run models in this process."""
    monkeypatch.setattr(scoring, "predict_in_subprocess", predict_in_process)


@pytest.fixture
def never_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if a model is run."""
    monkeypatch.setattr(scoring, "predict_in_subprocess", lambda *_: pytest.fail("The model was run."))


def run(table: Path, *options: str) -> None:
    settings = ["data=csv", f"data.path='{table}'", "data.group_column=user", "evaluate.resamples=50"]
    evaluate.main(configuration(*settings, *options))


def logged(path: str) -> str:
    return str(mlflow.artifacts.load_text(f"{last_run().info.artifact_uri}/{path}"))


def logged_table(name: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(logged(f"tables/{name}.csv")), keep_default_na=False)


@pytest.mark.usefixtures("in_process")
def test_the_champion_is_evaluated_on_the_tweets_that_it_has_not_learned_from(
    name: str, table: Path, shared: SharedCandidates, capsys: pytest.CaptureFixture[str]
) -> None:
    run(table, f"select.name={name}", "evaluate.slice_columns=[airline]")
    finished = last_run()
    metrics = finished.data.metrics
    assert finished.data.tags["model"] == f"models:/{name}/1"
    assert finished.data.tags["model_run"] == shared.logistic_regression
    assert (metrics["eval_rows"], metrics["eval_seen_rows"]) == (200, 20)
    unseen = pd.read_csv(table).tail(200)
    probability = predict_in_process(f"models:/{name}/1", unseen["text"].tolist())["negative_probability"]
    assert metrics["eval_roc_auc"] == pytest.approx(roc_auc_score(unseen["label"] == "negative", probability))
    for metric in set(HIGHER_IS_BETTER) - {"calibration_error"}:
        assert metrics[f"eval_{metric}_low"] <= metrics[f"eval_{metric}"] <= metrics[f"eval_{metric}_high"]
    assert not [metric for metric in metrics if not metric.startswith("eval_")]
    output = capsys.readouterr().out
    assert f"{name} version 1 on csv (airlines.csv): 200 tweets" in output
    assert f"{metrics['eval_roc_auc']:.3f}" in output


@pytest.mark.usefixtures("in_process")
def test_the_run_has_a_report_and_tables(name: str, table: Path) -> None:
    run(table, f"select.name={name}", "evaluate.slice_columns=[airline]")
    by_slice = logged_table("slices").set_index("slice")
    assert by_slice.loc[["airline: Delta", "airline: United", "airline: Swiss"], "tweets"].astype(int).sum() == 200
    assert logged_table("behaviour")["test"].tolist() == [test.name for test in behaviour.TESTS]
    assert last_run().data.metrics["eval_behaviour_another_mention"] == 1.0
    assert logged_table("reliable")["answer"].tolist() == ["negative", "positive"]
    assert logged_table("recalibration")["method"].tolist() == ["none", "temperature", "platt"]
    text, html = logged("report/report.md"), logged("report/report.html")
    for heading in ("Quality", "By kind of tweet", "Calibration", "Reliable answers", "Behaviour", "Most wrong"):
        assert f"\n## {heading}\n" in text
        assert f"<h2>{heading}</h2>" in html
    assert html.count("data:image/png;base64,") == text.count("![") == 5
    (data,) = last_run().inputs.dataset_inputs
    assert data.dataset.name == "csv evaluated"


@pytest.mark.usefixtures("in_process")
def test_texts_are_shown_without_names_and_addresses_and_only_in_the_report_and_its_table(
    name: str, table: Path
) -> None:
    run(table, f"select.name={name}", "evaluate.most_wrong=5")
    worst = logged_table("most_wrong")["text"].tolist()
    assert len(worst) == 5
    assert all(text.endswith("@user http") for text in worst)
    folder = Path(urlparse(last_run().info.artifact_uri).path)
    with_texts = {
        str(file.relative_to(folder)) for file in folder.rglob("*.*") if worst[0].encode() in file.read_bytes()
    }
    assert with_texts == {"tables/most_wrong.csv", "report/report.md", "report/report.html"}


@pytest.mark.usefixtures("in_process")
def test_texts_are_left_out_on_request(name: str, table: Path) -> None:
    run(table, f"select.name={name}", "evaluate.most_wrong=0")
    folder = Path(urlparse(last_run().info.artifact_uri).path)
    assert not (folder / "tables" / "most_wrong.csv").exists()
    texts = tweets(UNSEEN)["text"]
    logged_files = "".join(file.read_text(encoding="utf-8") for file in folder.rglob("*.*") if file.suffix != ".png")
    assert not [text for text in texts if text in logged_files]
    assert "Texts were left out" in logged("report/report.md")


@pytest.mark.usefixtures("in_process")
def test_learned_tweets_are_included_on_request_with_a_warning(name: str, table: Path) -> None:
    run(table, f"select.name={name}", "evaluate.include_seen=true")
    metrics = last_run().data.metrics
    assert (metrics["eval_rows"], metrics["eval_seen_rows"]) == (220, 20)
    assert "The model has learned from 20 of these texts" in logged("report/report.md")


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("form", ["version", "run"])
def test_a_version_or_the_model_of_a_run_is_evaluated(
    form: str, name: str, table: Path, shared: SharedCandidates
) -> None:
    version = registry.register(shared.characters, name, {})
    uri = shared.dummy if form == "run" else f"models:/{name}/{version.version}"
    run(table, f"evaluate.model={uri}")
    assert last_run().data.tags["model"] == uri
    assert last_run().data.tags["model_run"] == (shared.dummy if form == "run" else shared.characters)


@pytest.mark.usefixtures("in_process")
def test_a_third_label_counts_as_not_negative_or_is_ignored(name: str, tmp_path: Path) -> None:
    labels = np.where(
        np.arange(200) % 10 == 0, "neutral", np.where(tweets(UNSEEN)["negative"] == 1, "negative", "positive")
    )
    table = write(tmp_path / "three.csv", UNSEEN, label=labels)
    run(table, f"select.name={name}")
    assert last_run().data.metrics["eval_rows"] == 200
    run(table, f"select.name={name}", "data.ignored_values=[neutral]")
    assert last_run().data.metrics["eval_rows"] == 180


def test_a_table_is_scored_in_chunks_with_the_code_of_the_model(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = tweets(range(1_000, 1_000 + scoring.CHUNK + 7))["text"].tolist()
    shown: list[int] = []

    class Progress:
        def __init__(self, **_: object) -> None: ...
        def __enter__(self) -> "Progress":
            return self

        def __exit__(self, *_: object) -> None: ...
        def update(self, tweets: int) -> None:
            shown.append(tweets)

    monkeypatch.setattr(scoring, "tqdm", Progress)
    answers = scoring.predict_in_subprocess(f"models:/{name}/1", texts)
    assert shown == [scoring.CHUNK, 7]
    expected = predict_in_process(f"models:/{name}/1", texts)
    np.testing.assert_allclose(answers["negative_probability"], expected["negative_probability"], rtol=0, atol=1e-12)
    assert answers["sentiment"].tolist() == expected["sentiment"].tolist()


@pytest.mark.usefixtures("never_scored")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": ""}, r"row\(s\) have no label"),
        ({"label": "negative"}, "no row is positive"),
        ({"label": "fine"}, "no row is negative"),
        ({"text": ""}, r"row\(s\) have an empty text"),
    ],
)
def test_a_table_that_cannot_be_evaluated_is_refused(
    change: dict[str, str], message: str, name: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        run(write(tmp_path / "bad.csv", UNSEEN, **change), f"select.name={name}")
    assert last_run().info.status == "FAILED"


@pytest.mark.usefixtures("never_scored")
@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ("data.label_column=sentiment", DataError, "No column sentiment in the table. Its columns: text, label"),
        ("evaluate.slice_columns=[plane]", DataError, r"evaluate\.slice_columns: no column plane in the table"),
        ("evaluate.slice_columns=airline", SettingsError, r"evaluate\.slice_columns=airline: set it to a list"),
        ("evaluate.most_wrong=-1", SettingsError, r"evaluate\.most_wrong=-1: set it to a whole number of 0 or more"),
        ("evaluate.resamples=5", SettingsError, r"evaluate\.resamples=5: set it to a whole number of 20 or more"),
        ("data.extra_training=more.csv", SettingsError, "evaluates on the main data only"),
        ("evaluate.model=champion", SettingsError, r"evaluate\.model=champion: set it to models:/<name>@champion"),
        ("evaluate.model=models:/nobody@champion", ArtifactError, "There is no model nobody in .* make run"),
        (f"evaluate.model=runs:/{'0' * 32}/model", ArtifactError, r"its run cannot be read: .*Restore them"),
    ],
)
def test_wrong_settings_are_refused(option: str, error: type[Exception], message: str, name: str, table: Path) -> None:
    with pytest.raises(error, match=message):
        run(table, f"select.name={name}", option)


@pytest.mark.usefixtures("never_scored")
def test_a_table_of_learned_tweets_only_is_refused(name: str, tmp_path: Path) -> None:
    table = write(tmp_path / "learned.csv", [*SPLITS["train"], *SPLITS["validation"]])
    with pytest.raises(DataError, match=r"learned from 360 of the 360 texts.*evaluate\.include_seen=true"):
        run(table, f"select.name={name}")


@pytest.mark.usefixtures("never_scored")
def test_a_version_or_alias_that_is_gone_is_refused_with_those_that_exist(name: str, table: Path) -> None:
    with pytest.raises(ArtifactError, match=rf"{name} has no version 9 in .*, only 1\."):
        run(table, f"evaluate.model=models:/{name}/9")
    registry.move(name, CHAMPION, None, "a test")
    with pytest.raises(ArtifactError, match=f"{name} has no champion in .* promote -P version="):
        run(table, f"select.name={name}")


@pytest.mark.usefixtures("never_scored")
@pytest.mark.parametrize("lost", ["all", "classifier", "seen"])
def test_a_version_without_its_files_is_refused_with_the_remedy(
    lost: str, name: str, table: Path, shared: SharedCandidates
) -> None:
    folder = folder_of(shared.logistic_regression)
    (description,) = folder.rglob(DESCRIPTION)
    artifacts_of_run = urlparse(mlflow.get_run(run_id(shared.logistic_regression)).info.artifact_uri).path
    path = {"all": folder, "classifier": description, "seen": Path(artifacts_of_run) / SEEN}[lost]
    message = rf"{SEEN} of .* cannot be read" if lost == "seen" else r"its files cannot be read.* train again"
    with restored(path), pytest.raises(ArtifactError, match=message):
        if path.is_dir():
            for file in sorted(path.rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
        else:
            path.unlink()
        run(table, f"select.name={name}")


@pytest.mark.usefixtures("never_scored")
def test_a_version_without_its_run_is_refused_with_the_remedy(shared: SharedCandidates, name: str, table: Path) -> None:
    version = registry.holder(name, CHAMPION)
    assert version is not None
    copy = MlflowClient().create_run(mlflow.get_run(version.run_id).info.experiment_id).info.run_id
    with closing_connection(Path(shared.store.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE model_versions SET run_id = ? WHERE name = ?", (copy, name))
    MlflowClient().delete_run(copy)
    result = CliRunner().invoke(gc, ["--backend-store-uri", shared.store, "--run-ids", copy])
    assert result.exit_code == 0, result.output
    with pytest.raises(ArtifactError, match=rf"its run cannot be read: .*{copy}.* train again \(make run\)"):
        run(table, f"select.name={name}")


@pytest.mark.usefixtures("never_scored")
def test_a_model_of_an_older_version_of_the_project_is_refused(
    name: str, table: Path, shared: SharedCandidates
) -> None:
    (path,) = folder_of(shared.logistic_regression).rglob(DESCRIPTION)
    description = json.loads(path.read_text(encoding="utf-8"))
    del description["reliability"]
    with restored(path), pytest.raises(ClassifierError, match="lacks reliability: an older version .* Train the model"):
        path.write_text(json.dumps(description), encoding="utf-8")
        run(table, f"select.name={name}")


def test_answers_of_an_older_version_of_the_project_are_refused(
    name: str, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_reliable(uri: str, texts: list[str]) -> pd.DataFrame:
        return predict_in_process(uri, texts).drop(columns="reliable")

    monkeypatch.setattr(scoring, "predict_in_subprocess", without_reliable)
    with pytest.raises(CandidateError, match="was trained by an older version of this project. Train it again"):
        run(table, f"select.name={name}")
