"""The watched stream, live: its state in a word, the last hour, the last days, and past crises."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from ui import charts, notes, resources, stream
from ui.client import ServiceError
from ui.language import Language

REFRESH_SECONDS = 30
HOUR_SECONDS = 3600
OFF = "off"
# Colour and icon of each state; the word and the icon carry the same information as the colour.
STATES = {
    "calm": ("green", "check_circle"),
    "learning": ("gray", "hourglass_top"),
    "watch": ("orange", "visibility"),
    "alarm": ("red", "notification_important"),
    "silent": ("gray", "signal_disconnected"),
}


def show(say: Language) -> bool:
    """Show the stream, if the service watches one; return whether it does."""
    try:
        if ask(stream.DEFAULT_HOURS)["level"] == OFF:
            return False
    except ServiceError as error:
        if error.reason != "no_store":
            st.caption(say("live.unavailable"))
        return False
    draw(say)
    return True


def ask(hours: int) -> Mapping[str, Any]:
    """Ask the service for the stream of the last hours."""
    return resources.stream(hours, stream.SPANS[hours])


@st.fragment(run_every=REFRESH_SECONDS)
def draw(say: Language) -> None:
    """Show the stream, and again every half minute."""
    hours = st.session_state.get("hours", stream.DEFAULT_HOURS)
    zone = stream.zone_of(st.context.timezone)
    try:
        answer = ask(hours)
    except ServiceError:
        st.caption(say("live.unavailable"))
        return
    show_state(answer, zone, say)
    show_latest(answer, say)
    choose_span(say)
    points = stream.points(answer, zone)
    if not points.empty:
        axis = say("watch.time_axis", zone=notes.zone_name(zone.key))
        counts, shares = charts.stream(points, stream.SPANS[hours], say, time=axis)
        st.altair_chart(counts, alt=say("live.negative_axis"))
        st.altair_chart(shares, alt=say("watch.share_axis"))
        st.caption(say("live.limit_help"))
    show_crises(answer, zone, say)


def show_state(answer: Mapping[str, Any], zone: ZoneInfo, say: Language) -> None:
    """Say in one word how it is, and in one sentence since when and how unusual."""
    level = answer["level"]
    colour, icon = STATES[level]
    st.header(f":{colour}[:material/{icon}: {say(f'live.{level}')}]", anchor=False)
    if answer["since"] is None:
        sentence = say(f"live.{level}_help")
    else:
        sentence = say(f"live.since_{level}", since=say.moment(local(answer["since"], zone)))
    crisis = next((one for one in answer["crises"] if one["since"] == answer["since"]), None)
    if crisis is not None and crisis["kind"] == "negative":
        sentence += " " + say("live.worst", **figures(crisis, say))
    st.markdown(f"**{sentence}**")
    if answer["checked_until"] is not None:
        st.caption(say("live.checked", when=say.moment(local(answer["checked_until"], zone))))


def figures(crisis: Mapping[str, Any], say: Language) -> dict[str, str]:
    """Return the counts of a crisis when it was worst, in words."""
    usual = crisis["usual_negative"]
    return {
        "negative": say.number(crisis["negative"]),
        "usual": say.number(usual, 1 if usual < 10 else 0),
        "span": span(crisis["seconds"], say),
        "times": say.number(crisis["negative"] / usual, 1) if usual else "–",
    }


def span(seconds: float, say: Language) -> str:
    """Name a span of time in minutes or hours."""
    if seconds < HOUR_SECONDS:
        return say("live.minutes", minutes=say.number(seconds / 60))
    return say("live.hour") if seconds == HOUR_SECONDS else say("live.hours", hours=say.number(seconds / HOUR_SECONDS))


def show_latest(answer: Mapping[str, Any], say: Language) -> None:
    """Show the counts of the last hour, beside the usual ones."""
    last = answer["last_hour"]
    if last is None:
        return
    usual = share = None
    if last["usual_negative"] is not None:
        usual = say("live.usually", value=say.number(last["usual_negative"]))
        share = say("live.usually", value=say.percent(last["usual_share"]))
    actual = say.percent(last["negative"] / last["tweets"]) if last["tweets"] else "–"
    distinct = say("live.distinct", count=say.number(last["tweets"]))
    with st.container(horizontal=True):
        metrics = (
            (say("live.negative"), say.number(last["negative"]), usual),
            (say("live.share"), actual, share),
            (say("live.reach"), say.number(last["reach"]), distinct),
        )
        for label, value, note in metrics:
            st.metric(label, value, note, delta_color="off", delta_arrow="off", border=True, height="stretch")


def choose_span(say: Language) -> None:
    """Let the reader choose how far back the chart goes."""
    st.segmented_control(
        say("live.span"),
        [*stream.SPANS],
        default=stream.DEFAULT_HOURS,
        required=True,
        format_func=lambda hours: say(f"live.span_{hours}"),
        key="hours",
        persist_state="session",
        label_visibility="collapsed",
    )


def show_crises(answer: Mapping[str, Any], zone: ZoneInfo, say: Language) -> None:
    """List the crises of the period, the latest first."""
    if not answer["crises"]:
        return
    st.markdown(f"**{say('live.crises')}**")
    rows = [
        {
            say("live.begin"): say.moment(local(crisis["since"], zone)),
            say("live.end"): say("live.now")
            if crisis["over_since"] is None
            else say.moment(local(crisis["over_since"], zone)),
            say("live.kind"): say("live.silent" if crisis["kind"] == "silent" else f"live.{crisis['level']}"),
            say("live.worst_title"): "" if crisis["kind"] == "silent" else say("live.worst", **figures(crisis, say)),
        }
        for crisis in answer["crises"]
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=say("live.crises"))


def local(time: str, zone: ZoneInfo) -> datetime:
    """Return a time as the clock of a zone shows it."""
    return stream.moment(time).astimezone(zone)
