"""Try a tweet: its sentiment, its decisive words, and feedback on the answer."""

import logging
import sqlite3
import time
from typing import Any, Literal

import streamlit as st

from telemetry.events import Feedback
from ui import feedback, highlight, resources
from ui.client import MOST_CHARACTERS, ServiceError
from ui.language import Language
from ui.views import trouble

log = logging.getLogger(__name__)

EXAMPLES = 4
# Minimum probability of the predicted sentiment for each wording.
LIKELY = 0.7


def show(say: Language) -> None:
    """Show the view."""
    st.title(say("try.title"))
    st.write(say("try.lead"))
    st.caption(say("try.examples"))
    with st.container(horizontal=True):
        for number in range(1, EXAMPLES + 1):
            example = say(f"try.example{number}")
            st.button(example, key=f"example{number}", on_click=take, args=(example,))
    with st.form("tweet", border=False):
        st.text_area(
            say("try.label"),
            key="text",
            max_chars=MOST_CHARACTERS,
            placeholder=say("try.placeholder"),
            height=120,
            persist_state="session",
        )
        submitted = st.form_submit_button(say("try.ask"), type="primary", icon=":material/search:")
    if submitted or st.session_state.pop("ask", False):
        ask(say)
    if "trouble" in st.session_state:
        trouble.explain(st.session_state["trouble"], say)
        if trouble.retry(say, "retry_tweet"):
            ask(say)
            st.rerun()
    elif "answer" in st.session_state:
        show_answer(st.session_state["answer"], say)


def take(example: str) -> None:
    """Put an example into the text field and analyze it."""
    st.session_state["text"] = example
    st.session_state["ask"] = True


def ask(say: Language) -> None:
    """Analyze the text in the field; keep the answer, or the error."""
    for name in ("answer", "trouble"):
        st.session_state.pop(name, None)
    text = st.session_state.get("text", "")
    if not text.strip():
        st.warning(say("try.empty"), icon=":material/edit:")
        return
    service = resources.service()
    with st.spinner(say("try.asking"), show_time=True):
        try:
            (prediction,) = service.predict([text])
        except ServiceError as error:
            st.session_state["trouble"] = error
            return
        try:
            contributions = service.explain(text)["contributions"]
        except ServiceError as error:
            log.warning("No explanation from the service: %s", error)
            contributions = None  # the prediction is shown without one
    st.session_state["answer"] = {"text": text, "prediction": prediction, "contributions": contributions}


def show_answer(answer: dict[str, Any], say: Language) -> None:
    """Show the prediction for a tweet with its decisive words, and ask for feedback."""
    prediction = answer["prediction"]
    with st.container(border=True):
        show_sentiment(prediction, say)
        labels = {sentiment: say(f"try.towards_{sentiment}") for sentiment in ("negative", "positive")}
        st.html(highlight.html(answer["text"], answer["contributions"] or [], **labels))
        st.caption(say("try.unexplained" if answer["contributions"] is None else "try.legend"))
    ask_feedback(answer["text"], prediction, say)
    st.caption(say("try.model", version=prediction["model_version"]))


def show_sentiment(prediction: dict[str, Any], say: Language) -> None:
    """Show the sentiment, how certain it is, and the probability of negative."""
    sentiment, probability = prediction["sentiment"], prediction["negative_probability"]
    negative = sentiment == "negative"
    colour, icon = ("red", "sentiment_dissatisfied") if negative else ("blue", "sentiment_satisfied")
    st.header(f":{colour}[:material/{icon}: {say(f'try.{sentiment}')}]", anchor=False)
    st.write(f"**{say(f'try.{certainty(prediction)}')}** {say('try.chance', percent=say.percent(probability))}")


def certainty(prediction: dict[str, Any]) -> Literal["unsure", "sure", "likely", "barely"]:
    """Return the wording of the certainty: `unsure` if the service says uncertain, `sure` if it says reliable."""
    if prediction["certainty"] == "uncertain":
        return "unsure"
    if prediction["reliable"]:
        return "sure"
    probability = prediction["negative_probability"]
    confidence = probability if prediction["sentiment"] == "negative" else 1 - probability
    return "likely" if confidence >= LIKELY else "barely"


def ask_feedback(text: str, prediction: dict[str, Any], say: Language) -> None:
    """Ask once whether the answer is correct; afterwards show thanks and, for a few seconds, an undo button."""
    given: dict[str, Feedback] = st.session_state.setdefault("feedback", {})
    saved = given.get(prediction["prediction_id"])
    if saved is None:
        st.fragment(show_question)(text, prediction, say)
        return
    st.success(say("judge.thanks"), icon=":material/favorite:")
    if seconds_left(saved) > 0:
        st.fragment(show_undo, run_every=1.0)(saved, say)


def show_question(text: str, prediction: dict[str, Any], say: Language) -> None:
    """Ask whether the answer is correct."""
    st.write(f"**{say('judge.question')}**")
    with st.container(horizontal=True):
        right = st.button(say("judge.right"), key="right", icon=":material/thumb_up:")
        if st.button(say("judge.wrong"), key="wrong", icon=":material/thumb_down:"):
            st.session_state["correcting"] = prediction["prediction_id"]
    st.caption(say(f"judge.kept_{resources.telemetry_settings().feedback_text}"))
    if right:
        save(feedback.feedback(text, prediction, prediction["sentiment"], "", resources.telemetry_settings()), say)
    elif st.session_state.get("correcting") == prediction["prediction_id"]:
        show_correction(text, prediction, say)


def show_correction(text: str, prediction: dict[str, Any], say: Language) -> None:
    """Ask for the true sentiment and a comment."""
    with st.form("correction"):
        truth = st.radio(
            say("judge.truth"),
            (feedback.other(prediction["sentiment"]), prediction["sentiment"]),
            format_func=lambda sentiment: say(f"try.{sentiment}"),
            horizontal=True,
            key="truth",
        )
        comment = st.text_input(say("judge.comment"), max_chars=feedback.MOST_CHARACTERS, key="comment")
        if st.form_submit_button(say("judge.send"), type="primary", icon=":material/send:"):
            save(feedback.feedback(text, prediction, truth, comment, resources.telemetry_settings()), say)


def save(new: Feedback, say: Language) -> None:
    """Store feedback; it counts as given only once it is on disk."""
    try:
        resources.store().acknowledge(new)
    except (OSError, sqlite3.Error) as error:
        log.error("Feedback could not be stored: %s", error)
        st.error(say("judge.not_written"), icon=":material/error:")
        return
    st.session_state["feedback"][new.id] = new
    st.session_state.pop("correcting", None)
    st.rerun()


def show_undo(saved: Feedback, say: Language) -> None:
    """Show a button that undoes feedback until the undo period is over."""
    left = seconds_left(saved)
    if left <= 0:
        st.rerun()
    if st.button(say("judge.undo", seconds=say.number(left)), key="undo", icon=":material/undo:"):
        try:
            withdrawn = resources.store().withdraw(saved.id, resources.telemetry_settings().undo_seconds)
        except sqlite3.Error as error:
            log.error("Feedback could not be undone: %s", error)
            withdrawn = False
        if withdrawn:
            del st.session_state["feedback"][saved.id]
            st.rerun()
        st.warning(say("judge.too_late"))


def seconds_left(saved: Feedback) -> float:
    """Return how many seconds feedback can still be undone: 0 if the clock was set back in the meantime."""
    seconds = resources.telemetry_settings().undo_seconds
    left = saved.time + seconds - time.time()
    return left if left <= seconds else 0.0
