"""The background jobs of a store: the alert rule, the watch, delivery of alerts, forwarding and retention."""

import logging
from collections.abc import Callable
from typing import Self

from telemetry import alert, buzz, channels, delivery, forwarding, retention
from telemetry.leases import LEASE_SECONDS, Leases
from telemetry.settings import Settings
from telemetry.store import Store
from telemetry.worker import Count, Worker

log = logging.getLogger(__name__)

OFTEN_SECONDS = 1.0
RARELY_SECONDS = 600.0
WATCH_SECONDS = 5.0
RULE, BUZZ, FORWARD, PRUNE = "rule", "buzz", "forward", "prune"


class Jobs:
    """The jobs of this process: each has a thread, and is active in only one of the processes that share a store."""

    def __init__(
        self, settings: Settings, store: Store, *, count: Count = lambda _: None, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        """Configure the jobs.

        Args:
            settings: of events and alerts.
            store: the event store.
            count: called with the name of a job for each unexpected error.
            lease_seconds: how long a job stays with a process that has died.

        Raises:
            ValueError: the connection string of Application Insights is invalid.
            Unavailable: the store cannot be reached or written.
        """
        self.leases = Leases(store, seconds=lease_seconds)
        outlet = forwarding.connect(settings)
        jobs: dict[str, tuple[Callable[[], object], float]] = {
            RULE: (lambda: alert.fire(store, settings.rule, settings.undo_seconds, count), OFTEN_SECONDS),
            PRUNE: (
                lambda: retention.prune(
                    store,
                    days=settings.days,
                    feedback_days=settings.feedback_days,
                    megabytes=settings.megabytes,
                    forwarding=outlet is not None,
                ),
                RARELY_SECONDS,
            ),
        }
        if settings.buzz is not None:
            jobs[BUZZ] = (buzz.Watch(store, settings.buzz), WATCH_SECONDS)
        if outlet is not None:
            jobs[FORWARD] = (lambda: forwarding.forward(store, outlet, settings.undo_seconds, count), OFTEN_SECONDS)
        for channel in channels.channels(settings):  # a job each, so that no channel delays another
            delivery.begin(store, channel.name)
            jobs[channel.name] = (
                lambda channel=channel: delivery.deliver(store, channel, count),  # type: ignore[misc]
                OFTEN_SECONDS,
            )
        self.workers = [
            Worker(name, job, leases=self.leases, seconds=seconds, count=count) for name, (job, seconds) in jobs.items()
        ]

    def start(self) -> Self:
        """Start the threads."""
        self.leases.start()
        for worker in self.workers:
            worker.start()
        return self

    def close(self) -> None:
        """Stop after the current runs; what is not done yet is done after the next start, or by another process."""
        for worker in self.workers:
            worker.stop()
        for worker in self.workers:
            worker.join()
        self.leases.close()


def names(settings: Settings) -> list[str]:
    """Return the names of the jobs that settings ask for."""
    forward = [FORWARD] if settings.connection_string is not None else []
    watch = [BUZZ] if settings.buzz is not None else []
    return [RULE, *watch, *(channel.name for channel in channels.channels(settings)), *forward, PRUNE]
