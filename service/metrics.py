"""What Prometheus may ask: requests, their time, and what the model has said. No label is made by a client."""

import os
import time

from prometheus_client import REGISTRY as OF_THIS_PROCESS
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.settings import NAME

ROUTES = ("/predict", "/explain", "/model", "/metrics", "/docs.json", "/livez", "/readyz", "/healthz", "/")
OTHER = "other"  # whatever addresses clients invent

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

REQUESTS = Counter("requests", "Requests answered", ["route", "status"], namespace=NAME)
DURATION = Histogram(
    "request_duration_seconds",
    "Time from a request to its answer",
    ["route"],
    namespace=NAME,
    buckets=SECONDS,
)
PREDICTIONS = Counter("predictions", "Tweets scored", ["sentiment"], namespace=NAME)
PROBABILITY = Histogram(
    "negative_probability",
    "Probabilities of negative that the model has given",
    namespace=NAME,
    buckets=[tenth / 10 for tenth in range(1, 11)],
)
EVENTS = Counter("events", "Events, by what became of them: stored or dropped", ["fate"], namespace=NAME)


def exposition() -> bytes:
    """Return all metrics as Prometheus reads them, of all workers where there are several.

    Source: https://prometheus.github.io/client_python/multiprocess/
    """
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(OF_THIS_PROCESS)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class Measured:
    """Count requests and their time, by route and status."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        route, started = scope["path"] if scope["path"] in ROUTES else OTHER, time.perf_counter()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                REQUESTS.labels(route, message["status"]).inc()
                DURATION.labels(route).observe(time.perf_counter() - started)
            await send(message)

        await self.app(scope, receive, watched)
