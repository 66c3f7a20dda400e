"""What all visitors of the page share: the service, the store of events, and what works beside the page."""

import streamlit as st

from telemetry import jobs
from telemetry.settings import Settings as TelemetrySettings
from telemetry.settings import read
from telemetry.store import Store
from ui.client import Service
from ui.settings import Settings


@st.cache_resource(show_spinner=False)
def telemetry_settings() -> TelemetrySettings:
    """Return the settings of events and alerts."""
    return read(TelemetrySettings)


@st.cache_resource(show_spinner=False)
def service() -> Service:
    """Return the service."""
    settings = read(Settings)
    key = None if settings.service_key is None else settings.service_key.get_secret_value()
    return Service(str(settings.service_url), key, patience_seconds=settings.patience_seconds)


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """Return the store of events, and begin to fire alerts and to forward what is in it.

    Raises:
        ValueError: there is no path for it.
        sqlite3.Error: it cannot be written.
    """
    settings = telemetry_settings()
    if settings.path is None:
        raise ValueError("TELEMETRY_PATH is not set: what people say of the answers would be lost.")
    events = Store(settings.path)
    events.create()
    for worker in jobs.of_the_page(settings, events):
        worker.start()
    return events
