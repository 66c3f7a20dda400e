"""The step `explain`: the words that decide over any tweets and in single ones, and how far to trust it."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from urllib.parse import urlparse
from uuid import uuid4

import mlflow
import pandas as pd
import pytest
from hydra.errors import InstantiationException

from pipeline import registry, trust
from pipeline.artifacts import ArtifactError
from pipeline.registry import CHAMPION
from sentiment.data.errors import DataError
from sentiment.inference.classifier import DESCRIPTION, Classifier
from sentiment.inference.errors import SettingsError
from steps import explain
from tests.integration.candidates import WORDS, SharedCandidates, folder_of, make_champion, restored, tweets
from tests.integration.chain import configuration, last_run

pytestmark = pytest.mark.usefixtures("shared", "no_plots")
GOOD, BAD = WORDS


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write labelled tweets, each with a mention and a link."""
    return write(tmp_path_factory.mktemp("table") / "tweets.csv", range(500, 620))


def write(file: Path, numbers: Sequence[int], **changes: object) -> Path:
    """Write tweets by number to a table, with changed columns."""
    frame = tweets(numbers)
    label = frame["negative"].map({1: "negative", 0: "positive"})
    text = [f"{text} @ana{number} https://t.co/{number}" for number, text in zip(numbers, frame["text"], strict=True)]
    pd.DataFrame({"text": text, "label": label} | changes).to_csv(file, index=False)
    return file


@pytest.fixture
def name(shared: SharedCandidates) -> str:
    """Make the logistic regression the champion of a registered model used by one test only."""
    name = f"small_{uuid4().hex}"
    make_champion(shared.logistic_regression, name)
    return name


