"""What the page remembers of a visitor from one run to the next."""

from collections.abc import Callable
from typing import TypeVar, cast

import streamlit as st

T = TypeVar("T")


def remember(name: str, key: tuple[object, ...], make: Callable[[], T]) -> T:
    """Return what was made under this name with the same key at an earlier run, or make it."""
    kept = st.session_state.get(name)
    if kept is None or kept[0] != key:
        kept = st.session_state[name] = (key, make())
    return cast(T, kept[1])
