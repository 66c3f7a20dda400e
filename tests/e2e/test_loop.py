"""The loop: errors of one kind are reported, relabelled and trained on; the new champion is served, and rolled back."""

import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import mlflow
import numpy as np
import pandas as pd
import pytest
from hydra.core.hydra_config import HydraConfig
from mlflow.tracking import MlflowClient

from pipeline import registry, scoring
from pipeline.registry import CHAMPION
from steps import preprocess, promote, select, split, train_baseline
from telemetry.__main__ import main as telemetry
from tests.e2e import commands
from tests.e2e.replacing import PROJECT, Load, Service, served
from tests.integration.candidates import command_line_configuration, predict_in_process
from tests.integration.chain import configuration, last_run

pytestmark = [pytest.mark.slow, pytest.mark.extended]
WORDS = (["lovely", "thanks", "great", "smooth", "kind"], ["late", "rude", "lost", "awful", "dirty"])
PLACES = ["to Lisbon", "from Nice", "at gate 4", "in Lyon", "on board", "today", "again", "this week"]
ENDINGS = ["", "!", " honestly", " really", " so far", " as ever", " folks"]
ANA, BEN = "ana@example.org", "ben@example.org"
REPORTED = 40
SETTINGS = (
    *("select.families=[baseline]", "select.min_compared=20", "select.min_of_class=5", "select.min_authors=5"),
    *("select.resamples=100", "select.feedback.min_tweets=5"),
)


def ordinary(number: int, seed: int = 0) -> tuple[str, bool]:
    """Return a tweet that says what it means, and whether it is negative."""
    random, negative = np.random.default_rng([seed, number]), bool(number % 2)
    words = " ".join(random.choice(WORDS[negative], 3))
    return f"{words} {random.choice(PLACES)} {number}", negative


def ironic() -> list[str]:
    """Return negative tweets of a kind that is in no training data; the words of positive ones."""
    thanks = [f"{word} thanks for nothing" for word in ("great", "lovely")]
    return [f"{text} {place}{ending}" for text, place, ending in product(thanks, PLACES, ENDINGS)]


