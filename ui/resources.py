"""Resources shared by all visitors of the page: settings and the client of the service."""

import streamlit as st

from ui.client import Service
from ui.settings import Settings, read


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
