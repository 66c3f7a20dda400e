"""What is said where the service does not answer, and how it is asked again without losing anything."""

import streamlit as st

from ui.client import ServiceError
from ui.language import Language


def explain(error: ServiceError, say: Language) -> None:
    """Say why there is no answer, and what can be done."""
    message = say(f"trouble.{error.reason}")
    st.error(f"{message} {error.detail}".strip() if error.reason == "unfit" else message, icon=":material/cloud_off:")


def retry(say: Language, key: str) -> bool:
    """Offer to ask again; return whether the reader does."""
    return st.button(say("trouble.retry"), key=key, icon=":material/refresh:", type="primary")
