"""A fake service for the tests of the page: real schemas and store, a list of words as its model, any failure.

It uses HTTP/1.0, so that each connection closes after its response.
"""

import json
import math
import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple, cast
from urllib.parse import parse_qsl, urlsplit

from msgspec import UNSET
from pydantic import BaseModel

from service import bodies, feedback, relabelling
from service.api import State
from service.ids import Ids
from service.problems import MEDIA_TYPE, Problem
from service.schemas import Contribution, Explanation, Prediction
from service.tweets import OneOrSeveral, tweets_of
from telemetry import monitoring, spans, stream
from telemetry.events import Source
from telemetry.report import iso
from telemetry.settings import Settings
from telemetry.store import Store

VERSION = "7"
BASE, THRESHOLD, UNCERTAIN, RELIABLE = -0.2, 0.5, (0.4, 0.6), 0.9
WEIGHTS = {
    **dict.fromkeys(("late", "lost", "rude", "awful", "worst", "cancelled", "app", "nobody", "queue", "refund"), 2.5),
    **dict.fromkeys(("thanks", "thank", "lovely", "great", "smooth", "quick", "early", "good", "first"), -2.5),
    "slow": 0.8,
    "but": -1.0,
}
ABOUT = {
    "name": "tweet_sentiment",
    "version": VERSION,
    "alias": "champion",
    "candidate": "logistic_regression",
    "runtime": "sklearn",
    "trained": "2026-03-01T12:00:00+00:00",
    "data": {"data": "vader", "digest": "0123456789abcdef"},
    "threshold": THRESHOLD,
    "reliability": {
        "negative_from": RELIABLE,
        "positive_to": 1 - RELIABLE,
        "max_error": 0.05,
        "confidence": 0.95,
        "negative_share": [0.2, 0.5],
    },
    "faithfulness": {"tweets": 60.0, "pearson": 0.9942, "mosaic_mass": 0.9062},
    "negative_share": 0.5,
    "validation": {"roc_auc": 0.876, "accuracy": 0.8},
    "test": {"roc_auc": 0.87},
    "run_id": "a" * 32,
    "run": "",
    "commit": "b" * 40,
    "card": "# tweet_sentiment, version 7\n",
}
WORD = re.compile(r"\S+")
HANG_SECONDS = 30.0
FEEDBACK = re.compile(r"/predictions/([^/]+)/feedback")
JUDGEMENT = re.compile(r"/relabelling/([^/]+)/judgement")
IDS = Ids(b"a key of the tests, thirty-two b")
# A word of another language; a tweet with one is answered as the service answers in that language.
FOREIGN = {"retard": "fr", "tarde": "es"}

Failure = int | Literal["hang", "cut", "html", "json"]


