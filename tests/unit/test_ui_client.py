"""The page's client of the service: answers are unchanged, and every failure has a reason."""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from service import fields
from telemetry.events import Feedback
from telemetry.settings import Settings
from telemetry.store import Store
from tests import fake_service
from tests.fake_service import Failure, FakeService
from ui.client import (
    MOST_CHARACTERS,
    MOST_COMMENT_CHARACTERS,
    MOST_NAME_CHARACTERS,
    MOST_TWEETS,
    Reason,
    Service,
    ServiceError,
    seconds_left,
)

TWEET = "late again and rude, but thanks 😠"
PROBLEM = {"content-type": "application/problem+json"}


@pytest.fixture
def store(empty_events: Path, tmp_path: Path) -> Iterator[Store]:
    with closing(Store(f"sqlite:///{shutil.copy(empty_events, tmp_path)}")) as store:
        yield store


@pytest.fixture
def server(store: Store) -> Iterator[FakeService]:
    server = FakeService(store)
    yield server
    server.close()


def client(server: FakeService, key: str | None = None, patience_seconds: float = 10) -> Service:
    return Service(server.url, key, patience_seconds=patience_seconds)


def client_with_response(response: httpx.Response) -> Service:
    """Return a client that gets the same response to every request."""
    transport = httpx.MockTransport(lambda _: response)
    return Service("http://service.example", None, patience_seconds=1, transport=transport)


def test_predictions_are_returned_unchanged_in_order(server: FakeService) -> None:
    texts = [TWEET, "great crew", "Le vol est annulé", "<b>&amp;</b>\n\t\\"]
    predictions = client(server).predict(texts, "batch")
    assert [prediction["negative_probability"] for prediction in predictions] == [
        fake_service.probability(text) for text in texts
    ]
    assert set(predictions[0]) == {
        "sentiment",
        "negative_probability",
        "certainty",
        "model_version",
        "prediction_id",
        "reliable",
        "language",
        "uncertainty_reason",
    }
    assert [request.body for request in server.requests] == [{"texts": texts, "source": "batch"}]


def test_an_explanation_is_returned_unchanged(server: FakeService) -> None:
    assert client(server).explain(TWEET) == fake_service.explanation(TWEET).model_dump()
    assert [request.body for request in server.requests] == [{"text": TWEET}]


def test_the_description_of_the_model_is_returned_unchanged(server: FakeService) -> None:
    assert client(server).model() == fake_service.ABOUT


def test_the_page_has_the_limits_of_the_service(server: FakeService) -> None:
    assert (MOST_TWEETS, MOST_CHARACTERS) == (fields.MOST_TWEETS, fields.MOST_CHARACTERS)
    assert MOST_COMMENT_CHARACTERS == fields.MOST_COMMENT_CHARACTERS
    assert MOST_NAME_CHARACTERS == fields.MOST_NAME_CHARACTERS
    assert len(client(server).predict(["a" * MOST_CHARACTERS] * MOST_TWEETS, "batch")) == MOST_TWEETS


def test_feedback_is_stored_with_its_undo_period(server: FakeService, store: Store) -> None:
    (prediction,) = client(server).predict([TWEET], "page")
    prediction_id = prediction["prediction_id"]
    receipt = client(server).give_feedback(prediction_id, "positive", TWEET, "it is irony")
    assert receipt.prediction_id == prediction_id
    assert 57 < receipt.undo_seconds <= 60
    (stored,) = store.read(Feedback)
    assert (stored.true_sentiment, stored.comment, stored.source) == ("positive", "it is irony", "page")
    assert [request.method for request in server.requests] == ["POST", "PUT"]


def test_the_same_feedback_can_be_sent_again_and_changed_in_time(server: FakeService, store: Store) -> None:
    prediction_id = client(server).predict([TWEET], "page")[0]["prediction_id"]
    client(server).give_feedback(prediction_id, "positive", TWEET, "")
    client(server).give_feedback(prediction_id, "positive", TWEET, "")
    client(server).give_feedback(prediction_id, "negative", TWEET, "")
    (stored,) = store.read(Feedback)
    assert (stored.true_sentiment, stored.comment) == ("negative", None)


