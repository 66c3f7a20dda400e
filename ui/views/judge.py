"""Feedback on an answer: ask for it, store it through the service, and undo it."""

import time
from typing import Any, NamedTuple

import streamlit as st

from ui import resources
from ui.client import MOST_COMMENT_CHARACTERS, Sentiment, ServiceError
from ui.language import Language
from ui.views import trouble


class Given(NamedTuple):
    """Feedback that the service has stored.

    Attributes:
        prediction_id: the answer concerned.
        undo_until: until when it can be undone, by `time.monotonic`.
    """

    prediction_id: str
    undo_until: float

    @property
    def seconds_left(self) -> float:
        """How many seconds it can still be undone."""
        return max(0.0, self.undo_until - time.monotonic())


def ask_feedback(text: str, prediction: dict[str, Any], say: Language) -> None:
    """Ask once whether the answer is correct; afterwards show thanks and, for a few seconds, an undo button."""
    given: dict[str, Given] = st.session_state.setdefault("feedback", {})
    stored = given.get(prediction["prediction_id"])
    if stored is None:
        st.fragment(show_question)(text, prediction, say)
        return
    st.success(say("judge.thanks"), icon=":material/check_circle:")
    if stored.seconds_left > 0:
        st.fragment(show_undo, run_every=1.0)(stored, say)


def show_question(text: str, prediction: dict[str, Any], say: Language) -> None:
    """Ask whether the answer is correct."""
    st.write(f"**{say('judge.question')}**")
    with st.container(horizontal=True):
        right = st.button(say("judge.right"), key="right", icon=":material/thumb_up:")
        if st.button(say("judge.wrong"), key="wrong", icon=":material/thumb_down:"):
            st.session_state["correcting"] = prediction["prediction_id"]
    kept = resources.feedback_text()
    st.caption(say("judge.kept" if kept is None else f"judge.kept_{kept}"))
    if right:
        save(text, prediction, prediction["sentiment"], "", say)
    elif st.session_state.get("correcting") == prediction["prediction_id"]:
        show_correction(text, prediction, say)


def show_correction(text: str, prediction: dict[str, Any], say: Language) -> None:
    """Ask for the true sentiment and a comment."""
    # No form, whose fields would be lost by a visit to another view.
    with st.container(border=True):
        truth = st.radio(
            say("judge.truth"),
            (other(prediction["sentiment"]), prediction["sentiment"]),
            format_func=lambda sentiment: say(f"try.{sentiment}"),
            horizontal=True,
            key=f"truth {prediction['prediction_id']}",
            persist_state="session",
        )
        comment = st.text_input(
            say("judge.comment"),
            max_chars=MOST_COMMENT_CHARACTERS,
            key=f"comment {prediction['prediction_id']}",
            persist_state="session",
        )
        if st.button(say("judge.send"), key="send", type="primary", icon=":material/send:"):
            save(text, prediction, truth, comment, say)


def save(text: str, prediction: dict[str, Any], truth: Sentiment, comment: str, say: Language) -> None:
    """Store feedback; it counts as given only once the service has confirmed it."""
    try:
        receipt = resources.service().give_feedback(prediction["prediction_id"], truth, text, comment.strip())
    except ServiceError as error:
        trouble.explain(error, say)
        return
    until = time.monotonic() + receipt.undo_seconds
    st.session_state["feedback"][receipt.prediction_id] = Given(receipt.prediction_id, until)
    st.session_state.pop("correcting", None)
    st.rerun()


def show_undo(given: Given, say: Language) -> None:
    """Show a button that undoes feedback until the undo period is over."""
    left = given.seconds_left
    if left <= 0:
        st.rerun()
    if not st.button(say("judge.undo", seconds=say.number(left)), key="undo", icon=":material/undo:"):
        return
    try:
        resources.service().withdraw_feedback(given.prediction_id)
    except ServiceError as error:
        if error.reason == "too_late":
            st.warning(say("judge.too_late"))
            return
        if error.reason != "unknown":  # which means that it was undone elsewhere, such as in another window
            trouble.explain(error, say)
            return
    del st.session_state["feedback"][given.prediction_id]
    st.rerun()


def other(sentiment: Sentiment) -> Sentiment:
    """Return the opposite sentiment."""
    return "positive" if sentiment == "negative" else "negative"
