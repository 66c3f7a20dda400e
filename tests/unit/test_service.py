"""The service in process: its answers, access control and refusals."""

import json
import logging
import math
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from sentiment.inference.classifier import Classifier
from service.ids import event_id
from service.version import version
from telemetry import events
from telemetry.database import Unavailable
from telemetry.store import Store
from tests.packaged_model import save_packaged
from tests.unit.conftest import StartService

TWEET = "late again and rude"
KEY = "a-key-of-the-tests-long-enough"
PROBLEM = "application/problem+json"


def test_predictions_are_those_of_the_classifier(client: TestClient, packaged: Path) -> None:
    classifier = Classifier.load(packaged / "classifier")
    probability = float(classifier.negative_probability([TWEET])[0])
    answer = client.post("/predict", json={"text": TWEET}).raise_for_status().json()
    assert answer.pop("prediction_id")
    assert answer == {
        "sentiment": "negative",
        "negative_probability": pytest.approx(probability, abs=1e-12),
        "certainty": "certain",
        "uncertainty_reason": None,
        "language": "en",
        "reliable": True,
        "model_version": "7",
    }


def test_several_tweets_are_answered_in_order(client: TestClient) -> None:
    texts = [TWEET, "lovely crew, thanks", "seat 12", "\U0001f600", "Le vol est annulé"] * 40
    predictions = client.post("/predict", json={"texts": texts}).raise_for_status().json()["predictions"]
    single_predictions = [client.post("/predict", json={"text": text}).json() for text in texts[:5]]
    assert [prediction["negative_probability"] for prediction in predictions[:5]] == pytest.approx(
        [prediction["negative_probability"] for prediction in single_predictions], abs=1e-12
    )
    assert len({prediction["prediction_id"] for prediction in predictions}) == len(texts)


def test_a_tweet_near_the_threshold_is_uncertain(client: TestClient) -> None:
    prediction = client.post("/predict", json={"text": "seat 12"}).json()
    assert 0.3 <= prediction["negative_probability"] <= 0.6
    assert prediction["certainty"] == "uncertain"
    assert not prediction["reliable"]


