"""An HTTP endpoint that is polled: it answers with its latest tweets, as a JSON list or as newline-delimited JSON."""

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx

from watch.errors import WatchError
from watch.patience import Patience, Refusal
from watch.tweets import Batch, Rejected, batch_of

# Ids that are remembered, so that tweets that the endpoint repeats are not sent again.
MOST_IDS = 5_000


def batches(patience: Patience, url: str, position: Any, seconds: float) -> Iterator[Batch]:
    """Yield the tweets that an endpoint had not given before, every some seconds.

    Args:
        patience: the connection.
        url: of the endpoint.
        position: the ids of the latest tweets.
        seconds: between two requests.

    Raises:
        WatchError: the endpoint refuses the request, or its answer has another format.
    """
    ids: list[str] = list(position or [])
    while True:
        try:
            response = patience.request("GET", url)
        except Refusal as refusal:
            advice = "Set WATCH_TOKEN." if refusal.status in (401, 403) else "Correct the address."
            raise WatchError(f"{url} answers {refusal.status} ({refusal.detail}). {advice}") from None
        batch = batch_of(records(url, response), None)
        known = set(ids)
        new = {tweet.id: tweet for tweet in batch.tweets if tweet.id not in known}
        bad = {key: each for each in batch.rejected if (key := fingerprint(each)) not in known}
        ids = [*ids, *new, *bad][-MOST_IDS:]
        yield Batch(list(new.values()), list(bad.values()), ids)
        patience.pause(seconds)


def fingerprint(rejected: Rejected) -> str:
    """Return by what a bad record is known when the endpoint repeats it."""
    return f"rejected {hashlib.sha256(rejected.content.encode()).hexdigest()[:16]}"


def records(url: str, response: httpx.Response) -> list[tuple[str, object]]:
    """Return the records of an answer, each with its place.

    Raises:
        WatchError: it is neither a list, nor an object with a list `data`, nor newline-delimited JSON.
    """
    if "json" in (kind := response.headers.get("content-type", "")) and "ndjson" not in kind and "lines" not in kind:
        try:
            answer = response.json()
        except ValueError:
            raise WatchError(f"{url} answers with something that is not JSON.") from None
        found = answer.get("data", []) if isinstance(answer, dict) else answer
        if not isinstance(found, list):
            raise WatchError(f"{url} answers with JSON that is neither a list nor an object with a list `data`.")
        return [(f"element {number} of the answer", record) for number, record in enumerate(found)]
    lines = response.content.split(b"\n")
    return [(f"line {number} of the answer", line) for number, line in enumerate(lines, start=1) if line.strip()]
