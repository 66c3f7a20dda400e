"""What an operator sees of requests: ids, traces, the log, metrics, and refusals when too much waits."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sentiment.inference.classifier import Classifier, Probabilities
from service.batching import Backlog, Batcher, Busy
from telemetry.events import Prediction
from telemetry.store import Store
from tests.in_process import started
from tests.packaged_model import save_packaged

TWEET = "late again and rude"
KEYS = ("the-first-key-of-the-tests", "the-second-key-of-the-tests")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
OURS = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-00")


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_packaged(tmp_path_factory.mktemp("packaged") / "model")


def logged(output: str) -> list[dict[str, Any]]:
    """Return the lines of requests in a log."""
    return [json.loads(line) for line in output.splitlines() if line.startswith('{"time"')]


def value(client: TestClient, metric: str) -> float:
    """Return the value of a metric."""
    (line,) = (line for line in client.get("/metrics").text.splitlines() if line.startswith(f"{metric} "))
    return float(line.rpartition(" ")[2])


def test_each_request_has_one_line_in_the_log(packaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "nobody-may-read-this"
    with started(model=packaged, api_keys=",".join(KEYS)) as client:
        key = {"Authorization": f"Bearer {KEYS[1]}"}
        client.post("/predict", json={"text": secret}, headers=key | {"X-Request-ID": "r-1", "traceparent": PARENT})
        client.put(f"/predictions/{secret}/feedback", json={"true_sentiment": "negative"}, headers=key)
        client.put(f"/relabelling/{secret}/judgement", json={"labeller": secret, "answer": "negative"}, headers=key)
        client.get(f"/{secret}?{secret}", headers={"Authorization": f"Bearer {secret}", "User-Agent": secret})
        client.request("NOBODY-MAY-READ-THIS", "/predict")
        client.get("/livez")
        output = capsys.readouterr()
    lines = logged(output.out)
    assert [(line["method"], line["path"], line["status"], line["key"]) for line in lines] == [
        ("POST", "/predict", 200, 2),
        ("PUT", "/predictions/{prediction_id}/feedback", 503, 2),
        ("PUT", "/relabelling/{item_id}/judgement", 503, 2),
        ("GET", "other", 401, None),
        ("other", "/predict", 401, None),
        ("GET", "/livez", 200, None),
    ]
    assert (lines[0]["request_id"], lines[0]["trace_id"]) == ("r-1", TRACE)
    assert all(line["milliseconds"] >= 0 and line["time"].endswith("Z") for line in lines)
    assert set(lines[0]) == {"time", "request_id", "trace_id", "method", "path", "status", "milliseconds", "key"}
    assert secret not in (output.out + output.err).lower()


def test_the_request_id_and_the_trace_of_a_client_are_returned(packaged: Path) -> None:
    with started(model=packaged) as client:
        for path in ("/predict", "/nothing", "/readyz"):
            answer = client.get(path, headers={"X-Request-ID": "abc-1.2:3_4", "Traceparent": PARENT})
            assert answer.headers["x-request-id"] == "abc-1.2:3_4"
            version, trace_id, span_id, flags = answer.headers["traceparent"].split("-")
            assert (version, trace_id, flags) == ("00", TRACE, "01")
            assert span_id != PARENT.split("-")[2], "the service's part of the trace has an id of its own"


@pytest.mark.parametrize("request_id", ["", "a b", "a" * 129, "é", 'x","status":200', "<script>"])
def test_an_invalid_request_id_is_replaced(packaged: Path, request_id: str) -> None:
    with started(model=packaged) as client:
        answer = client.get("/livez", headers={"X-Request-ID": request_id.encode()})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


@pytest.mark.parametrize(
    "parent",
    [
        None,
        "",
        PARENT.upper(),
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"{PARENT}-more",
        f"00-{TRACE}-00f067aa0ba902b7",
        "x" * 1000,
    ],
)
def test_an_invalid_trace_is_replaced(packaged: Path, parent: str | None) -> None:
    with started(model=packaged) as client:
        answer = client.get("/livez", headers={} if parent is None else {"Traceparent": parent})
    assert OURS.fullmatch(answer.headers["traceparent"])


def test_a_trace_of_a_later_version_is_understood(packaged: Path) -> None:
    with started(model=packaged) as client:
        answer = client.get("/livez", headers={"Traceparent": f"cc-{TRACE}-00f067aa0ba902b7-01-more"})
    assert answer.headers["traceparent"].startswith(f"00-{TRACE}-")


def test_the_trace_of_a_request_is_stored_with_its_predictions(packaged: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/events.db"
    with started(model=packaged, telemetry_database=url) as client:
        client.post("/predict", json={"texts": [TWEET, "great"]}, headers={"Traceparent": PARENT}).raise_for_status()
    assert [event.trace_id for event in Store(url).read(Prediction)] == [TRACE, TRACE]


def test_the_metrics_show_batches_workers_and_what_waits(packaged: Path) -> None:
    with started(model=packaged) as client:
        before = value(client, "tweet_sentiment_batch_tweets_sum")
        client.post("/predict", json={"texts": [TWEET] * 100}).raise_for_status()
        assert value(client, "tweet_sentiment_batch_tweets_sum") == before + 100
        assert value(client, 'tweet_sentiment_waiting_tweets{queue="predictions"}') == 0
        assert value(client, "tweet_sentiment_workers") == 1


def test_beyond_the_bound_requests_are_refused_at_once_and_told_when_to_try_again(
    packaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores, release = Classifier.negative_probability, threading.Event()

    def slow(self: Classifier, texts: Sequence[str]) -> Probabilities:
        release.wait(30)
        return scores(self, texts)

    with started(model=packaged, max_waiting_tweets=4) as client, ThreadPoolExecutor(1) as other:
        monkeypatch.setattr(Classifier, "negative_probability", slow)
        accepted = other.submit(client.post, "/predict", json={"texts": [TWEET] * 3})
        while value(client, 'tweet_sentiment_waiting_tweets{queue="predictions"}') != 3:
            time.sleep(0.01)
        refused = client.post("/predict", json={"texts": [TWEET] * 2})
        release.set()
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["content-type"] == "application/problem+json"
        assert accepted.result().status_code == 200
        assert client.post("/predict", json={"texts": [TWEET] * 9}).status_code == 200, "alone, any request is served"


def test_the_time_to_try_again_is_what_the_waiting_tweets_take() -> None:
    shown: list[int] = []
    backlog = Backlog(10, shown.append)
    backlog.measure(4, 8.0)
    with backlog.accept(10), pytest.raises(Busy) as refused:
        backlog.refuse_if_full()
    assert refused.value.seconds == 20
    assert shown == [10, 0]


def test_a_failed_request_waits_no_longer() -> None:
    def fail(texts: Sequence[str]) -> list[str]:
        raise RuntimeError(texts)

    async def ask() -> int:
        backlog = Backlog(10, lambda _: None)
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(fail, executor, largest=4, backlog=backlog, observe=lambda _: None)
            with pytest.raises(RuntimeError):
                await batcher(["a"] * 5)
        return backlog.waiting

    assert asyncio.run(ask()) == 0
