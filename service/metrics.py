"""Prometheus metrics: requests, latency and predictions. No label value comes from a client."""

import os
import time
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.settings import NAME

ROUTES = (
    "/predict",
    "/predict/batch",
    "/explain",
    "/model",
    "/metrics",
    "/monitoring",
    "/monitoring/stream",
    "/monitoring/stream/span",
    "/monitoring/watch",
    "/relabelling/next",
    "/docs.json",
    "/livez",
    "/readyz",
    "/healthz",
    "/",
)
FEEDBACK = "/predictions/{prediction_id}/feedback"
JUDGEMENT = "/relabelling/{item_id}/judgement"
OTHER = "other"  # label of all unknown paths, which clients could invent without end

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

REQUESTS = Counter("requests", "Requests answered", ["route", "status"], namespace=NAME)
DURATION = Histogram(
    "request_duration_seconds",
    "Time from request to response",
    ["route"],
    namespace=NAME,
    buckets=SECONDS,
)
PREDICTIONS = Counter("predictions", "Tweets scored", ["sentiment"], namespace=NAME)
UNCERTAIN = Counter("uncertain", "Answers that a person should look at", ["reason"], namespace=NAME)
PROBABILITY = Histogram(
    "negative_probability",
    "Predicted probability of negative",
    namespace=NAME,
    buckets=[tenth / 10 for tenth in range(1, 11)],
)
WAITING = Gauge("waiting_tweets", "Tweets waiting for a model", ["queue"], namespace=NAME, multiprocess_mode="livesum")
BATCH = Histogram("batch_tweets", "Tweets scored at once", namespace=NAME, buckets=[2**power for power in range(7)])
WORKERS = Gauge("workers", "Processes that answer requests", namespace=NAME, multiprocess_mode="livesum")
SHADOW = Counter(
    "shadow_tweets", "Tweets for the challenger: agreed, disagreed, dropped or failed", ["fate"], namespace=NAME
)
EVENTS = Counter("events", "Events stored or dropped", ["fate"], namespace=NAME)
JOB_ERRORS = Counter("job_errors", "Unexpected errors of background jobs", ["job"], namespace=NAME)


def exposition() -> bytes:
    """Return all metrics in the Prometheus text format, summed over workers if there are several.

    Source: https://prometheus.github.io/client_python/multiprocess/
    """
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    forget_ended_workers(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def forget_ended_workers(folder: Path) -> None:
    """Leave the gauges of processes that have ended out of the sums."""
    workers = {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*.db")}
    for worker in workers:
        try:
            os.kill(worker, 0)  # sends nothing
        except ProcessLookupError:
            mark_process_dead(worker)  # type: ignore[no-untyped-call]


def label(path: str) -> str:
    """Return the label of a path."""
    if path in ROUTES:
        return path
    if path.startswith("/assets/"):
        return "/assets"
    if path.startswith("/relabelling/") and path.endswith("/judgement"):
        return JUDGEMENT
    return FEEDBACK if path.startswith("/predictions/") and path.endswith("/feedback") else OTHER


class Measured:
    """Count requests by route and status, and measure their latency by route."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        route, started = label(scope["path"]), time.perf_counter()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                REQUESTS.labels(route, message["status"]).inc()
                DURATION.labels(route).observe(time.perf_counter() - started)
            await send(message)

        await self.app(scope, receive, send_measured)