class Request(NamedTuple):
    """A received request.

    Attributes:
        method: its method.
        path: its path, without the query.
        query: its query.
        headers: its headers, with names in lower case.
        body: its JSON body, or `None`.
        answered: whether the response was a success.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    answered: bool


def log_odds(text: str) -> list[float]:
    """Return the contribution of each word of a tweet to the log-odds of negative."""
    return [WEIGHTS.get(word.strip(".,!?:;").lower(), 0.0) for word in WORD.findall(text)]


def probability(text: str) -> float:
    """Return the probability that a tweet is negative."""
    return 1 / (1 + math.exp(-BASE - sum(log_odds(text))))


def prediction(text: str, source: Source = "api") -> Prediction:
    """Return the prediction for a tweet."""
    negative_probability = probability(text)
    sentiment: Literal["negative", "positive"] = "negative" if negative_probability >= THRESHOLD else "positive"
    language = next((FOREIGN[word] for word in text.lower().split() if word in FOREIGN), "en")
    is_costly = UNCERTAIN[0] <= negative_probability <= UNCERTAIN[1]
    reason: Literal["cost", "language"] | None = "language" if language != "en" else "cost" if is_costly else None
    return Prediction(
        sentiment=sentiment,
        negative_probability=negative_probability,
        certainty="certain" if reason is None else "uncertain",
        uncertainty_reason=reason,
        language=language,
        reliable=language == "en" and max(negative_probability, 1 - negative_probability) >= RELIABLE,
        model_version=VERSION,
        prediction_id=IDS.issue(
            text,
            time=time.time(),
            model_version=VERSION,
            negative_probability=negative_probability,
            sentiment=sentiment,
            source=source,
        ),
    )


def answered(text: str, source: Source) -> dict[str, Any]:
    """Return the prediction for a tweet as the service answers it."""
    return prediction(text, source).model_dump()


def explanation(text: str) -> Explanation:
    """Return the explanation of the prediction for a tweet."""
    negative_probability = probability(text)
    return Explanation(
        sentiment="negative" if negative_probability >= THRESHOLD else "positive",
        negative_probability=negative_probability,
        base=BASE,
        contributions=[
            Contribution(
                text=word.group(),
                start=word.start(),
                end=word.end(),
                start_utf16=len(text[: word.start()].encode("utf-16-le")) // 2,
                end_utf16=len(text[: word.end()].encode("utf-16-le")) // 2,
                contribution=contribution,
            )
            for word, contribution in zip(WORD.finditer(text), log_odds(text), strict=True)
        ],
        error=0.0,
        method="coefficients",
        model_version=VERSION,
    )


class FakeService:
    """A fake service on a free local port.

    Attributes:
        requests: the requests received, in order.
        about: the response to `GET /model`.
        key: the API key required, if any.
        store: keeps feedback; None as in a service without TELEMETRY_DATABASE.
        settings: of events and alerts.
        report: fields that replace those of the answer of `GET /monitoring`.
        failures: the failures of the next requests, `None` for a request that succeeds.
        watching_requests: requests for the stream, apart from others: the page sends them whenever it shows the view.
        tells_plan: whether it says how it watches the stream; older versions did not.
        watching_failures: the failures of the next requests for the stream.
    """

    def __init__(self, store: Store | None = None) -> None:
        """Listen until `close`."""
        self.store = store
        self.settings = Settings(undo_seconds=60)
        self.report: dict[str, Any] = {"workers": [healthy("rule"), healthy("prune")]}
        self.requests: list[Request] = []
        self.about: dict[str, Any] = dict(ABOUT)
        self.key: str | None = None
        self.failures: deque[tuple[Failure | None, str]] = deque()
        self.watching_requests: list[Request] = []
        self.tells_plan = True
        self.watching_failures: deque[tuple[Failure | None, str]] = deque()
        self._released = threading.Event()
        self._port = 0
        self._listen()

    @property
    def url(self) -> str:
        """The address of the service."""
        return f"http://127.0.0.1:{self._port}"

    def requests_to(self, path: str) -> list[Request]:
        """Return the requests to a path."""
        return [request for request in self.requests if request.path == path]

    def fail(
        self, failure: Failure, *, times: int = 1, after: int = 0, detail: str = "refused by the fake service"
    ) -> None:
        """Fail the next requests.

        Args:
            failure: an HTTP status; `hang` (never respond), `cut` (close the connection), `html` (respond as a proxy
                would), or `json` (respond with JSON of another schema).
            times: how many requests fail.
            after: how many succeed first.
            detail: the detail of the problem response.
        """
        self.failures.extend([(None, "")] * after + [(failure, detail)] * times)

    def close(self) -> None:
        """Stop listening: connections are refused."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Stop listening for the duration of the context, then listen on the same port again."""
        self.close()
        yield
        self._listen()

    def answer(self, method: str, address: str, body: Any) -> tuple[int, BaseModel | dict[str, Any]]:
        """Return the status and the body of the response to a request."""
        path = urlsplit(address).path
        try:
            if found := FEEDBACK.fullmatch(path):
                return self.answer_feedback(method, found[1], body)
            if found := JUDGEMENT.fullmatch(path):
                judgement = bodies.parse(json.dumps(body).encode(), bodies.Judgement)
                stored, is_new = relabelling.judge(self.state, found[1], judgement)
                return (201 if is_new else 200), stored
            match path:
                case "/predict":
                    question = bodies.parse(json.dumps(body).encode(), OneOrSeveral)
                    answers = [answered(tweet.text, question.source) for tweet in tweets_of(question)]
                    return 200, {"predictions": answers} if question.text is UNSET else answers[0]
                case "/explain":
                    return 200, explanation(bodies.parse(json.dumps(body).encode(), bodies.ToExplain).text)
                case "/model":
                    return 200, self.about
                case "/relabelling/next":
                    turn = bodies.parse(json.dumps(body).encode(), bodies.Turn)
                    return 200, asdict(relabelling.ask(self.state, turn)) | {"text": self.settings.text}
                case "/monitoring":
                    store = feedback.store_of(self.state)
                    days = int(dict(parse_qsl(urlsplit(address).query))["days"])
                    return 200, asdict(monitoring.report(store, self.settings, days)) | self.report
                case "/monitoring/stream":
                    store = feedback.store_of(self.state)
                    query = {name: int(value) for name, value in parse_qsl(urlsplit(address).query)}
                    return 200, asdict(stream.stream(store, self.settings, **query))
                case "/monitoring/stream/span":
                    store = feedback.store_of(self.state)
                    fields = dict(parse_qsl(urlsplit(address).query))
                    begin = datetime.fromisoformat(fields["begin"]).timestamp()
                    return 200, asdict(spans.span(store, self.settings, begin, begin + 60 * int(fields["minutes"])))
                case "/monitoring/watch" if self.tells_plan:
                    return 200, asdict(spans.plan(self.settings))
                case _:
                    return problem(404, "There is nothing at this address.")
        except Problem as error:
            return problem(error.status_code, error.detail)

    def answer_feedback(self, method: str, prediction_id: str, body: Any) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of the response to feedback; raises Problem."""
        if method == "DELETE":
            feedback.delete_feedback(prediction_id, self.state)
            return 204, {}
        report = bodies.parse(json.dumps(body).encode(), bodies.Feedback)
        stored, is_new = feedback.acknowledge(self.state, prediction_id, report)
        return (201 if is_new else 200), {
            "prediction_id": prediction_id,
            "true_sentiment": stored.true_sentiment,
            "comment": stored.comment,
            "undo_until": iso(stored.time + self.settings.undo_seconds),
        }

    @property
    def state(self) -> State:
        """What the routes of feedback and of relabelling use of the service."""
        settings = self.settings
        state = SimpleNamespace(
            store=self.store,
            ids=IDS,
            undo_seconds=settings.undo_seconds,
            keep_feedback=settings.feedback_text,
            model=SimpleNamespace(classifier=SimpleNamespace(uncertain=UNCERTAIN), about={"version": VERSION}),
        )
        return cast(State, state)

    def wait(self) -> None:
        """Wait without responding, until the service is closed."""
        self._released.wait(HANG_SECONDS)

    def _listen(self) -> None:
        self._released.clear()
        handler = type("Handler", (Handler,), {"service": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()


class Handler(BaseHTTPRequestHandler):
    """Handle one request."""

    service: FakeService

    def do_POST(self) -> None:
        """Handle a POST request."""
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def do_PUT(self) -> None:
        """Handle a PUT request."""
        self.do_POST()

    def do_GET(self) -> None:
        """Handle a GET request."""
        self._answer(None)

    def do_DELETE(self) -> None:
        """Handle a DELETE request."""
        self._answer(None)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 (the base class' names)
        """Log nothing."""

    def _answer(self, body: Any) -> None:
        service = self.service
        is_watching = self.path.startswith(("/monitoring/stream", "/monitoring/watch"))
        failures = service.watching_failures if is_watching else service.failures
        failure, detail = failures.popleft() if failures else (None, "")
        if failure is None and service.key is not None and self.headers["Authorization"] != f"Bearer {service.key}":
            failure, detail = 401, "Send a key."
        status, content = (500, {}) if failure else service.answer(self.command, self.path, body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        address = urlsplit(self.path)
        query = dict(parse_qsl(address.query))
        is_success = failure is None and status < 300
        requests = service.watching_requests if is_watching else service.requests
        requests.append(Request(self.command, address.path, query, headers, body, is_success))
        match failure:
            case None:
                self._send(status, content if isinstance(content, dict) else content.model_dump())
            case int():
                self._send(*problem(failure, detail))
            case "json":
                self._send(200, {"other": []})
            case "html":
                self._send(200, "<html><body>Sign in</body></html>")
            case "hang":
                service.wait()
            case "cut":
                pass  # without a response, the connection is closed

    def _send(self, status: int, content: dict[str, Any] | str) -> None:
        encoded = b"" if status == 204 else (content if isinstance(content, str) else json.dumps(content)).encode()
        json_type = "application/json" if status < 400 else MEDIA_TYPE
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(content, str) else json_type)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)


def problem(status: int, detail: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of a problem response."""
    return status, {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def healthy(name: str) -> dict[str, Any]:
    """Return the health of a background job that works."""
    return {"name": name, "holder": "test", "last_run": iso(time.time()), "error": None, "healthy": True}
