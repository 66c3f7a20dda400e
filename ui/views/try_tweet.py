"""Try a tweet: its sentiment, its decisive words, and feedback on the answer."""

import logging
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import streamlit as st

from ui import highlight, resources
from ui.client import MOST_CHARACTERS, ServiceError
from ui.language import Language
from ui.views import judge, promises, trouble

log = logging.getLogger(__name__)

EXAMPLES = 4
# Minimum probability of the predicted sentiment for each wording.
LIKELY = 0.7


class Answer(NamedTuple):
    """The answer for a tweet.

    Attributes:
        text: the tweet.
        prediction: as the service answered.
        contributions: of the words; None if they could not be had.
    """

    text: str
    prediction: dict[str, Any]
    contributions: list[dict[str, Any]] | None


def show(say: Language) -> None:
    """Show the view: examples and promises give way to the answer."""
    st.title(say("try.title"), anchor=False)
    st.write(say("try.lead"))
    with st.form("tweet", border=False):
        st.text_area(
            say("try.label"),
            key="text",
            max_chars=MOST_CHARACTERS,
            placeholder=say("try.placeholder"),
            height=100,
            persist_state="session",
        )
        submitted = st.form_submit_button(say("try.ask"), key="ask_button", type="primary", icon=":material/search:")
    if submitted or st.session_state.pop("ask", False):
        ask(say)
    if "trouble" in st.session_state:
        trouble.explain(st.session_state["trouble"], say)
        if trouble.retry(say, "retry_tweet"):
            ask(say)
            st.rerun()
    elif "answer" in st.session_state:
        show_answer(st.session_state["answer"], say)
    else:
        show_examples(say)


def show_examples(say: Language) -> None:
    """Offer tweets to try, and say what to expect of the answer."""
    st.caption(say("try.examples"))
    with st.container(horizontal=True):
        for number in range(1, EXAMPLES + 1):
            example = say(f"try.example{number}")
            st.button(example, key=f"example{number}", on_click=take, args=(example,))
    promises.show("try", say)


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
            (prediction,) = service.predict([text], "page")
        except ServiceError as error:
            st.session_state["trouble"] = error
            return
        try:
            contributions = service.explain(text)["contributions"]
        except ServiceError as error:
            log.warning("No explanation from the service: %s", error)
            contributions = None  # the prediction is shown without one
    st.session_state["answer"] = Answer(text, prediction, contributions)


def show_answer(answer: Answer, say: Language) -> None:
    """Show the prediction for a tweet with its decisive words, and ask for feedback."""
    with st.container(border=True):
        show_sentiment(answer.prediction, say)
        labels = {sentiment: say(f"try.towards_{sentiment}") for sentiment in ("negative", "positive")}
        st.html(highlight.html(answer.text, answer.contributions or [], **labels))
        if answer.contributions is None:
            st.caption(say("try.unexplained"))
        else:
            st.caption(say("try.legend" if highlight.strongest(answer.contributions) else "try.no_words"))
            if trust := trustworthiness(answer.prediction["model_version"], say):
                st.caption(trust)
    judge.ask_feedback(answer.text, answer.prediction, say)
    st.caption(say("try.model", version=answer.prediction["model_version"]))


def trustworthiness(version: str, say: Language) -> str | None:
    """Say how far the decisive words may be trusted; None if that was not measured."""
    figures = resources.faithfulness(version)
    if figures is None or not {"tweets", "pearson", "mosaic_mass"} <= figures.keys():
        return None
    return say(
        "try.trust",
        tweets=say.number(figures["tweets"]),
        pearson=say.number(figures["pearson"], 2),
        mosaic=say.percent(figures["mosaic_mass"]),
    )


def show_sentiment(prediction: Mapping[str, Any], say: Language) -> None:
    """Show the sentiment, how certain it is, and the probability of negative."""
    sentiment = prediction["sentiment"]
    # No smile: a tweet that is not negative need not be a happy one.
    colour, icon = ("red", "flag") if sentiment == "negative" else ("blue", "check")
    if prediction["certainty"] == "uncertain":
        icon = "help"
    st.header(f":{colour}[:material/{icon}: {say(f'try.{sentiment}')}]", anchor=False)
    st.write(f"**{assurance(prediction, say)}**")
    st.write(say("try.chance", percent=say.chance(prediction["negative_probability"])))


def assurance(prediction: Mapping[str, Any], say: Language) -> str:
    """Say how certain an answer is: what a reliable one promises, or why another is uncertain."""
    match certainty(prediction):
        case "reliable":
            promise = resources.reliability(prediction["model_version"])
            if promise is None:
                return say("try.reliable")
            low, high = promise["negative_share"]
            digits = 0 if round(100 * promise["max_error"], 1).is_integer() else 1
            return say(
                "try.promise",
                wrong=say.number(100 * promise["max_error"], digits),
                low=say.number(100 * low),
                high=say.percent(high),
            )
        case "unsure" if prediction.get("uncertainty_reason") == "language":
            name = say.language(prediction.get("language") or "")
            foreign = say("try.foreign_unknown") if name is None else say("try.foreign", language=name)
            return f"{say('try.unsure')} {foreign}"
        case wording:
            return say(f"try.{wording}")


def certainty(prediction: Mapping[str, Any]) -> Literal["unsure", "reliable", "likely", "barely"]:
    """Return the wording of the certainty: `unsure` if the service says uncertain, `reliable` if it says so."""
    if prediction["certainty"] == "uncertain":
        return "unsure"
    if prediction["reliable"]:
        return "reliable"
    probability = prediction["negative_probability"]
    confidence = probability if prediction["sentiment"] == "negative" else 1 - probability
    return "likely" if confidence >= LIKELY else "barely"
