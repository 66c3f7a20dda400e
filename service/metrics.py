"""What Prometheus may ask: requests, their time, and what the model has said. No label is made by a client."""

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client import REGISTRY as OF_THIS_PROCESS
from prometheus_client.multiprocess import MultiProcessCollector

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

REQUESTS = Counter("requests", "Requests answered", ["route", "status"], namespace="tweet_sentiment")
DURATION = Histogram(
    "request_duration_seconds", "Time from a request to its answer", ["route"], namespace="tweet_sentiment", buckets=SECONDS
)
PREDICTIONS = Counter("predictions", "Tweets scored", ["sentiment"], namespace="tweet_sentiment")
PROBABILITY = Histogram(
    "negative_probability",
    "Probabilities of negative that the model has given",
    namespace="tweet_sentiment",
    buckets=[tenth / 10 for tenth in range(1, 11)],
)
EVENTS = Counter("events", "Events, by what became of them: stored or dropped", ["fate"], namespace="tweet_sentiment")


def exposition() -> bytes:
    """Return all metrics as Prometheus reads them, of all workers where there are several.

    Source: https://prometheus.github.io/client_python/multiprocess/
    """
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(OF_THIS_PROCESS)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
