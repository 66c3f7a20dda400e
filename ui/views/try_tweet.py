"""Try a tweet: its sentiment, the words that weighed most, and whether that is right."""

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
# From which chance on an answer is called so.
SURE, LIKELY = 0.9, 0.7


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
        asked = st.form_submit_button(say("try.ask"), type="primary", icon=":material/search:")
    if asked or st.session_state.pop("ask", False):
        ask(say)
    if "trouble" in st.session_state:
        trouble.explain(st.session_state["trouble"], say)
        if trouble.retry(say, "retry_tweet"):
            ask(say)
            st.rerun()
    elif "answer" in st.session_state:
        answer(st.session_state["answer"], say)


def take(example: str) -> None:
    """Put an example into the field, and ask for it."""
    st.session_state["text"] = example
    st.session_state["ask"] = True


def ask(say: Language) -> None:
    """Ask the service for what stands in the field; keep what it answers, or why it does not."""
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
            weighed = service.explain(text)["contributions"]
        except ServiceError as error:
            log.warning("a tweet was not explained: %s", error)
            weighed = None  # the answer itself is there, and is shown
    st.session_state["answer"] = {"text": text, "prediction": prediction, "weighed": weighed}


def answer(told: dict[str, Any], say: Language) -> None:
    """Show what the service says of a tweet, and ask whether it is right."""
    prediction = told["prediction"]
    with st.container(border=True):
        badge(prediction, say)
        towards = {sentiment: say(f"try.towards_{sentiment}") for sentiment in ("negative", "positive")}
        st.html(highlight.html(told["text"], told["weighed"] or [], **towards))
        st.caption(say("try.unexplained" if told["weighed"] is None else "try.legend"))
    judge(told["text"], prediction, say)
    st.caption(say("try.model", version=prediction["model_version"]))


def badge(prediction: dict[str, Any], say: Language) -> None:
    """Show the sentiment, and in words how sure it is."""
    sentiment, probability = prediction["sentiment"], prediction["negative_probability"]
    negative = sentiment == "negative"
    colour, icon = ("red", "sentiment_dissatisfied") if negative else ("blue", "sentiment_satisfied")
    st.header(f":{colour}[:material/{icon}: {say(f'try.{sentiment}')}]", anchor=False)
    st.write(f"**{say(f'try.{certainty(prediction)}')}** {say('try.chance', percent=say.percent(probability))}")


def certainty(prediction: dict[str, Any]) -> Literal["unsure", "sure", "likely", "barely"]:
    """Return how sure an answer is: `unsure` where the service asks for a look by a person."""
    if prediction["certainty"] == "uncertain":
        return "unsure"
    probability = prediction["negative_probability"]
    chance = probability if prediction["sentiment"] == "negative" else 1 - probability
    return "sure" if chance >= SURE else "likely" if chance >= LIKELY else "barely"


def judge(text: str, prediction: dict[str, Any], say: Language) -> None:
    """Ask whether the answer is right, once; then thank, and for some seconds offer to take it back."""
    given: dict[str, Feedback] = st.session_state.setdefault("given", {})
    said = given.get(prediction["prediction_id"])
    if said is None:
        st.fragment(question)(text, prediction, say)
        return
    st.success(say("judge.thanks"), icon=":material/favorite:")
    if seconds_left(said) > 0:
        st.fragment(undo, run_every=1.0)(said, say)


def question(text: str, prediction: dict[str, Any], say: Language) -> None:
    """Ask whether the answer is right."""
    st.write(f"**{say('judge.question')}**")
    with st.container(horizontal=True):
        right = st.button(say("judge.right"), key="right", icon=":material/thumb_up:")
        if st.button(say("judge.wrong"), key="wrong", icon=":material/thumb_down:"):
            st.session_state["correcting"] = prediction["prediction_id"]
    st.caption(say(f"judge.kept_{resources.telemetry_settings().feedback_text}"))
    if right:
        write(feedback.feedback(text, prediction, prediction["sentiment"], "", resources.telemetry_settings()), say)
    elif st.session_state.get("correcting") == prediction["prediction_id"]:
        correct(text, prediction, say)


def correct(text: str, prediction: dict[str, Any], say: Language) -> None:
    """Ask what the tweet really is."""
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
            write(feedback.feedback(text, prediction, truth, comment, resources.telemetry_settings()), say)


def write(said: Feedback, say: Language) -> None:
    """Write a feedback down; only then it counts as given."""
    try:
        resources.store().acknowledge(said)
    except (OSError, sqlite3.Error) as error:
        log.error("a feedback was not written: %s", error)
        st.error(say("judge.not_written"), icon=":material/error:")
        return
    st.session_state["given"][said.id] = said
    st.session_state.pop("correcting", None)
    st.rerun()


def undo(said: Feedback, say: Language) -> None:
    """Offer to take a feedback back, while nobody has read it."""
    left = seconds_left(said)
    if left <= 0:
        st.rerun()
    if st.button(say("judge.undo", seconds=say.number(left)), key="undo", icon=":material/undo:"):
        try:
            withdrawn = resources.store().withdraw(said.id, resources.telemetry_settings().undo_seconds)
        except sqlite3.Error as error:
            log.error("a feedback was not withdrawn: %s", error)
            withdrawn = False
        if withdrawn:
            del st.session_state["given"][said.id]
            st.rerun()
        st.warning(say("judge.too_late"))


def seconds_left(said: Feedback) -> float:
    """Return for how long a feedback can be taken back; nothing is left where the clock has gone back meanwhile."""
    seconds = resources.telemetry_settings().undo_seconds
    left = said.time + seconds - time.time()
    return left if left <= seconds else 0.0
