"""The page's client of the service: answers are unchanged, and every failure has a reason."""

import time
from collections.abc import Iterator

import httpx
import pytest

from service.bodies import MOST_CHARACTERS as SERVICE_MOST_CHARACTERS
from service.bodies import MOST_TWEETS as SERVICE_MOST_TWEETS
from tests import fake_service
from tests.fake_service import Failure, FakeService
from ui.client import MOST_CHARACTERS, MOST_TWEETS, Reason, Service, ServiceError

TWEET = "late again and rude, but thanks 😠"
PROBLEM = {"content-type": "application/problem+json"}


@pytest.fixture
def server() -> Iterator[FakeService]:
    server = FakeService()
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
    predictions = client(server).predict(texts)
    assert [prediction["negative_probability"] for prediction in predictions] == [
        fake_service.probability(text) for text in texts
    ]
    assert set(predictions[0]) == {
        "sentiment",
        "negative_probability",
        "certainty",
        "model_version",
        "prediction_id",
    } | {"reliable"}
    assert [request.body for request in server.requests] == [{"texts": texts}]


def test_an_explanation_is_returned_unchanged(server: FakeService) -> None:
    assert client(server).explain(TWEET) == fake_service.explanation(TWEET).model_dump()
    assert [request.body for request in server.requests] == [{"text": TWEET}]


def test_the_description_of_the_model_is_returned_unchanged(server: FakeService) -> None:
    assert client(server).model() == fake_service.ABOUT


def test_the_page_has_the_limits_of_the_service(server: FakeService) -> None:
    assert (MOST_TWEETS, MOST_CHARACTERS) == (SERVICE_MOST_TWEETS, SERVICE_MOST_CHARACTERS)
    assert len(client(server).predict(["a" * MOST_CHARACTERS] * MOST_TWEETS)) == MOST_TWEETS


def test_requests_are_sent_below_the_path_of_the_address(server: FakeService) -> None:
    with pytest.raises(ServiceError):
        Service(f"{server.url}/behind/a/proxy", None, patience_seconds=10).model()
    assert server.requests[0].path == "/behind/a/proxy/model"


def test_the_key_is_sent_with_every_request(server: FakeService) -> None:
    server.key = "a-key-of-the-tests-long-enough"
    authorized = client(server, key=server.key)
    authorized.predict([TWEET])
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
        client(server, key=key).predict([TWEET])
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
    arguments = {"predict": (["a", ""],), "explain": ("a",), "model": ()}[method]
    with pytest.raises(ServiceError) as refused:
        getattr(client(server), method)(*arguments)
    assert (refused.value.reason, refused.value.detail) == (reason, "texts[1] is empty")
    assert len(server.requests) == 1, "a refusal is reported, not retried"


def test_an_invalid_request_has_the_services_detail(server: FakeService) -> None:
    with pytest.raises(ServiceError, match="unfit .*is empty") as refused:
        client(server).predict(["late", " "])
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
        client(server).predict([TWEET])
    assert refused.value.reason == "asleep"


def test_a_service_that_never_answers_is_slow_after_the_timeout(server: FakeService) -> None:
    server.fail("hang")
    started = time.monotonic()
    with pytest.raises(ServiceError) as refused:
        client(server, patience_seconds=0.3).predict([TWEET])
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
        client(server).predict([TWEET])
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
        client_with_response(httpx.Response(400, json={"detail": "text is empty"}, headers=headers)).predict([""])
    assert refused.value.detail == "text is empty"


def test_errors_do_not_contain_the_key(server: FakeService) -> None:
    key = "a-key-of-the-tests-long-enough"
    failures: list[Failure] = [401, 500, "cut"]
    for failure in failures:
        server.fail(failure)
        with pytest.raises(ServiceError) as refused:
            client(server, key=key).predict([TWEET])
        assert key not in f"{refused.value} {refused.value!r}"
