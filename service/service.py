"""The BentoML service: loads the packaged model, checks it, and serves the API behind the middleware.

Started by `bentoml serve`, or by `python -m service`, which also checks the settings and waits for readiness.
"""

import gc
import logging
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from sentiment.inference import explain as explanation
from service import (
    api,
    connections,
    conventions,
    draining,
    feedback,
    guards,
    metrics,
    monitoring,
    observe,
    predictions,
    relabelling,
    status,
)
from service.batching import Backlog, Batcher
from service.ids import Ids
from service.limits import Limiter
from service.model import PackagedModel, UnservableModel, load
from service.scoring import Scorer
from service.settings import NAME, Settings
from service.shadow import Shadow
from service.sharing import Sharing
from telemetry import spans
from telemetry.database import StoreError
from telemetry.jobs import Jobs
from telemetry.settings import Settings as TelemetrySettings
from telemetry.store import KEY_BYTES, Store
from telemetry.writer import Writer

log = logging.getLogger(__name__)

LARGEST_BATCH = 64
# An explanation takes as long as hundreds of predictions.
MOST_WAITING_EXPLANATIONS = 32


API = api.application(predictions.router, feedback.router, relabelling.router, monitoring.router)


async def everything(scope: Scope, receive: Receive, send: Send) -> None:
    """Pass every request on to the API: if BentoML sees its routes, it serves pages of its own at all other paths."""
    await API(scope, receive, send)


@bentoml.asgi_app(everything)
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
        draining.install()
        observe.configure_log()
        self.start(Settings(), TelemetrySettings())
        status.report(self.failure)

    def start(self, settings: Settings, telemetry: TelemetrySettings) -> None:
        """Load the model, and start the threads; if that cannot succeed, say why in `failure`.

        Raises:
            Unavailable: the store cannot be reached now. This process ends; the one that replaces it tries again.
        """
        self.failure: str | None = None
        self.events: Writer | None = None
        self.store: Store | None = None
        self.jobs: Jobs | None = None
        self.monitor: monitoring.Monitor | None = None
        self.keep, self.keep_feedback = telemetry.text, telemetry.feedback_text
        self.undo_seconds, self.watch_plan = telemetry.undo_seconds, spans.plan(telemetry)
        self.limiter, self.tweets_per_minute = Limiter(), settings.tweets_per_minute
        self.sharing: Sharing | None = None
        self.shadow: Shadow | None = None
        # Without a store, nobody can send feedback, so ids need not outlive this process.
        self.ids = Ids(secrets.token_bytes(KEY_BYTES))
        try:
            key = settings.model_public_key
            self.model = load(settings.model, "model", key)
            challenger = None if settings.shadow is None else load(settings.shadow, "challenger (SERVICE_SHADOW)", key)
            if telemetry.database is not None:
                self.open_store(Store(telemetry.database.get_secret_value()), telemetry)
        except (UnservableModel, StoreError) as error:
            self.failure = str(error)
            log.critical(self.failure)
            return
        self.open_queues(settings, challenger)
        metrics.WORKERS.set(1)
        # Garbage collection caused the slowest responses: it scanned the loaded model, and the timer that BentoML keeps
        # for a minute after each request. So the model is frozen, and older generations are collected rarely.
        gc.collect()
        gc.freeze()
        # While the model's thread computes, the event loop waits so long each time it needs the interpreter; with
        # Python's 5 ms, the slowest probes of the soak took twice as long.
        sys.setswitchinterval(0.001)
        gc.set_threshold(20_000, 50, 100)

    def open_queues(self, settings: Settings, challenger: PackagedModel | None) -> None:
        """Start the threads that score and explain tweets."""
        self.score = Batcher(
            Scorer(self.model.classifier),
            ThreadPoolExecutor(1, thread_name_prefix="model"),
            largest=LARGEST_BATCH,
            backlog=Backlog(settings.max_waiting_tweets, metrics.WAITING.labels("predictions").set),
            observe=metrics.BATCH.observe,
        )
        # A thread of their own, so that explanations delay no prediction.
        self.explanations = Batcher(
            lambda texts: [explanation.explain(self.model.classifier, text) for text in texts],
            ThreadPoolExecutor(1, thread_name_prefix="explanations"),
            largest=1,
            backlog=Backlog(MOST_WAITING_EXPLANATIONS, metrics.WAITING.labels("explanations").set),
            observe=lambda _: None,
        )
        if challenger is not None:
            self.shadow = Shadow(
                challenger,
                count=lambda fate, tweets: metrics.SHADOW.labels(fate).inc(tweets),
                store=None if self.events is None else self.events.add,
                keep=self.keep,
            )
            self.shadow.start()

    def open_store(self, store: Store, settings: TelemetrySettings) -> None:
        """Create the store if it is missing, and start writing and working on it.

        Raises:
            StoreError: the store belongs to another version of this program.
            Unavailable: the store cannot be reached or written.
        """
        store.create()
        self.store, self.ids, self.monitor = store, Ids(store.key()), monitoring.Monitor(store, settings)
        self.events = Writer(store, count=lambda fate, events: metrics.EVENTS.labels(fate).inc(events))
        self.events.start()
        if store.database.engine.dialect.name == "postgresql":  # replicas share it
            self.sharing = Sharing(self.limiter, store.database).start()
        self.jobs = Jobs(settings, store, count=lambda job: metrics.JOB_ERRORS.labels(job).inc()).start()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Write the waiting events; events not forwarded yet are forwarded after the next start."""
        if self.shadow is not None:
            self.shadow.close()
        if self.events is not None:
            self.events.close()
        if self.jobs is not None:
            self.jobs.close()
        if self.sharing is not None:
            self.sharing.close()

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
        limiter=lambda: bentoml.get_current_service().limiter,
    )
    app = conventions.Head(conventions.Routes(app))
    # Inside, so that allowed pages can read refusals; outside, for refusals by the CORS middleware itself.
    app = conventions.CrossOrigin(
        guards.Problems(app),
        settings.cors_origins,
        allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Traceparent", "X-Request-ID"],
        expose_headers=["Retry-After", "Traceparent", "X-Request-ID"],
    )
    if settings.trusted_proxies:
        networks = [str(network) for network in settings.trusted_proxies]
        app = cast(ASGIApp, ProxyHeadersMiddleware(cast(Any, app), networks))  # uvicorn has types of its own for ASGI
    return observe.Observed(metrics.Measured(guards.Problems(app)))


connections.install()
TweetSentiment.add_asgi_middleware(guarded)  # type: ignore[attr-defined]  # it is a bentoml.Service now
