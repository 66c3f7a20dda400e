"""What a view offers, while it is still empty."""

import streamlit as st

from ui.language import Language

PROMISES = 3


def show(view: str, say: Language) -> None:
    """Say in three boxes what to expect of a view."""
    st.space("small")
    for number, column in enumerate(st.columns(PROMISES), start=1):
        with column.container(border=True, height="stretch"):
            st.markdown(say(f"{view}.promise{number}"))
