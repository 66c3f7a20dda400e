"""The recent search of X's official API, which needs a bearer token and is paid for by the tweet.

Source: https://docs.x.com/x-api/posts/recent-search
"""

from collections.abc import Iterator
from typing import Any

from watch.errors import WatchError
from watch.patience import Patience, Refusal
from watch.tweets import Batch, batch_of

URL = "https://api.x.com"
PATH = "/2/tweets/search/recent"
FIELDS = {"tweet.fields": "created_at,author_id", "max_results": "100"}


def batches(patience: Patience, query: str, position: Any, seconds: float) -> Iterator[Batch]:
    """Yield the tweets of a search that are newer than those before, every some seconds; at first, those of 7 days.

    The position, the newest id, moves once all pages of an answer have been sent; X gives the newest tweets first.

    Raises:
        WatchError: X refuses the request.
    """
    since = position
    while True:
        newest, page = since, None
        while True:
            asked = {"query": query, **FIELDS}
            asked |= ({"since_id": since} if since else {}) | ({"next_token": page} if page else {})
            try:
                answer = patience.request("GET", PATH, params=asked).json()
            except Refusal as refusal:
                raise WatchError(
                    f"X answers {refusal.status} ({refusal.detail}). Check X_BEARER_TOKEN and the query."
                ) from None
            meta = answer.get("meta", {})
            newest = max((each for each in (newest, meta.get("newest_id")) if each), key=int, default=None)
            page = meta.get("next_token")
            records = [(f"tweet {record.get('id')} of X", record) for record in answer.get("data", [])]
            yield batch_of(records, since if page else newest)
            if not page:
                break
        since = newest
        patience.pause(seconds)
