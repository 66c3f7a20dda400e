"""What the service and the page have done beside their work."""

from collections.abc import Callable, Iterator

from telemetry import alert, channels, forwarding
from telemetry.settings import Settings
from telemetry.store import Store
from telemetry.worker import Worker

OFTEN_SECONDS = 1.0
RARELY_SECONDS = 600.0


def of_the_service(settings: Settings, store: Store) -> list[Worker]:
    """Return what keeps a store small, and forwards its events.

    Raises:
        ValueError: the connection string is wrong.
    """
    outlet = forwarding.connect(settings)

    def prune() -> None:
        store.prune(days=settings.days, megabytes=settings.megabytes, forwarding=outlet is not None)

    jobs: dict[str, tuple[Callable[[], object], float]] = {"prune": (prune, RARELY_SECONDS)}
    if outlet is not None:
        jobs["forward"] = (lambda: forwarding.forward(store, outlet, settings.undo_seconds), OFTEN_SECONDS)
    return [worker(store, name, job, seconds) for name, (job, seconds) in jobs.items()]


def of_the_page(settings: Settings, store: Store) -> list[Worker]:
    """Return the same, and what fires alerts and tells of them.

    Raises:
        ValueError: the connection string is wrong.
    """
    return [*of_the_service(settings, store), *alerting(settings, store)]


def alerting(settings: Settings, store: Store) -> Iterator[Worker]:
    """Yield what fires alerts, and for each channel what tells of them: none waits for another."""
    yield worker(store, "rule", lambda: alert.fire(store, settings.rule, settings.undo_seconds), OFTEN_SECONDS)
    for name, tell in channels.channels(settings):
        store.begin(name)

        def told(name: str = name, tell: channels.Tell = tell) -> None:
            channels.deliver(store, name, tell)

        yield worker(store, name, told, OFTEN_SECONDS)


def worker(store: Store, name: str, job: Callable[[], object], seconds: float) -> Worker:
    """Return a worker whose lock lies beside the store."""
    return Worker(job, lock=store.path.with_name(f"{store.path.name}.{name}.lock"), seconds=seconds)
