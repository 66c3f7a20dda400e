"""The commands in the documentation run as written."""

import csv
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.store import Store
from tests.documentation import PROJECT, blocks, documented
from tests.e2e.commands import BIN, Chain, environment
from tests.e2e.server import Server, served
from tests.events import feedback

pytestmark = pytest.mark.slow
NOVEMBER_2 = 1793577600.0


def run(command: list[str], folder: Path = PROJECT, store: str = "", typed: str | None = None) -> str:
    """Run a command in the activated environment with typed input; return its output.

    Without `store`, MLFLOW_TRACKING_URI is not set.
    """
    variables = environment(store)
    if not store:
        del variables["MLFLOW_TRACKING_URI"]
    completed = subprocess.run(
        command, cwd=folder, env=variables, input=typed, capture_output=True, text=True, check=False, timeout=120
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


def test_the_champion_classifies_a_tweet(chain: Chain) -> None:
    command = documented('python -m steps predict "@AirParadis two hours late, thanks for nothing"')
    output = run(command, store=chain.tracking_uri)
    assert "two hours late" in output
    assert "negative" in output


def test_the_champion_loads_in_python(copied_chain: Chain) -> None:
    """Type the block into an interactive Python, which prints the value of the last line."""
    (block,) = (block for block in blocks() if block.language == "python" and block.page.name == "engineer.md")
    folder = Path(copied_chain.tracking_uri.removeprefix("sqlite:///")).parent
    assert "negative_probability" in run(["python", "-iq"], folder, typed=block.content)


def test_a_step_shows_its_configuration() -> None:
    assert "\ntrain_keras:\n" in run(documented("python -m steps train_keras --cfg job"))


@pytest.mark.extended
def test_one_step_runs_alone(copied_chain: Chain) -> None:
    run(documented("mlflow run . --env-manager=local -e split"), store=copied_chain.tracking_uri)
    newest, *_ = copied_chain.runs("split")
    assert newest.info.status == "FINISHED"
    assert "mlflow.parentRunId" not in newest.data.tags


@pytest.mark.extended
def test_the_champion_is_evaluated(copied_chain: Chain) -> None:
    output = run(documented("mlflow run . --env-manager=local -e evaluate"), store=copied_chain.tracking_uri)
    assert "tweet_sentiment version 1 on vader" in output
    (evaluated,) = copied_chain.runs("evaluate")
    assert evaluated.info.status == "FINISHED"
    metrics = evaluated.data.metrics
    assert metrics["eval_roc_auc_low"] > 0.5
    assert metrics["eval_rows"] > 300
    learned = 1_700  # of the 2,000 tweets of the chain; some of them occur twice in the whole data set
    assert learned <= metrics["eval_seen_rows"] <= learned + 50


@pytest.mark.extended
def test_the_champion_is_explained(copied_chain: Chain) -> None:
    few = "explain.sample_size=100 faithfulness.tweets=10 faithfulness.max_words=8 faithfulness.mosaics=4"
    command = [*documented("mlflow run . --env-manager=local -e explain"), "-P", f"hydra_options={few}"]
    output = run(command, store=copied_chain.tracking_uri)
    assert "tweet_sentiment version 1 on vader" in output
    (explained,) = copied_chain.runs("explain")
    assert explained.info.status == "FINISHED"
    assert explained.data.metrics["faithfulness_pearson"] >= 0.95


def test_a_chosen_tweet_is_explained(copied_chain: Chain) -> None:
    command = documented(
        "python -m steps explain \"explain.tweets=['two hours late, thanks for nothing', 'lovely crew']\""
    )
    few = ["explain.sample_size=20", "faithfulness.tweets=5", "faithfulness.max_words=5"]
    output = run([*command, *few], store=copied_chain.tracking_uri)
    assert output.count("Your tweet: ") == 2


@pytest.mark.extended
def test_a_version_is_promoted(copied_chain: Chain) -> None:
    command = documented("mlflow run . --env-manager=local -e promote -P version=1")
    run(command, store=copied_chain.tracking_uri)
    assert int(copied_chain.client.get_model_version_by_alias("tweet_sentiment", "champion").version) == 1
    assert copied_chain.statuses("promote") == {"promote": ["FINISHED"]}


def test_a_finished_run_is_documented(chain: Chain, tmp_path: Path) -> None:
    (main,) = chain.runs("main")
    (tmp_path / "docs").mkdir()
    command = documented('python -m steps document "16,000 tweets=RUN_ID"', RUN_ID=main.info.run_id)
    run([*command, "--folder", str(tmp_path / "docs")], store=chain.tracking_uri)
    (result,) = json.loads((tmp_path / "docs/results.json").read_text(encoding="utf-8"))
    assert result["title"] == "16,000 tweets"
    assert "### bert" in (tmp_path / "docs/results.md").read_text(encoding="utf-8")


def test_mispredictions_are_exported(tmp_path: Path) -> None:
    store, file = Store(f"sqlite:///{tmp_path / 'events.db'}"), tmp_path / "mispredicted.csv"
    store.create()
    sentiments = {"predicted_sentiment": "positive", "true_sentiment": "negative"}
    store.add([feedback(1, NOVEMBER_2, "late again", **sentiments)])
    command = documented(
        "python -m telemetry export --since 2026-11-01 --output mispredicted.csv", **{"mispredicted.csv": str(file)}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELEMETRY_DATABASE", str(tmp_path / "events.db"))
        run(command)
    with file.open(encoding="utf-8-sig", newline="") as table:  # the byte order mark tells Excel the encoding
        (row,) = csv.DictReader(table)
    assert (row["text"], row["label"]) == ("late again", "negative")


@pytest.fixture(scope="module")
def server(bento: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the champion in the project's environment."""
    with served(BIN / "python", bento, tmp_path_factory.mktemp("served")) as server:
        yield server


def call(server: Server, command: list[str]) -> dict[str, object]:
    """Run a documented curl command against the test's server; return the answer."""
    documented_url, url = "http://127.0.0.1:3000", str(server.client.base_url).rstrip("/")
    answer: dict[str, object] = json.loads(run([word.replace(documented_url, url) for word in command]))
    return answer


def test_the_service_classifies_one_tweet(server: Server) -> None:
    answer = call(
        server,
        documented(
            'curl -s http://127.0.0.1:3000/predict -H "Content-Type: application/json" '
            """-d '{"text": "@AirParadis two hours late :("}'"""
        ),
    )
    assert answer.keys() == {
        *("sentiment", "negative_probability", "certainty", "uncertainty_reason", "language", "reliable"),
        *("model_version", "prediction_id"),
    }


def test_the_service_classifies_several_tweets(server: Server) -> None:
    answer = call(
        server,
        documented(
            'curl -s http://127.0.0.1:3000/predict/batch -H "Content-Type: application/json" '
            """-d '{"texts": ["late again", "lovely crew!"]}'"""
        ),
    )
    predictions = answer["predictions"]
    assert isinstance(predictions, list)
    assert [prediction["sentiment"] in ("negative", "positive") for prediction in predictions] == [True, True]


def test_the_service_takes_collected_tweets(server: Server) -> None:
    answer = call(
        server,
        documented(
            'curl -s http://127.0.0.1:3000/predict/batch -H "Content-Type: application/json" '
            """-d '{"tweets": [{"text": "late again", "time": "2026-11-29T18:04:11+01:00", """
            """"author": "@anna", "id": "1994808112345678901"}]}'"""
        ),
    )
    assert answer["predictions"]


def test_the_service_explains_a_tweet(server: Server) -> None:
    answer = call(
        server,
        documented(
            'curl -s http://127.0.0.1:3000/explain -H "Content-Type: application/json" '
            """-d '{"text": "@AirParadis two hours late :("}'"""
        ),
    )
    assert answer["contributions"]


def test_the_service_describes_its_model(server: Server) -> None:
    assert call(server, documented("curl -s http://127.0.0.1:3000/model"))["version"] == "1"
