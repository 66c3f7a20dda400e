"""The service in process: methods, addresses, cross-origin requests, proxies, limits, and the page of the API."""

import asyncio
import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from sentiment.inference.arrays import Probabilities
from sentiment.inference.classifier import Classifier
from service import guards
from service.problems import Problem
from tests.unit.conftest import StartService

TWEET = "late again and rude"
PAGE = "https://page.example"
FEEDBACK = "/predictions/unknown/feedback"
PROBLEM = "application/problem+json"
REMOTE = "203.0.113.9"


@pytest.mark.parametrize("path", ["/", "/model", "/metrics", "/docs.json", "/livez", "/readyz", "/assets/page.js"])
def test_head_is_answered_like_get_without_the_body(client: TestClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    if path != "/metrics":  # it changes with each request
        assert head.headers["content-length"] == str(len(get.content))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/predict", "POST"),
        ("HEAD", "/predict/batch", "POST"),
        ("DELETE", "/model", "GET, HEAD"),
        ("GET", FEEDBACK, "DELETE, PUT"),
        ("GET", "/relabelling/next", "POST"),
        ("POST", "/relabelling/unknown/judgement", "PUT"),
        ("PATCH", FEEDBACK, "DELETE, PUT"),
        ("POST", "/livez", "GET, HEAD"),
        ("POST", "/assets/page.js", "GET, HEAD"),
    ],
)
def test_a_refused_method_comes_with_all_that_are_allowed(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    refusal = client.request(method, path)
    assert (refusal.status_code, refusal.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/predict/", "/model/", "/livez/", "/docs.json/", "/assets/"])
def test_a_trailing_slash_is_another_address_and_never_redirected(client: TestClient, path: str) -> None:
    answer = client.request(
        "POST" if path == "/predict/" else "GET", path, headers={"Host": "evil.example"}, follow_redirects=False
    )
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)


@pytest.mark.parametrize("path", ["/schema.json", "/static_content/index.css", "/static_content/swagger-ui.css"])
def test_nothing_of_bentoml_is_published(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_errors_of_every_kind_can_be_read_by_pages_of_allowed_origins(start_service: StartService) -> None:
    with start_service(cors_origins=PAGE, requests_per_minute=6) as client:
        statuses = [
            ("POST", "/predict", 415),
            ("GET", "/predict", 405),
            ("GET", "/nothing", 404),
            ("POST", "/livez", 405),
            ("GET", "/schema.json", 404),
            ("DELETE", FEEDBACK, 503),
            ("GET", "/model", 200),
            ("GET", "/model", 200),
            ("GET", "/model", 429),
        ]
        for method, path, status in statuses:
            answer = client.request(method, path, headers={"Origin": PAGE})
            assert (path, answer.status_code) == (path, status)
            assert answer.headers["access-control-allow-origin"] == PAGE
            assert "Retry-After" in answer.headers["access-control-expose-headers"]
            assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
def test_a_preflight_of_every_method_is_permitted_without_a_key(start_service: StartService, method: str) -> None:
    headers = {
        "Origin": PAGE,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,traceparent,x-request-id",
    }
    with start_service(cors_origins=PAGE, api_keys="a-key-of-the-tests-long-enough") as client:
        permission = client.options(FEEDBACK, headers=headers)
        assert permission.status_code == 200
        assert permission.headers["access-control-allow-origin"] == PAGE
        assert method in permission.headers["access-control-allow-methods"]
        refusal = client.options(FEEDBACK, headers=headers | {"Origin": "https://other.example"})
        assert (refusal.status_code, refusal.headers["content-type"]) == (400, PROBLEM)
        assert "SERVICE_CORS_ORIGINS" in refusal.json()["detail"]


def test_a_request_weighs_as_many_tweets_as_it_contains(start_service: StartService) -> None:
    batch = {"texts": [TWEET] * 300}
    with start_service(tweets_per_minute=700) as client:
        assert [client.post("/predict", json=batch).status_code for _ in range(3)] == [200, 200, 429]
        assert client.post("/predict", json={"texts": [TWEET] * 100}).status_code == 200
        for path in ("/predict", "/explain"):
            refusal = client.post(path, json={"text": TWEET})
            assert refusal.status_code == 429
            assert "700 tweets" in refusal.json()["detail"]


def test_a_request_that_is_refused_because_others_wait_does_not_count(
    start_service: StartService, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores, started, release = Classifier.negative_probability, threading.Event(), threading.Event()

    def slow(self: Classifier, texts: Sequence[str]) -> Probabilities:
        started.set()
        release.wait(30)
        return scores(self, texts)

    batch = {"texts": [TWEET] * 509}
    with start_service(tweets_per_minute=512, max_waiting_tweets=4) as client, ThreadPoolExecutor(1) as other:
        monkeypatch.setattr(Classifier, "negative_probability", slow)
        accepted = other.submit(client.post, "/predict", json={"texts": [TWEET] * 3})
        assert started.wait(30)
        refused = client.post("/predict", json=batch)
        release.set()
        assert (refused.status_code, accepted.result().status_code) == (503, 200)
        assert client.post("/predict", json=batch).status_code == 200


def test_retry_after_is_when_the_request_is_answered(start_service: StartService) -> None:
    now = 1_000_000_021.0
    with start_service(requests_per_minute=2, now=lambda: now) as client:
        assert [client.get("/model").status_code for _ in range(2)] == [200, 200]
        refusal = client.get("/model")
        seconds = int(refusal.headers["retry-after"])
        assert f"{seconds} s" in refusal.json()["detail"]
        assert seconds == 89, "59 s to the next minute, and 30 s until half of the requests are a minute old"
        now += seconds - 1
        assert client.get("/model").status_code == 429
        now += 1
        assert client.get("/model").status_code == 200


def test_documentation_needs_no_key_but_counts_and_probes_do_neither(start_service: StartService) -> None:
    with start_service(client=(REMOTE, 50000), requests_per_minute=3) as client:
        paths = ("/", "/docs.json", "/assets/page.js", "/assets/page.js", "/livez", "/readyz")
        assert [client.get(path).status_code for path in paths] == [200, 200, 200, 429, 200, 200]


def test_bodies_that_would_fill_the_memory_together_are_refused_until_others_are_answered() -> None:
    async def take_turns() -> list[int]:
        read, answered = asyncio.Event(), asyncio.Event()
        statuses: list[int] = []

        async def keep(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 (an ASGI application)
            await receive()
            read.set()
            await answered.wait()

        limit = guards.BodyLimit(keep, most=100)

        async def ask() -> None:
            async def receive() -> Message:
                return {"type": "http.request", "body": b"a" * 100, "more_body": False}

            async def send(_: Message) -> None:
                pass

            try:
                await limit({"type": "http", "headers": []}, receive, send)
            except Problem as problem:
                assert problem.headers is not None
                assert "Retry-After" in problem.headers
                statuses.append(problem.status_code)
            else:
                statuses.append(200)

        waiting = [asyncio.create_task(ask()) for _ in range(guards.MOST_BODIES)]
        await read.wait()
        await ask()
        answered.set()
        await asyncio.gather(*waiting)
        await ask()
        return statuses

    assert asyncio.run(take_turns()) == [503, *[200] * guards.MOST_BODIES, 200]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "statuses"),
    [
        ("", "198.51.100.1", [401, 401]),
        ("198.51.100.0/24", "127.0.0.1", [401, 401]),
        (f"{REMOTE}/32", "127.0.0.1", [200, 200]),
        (f"{REMOTE}/32, 10.0.0.0/8", "127.0.0.1, 198.51.100.1, 10.0.0.7", [401, 401]),
        (f"{REMOTE}/32, 10.0.0.0/8", "198.51.100.1, 127.0.0.1, 10.0.0.7", [200, 200]),
    ],
)
def test_x_forwarded_for_is_believed_from_trusted_proxies_only_and_from_the_right(
    start_service: StartService, proxies: str, forwarded: str, statuses: list[int]
) -> None:
    with start_service(client=(REMOTE, 50000), trusted_proxies=proxies) as client:
        one = client.get("/model", headers={"X-Forwarded-For": forwarded})
        several = client.get("/model", headers=[("X-Forwarded-For", part) for part in forwarded.split(", ")])
        assert [one.status_code, several.status_code] == statuses


def test_clients_behind_a_trusted_proxy_are_limited_one_by_one(start_service: StartService) -> None:
    def ask(address: str) -> int:
        return client.get("/model", headers={"X-Forwarded-For": f"198.51.100.77, {address}"}).status_code

    with start_service(
        client=(REMOTE, 50000), trusted_proxies=REMOTE, anonymous="true", requests_per_minute=1
    ) as client:
        assert [ask("198.51.100.1"), ask("198.51.100.1"), ask("198.51.100.2")] == [200, 429, 200]
        assert [ask("2001:db8::1"), ask("2001:db8::2"), ask("2001:db8:0:1::1")] == [200, 429, 200], (
            "a client has a whole network of 64 bits"
        )


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
def test_a_compressed_body_is_refused(client: TestClient, encoding: str) -> None:
    answer = client.post("/predict", json={"text": TWEET}, headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")


def test_a_body_that_could_fill_the_memory_is_refused_before_it_is_parsed(client: TestClient) -> None:
    answer = client.post("/predict", content=b'{"texts":[' + b'"a",' * 600 + b'"a"]}', headers=json_header())
    assert (answer.status_code, "more than 512 tweets" in answer.json()["detail"]) == (400, True)
    quoted = '"' * 1_900  # 1,900 escaped quotation marks are one text
    assert client.post("/predict", json={"texts": [quoted] * 20}).status_code == 200
    assert client.post("/predict", json={"texts": ["a\\"] * 512, "source": "batch"}).status_code == 200


def json_header() -> dict[str, str]:
    return {"Content-Type": "application/json"}


def test_words_are_located_in_code_points_and_in_utf16(client: TestClient) -> None:
    text = "\U0001f621\U0001f621 late \U0001f1eb\U0001f1f7 again"
    utf16 = text.encode("utf-16-le")
    for word in client.post("/explain", json={"text": text}).raise_for_status().json()["contributions"]:
        assert text[word["start"] : word["end"]] == word["text"]
        assert utf16[2 * word["start_utf16"] : 2 * word["end_utf16"]].decode("utf-16-le") == word["text"]


def test_operations_have_names_of_their_own_and_examples(client: TestClient) -> None:
    document = client.get("/docs.json").json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert sorted(names) == sorted(
        [
            *("predict", "predict_batch", "explain", "put_feedback", "delete_feedback"),
            *("next_answers", "put_judgement"),
            *(
                "get_model",
                "get_monitoring",
                "get_stream",
                "get_span",
                "get_watch",
                "get_metrics",
                "is_alive",
                "is_ready",
            ),
        ]
    )
    assert all(operation["summary"] for operation in operations)
    for operation in operations:
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["examples"]
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                schema = response["content"][PROBLEM]["schema"]
                assert schema == {"$ref": "#/components/schemas/ProblemDetails"}
                assert list(response["content"]) == [PROBLEM]
    for body in ("Question", "Questions", "SourceTweets", "SourceTweet", "ToExplain", "Feedback", "Turn", "Judgement"):
        fields = document["components"]["schemas"][body]["properties"].values()
        assert all("default" not in field for field in fields), "generated types would require them"
    referenced = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert referenced == set(document["components"]["schemas"])


class Links(HTMLParser):
    """Collects what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 (of every tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href") and value is not None]


def test_the_page_loads_only_files_of_the_service_and_allows_no_others(start_service: StartService) -> None:
    with start_service(api_keys="a-key-of-the-tests-long-enough") as client:
        page = client.get("/").raise_for_status()
        links = Links()
        links.feed(page.text)
        assert "assets/swagger-ui-bundle.js" in links.addresses
        for address in links.addresses:
            assert client.get(f"/{address}").status_code == 200, "without a key"
        policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
