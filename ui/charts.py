"""The charts of the page. What counts is told by shape and text as well as by colour."""

import altair as alt
import pandas as pd

from ui.language import Language

NEGATIVE, OTHER, LIMIT = "#b3361b", "#14699b", "#55606b"
HEIGHT = 330
FEW = 14
# How wide a bar is: a little less than its group.
BARS = {name: pd.Timedelta(hours=hours) for name, hours in {"h": 0.85, "D": 20, "W": 144, "MS": 600}.items()}
DASHES = [[1, 0], [6, 4], [2, 3]]
LINES = alt.Legend(orient="top", direction="vertical", title=None, symbolType="stroke", symbolSize=300)


def volume(
    chart: pd.DataFrame, width: str, say: Language, *, time: str, tweets: str, negative: str, other: str
) -> alt.Chart:
    """Return the tweets of each group over time, negative ones and others.

    Args:
        chart: as `proportions.control_chart` returns it, by time.
        width: of the groups (an offset alias of pandas).
        say: the language.
        time: title of the axis of time.
        tweets: title of the axis of tweets.
        negative: name of the negative tweets.
        other: name of the others.
    """
    below = chart.assign(kind=negative, low=0, high=chart["negative"])
    above = chart.assign(kind=other, low=chart["negative"], high=chart["tweets"])
    long = pd.concat([below, above]).reset_index(names="time")
    long["end"] = long["time"] + BARS[width]
    long["count"] = long["high"] - long["low"]
    bars: alt.Chart = (
        alt.Chart(long)
        .mark_rect()
        .encode(
            x=axis(chart, width, say, time),
            x2="end",
            y=alt.Y("low:Q", title=tweets),
            y2="high",
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=[negative, other], range=[NEGATIVE, OTHER]),
                legend=alt.Legend(orient="top", title=None),
            ),
            tooltip=[tip(width, say, time), alt.Tooltip("kind:N", title=" "), alt.Tooltip("count:Q", title=tweets)],
        )
        .properties(height=HEIGHT)
    )
    return bars


def share(chart: pd.DataFrame, width: str, say: Language, *, time: str, centre: str) -> alt.LayerChart:
    """Return the share of negative tweets over time, its centre and its control limit; triangles are above that.

    Args:
        chart: as `proportions.control_chart` returns it, by time.
        width: of the groups (an offset alias of pandas).
        say: the language.
        time: title of the axis of time.
        centre: name of the centre.
    """
    frame = chart.reset_index(names="time")
    title = say("watch.share_axis")
    named = {"share": title, "limit": say("watch.limit"), "centre": centre}
    lines = frame.melt(["time", "tweets"], [*named], "series").replace({"series": named})
    x = axis(chart, width, say, time)
    y = alt.Y("value:Q", axis=alt.Axis(format="%", title=title), scale=alt.Scale(zero=False))
    names = [*named.values()]
    drawn = (
        alt.Chart(lines)
        .mark_line()
        .encode(
            x=x,
            y=y,
            color=alt.Color("series:N", scale=alt.Scale(domain=names, range=[OTHER, LIMIT, LIMIT]), legend=LINES),
            strokeDash=alt.StrokeDash("series:N", scale=alt.Scale(domain=names, range=DASHES), legend=LINES),
            tooltip=[tip(width, say, time), "series:N", alt.Tooltip("value:Q", format=".1%"), "tweets:Q"],
        )
    )
    above = (
        alt.Chart(frame[frame["exceeded"]])
        .mark_point(shape="triangle-up", color=NEGATIVE, size=160, filled=True, opacity=1)
        .encode(x=x, y="share:Q", tooltip=[tip(width, say, time), alt.Tooltip("share:Q", format=".1%"), "tweets:Q"])
    )
    layers: alt.LayerChart = alt.LayerChart(layer=[drawn, above])
    layers.height = HEIGHT
    return layers


def axis(chart: pd.DataFrame, width: str, say: Language, title: str) -> alt.X:
    """Return the axis of time; the groups themselves are named where they are few."""
    values = [when.isoformat() for when in chart.index] if len(chart) <= FEW else alt.Undefined
    ticks = alt.Axis(format=say(f"watch.axis_{width}"), labelAngle=-35, values=values)
    return alt.X("time:T", title=title, axis=ticks)


def tip(width: str, say: Language, title: str) -> alt.Tooltip:
    """Return the time as it is shown for a group."""
    return alt.Tooltip("time:T", format=say(f"watch.axis_{width}"), title=title)