def test_feedback_can_be_withdrawn(server: FakeService, store: Store) -> None:
    prediction_id = client(server).predict([TWEET], "page")[0]["prediction_id"]
    client(server).give_feedback(prediction_id, "positive", TWEET, "")
    client(server).withdraw_feedback(prediction_id)
    assert list(store.read(Feedback)) == []
    with pytest.raises(ServiceError) as refused:
        client(server).withdraw_feedback(prediction_id)
    assert refused.value.reason == "unknown"


def test_feedback_that_cannot_be_stored_has_a_reason(server: FakeService) -> None:
    server.settings = Settings(undo_seconds=0)
    prediction_id = client(server).predict([TWEET], "page")[0]["prediction_id"]
    reasons = []
    for identifier, sentiment in (("forged", "positive"), (prediction_id, "positive"), (prediction_id, "negative")):
        try:
            client(server).give_feedback(identifier, sentiment, TWEET, "")
            reasons.append("stored")
        except ServiceError as error:
            reasons.append(error.reason)
    assert reasons == ["unknown", "stored", "too_late"]
    server.store = None
    with pytest.raises(ServiceError) as refused:
        client(server).give_feedback(prediction_id, "positive", TWEET, "")
    assert refused.value.reason == "no_store"


def test_an_answer_without_an_undo_period_is_no_confirmation(server: FakeService) -> None:
    prediction_id = client(server).predict([TWEET], "page")[0]["prediction_id"]
    server.fail("json")
    with pytest.raises(ServiceError) as refused:
        client(server).give_feedback(prediction_id, "positive", TWEET, "")
    assert refused.value.reason == "broken"


@pytest.mark.parametrize(
    ("until", "seconds"),
    [("2026-03-09T14:05:09.500Z", 8.5), ("2026-03-09T14:05:00.500Z", 0.0), ("1970-01-01T00:00:00Z", 0.0)],
)
def test_the_undo_period_is_by_the_clock_of_the_service(until: str, seconds: float) -> None:
    headers = httpx.Headers({"Date": "Mon, 09 Mar 2026 14:05:00 GMT"})
    assert seconds_left(until, headers) == seconds


def test_the_report_is_that_of_the_period(server: FakeService) -> None:
    report = client(server).monitoring(90)
    assert report["days"] == 90
    assert server.requests[0].query == {"days": "90"}
    server.store = None
    with pytest.raises(ServiceError) as refused:
        client(server).monitoring(90)
    assert refused.value.reason == "no_store"


@pytest.mark.parametrize("path", ["monitoring?days=30", "predictions/abc/feedback"])
def test_a_proxy_without_a_service_is_asleep_and_not_without_a_store(path: str) -> None:
    proxy = client_with_response(httpx.Response(503, text="upstream connect error"))
    with pytest.raises(ServiceError) as refused:
        if path.startswith("monitoring"):
            proxy.monitoring(30)
        else:
            proxy.withdraw_feedback("abc")
    assert refused.value.reason == "asleep"


def test_a_service_on_this_machine_is_called_without_a_proxy(
    server: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert client(server).model() == fake_service.ABOUT
    assert len(server.requests) == 1


def test_requests_are_sent_below_the_path_of_the_address(server: FakeService) -> None:
    with pytest.raises(ServiceError):
        Service(f"{server.url}/behind/a/proxy", None, patience_seconds=10).model()
    assert server.requests[0].path == "/behind/a/proxy/model"


def test_the_key_is_sent_with_every_request(server: FakeService) -> None:
    server.key = "a-key-of-the-tests-long-enough"
    authorized = client(server, key=server.key)
    authorized.predict([TWEET], "page")
    authorized.explain(TWEET)
    authorized.model()
    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {server.key}"] * 3


def test_without_a_key_none_is_sent(server: FakeService) -> None:
    client(server).model()
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("key", [None, "another-key-of-the-tests"])
def test_a_missing_or_wrong_key_is_the_reason(server: FakeService, key: str | None) -> None:
    server.key = "a-key-of-the-tests-long-enough"
    with pytest.raises(ServiceError) as refused:
        client(server, key=key).predict([TWEET], "page")
    assert refused.value.reason == "key"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "unfit"),
        (401, "key"),
        (403, "key"),
        (404, "broken"),
        (413, "too_large"),
        (429, "too_many"),
        (500, "broken"),
        (502, "asleep"),
        (503, "asleep"),
        (504, "slow"),
    ],
)
@pytest.mark.parametrize("method", ["predict", "explain", "model"])
def test_every_status_has_a_reason_and_the_services_detail(
    server: FakeService, method: str, status: int, reason: Reason
) -> None:
    server.fail(status, detail="texts[1] is empty")
    arguments = {"predict": (["a", ""], "batch"), "explain": ("a",), "model": ()}[method]
    with pytest.raises(ServiceError) as refused:
        getattr(client(server), method)(*arguments)
    assert (refused.value.reason, refused.value.detail) == (reason, "texts[1] is empty")
    assert len(server.requests) == 1, "a refusal is reported, not retried"


