"""The negative tweets of a stream or of a file over time, and the crises found in them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from ui import charts, spans
from ui.language import Language

HOUR_SECONDS = 3600


def draw_charts(
    points: pd.DataFrame,
    width: str,
    shown: tuple[float, float] | None,
    zone: ZoneInfo,
    say: Language,
    *,
    axis: str,
    scope: str,
) -> None:
    """Show the negative tweets and their share over time; a click on a point chooses it.

    Args:
        points: result of `stream.points`.
        width: length of a point; one of `stream.LENGTHS`.
        shown: span to mark, in seconds since 1970.
        zone: time zone of the points.
        say: the language.
        axis: title of the time axis.
        scope: of the choice, see `peaks.choose`.
    """
    panels = charts.stream(points, width, say, time=axis, shown=shown)
    for name, panel, label in zip(
        ("counts", "shares"), panels, ("live.negative_axis", "watch.share_axis"), strict=True
    ):
        key = f"{name} {scope}"

        def choose(key: str = key) -> None:
            for point in st.session_state[key]["selection"]["point"]:
                part, _ = spans.of_point(points, int(point["place"]), width, zone, say)
                st.session_state[f"clicked {scope}"] = st.session_state[f"part {scope}"] = part

        st.altair_chart(panel, alt=say(label), key=key, on_select=choose, selection_mode="point")
    st.caption(say("live.limit_help"))


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


def show_crises(crises: Sequence[Mapping[str, Any]], zone: ZoneInfo, say: Language) -> None:
    """List the crises of the period, the latest first."""
    if not crises:
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
        for crisis in crises
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=say("live.crises"))


def local(time: str, zone: ZoneInfo) -> datetime:
    """Return a time as the clock of a zone shows it."""
    return datetime.fromisoformat(time).astimezone(zone)
