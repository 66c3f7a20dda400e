"""The watched stream, live: its state in a word, the last hour, the last days, and past crises."""

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from ui import notes, resources, spans, stream, timeline, topics
from ui.client import ServiceError
from ui.language import Language
from ui.spans import Span
from ui.topics import Part
from ui.views import briefs, history, peaks, trouble
from ui.views.columns import zones

REFRESH_SECONDS = 30
OFF = "off"
SCOPE = "stream"
# Where the name of the point that was clicked is kept.
CLICKED = f"clicked {SCOPE}"
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
    return resources.stream(hours, int(stream.LENGTHS[stream.SPANS[hours]] // 60))


@st.fragment(run_every=REFRESH_SECONDS)
def draw(say: Language) -> None:
    """Show the stream, and again every half minute."""
    restore()
    hours = st.session_state.get("hours", stream.DEFAULT_HOURS)
    zone = stream.zone_of(st.session_state.get("zone", st.context.timezone))
    try:
        answer = ask(hours)
    except ServiceError:
        st.caption(say("live.unavailable"))
        return
    show_state(answer, zone, say)
    show_latest(answer, say)
    if answer["checked_until"] is None:
        return
    choose_span(zone, say)
    until = spans.seconds(answer["checked_until"])
    offered = spans.of_crises(answer["crises"], until, zone, say) | spans.of_latest(until, say)
    clicked = st.session_state.get(CLICKED, "")
    if (own := spans.of_name(clicked, zone, say)) is not None and clicked not in offered:
        offered |= {clicked: own}
    is_going_on = answer["level"] in ("watch", "alarm")
    default = next(iter(offered)) if is_going_on else "day"
    chosen = offered.get(st.session_state.get(f"part {SCOPE}", ""), offered[default])
    points, width = stream.points(answer, zone), stream.SPANS[hours]
    if not points.empty:
        axis = say("watch.time_axis", zone=notes.zone_name(zone.key))
        history.draw_charts(points, width, (chosen.begin, chosen.end), zone, say, axis=axis, scope=SCOPE)
    history.show_crises(answer["crises"], zone, say)
    show_parts(offered, default, points, zone, say)


def restore() -> None:
    """Take the view from the address, when the page is opened."""
    if "restored" in st.session_state:
        return
    st.session_state["restored"] = True
    query = st.query_params
    if query.get("hours", "") in map(str, stream.SPANS):
        st.session_state["hours"] = int(query["hours"])
    if query.get("zone", "") in zones():
        st.session_state["zone"] = query["zone"]
    if "part" in query:
        st.session_state[CLICKED] = st.session_state[f"part {SCOPE}"] = query["part"]


def show_parts(offered: Mapping[str, Span], default: str, points: pd.DataFrame, zone: ZoneInfo, say: Language) -> None:
    """Show what the tweets of the chosen span are about, beside those of another one if that is wanted."""
    st.header(say("peaks.title"), anchor=False)
    labels = {name: span.label for name, span in offered.items()}
    chosen = [name for name in peaks.choose(SCOPE, labels, default, say) if name is not None]
    try:
        parts = {name: about(offered[name], zone) for name in chosen}
    except ServiceError as error:
        trouble.explain(error, say)
        return
    is_known = not resources.settings().anonymous
    plan, first = resources.watch_plan(), chosen[0]
    peaks.show(SCOPE, parts, labels, plan, say, with_tweets=is_known)
    with st.container(horizontal=True):
        subject = briefs.Subject(labels[first], parts[first], points, zone, plan, with_tweets=is_known)
        briefs.offer(SCOPE, subject, say)
        share_link(offered[first], zone, say)


def about(span: Span, zone: ZoneInfo) -> Part:
    """Ask the service for what is known about a span."""
    minutes = max(5, math.ceil((span.end - span.begin) / 60))
    return topics.of_answer(resources.span(timeline.iso(span.begin), minutes), zone.key)


def share_link(span: Span, zone: ZoneInfo, say: Language) -> None:
    """Offer the address of this view."""
    part = f"{span.begin:.0f}-{span.end:.0f}"
    query = {"hours": st.session_state["hours"], "zone": zone.key, "part": part, "lang": say.code}
    with st.popover(say("live.share_link"), icon=":material/link:"):
        st.code(f"{st.context.url}?{urlencode(query)}", language=None, wrap_lines=True)


def show_state(answer: Mapping[str, Any], zone: ZoneInfo, say: Language) -> None:
    """Say in one word how it is, and in one sentence since when and how unusual."""
    level = answer["level"]
    colour, icon = STATES[level]
    st.header(f":{colour}[:material/{icon}: {say(f'live.{level}')}]", anchor=False)
    if answer["since"] is None:
        sentence = say(f"live.{level}_help")
    else:
        sentence = say(f"live.since_{level}", since=say.moment(history.local(answer["since"], zone)))
    crisis = next((one for one in answer["crises"] if one["since"] == answer["since"]), None)
    if crisis is not None and crisis["kind"] == "negative":
        sentence += " " + say("live.worst", **history.figures(crisis, say))
    st.markdown(f"**{sentence}**")
    if answer["checked_until"] is not None:
        st.caption(say("live.checked", when=say.moment(history.local(answer["checked_until"], zone))))


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


def choose_span(zone: ZoneInfo, say: Language) -> None:
    """Let the reader choose how far back the chart goes, and the time zone."""
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    left.segmented_control(
        say("live.span"),
        [*stream.SPANS],
        default=None if "hours" in st.session_state else stream.DEFAULT_HOURS,
        required=True,
        format_func=lambda hours: say(f"live.span_{hours}"),
        key="hours",
        persist_state="session",
        label_visibility="collapsed",
    )
    offered = zones()
    right.selectbox(
        say("watch.zone_label"),
        offered,
        index=None if "zone" in st.session_state else offered.index(zone.key if zone.key in offered else "UTC"),
        format_func=notes.zone_name,
        key="zone",
        persist_state="session",
        label_visibility="collapsed",
    )
