"""HTTP client of the service; failures become a `ServiceError` with a reason that the page can explain."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple

import httpx

from ui.settings import is_loopback

log = logging.getLogger(__name__)

MOST_TWEETS = 512  # the service's limit for one request
MOST_CHARACTERS = 2_000
MOST_COMMENT_CHARACTERS = 500
MOST_NAME_CHARACTERS = 320
CONNECT_SECONDS = 10.0
SECOND = timedelta(seconds=1)

Sentiment = Literal["negative", "positive"]
Source = Literal["page", "batch"]
Answer = Literal["negative", "positive", "discarded", "skipped"]
Reason = Literal[
    "gone", "asleep", "slow", "key", "too_large", "too_many", "unfit", "unknown", "too_late", "no_store", "broken"
]
REASONS: dict[int, Reason] = {
    400: "unfit",
    401: "key",
    403: "key",
    413: "too_large",
    429: "too_many",
    502: "asleep",
    503: "asleep",
    504: "slow",
}
# Paths of what people say about answers, and what some statuses mean there.
FEEDBACK_PATHS = ("predictions/", "relabelling/")
FEEDBACK_REASONS: dict[int, Reason] = {404: "unknown", 409: "too_late"}


class ServiceError(Exception):
    """A request to the service failed.

    Attributes:
        reason: key of the message that the page shows (`trouble.<reason>`).
        detail: the `detail` of the problem that the service returned, if any; English, for the log only.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        """Store the reason and the detail."""
        super().__init__(f"{reason} {detail}".strip())
        self.reason, self.detail = reason, detail


class Receipt(NamedTuple):
    """The service's confirmation that feedback is stored.

    Attributes:
        prediction_id: the answer concerned.
        undo_seconds: how long the feedback can still be undone, in seconds by the service's clock.
    """

    prediction_id: str
    undo_seconds: float


class Service:
    """Client of the service at a URL; every method raises ServiceError on failure."""

    def __init__(
        self, url: str, key: str | None, *, patience_seconds: float, transport: httpx.BaseTransport | None = None
    ) -> None:
        """Configure the URL, the API key and the timeout."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        timeout = httpx.Timeout(patience_seconds, connect=min(CONNECT_SECONDS, patience_seconds))
        # A proxy (HTTP_PROXY) does not reach a service on this machine.
        use_proxy = not is_loopback(httpx.URL(url).host)
        self._client = httpx.Client(
            base_url=url, headers=headers, timeout=timeout, transport=transport, trust_env=use_proxy
        )

    def predict(self, texts: Sequence[str], source: Source) -> list[dict[str, Any]]:
        """Return the prediction for each of up to `MOST_TWEETS` tweets."""
        body = {"texts": list(texts), "source": source}
        predictions: list[dict[str, Any]] = self._json("POST", "predict", body, required="predictions")["predictions"]
        return predictions

    def explain(self, text: str) -> dict[str, Any]:
        """Return the contribution of each word of a tweet to its prediction."""
        return self._json("POST", "explain", {"text": text}, required="contributions")

    def model(self) -> dict[str, Any]:
        """Return the metadata of the service's model."""
        return self._json("GET", "model", required="version")

    def monitoring(self, days: int) -> dict[str, Any]:
        """Return what the service has recorded in the last days: predictions, feedback, alerts, its own health."""
        return self._json("GET", f"monitoring?days={days}", required="predictions")

    def stream(self, hours: int, minutes: int) -> dict[str, Any]:
        """Return the watched stream of the last hours, in spans of some minutes."""
        return self._json("GET", f"monitoring/stream?hours={hours}&minutes={minutes}", required="level")

    def span(self, begin: str, minutes: int) -> dict[str, Any]:
        """Return what is known about a span of the watched stream; it begins at a time in ISO 8601, in UTC."""
        return self._json("GET", f"monitoring/stream/span?begin={begin}&minutes={minutes}", required="topics")

    def watch_plan(self) -> dict[str, Any]:
        """Return how the stream is watched, and the reasons of complaints."""
        return self._json("GET", "monitoring/watch", required="reasons")

    def give_feedback(self, prediction_id: str, true_sentiment: Sentiment, text: str, comment: str) -> Receipt:
        """Store the true sentiment of a tweet; storing the same again changes nothing."""
        body = {"true_sentiment": true_sentiment, "text": text} | ({"comment": comment} if comment else {})
        response = self._send("PUT", feedback_path(prediction_id), body)
        answer = read(response)
        if "undo_until" not in answer:
            raise ServiceError("broken")
        return Receipt(prediction_id, seconds_left(answer["undo_until"], response.headers))

    def withdraw_feedback(self, prediction_id: str) -> None:
        """Take back feedback that can still be undone."""
        self._send("DELETE", feedback_path(prediction_id))

    def next_to_judge(self, labeller: str) -> dict[str, Any]:
        """Return the next answer that a person should judge, if there is one, and how far the queue is."""
        return self._json("POST", "relabelling/next", {"labeller": labeller, "limit": 1}, required="progress")

    def judge(self, item_id: str, labeller: str, answer: Answer) -> None:
        """Store what a person says about an answer; storing the same again changes nothing."""
        self._send("PUT", f"relabelling/{item_id}/judgement", {"labeller": labeller, "answer": answer})

    def _json(self, method: str, path: str, body: dict[str, Any] | None = None, *, required: str) -> dict[str, Any]:
        """Return the response body, which has at least the required field."""
        json_object = read(self._send(method, path, body))
        if required not in json_object:  # something else answered in place of the service, such as a login page
            raise ServiceError("broken")
        return json_object

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Return the response to a request that succeeded; log why one failed."""
        try:
            response = self._client.request(method, path, json=body)
        except httpx.ConnectError as error:
            raise ServiceError("gone") from error
        except httpx.TimeoutException as error:
            raise ServiceError("slow") from error
        except httpx.TransportError as error:  # connection dropped, as by a service that is stopping
            raise ServiceError("asleep") from error
        if not response.is_success:
            problem = detail(response)
            log.warning("%s %s: status %s. %s", method, path.partition("/")[0], response.status_code, problem)
            raise ServiceError(reason(response.status_code, path, is_problem=bool(problem)), problem)
        return response


def reason(status: int, path: str, *, is_problem: bool) -> Reason:
    """Return why a request failed.

    A proxy answers 503 while the service starts, and 404 for a wrong address; only the service returns problem details.
    """
    if status == 503 and is_problem and path.startswith(("monitoring", *FEEDBACK_PATHS)):
        return "no_store"
    if is_problem and path.startswith(FEEDBACK_PATHS) and status in FEEDBACK_REASONS:
        return FEEDBACK_REASONS[status]
    return REASONS.get(status, "broken")


def feedback_path(prediction_id: str) -> str:
    """Return the path of the feedback on a prediction."""
    return f"predictions/{prediction_id}/feedback"


def seconds_left(until: str, headers: Mapping[str, str]) -> float:
    """Return the seconds until a time from when the service answered (`Date`), so that the clocks may differ."""
    # The header has whole seconds, so the answer may be up to a second younger.
    now = parsedate_to_datetime(headers["date"]) + SECOND if "date" in headers else datetime.now(UTC)
    return max(0.0, (datetime.fromisoformat(until) - now).total_seconds())


def read(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object in a response, or an empty one if there is none."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def detail(response: httpx.Response) -> str:
    """Return the `detail` of a problem (RFC 9457); empty for errors of a proxy, which have another format."""
    if response.headers.get("content-type", "").partition(";")[0] != "application/problem+json":
        return ""
    return str(read(response).get("detail", ""))
