"""The step `drift`: the reference that `select` keeps, both verdicts, and errors before anything is scored."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import mlflow
import pandas as pd
import pytest
import sqlalchemy as sa
from mlflow.tracking import MlflowClient

from pipeline import reference, registry, scoring
from pipeline.artifacts import ArtifactError
from pipeline.reference import ABOUT, REFERENCE, TWEETS, WORDS, DriftError
from sentiment.data.errors import DataError
from sentiment.inference.errors import SettingsError
from steps import drift
from telemetry import schema
from telemetry.store import Store
from tests.integration.candidates import SPLITS, SharedCandidates, make_champion, restored, tweets
from tests.integration.chain import configuration, last_run
from tests.integration.watched import OPTIONS, SUFFIX, UNSEEN, in_process, predictions, register, save, write

pytestmark = pytest.mark.usefixtures("no_plots", "without_evidently")


@pytest.fixture(scope="module")
def name(shared: SharedCandidates) -> Iterator[str]:
    """Register the logistic regression with its reference; run models in this process."""
    registered = register(shared)
    with in_process():
        yield registered


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of a store of events that does not exist yet, and set TELEMETRY_DATABASE to it."""
    url = f"sqlite:///{tmp_path / 'events.db'}"
    monkeypatch.setenv("TELEMETRY_DATABASE", url)
    return url


def watch(name: str, *options: str, table: Path | None = None) -> int:
    """Run the step, on a table or on events; return the exit code that a scheduler would see."""
    settings = [f"select.name={name}", *OPTIONS]
    if table is not None:
        settings += ["drift.tweets=data", "data=csv", f"data.path='{table}'"]
    try:
        drift.main(configuration(*settings, *options))
    except SystemExit as left:
        assert left.args[0] == last_run().data.tags["verdict"]
        return int(left.args[1])
    return 0


def folder_of_reference(name: str) -> Path:
    uri = MlflowClient().get_model_version(name, "1").tags[REFERENCE]
    run = mlflow.get_run(uri.split("/")[1])
    return Path(urlparse(run.info.artifact_uri).path) / REFERENCE


def test_the_reference_describes_the_validation_tweets_without_their_texts(name: str, tmp_path: Path) -> None:
    version = MlflowClient().get_model_version(name, "1")
    kept = reference.read(version, tmp_path)
    assert len(kept.tweets) == len(SPLITS["validation"])
    assert {"late", "lovely"} <= kept.known
    content = b"".join(file.read_bytes() for file in folder_of_reference(name).iterdir())
    assert not [text for text in tweets(SPLITS["validation"])["text"] if text.encode() in content]
    assert kept.tweets["negative"].mean() == 0.5


