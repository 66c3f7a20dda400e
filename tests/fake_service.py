"""A fake service, for the tests of the page: its shapes, a list of words for a model, and every failure.

It speaks HTTP/1.0, so that no connection outlives its answer.
"""

import json
import math
import re
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from pydantic import BaseModel, TypeAdapter, ValidationError

from service.problems import MEDIA_TYPE
from service.schemas import Contribution, Explanation, Prediction, Predictions, PredictRequest, Question, Questions

VERSION = "7"
BASE, THRESHOLD, UNCERTAIN = -0.2, 0.5, (0.4, 0.6)
WEIGHTS = {
    **dict.fromkeys(("late", "lost", "rude", "awful", "worst", "cancelled"), 2.5),
    **dict.fromkeys(("thanks", "thank", "lovely", "great", "smooth"), -2.5),
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
    "data": {"data": "sample", "digest": "0123456789abcdef"},
    "synthetic": False,
    "threshold": THRESHOLD,
    "negative_share": 0.5,
    "validation": {"roc_auc": 0.876, "accuracy": 0.8},
    "test": {"roc_auc": 0.87},
    "run_id": "a" * 32,
    "run": "",
    "commit": "b" * 40,
    "card": "# tweet_sentiment, version 7\n",
}
WORD = re.compile(r"\S+")
ASKED: TypeAdapter[Question | Questions] = TypeAdapter(PredictRequest)
HANG_SECONDS = 30.0

Failure = int | Literal["hang", "cut", "html", "json"]


class Request(NamedTuple):
    """What was asked.

    Attributes:
        path: where.
        headers: with their names in lower case.
        body: as JSON, if there was one.
        well: whether it was answered.
    """

    path: str
    headers: Mapping[str, str]
    body: Any
    well: bool


def log_odds(text: str) -> list[float]:
    """Return what each word of a tweet adds to the log-odds of negative."""
    return [WEIGHTS.get(word.strip(".,!?:;").lower(), 0.0) for word in WORD.findall(text)]


def probability(text: str) -> float:
    """Return the probability that a tweet is negative."""
    return 1 / (1 + math.exp(-BASE - sum(log_odds(text))))


def prediction(text: str) -> Prediction:
    """Return what is said of a tweet."""
    chance = probability(text)
    return Prediction(
        sentiment="negative" if chance >= THRESHOLD else "positive",
        negative_probability=chance,
        certainty="uncertain" if UNCERTAIN[0] <= chance <= UNCERTAIN[1] else "certain",
        model_version=VERSION,
        prediction_id=uuid4().hex,
    )


def explanation(text: str) -> Explanation:
    """Return why it is said of a tweet."""
    chance = probability(text)
    return Explanation(
        sentiment="negative" if chance >= THRESHOLD else "positive",
        negative_probability=chance,
        base=BASE,
        contributions=[
            Contribution(text=word.group(), start=word.start(), end=word.end(), contribution=added)
            for word, added in zip(WORD.finditer(text), log_odds(text), strict=True)
        ],
        error=0.0,
        method="coefficients",
        model_version=VERSION,
    )


class FakeService:
    """The fake service, at a free port of this machine.

    Attributes:
        requests: what was asked, in its order.
        about: what `GET /model` tells.
        key: that has to be borne, if one has to.
        failures: how the next requests fail; `None` is one that does not.
    """

    def __init__(self) -> None:
        """Listen; `close` ends that."""
        self.requests: list[Request] = []
        self.about: dict[str, Any] = dict(ABOUT)
        self.key: str | None = None
        self.failures: deque[tuple[Failure | None, str]] = deque()
        self._released = threading.Event()
        self._port = 0
        self._listen()

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self._port}"

    def asked(self, path: str) -> list[Request]:
        """Return what was asked at a path."""
        return [request for request in self.requests if request.path == path]

    def fail(
        self, how: Failure, *, times: int = 1, after: int = 0, detail: str = "refused by the fake service"
    ) -> None:
        """Fail so many of the next requests, after so many that are answered.

        Args:
            how: a status; or `hang`, never to answer; `cut`, to close the connection; `html`, to answer as what stands
                before a service does; `json`, to answer with JSON of another shape.
            times: how many requests.
            after: how many are answered before.
            detail: what a problem says of itself.
        """
        self.failures.extend([(None, "")] * after + [(how, detail)] * times)

    def close(self) -> None:
        """Listen no longer; whoever asks is refused."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Be gone for a while; then listen at the same port again."""
        self.close()
        yield
        self._listen()

    def answer(self, path: str, body: Any) -> tuple[int, BaseModel | dict[str, Any]]:
        """Return the status and the body of the answer to what is asked."""
        try:
            match path:
                case "/predict":
                    asked = ASKED.validate_python(body)
                    if isinstance(asked, Questions):
                        return 200, Predictions(predictions=[prediction(text) for text in asked.texts])
                    return 200, prediction(asked.text)
                case "/explain":
                    return 200, explanation(Question.model_validate(body).text)
                case "/model":
                    return 200, self.about
                case _:
                    return problem(404, "There is nothing at this address.")
        except ValidationError as error:
            return problem(400, "; ".join(f"{wrong['loc']} {wrong['msg']}" for wrong in error.errors()))

    def wait(self) -> None:
        """Wait as one that never answers, until this is closed."""
        self._released.wait(HANG_SECONDS)

    def _listen(self) -> None:
        self._released.clear()
        handler = type("Handler", (Handler,), {"service": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()


class Handler(BaseHTTPRequestHandler):
    """Answer one request."""

    service: FakeService

    def do_POST(self) -> None:
        """Answer to a POST."""
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def do_GET(self) -> None:
        """Answer to a GET."""
        self._answer(None)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 (the base class' names)
        """Say nothing."""

    def _answer(self, body: Any) -> None:
        service = self.service
        how, detail = service.failures.popleft() if service.failures else (None, "")
        if how is None and service.key is not None and self.headers["Authorization"] != f"Bearer {service.key}":
            how, detail = 401, "Send a key."
        status, told = service.answer(self.path, body)
        well = how is None and status == 200
        headers = {name.lower(): value for name, value in self.headers.items()}
        service.requests.append(Request(self.path, headers, body, well))
        match how:
            case None:
                self._send(status, told if isinstance(told, dict) else told.model_dump())
            case int():
                self._send(*problem(how, detail))
            case "json":
                self._send(200, {"other": []})
            case "html":
                self._send(200, "<html><body>Sign in</body></html>")
            case "hang":
                service.wait()
            case "cut":
                pass  # what is not answered is closed

    def _send(self, status: int, told: dict[str, Any] | str) -> None:
        content = (told if isinstance(told, str) else json.dumps(told)).encode()
        json_type = "application/json" if status < 400 else MEDIA_TYPE
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(told, str) else json_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def problem(status: int, detail: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of a refusal."""
    return status, {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
