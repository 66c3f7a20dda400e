"""Routes for the model's health in production, and for the watched stream."""

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BeforeValidator

from service.api import Service, State
from service.document import error_responses
from service.feedback import store_of, unreachable
from telemetry import monitoring, spans, stream
from telemetry.database import Unavailable
from telemetry.report import Report
from telemetry.settings import Settings
from telemetry.spans import Span, WatchPlan
from telemetry.store import Store
from telemetry.stream import Stream

# How long an answer is reused, so that many viewers cost no more than one.
CACHE_SECONDS = 5.0
MOST_CACHED = 8
PATIENCE_SECONDS = 20.0
MOST_HOURS = 14 * 24

router = APIRouter(tags=["operation"])


def refuse_numbers(time: object) -> object:
    """Refuse numbers, which Pydantic takes for seconds or milliseconds.

    Raises:
        ValueError: the time does not begin with a year and a month.
    """
    if not re.match(r"\d{4}-\d{2}-", str(time)):
        raise ValueError("must be a time in ISO 8601")
    return time


class Monitor:
    """Reports on a store, each computed once per `CACHE_SECONDS`."""

    def __init__(self, store: Store, settings: Settings) -> None:
        """Configure the store, and the settings of events and alerts."""
        self._store, self._settings = store, settings
        self._lock = threading.Lock()
        self._cached = lru_cache(MOST_CACHED)(self._compute)

    def report(self, days: int) -> bytes:
        """Return the report of the last days as JSON.

        Raises:
            Unavailable: the store cannot be read, or others have waited for it too long.
        """
        return self._answer(monitoring.report, days)

    def stream(self, hours: int, minutes: int) -> bytes:
        """Return the watched stream of the last hours, in spans of some minutes, as JSON.

        Raises:
            Unavailable: the store cannot be read, or others have waited for it too long.
        """
        return self._answer(stream.stream, hours, minutes)

    def span(self, begin: float, end: float) -> bytes:
        """Return what is known about a span of the stream (seconds since 1970) as JSON.

        Raises:
            Unavailable: the store cannot be read, or others have waited for it too long.
        """
        return self._answer(spans.span, begin, end)

    def _answer(self, compute: Callable[..., Any], *arguments: float) -> bytes:
        if not self._lock.acquire(timeout=PATIENCE_SECONDS):
            raise Unavailable("the store is slow")
        try:
            return self._cached(compute, arguments, time.monotonic() // CACHE_SECONDS)
        finally:
            self._lock.release()

    def _compute(self, compute: Callable[..., Any], arguments: tuple[float, ...], _slot: float) -> bytes:
        return json.dumps(asdict(compute(self._store, self._settings, *arguments))).encode()


def respond(service: State, report: Callable[[Monitor], bytes]) -> Response:
    """Respond with a report on the store.

    Raises:
        Problem: there is no store, or it cannot be read.
    """
    store_of(service)
    assert service.monitor is not None
    try:
        return Response(report(service.monitor), media_type="application/json")
    except Unavailable:
        raise unreachable() from None


@router.get(
    "/monitoring",
    summary="Monitor the model",
    response_model=Report,
    responses=error_responses(400, 401, 405, 429, 500, 503, 504),
)
def get_monitoring(service: Service, days: Annotated[int, Query(ge=1, le=3650)] = 30) -> Response:
    """Report predictions, feedback, alerts, and the health of the background jobs."""
    return respond(service, lambda monitor: monitor.report(days))


@router.get(
    "/monitoring/stream",
    summary="Watch the stream",
    response_model=Stream,
    responses=error_responses(400, 401, 405, 429, 500, 503, 504),
)
def get_stream(
    service: Service,
    hours: Annotated[int, Query(ge=1, le=MOST_HOURS)] = 48,
    minutes: Annotated[int, Query(ge=5, le=60, multiple_of=5)] = 60,
) -> Response:
    """Report the stream of tweets over time, beside what is usual, and the crises found in it."""
    return respond(service, lambda monitor: monitor.stream(hours, minutes))


@router.get(
    "/monitoring/stream/span",
    summary="See what a peak of the stream is about",
    response_model=Span,
    responses=error_responses(400, 401, 405, 429, 500, 503, 504),
)
def get_span(
    service: Service,
    begin: Annotated[AwareDatetime, BeforeValidator(refuse_numbers), Query(description="ISO 8601, with an offset.")],
    minutes: Annotated[int, Query(ge=5, le=MOST_HOURS * 60)] = 60,
) -> Response:
    """Report the negative tweets of a span of the stream, up to two weeks: their reasons, and what is new in them."""
    start = begin.timestamp()
    return respond(service, lambda monitor: monitor.span(start, start + minutes * 60))


@router.get(
    "/monitoring/watch",
    summary="See how the stream is watched",
    response_model=WatchPlan,
    responses=error_responses(401, 405, 429, 500, 503, 504),
)
def get_watch(service: Service) -> Response:
    """Describe the settings of the alarm, and the reasons of complaints that it knows."""
    return Response(json.dumps(asdict(service.watch_plan)).encode(), media_type="application/json")
