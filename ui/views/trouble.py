"""Error message and retry button for a failed request to the service."""

import streamlit as st

from ui.client import ServiceError
from ui.language import Language


def explain(error: ServiceError, say: Language) -> None:
    """Show why the request failed, and what to do."""
    message = say(f"trouble.{error.reason}")
    st.error(f"{message} {error.detail}".strip() if error.reason == "unfit" else message, icon=":material/cloud_off:")


def retry(say: Language, key: str) -> bool:
    """Show a retry button; return whether it was clicked."""
    return st.button(say("trouble.retry"), key=key, icon=":material/refresh:", type="primary")