@pytest.fixture
def never_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if a model is loaded."""
    monkeypatch.setattr(Classifier, "load", lambda *_: pytest.fail("The model was loaded."))


def run(table: Path, *options: str) -> None:
    settings = ["data=csv", f"data.path='{table}'", "faithfulness.tweets=20", "faithfulness.max_words=6"]
    explain.main(configuration(*settings, *options))


def logged(path: str) -> str:
    return str(mlflow.artifacts.load_text(f"{last_run().info.artifact_uri}/{path}"))


def logged_table(name: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(logged(f"tables/{name}.csv")), keep_default_na=False)


def test_the_words_that_decide_over_the_tweets_are_found(
    name: str, table: Path, shared: SharedCandidates, capsys: pytest.CaptureFixture[str]
) -> None:
    run(table, f"select.name={name}", "explain.sample_size=100")
    assert last_run().data.tags["model"] == f"models:/{name}/1"
    assert last_run().data.tags["model_run"] == shared.logistic_regression
    words = logged_table("words").set_index("word")
    assert (words.loc[BAD, "total"] > 0).all()
    assert (words.loc[GOOD, "total"] < 0).all()
    assert words.loc["@user", "tweets"] == words.loc["http", "tweets"] == 100
    coefficients = logged_table("coefficients").set_index("feature")["coefficient"]
    assert coefficients[BAD].min() > 0 > coefficients[GOOD].max()
    output = capsys.readouterr().out
    assert f"{name} version 1 on csv (tweets.csv): 100 of 120 tweets" in output
    (data,) = last_run().inputs.dataset_inputs
    assert data.dataset.name == "csv explained"


def test_the_faithfulness_of_the_explanations_is_measured(name: str, table: Path) -> None:
    run(table, f"select.name={name}")
    metrics = last_run().data.metrics
    assert metrics["faithfulness_tweets"] == 20
    assert metrics["faithfulness_pearson"] >= 0.95
    assert metrics["faithfulness_mosaic_mass"] > 0.5
    assert not [metric for metric in metrics if not metric.startswith("faithfulness_")]
    assert logged_table("faithfulness").loc[0, "pearson"] == pytest.approx(metrics["faithfulness_pearson"])


def test_chosen_tweets_are_explained_as_written_and_those_of_the_data_without_names_and_addresses(
    name: str, table: Path
) -> None:
    run(table, f"select.name={name}", "explain.tweets=['@zoe late, rude!','lovely crew']", "explain.examples=2")
    examples = logged_table("examples")
    kinds = examples.groupby("tweet")["kind"].first().tolist()
    assert kinds == ["your tweet"] * 2 + ["clearly negative"] * 2 + ["clearly positive"] * 2 + ["unclear"] * 2
    assert examples[examples["tweet"] == 1]["word"].tolist() == ["@zoe", "late,", "rude!"]
    assert {"@user", "http"} < set(examples[examples["tweet"] > 2]["word"])
    folder = Path(urlparse(last_run().info.artifact_uri).path)
    files = "".join(file.read_text(encoding="utf-8") for file in folder.rglob("*.*") if file.suffix != ".png")
    assert "@ana" not in files
    assert "https://t.co" not in files
    text, html = logged("report/report.md"), logged("report/report.html")
    for heading in ("Words", "Coefficients", "Single tweets", "How far to trust this"):
        assert f"\n## {heading}\n" in text
        assert f"<h2>{heading}</h2>" in html
    assert '<mark class="negative">' in html
    assert html.count("data:image/png;base64,") == text.count("![") == 1


def test_texts_are_left_out_on_request(name: str, table: Path) -> None:
    run(table, f"select.name={name}", "explain.examples=0")
    folder = Path(urlparse(last_run().info.artifact_uri).path)
    assert not (folder / "tables" / "examples.csv").exists()
    assert "texts of the data were left out" in logged("report/report.md")


@pytest.mark.parametrize("form", ["version", "run"])
def test_a_version_or_the_model_of_a_run_is_explained(
    form: str, name: str, table: Path, shared: SharedCandidates
) -> None:
    version = registry.register(shared.characters, name, {})
    uri = shared.dummy if form == "run" else f"models:/{name}/{version.version}"
    run(table, f"explain.model={uri}", "explain.sample_size=10")
    assert last_run().data.tags["model"] == uri


def test_a_model_that_ignores_all_words_has_no_faithfulness(name: str, table: Path, shared: SharedCandidates) -> None:
    run(table, f"explain.model={shared.dummy}", f"select.name={name}")
    metrics = last_run().data.metrics
    assert metrics["faithfulness_tweets"] == 20
    assert "faithfulness_pearson" not in metrics
    assert "| Pearson's correlation | – |" in logged("report/report.md")


@pytest.mark.parametrize("change", ["changed", "missing"])
def test_a_model_that_explains_as_another_version_is_not_measured_for_its_card(
    change: str, shared: SharedCandidates, table: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (module,) = folder_of(shared.logistic_regression).rglob("shapley.py")
    (description,) = folder_of(shared.logistic_regression).rglob(DESCRIPTION)
    assert trust.explains_as_here(description.parent)
    with restored(module):
        module.write_text("") if change == "changed" else module.unlink()
        assert trust.measure_as_served(description.parent, ["late crew"], configuration()) is None
        assert "contains the explanations of another version" in caplog.text
        caplog.clear()
        run(table, f"explain.model={shared.logistic_regression}", "explain.sample_size=5")
    assert "This report shows the explanations of this version." in caplog.text


@pytest.mark.usefixtures("never_loaded")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": ""}, r"row\(s\) have no label"),
        ({"text": ""}, r"row\(s\) have an empty text"),
    ],
)
def test_a_table_that_cannot_be_explained_is_refused(
    change: dict[str, str], message: str, name: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        run(write(tmp_path / "bad.csv", range(500, 510), **change), f"select.name={name}")
    assert last_run().info.status == "FAILED"


@pytest.mark.usefixtures("never_loaded")
def test_an_empty_table_is_refused(name: str, tmp_path: Path) -> None:
    file = tmp_path / "empty.csv"
    file.write_text("text,label\n", encoding="utf-8")
    with pytest.raises(InstantiationException, match="The table has a header, but no rows"):
        run(file, f"select.name={name}")


@pytest.mark.usefixtures("never_loaded")
@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ("explain.tweets=['late','  ']", SettingsError, r"explain\.tweets: tweet 2 of 2 is empty\. Write a text"),
        ("explain.tweets=late", SettingsError, r"explain\.tweets=late: set it to a list of tweets"),
        ("explain.tweets=[7]", SettingsError, r"explain\.tweets=\[7\]: set it to a list of tweets"),
        ("explain.sample_size=0", SettingsError, r"explain\.sample_size=0: set it to a whole number of 1 or more"),
        ("explain.min_tweets=0", SettingsError, r"explain\.min_tweets=0: set it to a whole number of 1 or more"),
        ("explain.examples=-1", SettingsError, r"explain\.examples=-1: set it to a whole number of 0 or more"),
        ("faithfulness.max_words=11", SettingsError, r"faithfulness\.max_words=11: .* number from 2 to 10"),
        ("faithfulness.tweets=0", SettingsError, r"faithfulness\.tweets=0: set it to a whole number of 1 or more"),
        ("data.extra_training=more.csv", SettingsError, "reads the main data only"),
        ("explain.model=champion", SettingsError, r"explain\.model=champion: set it to models:/<name>@champion"),
        ("explain.model=models:/nobody@champion", ArtifactError, "There is no model nobody in .* make run"),
        (f"explain.model=runs:/{'0' * 32}/model", ArtifactError, r"its run cannot be read: .*Restore them"),
    ],
)
def test_wrong_settings_are_refused(option: str, error: type[Exception], message: str, name: str, table: Path) -> None:
    with pytest.raises(error, match=message):
        run(table, f"select.name={name}", option)


@pytest.mark.usefixtures("never_loaded")
def test_a_version_or_alias_that_is_gone_is_refused_with_those_that_exist(name: str, table: Path) -> None:
    with pytest.raises(ArtifactError, match=rf"{name} has no version 9 in .*, only 1\."):
        run(table, f"explain.model=models:/{name}/9")
    registry.move(name, CHAMPION, None, "a test")
    with pytest.raises(ArtifactError, match=f"{name} has no champion in .* promote -P version="):
        run(table, f"select.name={name}")