def test_an_explanation_adds_up_and_locates_its_words(client: TestClient) -> None:
    text = "  late AGAIN &amp; rude \U0001f621 @anna "
    explanation = client.post("/explain", json={"text": text}).raise_for_status().json()
    assert explanation["sentiment"] == "negative"
    assert explanation["method"] == "shapley"
    assert [text[word["start"] : word["end"]] for word in explanation["contributions"]] == text.split()
    log_odds = explanation["base"] + sum(word["contribution"] for word in explanation["contributions"])
    probability = explanation["negative_probability"]
    assert log_odds == pytest.approx(math.log(probability / (1 - probability)))
    assert abs(explanation["error"]) < 1e-9
    assert probability == client.post("/predict", json={"text": text}).json()["negative_probability"]
    assert client.post("/explain", json={"texts": [text]}).status_code == 400


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"text": ""}, "text is empty"),
        ({"text": " \t\n"}, "text is empty"),
        ({"text": "a\0b"}, "text contains a NUL character"),
        ({"text": "a" * 2001}, "text has more than 2,000 characters"),
        ({"text": 3}, "text must be a string"),
        ({"text": None}, "text must be a string"),
        ({"texts": "late"}, "texts must be a list"),
        ({"texts": []}, "texts is an empty list"),
        ({"texts": ["a"] * 513}, "texts has more than 512 tweets"),
        ({"texts": ["a", "", "b"]}, "texts[1] is empty"),
        ({}, "text is missing"),
        ({"txt": "a"}, "has an unknown field"),
        ({"text": "a", "lang": "fr"}, "has an unknown field"),
        ({"text": "a", "texts": ["a"]}, "has an unknown field"),
        (["a"], "must be an object"),
        ("a", "must be an object"),
    ],
)
def test_an_invalid_body_is_refused_with_the_place_and_the_reason(
    client: TestClient, body: object, detail: str
) -> None:
    answer = client.post("/predict", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == PROBLEM
    assert detail in answer.json()["detail"]
    assert answer.json()["title"] == "Bad Request"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"late", b'{"text": "\xff\xfe"}', b'{"text": "\\ud800"}', b"[" * 100_000, b'{"text": NaN}']
)
def test_a_body_that_is_not_json_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/predict", {"Content-Type": "text/plain"}, 415),
        ("POST", "/predict", {}, 415),
        ("GET", "/predict", {}, 405),
        ("POST", "/model", {}, 405),
        ("POST", "/livez", {}, 405),
        ("DELETE", "/metrics", {}, 405),
        ("GET", "/nothing/here", {}, 404),
        ("GET", "/static_content/../../etc/passwd", {}, 404),
    ],
)
def test_every_refusal_is_problem_json(
    client: TestClient, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = client.request(method, path, content=b"{}" if method == "POST" else None, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


def test_a_refusal_never_echoes_the_request(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    secret = "my private text"
    with caplog.at_level(logging.DEBUG):
        for body in ({"text": [secret]}, {secret: 1}, {"text": "a", secret: secret}, {"texts": [{secret: secret}]}):
            assert secret not in client.post("/predict", json=body).text
        client.post("/predict", json={"text": secret})
        client.get(f"/{secret}")
    assert secret not in caplog.text


def test_the_model_describes_itself(client: TestClient) -> None:
    description = client.get("/model").raise_for_status().json()
    assert description["version"] == "7"
    assert description["card"].startswith("# tweet_sentiment")
    assert description["faithfulness"] is None, "the model was packaged by an older version of the project"
    assert description["service_version"] == client.get("/docs.json").json()["info"]["version"] == version()
    assert not description["signature_verified"]


def test_the_openapi_document_lists_every_refusal(client: TestClient) -> None:
    paths = client.get("/docs.json").raise_for_status().json()["paths"]
    assert set(paths) == {
        *("/predict", "/predict/batch", "/explain", "/predictions/{prediction_id}/feedback"),
        *("/relabelling/next", "/relabelling/{item_id}/judgement"),
        *("/model", "/monitoring", "/monitoring/stream", "/monitoring/stream/span", "/monitoring/watch"),
        *("/metrics", "/livez", "/readyz"),
    }
    assert set(paths["/predict"]["post"]["responses"]) == {
        *("200", "400", "401", "405", "413", "415", "429", "500", "503", "504")
    }
    assert PROBLEM in paths["/predict"]["post"]["responses"]["413"]["content"]
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"begin": "2026-01-01T00:00:00Z", "minutes": "0"},
        {"begin": "2026-01-01T00:00:00Z", "minutes": "20161"},
        {"begin": "2026-01-01T00:00:00"},
        {"begin": "yesterday"},
        {"begin": "0.5"},
        {"minutes": "60"},
    ],
)
def test_impossible_spans_of_the_stream_are_refused(
    start_service: StartService, tmp_path: Path, query: dict[str, str]
) -> None:
    with start_service(telemetry_database=f"sqlite:///{tmp_path}/events.db") as client:
        answer = client.get("/monitoring/stream/span", params=query)
    assert answer.status_code == 400
    assert "begin" in answer.json()["detail"] or "minutes" in answer.json()["detail"]