@pytest.fixture
def store(tmp_path: Path, new_store: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Use a new store of runs, and run models in this process, since starting others takes seconds."""
    before, uri = mlflow.get_tracking_uri(), new_store(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setattr(scoring, "predict_in_subprocess", predict_in_process)
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("loop", (tmp_path / "artifacts").as_uri()))
    yield uri
    HydraConfig.instance().cfg = None
    mlflow.set_tracking_uri(before)


@pytest.fixture
def data(tmp_path: Path) -> str:
    """Write the labelled tweets that everything starts with; return the option that names them."""
    rows = [(text, "negative" if negative else "positive") for text, negative in map(ordinary, range(600))]
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "tweets.csv", index=False)
    return f"data.path={tmp_path / 'tweets.csv'}"


def retrain(*options: str) -> None:
    """Train a candidate, and let it meet the champion."""
    splits = split.main(configuration("data=csv", *options))
    corpus = preprocess.main(configuration(f"inputs.splits={splits}"))
    candidate = train_baseline.main(
        configuration(f"inputs.corpus={corpus}", "search.folds=2", "train_baseline.classifier.C=10.0")
    )
    inputs = (f"inputs.splits={splits}", f"inputs.candidates=[{candidate}]")
    of_select = [option for option in options if option.startswith("select.")]
    select.main(command_line_configuration(*inputs, *SETTINGS, *of_select))


def package(store: str, home: Path) -> None:
    """Build a Bento of the champion."""
    environment = commands.environment(store, BENTOML_HOME=str(home), BENTOML_DO_NOT_TRACK="true")
    environment["MLFLOW_EXPERIMENT_NAME"] = "loop"
    subprocess.run(commands.step("package"), cwd=PROJECT, env=environment, check=True, capture_output=True)


def replace(service: Service, store: str, home: Path, versions: set[str]) -> None:
    """Serve the champion instead of another one, while clients send requests: both answer, and no request fails."""
    package(store, home)
    with Load(service.url, clients=2) as load:
        service.replace()
        while set(load.answers) < versions and not load.failures:
            time.sleep(0.1)
    assert load.failures == []
    assert set(load.answers) == versions


def classify(service: Service, texts: list[str]) -> list[dict[str, Any]]:
    answer = httpx.post(f"{service.url}/predict", json={"texts": texts}, trust_env=False, timeout=60)
    predictions: list[dict[str, Any]] = answer.raise_for_status().json()["predictions"]
    return predictions


def negatives(service: Service, texts: list[str]) -> list[bool]:
    return [prediction["sentiment"] == "negative" for prediction in classify(service, texts)]


def report(service: Service, texts: list[str]) -> None:
    """Report the answers to tweets as wrong, as users of the page do."""
    with httpx.Client(base_url=service.url, trust_env=False, timeout=60) as client:
        for text, prediction in zip(texts, classify(service, texts), strict=True):
            path = f"/predictions/{prediction['prediction_id']}/feedback"
            client.put(path, json={"true_sentiment": "negative", "text": text}).raise_for_status()


def relabel(service: Service, labeller: str) -> int:
    """Judge everything in the queue as a person who reads carefully; return the number of judgements."""
    count = 0
    with httpx.Client(base_url=service.url, trust_env=False, timeout=60) as client:
        body = {"labeller": labeller, "limit": 100}
        while items := client.post("/relabelling/next", json=body).raise_for_status().json()["items"]:
            for item in items:
                is_negative = bool({"nothing", *WORDS[1]} & set(item["text"].split()))
                judgement = {"labeller": labeller, "answer": "negative" if is_negative else "positive"}
                client.put(f"/relabelling/{item['id']}/judgement", json=judgement).raise_for_status()
                count += 1
    return count


def test_reported_errors_lead_to_a_better_champion_without_a_failed_request(
    store: str, data: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "bentoml"
    wrong, fresh = ironic()[:REPORTED], ironic()[REPORTED:]
    usual, truth = zip(*(ordinary(number, seed=1) for number in range(200)), strict=True)
    retrain(data)
    package(store, home)
    settings = {"telemetry_undo_seconds": 0, "telemetry_text": "masked"}
    with served(home, tmp_path, "tweet_sentiment:latest", PROJECT, **settings) as service:
        assert not any(negatives(service, wrong)), "the first champion takes irony for praise"
        report(service, wrong)
        assert min(relabel(service, ANA), relabel(service, BEN)) >= REPORTED
        labels = tmp_path / "labels.csv"
        telemetry(["labels", "--output", str(labels), "--database", f"sqlite:///{tmp_path / 'events.db'}"])

        retrain(
            data,
            "+data@data.extra_training.feedback=labels",
            f"data.extra_training.feedback.path={labels}",
            f"select.feedback.path={labels}",
        )
        assert registry.aliases("tweet_sentiment") == {CHAMPION: "2"}, caplog.text
        champion = MlflowClient().get_model_version_by_alias("tweet_sentiment", CHAMPION)
        metrics = last_run().data.metrics
        assert champion.tags["gate"] == "passed"
        assert metrics["feedback_champion_accuracy"] == 0
        assert metrics["feedback_accuracy"] == 1
        assert metrics["lead_over_champion"] >= -0.005

        replace(service, store, home, versions={"1", "2"})
        assert service.version() == "2"
        assert np.mean(negatives(service, fresh)) > 0.95, "tweets of that kind that nobody has reported"
        assert negatives(service, list(usual)) == list(truth), "not worse elsewhere"

        promote.main(configuration("promote.version=1", "promote.reason='rolled back by hand'"))
        replace(service, store, home, versions={"1", "2"})
        assert service.version() == "1"
