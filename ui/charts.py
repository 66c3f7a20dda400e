"""The charts of the page. What counts is told by shape and text as well as by colour."""

import altair as alt
import pandas as pd

NEGATIVE, OTHER, LIMIT = "#b3361b", "#14699b", "#55606b"
HEIGHT = 220
FORMATS = {"h": "%d/%m %H:%M", "6h": "%d/%m %H:%M", "D": "%d/%m/%Y", "W": "%d/%m/%Y", "MS": "%m/%Y"}


def volume(chart: pd.DataFrame, width: str, *, time: str, tweets: str, negative: str, other: str) -> alt.Chart:
    """Return the tweets of each group over time, negative ones and others.

    Args:
        chart: as `proportions.control_chart` returns it, by time.
        width: of the groups (an offset alias of pandas).
        time: title of the axis of time.
        tweets: title of the axis of tweets.
        negative: name of the negative tweets.
        other: name of the others.
    """
    wide = pd.DataFrame({"time": chart.index, negative: chart["negative"], other: chart["tweets"] - chart["negative"]})
    long = wide.melt("time", var_name="kind", value_name="tweets")
    return (
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=axis(chart, width, time),
            y=alt.Y("tweets:Q", title=tweets),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=[negative, other], range=[NEGATIVE, OTHER]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[tip(width, time), alt.Tooltip("kind:N", title=" "), alt.Tooltip("tweets:Q", title=tweets)],
        )
        .properties(height=HEIGHT)
    )


def share(
    chart: pd.DataFrame, width: str, *, time: str, title: str, limit: str, centre: str, exceeded: str
) -> alt.LayerChart:
    """Return the share of negative tweets over time, with its centre and its control limit.

    Args:
        chart: as `proportions.control_chart` returns it, by time.
        width: of the groups (an offset alias of pandas).
        time: title of the axis of time.
        title: of the axis of the share.
        limit: name of the limit.
        centre: name of the centre.
        exceeded: name of the moments at which the limit is exceeded.
    """
    frame = chart.reset_index(names="time").assign(
        limit_name=limit, centre_name=centre, exceeded_name=exceeded, share_name=title
    )
    names = alt.Scale(domain=[title, limit, centre, exceeded], range=[OTHER, LIMIT, LIMIT, NEGATIVE])
    base = alt.Chart(frame).encode(x=axis(chart, width, time))
    percent = alt.Axis(format="%", title=title)

    def line(column: str, dash: list[int]) -> alt.Chart:
        return base.mark_line(strokeDash=dash, point=column == "share").encode(
            y=alt.Y(f"{column}:Q", axis=percent, scale=alt.Scale(zero=False)),
            color=alt.Color(f"{column}_name:N", scale=names, title=None, legend=alt.Legend(orient="top", columns=2)),
            tooltip=[
                tip(width, time),
                alt.Tooltip("share:Q", format=".1%", title=title),
                alt.Tooltip("limit:Q", format=".1%", title=limit),
                alt.Tooltip("tweets:Q"),
            ],
        )

    marks = (
        base.transform_filter("datum.exceeded")
        .mark_point(shape="triangle-up", size=170, filled=True, opacity=1)
        .encode(y="share:Q", color=alt.Color("exceeded_name:N", scale=names))
    )
    layers = alt.layer(line("limit", [6, 4]), line("centre", [2, 3]), line("share", []), marks)
    return layers.properties(height=HEIGHT + 60)


def axis(chart: pd.DataFrame, width: str, title: str) -> alt.X:
    """Return the axis of time."""
    few = len(chart) <= 12
    ticks = {"values": [when.isoformat() for when in chart.index]} if few else {}
    return alt.X(
        "time:T",
        title=title,
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(format=FORMATS[width], labelAngle=-35, **ticks),
    )


def tip(width: str, title: str) -> alt.Tooltip:
    """Return the time as it is shown for a group."""
    return alt.Tooltip("time:T", format=FORMATS[width], title=title)
