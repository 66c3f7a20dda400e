"""Background jobs of the service and the page."""

from collections.abc import Callable, Iterator

from telemetry import alert, channels, forwarding
from telemetry.settings import Settings
from telemetry.store import Store
from telemetry.worker import Worker

OFTEN_SECONDS = 1.0
RARELY_SECONDS = 600.0


def service_workers(settings: Settings, store: Store) -> list[Worker]:
    """Return the workers that prune the store and forward its events.

    Raises:
        ValueError: the connection string is invalid.
    """
    outlet = forwarding.connect(settings)

    def prune() -> None:
        store.prune(days=settings.days, megabytes=settings.megabytes, forwarding=outlet is not None)

    jobs: dict[str, tuple[Callable[[], object], float]] = {"prune": (prune, RARELY_SECONDS)}
    if outlet is not None:
        jobs["forward"] = (lambda: forwarding.forward(store, outlet, settings.undo_seconds), OFTEN_SECONDS)
    return [worker(store, name, job, seconds) for name, (job, seconds) in jobs.items()]


def page_workers(settings: Settings, store: Store) -> list[Worker]:
    """Return the workers of the service, and those that fire and deliver alerts.

    Raises:
        ValueError: the connection string is invalid.
    """
    return [*service_workers(settings, store), *alert_workers(settings, store)]


def alert_workers(settings: Settings, store: Store) -> Iterator[Worker]:
    """Yield a worker that fires alerts, and one per channel that delivers them, so that no channel delays another."""
    yield worker(store, "rule", lambda: alert.fire(store, settings.rule, settings.undo_seconds), OFTEN_SECONDS)
    for name, send in channels.channels(settings):
        store.begin(name)

        def deliver(name: str = name, send: channels.Send = send) -> None:
            channels.deliver(store, name, send)

        yield worker(store, name, deliver, OFTEN_SECONDS)


def worker(store: Store, name: str, job: Callable[[], object], seconds: float) -> Worker:
    """Return a worker whose lock file is next to the store."""
    return Worker(job, lock=store.path.with_name(f"{store.path.name}.{name}.lock"), seconds=seconds)