@pytest.mark.parametrize("begin", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:00:00Z", "9999-12-31T23:59:59-12:00"])
def test_spans_that_no_stream_has_are_empty(start_service: StartService, tmp_path: Path, begin: str) -> None:
    with start_service(telemetry_database=f"sqlite:///{tmp_path}/events.db") as client:
        answer = client.get("/monitoring/stream/span", params={"begin": begin}).raise_for_status().json()
    assert (answer["counts"], answer["people"], answer["topics"]) == (None, 0, None)


def test_the_reasons_of_complaints_are_known_without_a_store(client: TestClient) -> None:
    plan = client.get("/monitoring/watch").raise_for_status().json()
    assert plan["zone"] is None
    assert {"label", "advice", "name", "words"} == set(plan["reasons"][0])
    assert plan["reasons"][-1] | {"label": 0, "advice": 0} == {"name": "other", "words": [], "label": 0, "advice": 0}


def test_clients_cannot_create_metric_labels(client: TestClient) -> None:
    client.get("/an/address/nobody/knows")
    client.post("/predict", json={"text": TWEET})
    exposed = client.get("/metrics").raise_for_status().text
    assert "nobody" not in exposed
    assert 'tweet_sentiment_requests_total{route="other",status="404"}' in exposed
    assert 'tweet_sentiment_requests_total{route="/predict",status="200"}' in exposed
    assert 'tweet_sentiment_predictions_total{sentiment="negative"}' in exposed
    assert 'tweet_sentiment_negative_probability_bucket{le="0.9"}' in exposed


def test_with_keys_only_requests_with_one_are_answered(start_service: StartService) -> None:
    with start_service(api_keys=f"another-key-of-the-tests,{KEY}") as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {KEY}"}):
            answer = client.post("/predict", json={"text": TWEET}, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        assert client.get("/metrics").status_code == 401
        assert client.get("/livez").status_code == client.get("/readyz").status_code == 200
        authorized = {"Authorization": f"Bearer {KEY}"}
        assert client.post("/predict", json={"text": TWEET}, headers=authorized).status_code == 200


def test_without_keys_only_this_machine_is_answered_unless_anonymous(start_service: StartService) -> None:
    remote = ("203.0.113.9", 50000)
    with start_service(client=remote) as client:
        answer = client.post("/predict", json={"text": TWEET})
        assert answer.status_code == 401
        assert "SERVICE_API_KEYS" in answer.json()["detail"]
    with start_service(client=remote, anonymous="true") as client:
        assert client.post("/predict", json={"text": TWEET}).status_code == 200


def test_too_many_requests_are_answered_with_429(start_service: StartService) -> None:
    with start_service(requests_per_minute=3) as client:
        statuses = [client.post("/predict", json={"text": TWEET}).status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        assert int(client.post("/predict", json={"text": TWEET}).headers["retry-after"]) >= 1
        assert client.get("/livez").status_code == 200


def test_a_large_body_is_refused_with_or_without_a_length(start_service: StartService) -> None:
    body = json.dumps({"text": "a" * 1900}).encode()
    with start_service(max_body_bytes=1024) as client:
        assert post_in_chunks(client, body, {"content-length": str(len(body))}) == (413, 0)
        assert post_in_chunks(client, body, {}) == (413, 11)
        assert post_in_chunks(client, body, {"content-length": "10"}) == (413, 11), "the declared length may be wrong"
    with start_service(max_body_bytes=2048) as client:
        assert post_in_chunks(client, body, {}) == (200, 20)


def post_in_chunks(client: TestClient, body: bytes, headers: dict[str, str]) -> tuple[int, int]:
    """Send a body in chunks of 100 bytes, as a server receives it; return the status and how many chunks were read."""
    chunks = [body[start : start + 100] for start in range(0, len(body), 100)]
    statuses: list[int] = []
    chunks_read = 0

    async def receive() -> Message:
        nonlocal chunks_read
        chunks_read += 1
        return {"type": "http.request", "body": chunks[chunks_read - 1], "more_body": chunks_read < len(chunks)}

    async def send(message: Message) -> None:
        statuses.extend([message["status"]] if message["type"] == "http.response.start" else [])

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "query_string": b"",
        "client": ("127.0.0.1", 50000),
        "headers": [
            (name.encode(), value.encode()) for name, value in {"content-type": "application/json", **headers}.items()
        ],
    }
    assert client.portal is not None
    client.portal.call(client.app, scope, receive, send)
    (status,) = statuses
    return status, chunks_read


def test_only_pages_of_allowed_origins_get_access(start_service: StartService) -> None:
    preflight = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    authorized = {"Authorization": f"Bearer {KEY}"}
    allowed, other = {"Origin": "https://page.example"}, {"Origin": "https://other.example"}
    granted = "access-control-allow-origin"
    with start_service(cors_origins="https://page.example", api_keys=KEY) as client:
        permission = client.options("/predict", headers={**preflight, **allowed})
        assert (permission.status_code, permission.headers[granted]) == (200, "https://page.example")
        refusal = client.options("/predict", headers={**preflight, **other})
        assert (refusal.status_code, granted in refusal.headers) == (400, False)
        for origin, has_access in ((allowed, True), (other, False)):
            answer = client.post("/predict", json={"text": TWEET}, headers={**authorized, **origin})
            assert (answer.status_code, granted in answer.headers) == (200, has_access)
            unauthorized = client.post("/predict", json={"text": TWEET}, headers=origin)
            assert (unauthorized.status_code, granted in unauthorized.headers) == (401, has_access)
        assert refusal.headers["content-type"] == PROBLEM
    with start_service() as client:
        assert client.options("/predict", headers={**preflight, **allowed}).status_code == 400


def test_a_model_with_different_golden_answers_is_never_ready(
    start_service: StartService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = save_packaged(tmp_path / "model")
    path = folder / "classifier" / "golden.json"
    golden = json.loads(path.read_text())
    golden[0]["negative_probability"] = 0.123
    path.write_text(json.dumps(golden))
    with start_service(model=folder) as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").status_code == 503
        assert client.post("/predict", json={"text": TWEET}).status_code == 503
        assert client.get("/readyz").headers["content-type"] == PROBLEM
    assert "answers differently than after training" in caplog.text


@pytest.mark.parametrize("missing", ["about.json", "classifier/classifier.json", "classifier/golden.json"])
def test_an_incomplete_model_is_never_ready(
    start_service: StartService, tmp_path: Path, caplog: pytest.LogCaptureFixture, missing: str
) -> None:
    (save_packaged(tmp_path / "model") / missing).unlink()
    with start_service(model=tmp_path / "model") as client:
        assert client.get("/readyz").status_code == 503
    assert Path(missing).name in caplog.text


def test_predictions_are_stored_as_events_without_text(start_service: StartService, tmp_path: Path) -> None:
    path = tmp_path / "events" / "events.db"
    with start_service(telemetry_database=f"sqlite:///{path}") as client:
        predictions = client.post("/predict", json={"texts": [TWEET, "great"], "source": "page"}).json()["predictions"]
    stored = list(Store(f"sqlite:///{path}").read(events.Prediction))
    assert [event.id for event in stored] == [event_id(prediction["prediction_id"]) for prediction in predictions]
    assert [event.negative_probability for event in stored] == [
        prediction["negative_probability"] for prediction in predictions
    ]
    assert stored[0].characters == len(TWEET)
    assert stored[0].source == "page"
    assert stored[0].text is None
    assert TWEET.encode() not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_an_event_contains_the_masked_text_if_configured(start_service: StartService, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'events.db'}"
    with start_service(telemetry_database=database, telemetry_text="masked") as client:
        client.post("/predict", json={"text": "@anna look https://example.org/x"})
    (stored,) = Store(database).read(events.Prediction)
    assert stored.text == "@user look http"


COLLECTED = {"text": TWEET, "time": "2026-11-20T18:04:11+01:00", "author": "@anna", "id": "17"}


def test_an_event_has_the_time_and_the_hashed_author_of_its_tweet(start_service: StartService, tmp_path: Path) -> None:
    folder = tmp_path / "events"
    database = f"sqlite:///{folder / 'events.db'}"
    with start_service(telemetry_database=database) as client:
        client.post("/predict", json={**COLLECTED, "author": "@anna-the-traveller"}).raise_for_status()
        batch = {"tweets": [{**COLLECTED, "id": "18", "author": "Anna-the-Traveller"}, {"text": "great"}]}
        client.post("/predict/batch", json=batch).raise_for_status()
    first, second, third = Store(database).read(events.Prediction)
    assert first.time == second.time == datetime(2026, 11, 20, 17, 4, 11, tzinfo=UTC).timestamp()
    assert first.author == second.author is not None
    assert third.author is None
    assert third.time == pytest.approx(time.time(), abs=60)
    assert "author" not in first.body()
    assert b"traveller" not in b"".join(file.read_bytes() for file in folder.iterdir()).lower()


def test_a_tweet_sent_again_has_the_same_prediction_id_and_one_event(
    start_service: StartService, tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path / 'events.db'}"
    timeless = {"text": "great", "id": "19"}
    batch = {"tweets": [COLLECTED, COLLECTED, timeless]}
    with start_service(telemetry_database=database) as client:
        answers = [client.post("/predict", json=batch).raise_for_status().json()["predictions"] for _ in range(2)]
        ids = [[answer["prediction_id"] for answer in predictions] for predictions in answers]
        stored = list(Store(database).read(events.Prediction))
    assert ids[0] == ids[1]
    assert ids[0][0] == ids[0][1] != ids[0][2]
    assert [event.id for event in stored] == [event_id(ids[0][0]), event_id(ids[0][2])]


def test_tweets_with_an_id_are_answered_once_they_are_stored(
    start_service: StartService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = f"sqlite:///{tmp_path / 'events.db'}"
    with start_service(telemetry_database=database) as client:
        client.post("/predict", json=COLLECTED).raise_for_status()
        assert len(list(Store(database).read(events.Prediction))) == 1
        with monkeypatch.context() as broken:
            broken.setattr(Store, "add", lambda *_: (_ for _ in ()).throw(Unavailable("the disk is full")))
            refusal = client.post("/predict", json={**COLLECTED, "id": "18"})
            assert refusal.status_code == 503
            assert int(refusal.headers["retry-after"]) >= 1
        client.post("/predict", json={**COLLECTED, "id": "18"}).raise_for_status()
        assert len(list(Store(database).read(events.Prediction))) == 2