def test_an_invalid_request_has_the_services_detail(server: FakeService) -> None:
    with pytest.raises(ServiceError, match="unfit .*is empty") as refused:
        client(server).predict(["late", " "], "batch")
    assert refused.value.reason == "unfit"


def test_an_unreachable_service_is_gone(server: FakeService) -> None:
    same_client = client(server)
    with server.down(), pytest.raises(ServiceError) as refused:
        same_client.model()
    assert refused.value.reason == "gone"
    assert same_client.model() == fake_service.ABOUT, "the same client works once the service is back"


def test_a_service_that_closes_the_connection_is_asleep(server: FakeService) -> None:
    server.fail("cut")
    with pytest.raises(ServiceError) as refused:
        client(server).predict([TWEET], "page")
    assert refused.value.reason == "asleep"


def test_a_service_that_never_answers_is_slow_after_the_timeout(server: FakeService) -> None:
    server.fail("hang")
    started = time.monotonic()
    with pytest.raises(ServiceError) as refused:
        client(server, patience_seconds=0.3).predict([TWEET], "page")
    assert refused.value.reason == "slow"
    assert 0.3 <= time.monotonic() - started < fake_service.HANG_SECONDS / 3


def test_a_connection_timeout_is_slow() -> None:
    def time_out(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("", request=request)

    slow = Service("http://service.example", None, patience_seconds=1, transport=httpx.MockTransport(time_out))
    with pytest.raises(ServiceError) as refused:
        slow.model()
    assert refused.value.reason == "slow"


@pytest.mark.parametrize("failure", ["html", "json"])
def test_an_answer_from_something_else_is_broken(server: FakeService, failure: Failure) -> None:
    server.fail(failure)
    with pytest.raises(ServiceError) as refused:
        client(server).predict([TWEET], "page")
    assert refused.value.reason == "broken"


def test_a_redirect_to_a_login_page_is_broken() -> None:
    with pytest.raises(ServiceError) as refused:
        client_with_response(httpx.Response(302, headers={"location": "https://login.example"})).model()
    assert refused.value.reason == "broken"


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(503, text="<html>upstream connect error</html>", headers={"content-type": "text/html"}),
        httpx.Response(503, json={"detail": "not a problem"}),
        httpx.Response(503, text="", headers=PROBLEM),
        httpx.Response(503, text="no JSON", headers=PROBLEM),
        httpx.Response(503, json=["a list"], headers=PROBLEM),
        httpx.Response(503, json={"title": "Service Unavailable"}, headers=PROBLEM),
    ],
)
def test_a_refusal_from_something_else_has_no_detail(response: httpx.Response) -> None:
    with pytest.raises(ServiceError) as refused:
        client_with_response(response).model()
    assert (refused.value.reason, refused.value.detail) == ("asleep", "")


def test_a_problem_media_type_can_have_parameters() -> None:
    headers = {"content-type": "application/problem+json; charset=utf-8"}
    with pytest.raises(ServiceError) as refused:
        client_with_response(httpx.Response(400, json={"detail": "text is empty"}, headers=headers)).predict(
            [""], "page"
        )
    assert refused.value.detail == "text is empty"


def test_errors_do_not_contain_the_key(server: FakeService) -> None:
    key = "a-key-of-the-tests-long-enough"
    failures: list[Failure] = [401, 500, "cut"]
    for failure in failures:
        server.fail(failure)
        with pytest.raises(ServiceError) as refused:
            client(server, key=key).predict([TWEET], "page")
        assert key not in f"{refused.value} {refused.value!r}"
