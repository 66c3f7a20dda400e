"""The tweets of a file over time, watched as the stream is, and what each part of them is about."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from monitoring.reasons import OTHER, Taxonomy
from ui import notes, proportions, resources, spans, stream, timeline, topics
from ui.language import Language
from ui.memory import remember
from ui.spans import Span
from ui.timeline import Timeline
from ui.topics import Part
from ui.views import briefs, history, peaks
from ui.views.columns import choose_zone
from ui.views.uploads import Upload

WHOLE = "whole"
# Files of more days are shown by day at first.
MOST_HOURLY_DAYS = 10


def show(tweets: pd.DataFrame, uploaded: Upload, say: Language) -> None:
    """Show a file that has times enough to be watched."""
    st.header(say("watch.over_time"), anchor=False)
    zone = ZoneInfo(uploaded.zone or "UTC")
    plan = resources.watch_plan()
    if not plan:
        st.caption(say("recording.default_alarm"))
    with st.spinner(say("watch.watching")):
        watched = remember("timeline", (uploaded.key, plan), lambda: timeline.make(tweets, plan, uploaded.zone))
    width = choose_width(tweets, uploaded, say)
    points = remember(
        "points",
        (uploaded.key, plan, width),
        lambda: stream.points({"points": timeline.described_points(watched, width, uploaded.zone)}, zone),
    )
    st.markdown(f"**{sentence(watched.crises, zone, say)}**")
    until = watched.buckets[-1].start + watched.seconds
    offered = spans.of_crises(watched.crises, until, zone, say) | spans.of_peaks(points, width, zone, say)
    clicked = st.session_state.get(f"clicked {uploaded.file}", "")
    if (own := spans.of_name(clicked, zone, say)) is not None and clicked not in offered:
        offered |= {clicked: own}
    shown = offered.get(st.session_state.get(f"part {uploaded.file}", next(iter(offered), WHOLE)))
    draw(points, width, shown, uploaded, say)
    history.show_crises(watched.crises, zone, say)
    show_parts(tweets, uploaded, offered, watched, points, say)


def choose_width(tweets: pd.DataFrame, uploaded: Upload, say: Language) -> str:
    """Let the reader choose the width of a point, and the time zone if the times of the file have one."""
    left, right = st.columns(2)
    hours = proportions.span_hours(tweets["time"])
    widths = [
        name for name, seconds in stream.LENGTHS.items() if hours * spans.HOUR / seconds <= proportions.MOST_GROUPS
    ]
    if f"width {uploaded.file}" not in st.session_state:
        st.session_state[f"width {uploaded.file}"] = "h" if hours <= 24 * MOST_HOURLY_DAYS else "D"
    chosen = left.segmented_control(
        say("watch.width"),
        widths,
        format_func=lambda name: say(f"watch.width_{name}"),
        required=True,
        key=f"width {uploaded.file}",
        persist_state="session",
    )
    if uploaded.zone is not None:
        with right:
            choose_zone(uploaded.file, say)
    return str(chosen)


def draw(points: pd.DataFrame, width: str, shown: Span | None, uploaded: Upload, say: Language) -> None:
    """Show the negative tweets and their share over time; a click on a point chooses it."""
    zone = uploaded.zone
    axis = say("watch.time_of_file") if zone is None else say("watch.time_axis", zone=notes.zone_name(zone))
    marked = None if shown is None else (shown.begin, shown.end)
    history.draw_charts(points, width, marked, ZoneInfo(zone or "UTC"), say, axis=axis, scope=uploaded.file)


def sentence(crises: Sequence[Mapping[str, Any]], zone: ZoneInfo, say: Language) -> str:
    """Say how many alarms the watch would have raised, and when the worst began."""
    alarms = [crisis for crisis in crises if crisis["kind"] == "negative" and crisis["level"] == "alarm"]
    if not alarms:
        return say("recording.calm")
    worst = max(alarms, key=lambda crisis: crisis["negative"] / max(crisis["usual_negative"], 1.0))
    since = say.moment(datetime.fromisoformat(worst["since"]).astimezone(zone))
    name = "recording.alarm" if len(alarms) == 1 else "recording.alarms"
    return (
        say(name, count=say.number(len(alarms)), since=since) + " " + say("live.worst", **history.figures(worst, say))
    )


def show_parts(
    tweets: pd.DataFrame,
    uploaded: Upload,
    offered: Mapping[str, Span],
    watched: Timeline | None,
    points: pd.DataFrame,
    say: Language,
) -> None:
    """Show what the tweets of the chosen part are about, beside those of another one if that is wanted."""
    st.header(say("peaks.title"), anchor=False)
    labels = {name: span.label for name, span in offered.items()} | {WHOLE: say("peaks.whole")}
    labels |= {
        name: notes.literal(name)
        for name in remember("accounts", uploaded.key, lambda: topics.accounts(tweets["text"]))
    }
    default = next(iter(labels))
    if len(labels) == 1:
        chosen: list[str] = [WHOLE]
    else:
        chosen = [name for name in peaks.choose(uploaded.file, labels, default, say) if name is not None]
    plan = resources.watch_plan()

    parts = {}
    for place, name in enumerate(chosen):
        make = partial(part_of, tweets, name, offered.get(name), watched, plan)
        parts[name] = remember(f"part {place}", (uploaded.key, plan, name), make)
    peaks.show(uploaded.file, parts, labels, plan, say, with_tweets=True)
    first, zone = chosen[0], ZoneInfo(uploaded.zone or "UTC")
    with st.container(horizontal=True):
        subject = briefs.Subject(labels[first], parts[first], points, zone, plan, with_tweets=True)
        briefs.offer(uploaded.file, subject, say)


def part_of(
    tweets: pd.DataFrame, name: str, span: Span | None, watched: Timeline | None, plan: Mapping[str, Any]
) -> Part:
    """Return what is known about a part of a file: a span of time, the tweets that mention an account, or all."""
    words = {reason["name"]: reason["words"] for reason in plan.get("reasons", ()) if reason["name"] != OTHER}
    taxonomy = Taxonomy(words)
    is_negative = tweets["sentiment"] == "negative"
    if span is not None and watched is not None:
        inside = timeline.seconds_of(tweets["time"]).between(span.begin, span.end, inclusive="left")
        usual = tweets.loc[is_negative & ~inside, "text"]
        return topics.of_tweets(tweets[inside], usual, taxonomy, timeline.counted(watched, span.begin, span.end))
    if name == WHOLE:
        return topics.of_tweets(tweets, tweets.loc[~is_negative, "text"], taxonomy)
    inside = topics.mentions(tweets["text"], name)
    return topics.of_tweets(tweets[inside], tweets.loc[is_negative & ~inside, "text"], taxonomy)
