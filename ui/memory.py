"""Values kept for a visitor between two runs of the script."""

from collections.abc import Callable
from typing import TypeVar, cast

import streamlit as st

T = TypeVar("T")


def remember(name: str, key: tuple[object, ...], make: Callable[[], T]) -> T:
    """Return the value stored under this name if its key is the same, else make and store it."""
    stored = st.session_state.get(name)
    if stored is None or stored[0] != key:
        stored = st.session_state[name] = (key, make())
    return cast(T, stored[1])
