"""Resources shared by all visitors of the page: settings, the client of the service, and the event store."""

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
    """Return the client of the service."""
    settings = read(Settings)
    key = None if settings.service_key is None else settings.service_key.get_secret_value()
    return Service(str(settings.service_url), key, patience_seconds=settings.patience_seconds)


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """Open the event store, and start the background jobs (alerts, forwarding, pruning).

    Raises:
        ValueError: TELEMETRY_PATH is not set.
        sqlite3.Error: the store cannot be written.
    """
    settings = telemetry_settings()
    if settings.path is None:
        raise ValueError("TELEMETRY_PATH is not set: feedback could not be stored.")
    events = Store(settings.path)
    events.create()
    for worker in jobs.page_workers(settings, events):
        worker.start()
    return events
