"""The loop: from a source to the service, and its progress to the state file."""

import time
from collections.abc import Iterable

from watch.progress import Progress
from watch.rejects import Rejects
from watch.service import Service
from watch.status import Status, alarm_of
from watch.tweets import Batch, Rejected

ALARM_SECONDS = 15.0


def feed(batches: Iterable[Batch], service: Service, progress: Progress, rejects: Rejects, status: Status) -> None:
    """Send the tweets of a source; note its position once the service has acknowledged all before it.

    Killed at any moment, the next start sends again what may not have arrived, and the service counts it once.

    Raises:
        WatchError: the source, the service or a file cannot be used.
    """
    asked = float("-inf")
    for batch in batches:
        for rejected in batch.rejected:
            rejects.add(rejected)
        for outcome in service.send(batch.tweets):
            if isinstance(outcome, Rejected):
                rejects.add(outcome)
            else:
                tweet, sentiment = outcome
                status.count(sentiment, tweet.time)
        progress.save(batch.position)
        status.rejected = rejects.count
        if time.monotonic() - asked >= ALARM_SECONDS:
            asked = time.monotonic()
            status.alarm = alarm_of(service.buzz())
        status.tick()
