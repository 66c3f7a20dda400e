"""The service as the page asks it: answers as they are, and a reason for each that does not come."""

import time
from collections.abc import Iterator

import httpx
import pytest

from service.schemas import MOST_CHARACTERS as SERVICE_MOST_CHARACTERS
from service.schemas import MOST_TWEETS as SERVICE_MOST_TWEETS
from tests import fake_service
from tests.fake_service import Failure, FakeService
from ui.client import MOST_CHARACTERS, MOST_TWEETS, Reason, Service, ServiceError

TWEET = "late again and rude, but thanks 😠"
PROBLEM = {"content-type": "application/problem+json"}


@pytest.fixture
def asked() -> Iterator[FakeService]:
    asked = FakeService()
    yield asked
    asked.close()


def service(asked: FakeService, key: str | None = None, patience_seconds: float = 10) -> Service:
    return Service(asked.url, key, patience_seconds=patience_seconds)


def answering(response: httpx.Response) -> Service:
    """Return a service that gives one answer, whatever it is asked."""
    transport = httpx.MockTransport(lambda _: response)
    return Service("http://service.example", None, patience_seconds=1, transport=transport)


def test_predictions_are_returned_as_they_are_in_their_order(asked: FakeService) -> None:
    texts = [TWEET, "great crew", "Le vol est annulé", "<b>&amp;</b>\n\t\\"]
    told = service(asked).predict(texts)
    assert [answer["negative_probability"] for answer in told] == [fake_service.probability(text) for text in texts]
    assert set(told[0]) == {"sentiment", "negative_probability", "certainty", "model_version", "prediction_id"}
    assert [request.body for request in asked.requests] == [{"texts": texts}]


def test_an_explanation_is_returned_as_it_is(asked: FakeService) -> None:
    assert service(asked).explain(TWEET) == fake_service.explanation(TWEET).model_dump()
    assert [request.body for request in asked.requests] == [{"text": TWEET}]


def test_what_the_service_tells_of_its_model_is_returned_as_it_is(asked: FakeService) -> None:
    assert service(asked).model() == fake_service.ABOUT


def test_the_page_knows_the_limits_of_the_service(asked: FakeService) -> None:
    assert (MOST_TWEETS, MOST_CHARACTERS) == (SERVICE_MOST_TWEETS, SERVICE_MOST_CHARACTERS)
    assert len(service(asked).predict(["a" * MOST_CHARACTERS] * MOST_TWEETS)) == MOST_TWEETS


def test_an_address_with_a_path_is_asked_below_it(asked: FakeService) -> None:
    with pytest.raises(ServiceError):
        Service(f"{asked.url}/behind/a/proxy", None, patience_seconds=10).model()
    assert asked.requests[0].path == "/behind/a/proxy/model"


def test_the_key_is_sent_with_every_request(asked: FakeService) -> None:
    asked.key = "a-key-of-the-tests-long-enough"
    bearing = service(asked, key=asked.key)
    bearing.predict([TWEET])
    bearing.explain(TWEET)
    bearing.model()
    assert [request.headers["authorization"] for request in asked.requests] == [f"Bearer {asked.key}"] * 3


def test_without_a_key_none_is_sent(asked: FakeService) -> None:
    service(asked).model()
    assert "authorization" not in asked.requests[0].headers


@pytest.mark.parametrize("key", [None, "another-key-of-the-tests"])
def test_a_key_that_the_service_does_not_know_is_the_reason(asked: FakeService, key: str | None) -> None:
    asked.key = "a-key-of-the-tests-long-enough"
    with pytest.raises(ServiceError) as refused:
        service(asked, key=key).predict([TWEET])
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
def test_every_status_has_its_reason_and_what_the_service_says_of_it(
    asked: FakeService, method: str, status: int, reason: Reason
) -> None:
    asked.fail(status, detail="texts[1] is empty")
    arguments = {"predict": (["a", ""],), "explain": ("a",), "model": ()}[method]
    with pytest.raises(ServiceError) as refused:
        getattr(service(asked), method)(*arguments)
    assert (refused.value.reason, refused.value.detail) == (reason, "texts[1] is empty")
    assert len(asked.requests) == 1, "a refusal is told, not asked again"


def test_what_does_not_fit_is_told_in_the_words_of_the_service(asked: FakeService) -> None:
    with pytest.raises(ServiceError, match="unfit .*is empty") as refused:
        service(asked).predict(["late", " "])
    assert refused.value.reason == "unfit"


def test_a_service_that_is_not_there_is_gone(asked: FakeService) -> None:
    asking = service(asked)
    with asked.down(), pytest.raises(ServiceError) as refused:
        asking.model()
    assert refused.value.reason == "gone"
    assert asking.model() == fake_service.ABOUT, "and is asked again once it is back"


def test_a_service_that_cuts_the_line_is_asleep(asked: FakeService) -> None:
    asked.fail("cut")
    with pytest.raises(ServiceError) as refused:
        service(asked).predict([TWEET])
    assert refused.value.reason == "asleep"


def test_a_service_that_does_not_answer_is_slow_when_patience_ends(asked: FakeService) -> None:
    asked.fail("hang")
    started = time.monotonic()
    with pytest.raises(ServiceError) as refused:
        service(asked, patience_seconds=0.3).predict([TWEET])
    assert refused.value.reason == "slow"
    assert 0.3 <= time.monotonic() - started < fake_service.HANG_SECONDS / 3


def test_a_service_that_takes_no_connection_is_slow() -> None:
    def late(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("", request=request)

    slow = Service("http://service.example", None, patience_seconds=1, transport=httpx.MockTransport(late))
    with pytest.raises(ServiceError) as refused:
        slow.model()
    assert refused.value.reason == "slow"


@pytest.mark.parametrize("how", ["html", "json"])
def test_what_answers_in_the_place_of_the_service_is_no_answer(asked: FakeService, how: Failure) -> None:
    asked.fail(how)
    with pytest.raises(ServiceError) as refused:
        service(asked).predict([TWEET])
    assert refused.value.reason == "broken"


def test_a_page_to_sign_in_at_is_no_answer() -> None:
    with pytest.raises(ServiceError) as refused:
        answering(httpx.Response(302, headers={"location": "https://login.example"})).model()
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
def test_a_refusal_that_is_not_the_services_says_nothing_of_itself(response: httpx.Response) -> None:
    with pytest.raises(ServiceError) as refused:
        answering(response).model()
    assert (refused.value.reason, refused.value.detail) == ("asleep", "")


def test_a_problem_with_parameters_in_its_media_type_is_understood() -> None:
    headers = {"content-type": "application/problem+json; charset=utf-8"}
    with pytest.raises(ServiceError) as refused:
        answering(httpx.Response(400, json={"detail": "text is empty"}, headers=headers)).predict([""])
    assert refused.value.detail == "text is empty"


def test_the_key_does_not_stand_in_an_error(asked: FakeService) -> None:
    key = "a-key-of-the-tests-long-enough"
    failures: list[Failure] = [401, 500, "cut"]
    for how in failures:
        asked.fail(how)
        with pytest.raises(ServiceError) as refused:
            service(asked, key=key).predict([TWEET])
        assert key not in f"{refused.value} {refused.value!r}"
