"""What all visitors of the page share: its settings, the client of the service, and what the service says of itself."""

from typing import Any

import streamlit as st

from ui.client import Service, ServiceError
from ui.settings import Settings, read

CACHE_SECONDS = 60
# Less than the page's interval of refreshing; many viewers cost the service no more than one.
STREAM_SECONDS = 20


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """Return the page's settings."""
    return read()


@st.cache_resource(show_spinner=False)
def service() -> Service:
    """Return the client of the service."""
    key = settings().service_key
    return Service(
        str(settings().service_url),
        None if key is None else key.get_secret_value(),
        patience_seconds=settings().patience_seconds,
    )


@st.cache_resource(show_spinner=False, ttl=CACHE_SECONDS, max_entries=8)
def description(version: str) -> dict[str, Any]:
    """Return what the service says of this version of the model; empty if that is unknown."""
    try:
        about = service().model()
    except ServiceError:
        return {}
    return about if about["version"] == version else {}


def reliability(version: str) -> dict[str, Any] | None:
    """Return what this version of the model promises about its reliable answers; None if that is unknown."""
    promise: dict[str, Any] | None = description(version).get("reliability")
    return promise


def faithfulness(version: str) -> dict[str, float] | None:
    """Return how far the explanations of this version of the model may be trusted; None if that is unknown."""
    figures: dict[str, float] | None = description(version).get("faithfulness")
    return figures


@st.cache_resource(show_spinner=False, ttl=STREAM_SECONDS, max_entries=8)
def stream(hours: int, minutes: int) -> dict[str, Any]:
    """Return the watched stream of the last hours, in spans of some minutes; raises ServiceError."""
    return service().stream(hours, minutes)


@st.cache_resource(show_spinner=False, ttl=STREAM_SECONDS, max_entries=64)
def span(begin: str, minutes: int) -> dict[str, Any]:
    """Return what is known about a span of the watched stream; raises ServiceError."""
    return service().span(begin, minutes)


@st.cache_resource(show_spinner=False, ttl=CACHE_SECONDS)
def watch_plan() -> dict[str, Any]:
    """Return the answer of `GET /monitoring/watch`; empty if the service does not give one."""
    try:
        return service().watch_plan()
    except ServiceError:
        return {}


@st.cache_resource(show_spinner=False, ttl=CACHE_SECONDS)
def feedback_text() -> str | None:
    """Return how the service keeps the tweets of feedback: `masked` or `raw`; None if that is unknown."""
    try:
        kept = service().monitoring(days=1).get("feedback_text")
    except ServiceError:
        return None
    return kept if kept in ("masked", "raw") else None
