"""Relabelling: judge answers that may be wrong, one after the other, also by keyboard."""

import html
from collections.abc import Mapping
from typing import Any, NamedTuple

import streamlit as st

from ui import resources
from ui.client import MOST_NAME_CHARACTERS, Answer, ServiceError
from ui.language import Language
from ui.notes import literal
from ui.views import trouble
from ui.views.judge import other

# Failures after which an answer is no longer asked: it was deleted, or is judged for good.
GONE = ("unknown", "too_late")


class Turn(NamedTuple):
    """The answer that a person is judging, if there is one left, and what the service says about the queue.

    Attributes:
        labeller: the person.
        item: the answer; None if there is none.
        queue: the service's response.
    """

    labeller: str
    item: Mapping[str, Any] | None
    queue: Mapping[str, Any]


def show(say: Language) -> None:
    """Show the view."""
    st.title(say("relabel.title"), anchor=False)
    st.write(say("relabel.lead"))
    labeller = name_labeller(say)
    if not labeller:
        return
    turn: Turn | None = st.session_state.get("turn")
    if turn is None or turn.labeller != labeller:
        turn = take_turn(labeller, say)
    if turn is None:
        trouble.retry(say, "retry_queue")
        return
    if turn.item is None:
        show_end(turn.queue, say)
    else:
        ask_person(turn.item, labeller, say)
    show_progress(turn.queue["progress"], say)


def name_labeller(say: Language) -> str:
    """Return who judges: the person who has logged in, or the name that somebody enters where nobody logs in."""
    if resources.settings().login is not None:
        return str(st.user.get("email") or st.user["sub"])
    return st.text_input(
        say("relabel.who"),
        max_chars=MOST_NAME_CHARACTERS,
        help=say("relabel.who_help"),
        key="labeller",
        persist_state="session",
    ).strip()


def take_turn(labeller: str, say: Language) -> Turn | None:
    """Ask the service for the next answer, and keep it until it is judged; None if that fails, after saying why."""
    try:
        queue = resources.service().next_to_judge(labeller)
    except ServiceError as error:
        trouble.explain(error, say)
        return None
    turn = Turn(labeller, next(iter(queue["items"]), None), queue)
    st.session_state["turn"] = turn
    return turn


def ask_person(item: Mapping[str, Any], labeller: str, say: Language) -> None:
    """Show an answer and the buttons with which a person judges it."""
    with st.container(border=True):
        st.caption(say(f"relabel.{item['reason']}"))
        st.markdown(f"**{literal(html.unescape(item['text']))}**")
        st.markdown(say("relabel.answer", sentiment=say(f"try.{item['sentiment']}")))
    answers: dict[str, Answer] = {
        "accept": item["sentiment"],
        "correct": other(item["sentiment"]),
        "discard": "discarded",
        "skip": "skipped",
    }
    icons = {"accept": "check", "correct": "swap_horiz", "discard": "delete", "skip": "skip_next"}
    with st.container(horizontal=True):
        for name, answer in answers.items():
            pressed = st.button(
                say(f"relabel.{name}"),
                key=name,
                icon=f":material/{icons[name]}:",
                help=say(f"relabel.{name}_help"),
                shortcut=say(f"relabel.{name}_key"),
                type="primary" if name == "accept" else "secondary",
            )
            if pressed:
                judge(item, labeller, answer, say)
    show_back(say)


def judge(item: Mapping[str, Any], labeller: str, answer: Answer, say: Language) -> None:
    """Store a judgement, and go on to the next answer; after a failure, the same answer stays."""
    try:
        resources.service().judge(item["id"], labeller, answer)
    except ServiceError as error:
        if error.reason not in GONE:
            trouble.explain(error, say)
            return
        st.toast(say(f"relabel.{error.reason}"))
    else:
        st.session_state["judged"] = item
    del st.session_state["turn"]
    st.rerun()


def show_back(say: Language) -> None:
    """Offer to judge the last answer once more."""
    last = st.session_state.get("judged")
    if last is None:
        return
    back = st.button(
        say("relabel.back"),
        key="back",
        icon=":material/undo:",
        help=say("relabel.back_help"),
        shortcut=say("relabel.back_key"),
        type="tertiary",
    )
    if back:
        st.session_state["turn"] = st.session_state["turn"]._replace(item=last)
        del st.session_state["judged"]
        st.rerun()


def show_end(queue: Mapping[str, Any], say: Language) -> None:
    """Say why there is nothing to judge."""
    if queue["without_text"]:
        st.warning(say("relabel.without_text", count=say.number(queue["without_text"])))
    if queue["text"] == "none":
        st.info(say("relabel.no_texts"), icon=":material/visibility_off:")
    elif not queue["without_text"]:
        st.success(say("relabel.nothing"), icon=":material/check_circle:")
    show_back(say)
    st.button(say("relabel.refresh"), key="refresh_queue", icon=":material/refresh:", on_click=forget_turn)


def forget_turn() -> None:
    """Ask the service again."""
    st.session_state.pop("turn", None)


def show_progress(progress: Mapping[str, Any], say: Language) -> None:
    """Show how far the queue is, and how far people agree."""
    st.header(say("relabel.progress"), anchor=False)
    labelled = progress["negative"] + progress["positive"] + progress["discarded"]
    with st.container(horizontal=True):
        st.metric(say("relabel.waiting"), say.number(progress["waiting"]), border=True)
        st.metric(say("relabel.open"), say.number(progress["open"]), border=True, help=say("relabel.open_help"))
        st.metric(say("relabel.labelled"), say.number(labelled), border=True)
        st.metric(say("relabel.yours"), say.number(progress["yours"]), border=True)
    agreement = progress["agreement"]
    if agreement is None:
        st.caption(say("relabel.no_agreement"))
        return
    st.caption(
        say(
            "relabel.agreement",
            share=say.percent(agreement["agreed"] / agreement["count"]),
            count=say.number(agreement["count"]),
            low=say.percent(agreement["low"]),
            high=say.percent(agreement["high"]),
        )
    )
