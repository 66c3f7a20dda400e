"""The service, as the watch uses it."""

from collections.abc import Iterator, Sequence
from typing import Any

import httpx

from watch.errors import WatchError
from watch.patience import Patience, Refusal
from watch.tweets import Rejected, Tweet

MOST_TWEETS = 512  # the service's limit for one request
UNFIT = (400, 413)
# A replay may be so far in the past; older counts are not kept.
DAYS = 60
ALARM_TIMEOUT_SECONDS = 10.0
ADVICE = {
    401: "Set SERVICE_KEY to one of its SERVICE_API_KEYS.",
    403: "Set SERVICE_KEY to one of its SERVICE_API_KEYS.",
    404: "Correct SERVICE_URL, or update the service.",
}


class Service:
    """Send tweets, and ask for the state of the alarm."""

    def __init__(self, patience: Patience) -> None:
        """Configure the connection."""
        self.patience = patience

    def send(self, tweets: Sequence[Tweet]) -> Iterator[tuple[Tweet, str] | Rejected]:
        """Send tweets; yield each with its sentiment once the service has acknowledged it, or why it refuses it.

        Sending a tweet again changes nothing, since it has an id.

        Raises:
            WatchError: the service refuses all of them, for its address or its key is wrong.
        """
        for start in range(0, len(tweets), MOST_TWEETS):
            yield from self._send(tweets[start : start + MOST_TWEETS])

    def _send(self, tweets: Sequence[Tweet]) -> Iterator[tuple[Tweet, str] | Rejected]:
        try:
            response = self.patience.request("POST", "predict/batch", json={"tweets": [each.body() for each in tweets]})
        except Refusal as refusal:
            if refusal.status not in UNFIT:
                advice = ADVICE.get(refusal.status, "Correct SERVICE_URL.")
                raise WatchError(f"The service answers {refusal.status} ({refusal.detail}). {advice}") from None
            if len(tweets) == 1:
                reason = refusal.detail.removeprefix("tweets[0].")
                yield Rejected(f"tweet {tweets[0].id}", reason, tweets[0].text)
                return
            for half in (tweets[: len(tweets) // 2], tweets[len(tweets) // 2 :]):
                yield from self._send(half)
            return
        try:
            sentiments = [str(answer["sentiment"]) for answer in response.json()["predictions"]]
            yield from zip(tweets, sentiments, strict=True)
        except (ValueError, KeyError, TypeError):
            raise WatchError("Something else answers in place of the service. Correct SERVICE_URL.") from None

    def buzz(self) -> dict[str, Any] | None:
        """Return the field `buzz` of the service's monitoring, or None if it is unknown now; it does not wait."""
        try:
            answer = self.patience.client.get("monitoring", params={"days": DAYS}, timeout=ALARM_TIMEOUT_SECONDS)
            found = answer.json().get("buzz") if answer.is_success else None
        except (httpx.TransportError, ValueError, AttributeError):
            return None
        return found if isinstance(found, dict) else None