def test_tweets_of_the_same_kind_ring_no_alarm(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert watch(name, table=write(tmp_path / "same.csv")) == 0
    run = last_run()
    assert run.info.status == "FINISHED"
    assert run.data.metrics["drift_changed"] == 0
    assert "The tweets have not changed" in run.data.tags["verdict"]
    assert run.data.tags["model"] == f"models:/{name}/1"
    low, area, high = (run.data.metrics[f"drift_roc_auc{bound}"] for bound in ("_low", "", "_high"))
    assert low < area < high
    assert abs(run.data.metrics["drift_estimated_roc_auc"] - area) < 0.1
    assert not [metric for metric in run.data.metrics if not metric.startswith("drift_")]
    assert "Is the model worse?" in capsys.readouterr().out


def test_without_labels_the_quality_is_estimated_as_far_as_it_can_be(name: str, tmp_path: Path) -> None:
    table = write(tmp_path / "same.csv")
    assert watch(name, "data.label_column=null", "drift.max_drop=0.3", table=table) == 0
    metrics = last_run().data.metrics
    assert metrics["drift_trusted"] == 1
    assert metrics["drift_worse"] == 0
    assert "drift_roc_auc" not in metrics
    assert "As far as can be estimated without labels" in last_run().data.tags["verdict"]
    assert watch(name, "data.label_column=null", table=table) == 0
    margin = last_run().data.metrics["drift_estimated_roc_auc_margin"]
    assert 0.02 < margin < 0.3
    assert last_run().data.tags["worse"] == "cannot tell"
    assert "can only be estimated within" in last_run().data.tags["verdict"]


def test_changed_tweets_ring_an_alarm_and_the_run_has_finished(name: str, tmp_path: Path) -> None:
    table = write(tmp_path / "changed.csv", suffix=SUFFIX)
    assert watch(name, "data.label_column=null", table=table) == 3
    run = last_run()
    assert run.info.status == "FINISHED"
    assert (run.data.tags["changed"], run.data.tags["worse"]) == ("yes", "cannot tell")
    assert "with a mention 0.0 % to 100.0 %" in run.data.tags["verdict"]
    assert "cannot be told: the tweets have changed" in run.data.tags["verdict"]
    assert run.data.metrics["drift_psi_mention"] > 1
    folder = Path(urlparse(run.info.artifact_uri).path)
    assert {file.name for file in (folder / "report").iterdir()} == {"report.md", "report.html", "evidently.html"}
    features = pd.read_csv(folder / "tables" / "features.csv").set_index("feature")
    assert features.loc["mention", "drifted"]
    assert not features.loc["hashtag", "drifted"]
    content = b"".join(file.read_bytes() for file in folder.rglob("*.*"))
    assert not [text for text in pd.read_csv(table)["text"] if text.encode() in content]


def test_by_labels_a_worse_model_rings_another_alarm(name: str, tmp_path: Path) -> None:
    assert watch(name, table=write(tmp_path / "flipped.csv", flipped=True)) == 4
    assert last_run().data.tags["worse"] == "yes"
    assert "By the labels" in last_run().data.tags["verdict"]


def test_tweets_that_the_model_has_learned_from_count_for_the_input_only(name: str, tmp_path: Path) -> None:
    table = write(tmp_path / "learned.csv", [*SPLITS["train"], *SPLITS["validation"]])
    assert watch(name, table=table) == 0
    metrics = last_run().data.metrics
    assert metrics["drift_seen_tweets"] == metrics["drift_tweets"] == 360
    assert "drift_psi_probability" not in metrics
    assert "too few tweets that the model has not learned from" in last_run().data.tags["verdict"]


def test_stored_predictions_are_compared(name: str, events: str) -> None:
    save(events, [*predictions(name), *predictions(name, range(1000, 1050), model_version="9")])
    assert watch(name) == 0
    assert last_run().data.metrics["drift_tweets"] == len(UNSEEN)
    assert "predictions of the last 7 days" in last_run().data.tags["verdict"]


def test_of_predictions_without_texts_the_length_and_the_answers_are_compared(name: str, events: str) -> None:
    save(events, predictions(name, stored=False))
    assert watch(name) == 0
    run = last_run()
    compared = {metric.removeprefix("drift_psi_") for metric in run.data.metrics if "_psi_" in metric}
    assert compared == {"length", "probability"}
    assert run.data.tags["worse"] == "cannot tell"
    assert "TELEMETRY_TEXT=masked" in run.data.tags["verdict"]


def test_an_empty_window_is_refused(name: str, events: str) -> None:
    save(events, [])
    with pytest.raises(DriftError, match=r"predictions of the last 7 days by version 1: no tweets, but"):
        watch(name)
    assert last_run().info.status == "FAILED"


def test_a_window_of_another_version_is_refused_with_the_versions_it_has(name: str, events: str) -> None:
    save(events, predictions(name, model_version="9"))
    with pytest.raises(DriftError, match=r"other versions: 400 of version 9\. Set drift\.model to one of them"):
        watch(name)


def test_a_missing_store_is_refused(name: str, events: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DriftError, match=r"no event store at .*events\.db: correct TELEMETRY_DATABASE"):
        watch(name)
    assert not Path(events.removeprefix("sqlite:///")).exists()
    monkeypatch.delenv("TELEMETRY_DATABASE")
    with pytest.raises(DriftError, match=r"set TELEMETRY_DATABASE to that of the service, or compare a table"):
        watch(name)


def test_a_store_of_another_version_of_the_project_is_refused(name: str, events: str) -> None:
    save(events, [])
    store = Store(events)
    with store.database.engine.begin() as connection:
        connection.execute(sa.update(schema.settings).values(version=99))
    store.close()
    with pytest.raises(DriftError, match=r"has tables of version 99, this program uses version"):
        watch(name)


def test_a_version_without_a_reference_is_refused(shared: SharedCandidates, tmp_path: Path) -> None:
    older = "older_model"
    make_champion(shared.logistic_regression, older)
    with pytest.raises(DriftError, match=r"older_model version 1 has no reference .* Run `select` .*again"):
        watch(older, table=write(tmp_path / "same.csv"))


@pytest.mark.parametrize(
    ("file", "content", "error", "message"),
    [
        (ABOUT, json.dumps({"schema": 2}), DriftError, "a reference of schema 2, this version .* reads schema 1"),
        (ABOUT, "{}", ArtifactError, "cannot be read: 'schema'"),
        (TWEETS, "damaged", ArtifactError, "cannot be read: .* train again"),
        (WORDS, None, ArtifactError, "cannot be read: .* train again"),
    ],
)
def test_a_reference_that_cannot_be_used_is_refused(
    file: str, content: str | None, error: type[Exception], message: str, name: str, tmp_path: Path
) -> None:
    path = folder_of_reference(name) / file
    with restored(path), pytest.raises(error, match=message):
        if content is None:
            path.unlink()
        else:
            path.write_text(content, encoding="utf-8")
        watch(name, table=write(tmp_path / "same.csv"))


@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ("drift.model=models:/nobody@champion", ArtifactError, "There is no model nobody in .* make run"),
        (f"drift.model=runs:/{'0' * 32}/model", DriftError, "only registered versions have a reference"),
        ("drift.model=champion", SettingsError, r"drift\.model=champion: set it to models:/<name>@champion"),
        ("drift.tweets=all", SettingsError, r"drift\.tweets=all: set it to events or data"),
        ("drift.min_tweets=3", SettingsError, r"drift\.min_tweets=3: set it to a whole number of 30 or more"),
        ("drift.max_tweets=50", SettingsError, r"drift\.max_tweets=50: set it to a whole number of 100 or more"),
        ("drift.resamples=100", SettingsError, r"drift\.resamples=100: set it to a whole number of 1100 or more"),
        ("drift.days=0", SettingsError, r"drift\.days=0: set it to a number from"),
        ("data.text_column=tweet", DataError, "No column tweet in the table. Its columns: text, label"),
        ("drift.min_tweets=1000", DriftError, r"400 tweets, but drift\.min_tweets=1000 are needed"),
        ("data.extra_training=more.csv", SettingsError, "compares the main data only"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_scored(
    option: str, error: type[Exception], message: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "predict_in_subprocess", lambda *_: pytest.fail("The model was run."))
    with pytest.raises(error, match=message):
        watch(name, option, table=write(tmp_path / "same.csv"))


def test_a_version_that_is_gone_is_refused_with_those_that_exist(name: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=rf"{name} has no version 9 in .*, only 1\."):
        watch(name, f"drift.model=models:/{name}/9", table=write(tmp_path / "same.csv"))
    assert registry.aliases(name)


@pytest.mark.parametrize("text", ["", None])
def test_an_unlabelled_table_with_rows_without_text_is_refused(text: str | None, name: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.parquet"
    pd.DataFrame({"text": ["late again"] * 200 + [text]}).to_parquet(file)
    with pytest.raises(
        DataError, match=r"1 row\(s\) have no text: 201 \(data\.drop_empty_texts=true drops such rows\)"
    ):
        watch(name, "data.label_column=null", table=file)
