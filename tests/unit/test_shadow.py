"""The challenger: it scores after the answer, and only disagreements are kept."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sentiment.inference.classifier import Classifier, Probabilities
from service.shadow import MOST_WAITING
from telemetry.events import Disagreement, Prediction
from telemetry.forwarding import forward
from telemetry.outlets import opencensus
from telemetry.retention import DAY, prune
from telemetry.store import Store
from tests.fake_ingestion import ingestion
from tests.in_process import started
from tests.packaged_model import save_packaged

NEGATIVE, POSITIVE = "late again and rude", "lovely crew, thanks"


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_packaged(tmp_path_factory.mktemp("packaged") / "model")


@pytest.fixture(scope="module")
def challenger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model for which no tweet is negative."""
    folder = save_packaged(tmp_path_factory.mktemp("challenger") / "model")
    for name, change in (("about.json", {"version": "8"}), ("classifier/classifier.json", {"threshold": 2.0})):
        description = json.loads((folder / name).read_text(encoding="utf-8"))
        (folder / name).write_text(json.dumps(description | change), encoding="utf-8")
    return folder


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    return f"sqlite:///{tmp_path}/events.db"


def compared(client: TestClient) -> dict[str, float]:
    """Return the number of tweets by what became of them."""
    start = 'tweet_sentiment_shadow_tweets_total{fate="'
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith(start)]
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_disagreements_are_counted_and_stored_with_both_answers(packaged: Path, challenger: Path, url: str) -> None:
    with started(model=packaged, shadow=challenger, telemetry_database=url, telemetry_text="masked") as client:
        before = compared(client)
        body = {"texts": [f"@anna {NEGATIVE}", POSITIVE], "source": "batch"}
        answers = client.post("/predict", json=body).raise_for_status().json()["predictions"]
        wait_for(lambda: compared(client).get("agreed", 0) > before.get("agreed", 0))
        after = compared(client)
    assert {answer["model_version"] for answer in answers} == {"7"}, "the challenger answers nobody"
    assert after["disagreed"] - before.get("disagreed", 0) == 1
    assert after["agreed"] - before.get("agreed", 0) == 1
    (event,) = Store(url).read(Disagreement)
    (prediction, _) = Store(url).read(Prediction)
    assert event.id == prediction.id
    assert (event.sentiment, event.challenger_sentiment) == ("negative", "positive")
    assert (event.model_version, event.challenger_version, event.source) == ("7", "8", "batch")
    assert event.challenger_probability == pytest.approx(event.negative_probability)
    assert event.text == f"@user {NEGATIVE}"


def test_a_disagreement_holds_no_text_by_default(packaged: Path, challenger: Path, url: str) -> None:
    with started(model=packaged, shadow=challenger, telemetry_database=url) as client:
        client.post("/predict", json={"text": NEGATIVE}).raise_for_status()
        wait_for(lambda: bool(list(Store(url).read(Disagreement))))
    (event,) = Store(url).read(Disagreement)
    assert event.text is None


def test_answers_do_not_wait_for_a_slow_challenger_and_the_tweets_beyond_its_queue_are_dropped(
    packaged: Path, challenger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores, release, entered = Classifier.negative_probability, threading.Event(), threading.Event()

    def slow(self: Classifier, texts: Sequence[str]) -> Probabilities:
        if threading.current_thread().name == "shadow":
            entered.set()
            release.wait(30)
        return scores(self, texts)

    with started(model=packaged, shadow=challenger) as client:
        before = compared(client)
        monkeypatch.setattr(Classifier, "negative_probability", slow)
        client.post("/predict", json={"text": POSITIVE}).raise_for_status()
        assert entered.wait(20)
        for _ in range(MOST_WAITING // 512 + 1):
            client.post("/predict", json={"texts": [POSITIVE] * 512}).raise_for_status()
        dropped = compared(client)["dropped"] - before.get("dropped", 0)
        release.set()
    assert dropped == 512


def test_a_challenger_that_fails_disturbs_nobody(
    packaged: Path, challenger: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scores = Classifier.negative_probability

    def fail(self: Classifier, texts: Sequence[str]) -> Probabilities:
        if threading.current_thread().name == "shadow":
            raise RuntimeError(texts)
        return scores(self, texts)

    with started(model=packaged, shadow=challenger) as client:
        before = compared(client)
        monkeypatch.setattr(Classifier, "negative_probability", fail)
        for _ in range(2):
            client.post("/predict", json={"text": NEGATIVE}).raise_for_status()
        wait_for(lambda: compared(client).get("failed", 0) - before.get("failed", 0) == 2)
    assert "RuntimeError in the challenger" in caplog.text
    assert NEGATIVE not in caplog.text


def test_a_challenger_that_cannot_be_loaded_is_named(packaged: Path, tmp_path: Path) -> None:
    broken = save_packaged(tmp_path / "model")
    (broken / "classifier" / "golden.json").unlink()
    with started(model=packaged, shadow=broken) as client:
        answer = client.post("/predict", json={"text": NEGATIVE})
    assert answer.status_code == 503
    assert "SERVICE_SHADOW" in answer.json()["detail"]


def disagreement(number: int, when: float) -> Disagreement:
    return Disagreement(
        id=f"{number:016x}",
        time=when,
        source="api",
        model_version="7",
        negative_probability=0.75,
        text=None,
        sentiment="negative",
        challenger_version="8",
        challenger_probability=0.25,
        challenger_sentiment="positive",
    )


def test_disagreements_are_forwarded_and_deleted_like_predictions(url: str) -> None:
    store = Store(url)
    store.create()
    now = time.time()
    store.add([disagreement(1, now - 2 * DAY), disagreement(2, now)])

    def kept() -> list[str]:
        prune(store, days=1, feedback_days=None, megabytes=200, forwarding=True)
        return [event.id for event in store.read(Disagreement)]

    assert len(kept()) == 2, "not forwarded yet"
    with ingestion() as azure:
        forward(store, opencensus.connect(azure.connection_string, timeout=5), undo_seconds=0)
        assert azure.events() == [("disagreement", f"{number:016x}") for number in (1, 2)]
        assert azure.properties()[0]["challenger_sentiment"] == "positive"
    assert kept() == [f"{2:016x}"]
