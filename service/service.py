"""The BentoML service: loads the packaged model, checks it, and serves the API behind the middleware.

Started by `bentoml serve`, or by `python -m service`, which also checks the settings and waits for readiness.
"""

import gc
import logging
from concurrent.futures import ThreadPoolExecutor

import bentoml
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from sentiment.inference.errors import UserError
from service import api, guards, metrics
from service.batching import Batcher
from service.model import PackagedModel
from service.settings import NAME, Settings
from telemetry import jobs
from telemetry.settings import Settings as TelemetrySettings
from telemetry.store import Store
from telemetry.worker import Worker
from telemetry.writer import Writer

log = logging.getLogger(__name__)

LARGEST_BATCH = 64


@bentoml.asgi_app(api.application())
@bentoml.service(
    name=NAME,
    metrics={"enabled": False},  # BentoML's metrics have a label for every path that a client invents
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},  # unused; BentoML would keep each trace for a minute
)
class TweetSentiment:
    """Classify tweets as negative or not."""

    def __init__(self) -> None:
        """Load the model; if it fails its self-test, the service is alive but never becomes ready."""
        settings, telemetry = Settings(), TelemetrySettings()
        self.failure: str | None = None
        self.events: Writer | None = None
        self.workers: list[Worker] = []
        self.keep = telemetry.text
        try:
            self.model = PackagedModel.load(settings.model)
        except (OSError, ValueError, ImportError, UserError) as error:
            self.failure = f"Cannot serve the model in {settings.model}. {error}"
            log.critical(self.failure)
            return
        if telemetry.path is not None:
            store = Store(telemetry.path)
            self.events = Writer(store, count=lambda fate, events: metrics.EVENTS.labels(fate).inc(events))
            self.events.start()
            self.workers = jobs.service_workers(telemetry, store)
            for worker in self.workers:
                worker.start()
        thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self.score = Batcher(self.model.classifier.negative_probability, thread, largest=LARGEST_BATCH)
        # A thread of their own, so that explanations delay no prediction.
        self.explanations = ThreadPoolExecutor(1, thread_name_prefix="explanations")
        # Garbage collection caused the slowest responses: it scanned the loaded model, and the timer that BentoML keeps
        # for a minute after each request. So the model is frozen, and older generations are collected rarely.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 50, 100)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Write the waiting events; events not forwarded yet are forwarded after the next start."""
        if self.events is not None:
            self.events.close()
        for worker in self.workers:
            worker.close()

    def __is_ready__(self) -> bool:
        """Return whether the model has passed its self-test."""
        return self.failure is None


def guarded(app: ASGIApp) -> ASGIApp:
    """Wrap the application in middleware, innermost first."""
    settings = Settings()
    app = guards.BodyLimit(app, most=settings.max_body_bytes)
    app = guards.TimeLimit(app, seconds=settings.timeout_seconds)
    app = guards.Admission(
        app,
        keys=[key.get_secret_value() for key in settings.api_keys],
        anonymous=settings.anonymous,
        requests_per_minute=settings.requests_per_minute,
    )
    headers = ["Authorization", "Content-Type"]
    # Inside, so that allowed pages can read refusals; outside, for refusals by the CORS middleware itself.
    app = CORSMiddleware(
        guards.Problems(app), settings.cors_origins, allow_methods=["GET", "POST"], allow_headers=headers
    )
    return metrics.Measured(guards.Problems(app))


TweetSentiment.add_asgi_middleware(guarded)  # type: ignore[attr-defined]  # it is a bentoml.Service now
