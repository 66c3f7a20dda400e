"""The charts of the page. What counts is told by shape and text as well as by colour."""

import altair as alt
import pandas as pd

NEGATIVE, OTHER, LIMIT = "#b3361b", "#14699b", "#55606b"
HEIGHT = 330
FEW = 14
DASHES = [[1, 0], [6, 4], [2, 3]]
LEGEND = alt.Legend(orient="top", title=None, columns=2)
FORMATS = {"h": "%d/%m %H:%M", "D": "%d/%m/%Y", "W": "%d/%m/%Y", "MS": "%m/%Y"}


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
    bars: alt.Chart = (
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=axis(chart, width, time),
            y=alt.Y("tweets:Q", title=tweets),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=[negative, other], range=[NEGATIVE, OTHER]),
                legend=LEGEND,
            ),
            tooltip=[tip(width, time), alt.Tooltip("kind:N", title=" "), alt.Tooltip("tweets:Q", title=tweets)],
        )
        .properties(height=HEIGHT)
    )
    return bars


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
    frame = chart.reset_index(names="time")
    named = {"share": title, "limit": limit, "centre": centre}
    lines = frame.melt(["time", "tweets"], [*named], "series").replace({"series": named})
    x = axis(chart, width, time)
    y = alt.Y("value:Q", axis=alt.Axis(format="%", title=title), scale=alt.Scale(zero=False))
    names = [*named.values()]
    drawn = (
        alt.Chart(lines)
        .mark_line()
        .encode(
            x=x,
            y=y,
            color=alt.Color("series:N", scale=alt.Scale(domain=names, range=[OTHER, LIMIT, LIMIT]), legend=LEGEND),
            strokeDash=alt.StrokeDash("series:N", scale=alt.Scale(domain=names, range=DASHES), legend=LEGEND),
            tooltip=[tip(width, time), "series:N", alt.Tooltip("value:Q", format=".1%"), "tweets:Q"],
        )
    )
    above = (
        alt.Chart(frame[frame["exceeded"]].assign(name=exceeded))
        .mark_point(size=150, filled=True, opacity=1)
        .encode(
            x=x,
            y=alt.Y("share:Q"),
            shape=alt.Shape("name:N", scale=alt.Scale(domain=[exceeded], range=["triangle-up"]), legend=LEGEND),
            color=alt.Color("name:N", scale=alt.Scale(domain=[exceeded], range=[NEGATIVE]), legend=LEGEND),
            tooltip=[tip(width, time), alt.Tooltip("share:Q", format=".1%", title=title), "tweets:Q"],
        )
    )
    layers: alt.LayerChart = alt.LayerChart(layer=[drawn, above]).resolve_scale(
        color="independent", shape="independent"
    )
    layers.height = HEIGHT
    return layers


def axis(chart: pd.DataFrame, width: str, title: str) -> alt.X:
    """Return the axis of time; the groups themselves are named where they are few."""
    values = [when.isoformat() for when in chart.index] if len(chart) <= FEW else alt.Undefined
    ticks = alt.Axis(format=FORMATS[width], labelAngle=-35, values=values)
    return alt.X("time:T", title=title, scale=alt.Scale(type="utc"), axis=ticks)


def tip(width: str, title: str) -> alt.Tooltip:
    """Return the time as it is shown for a group."""
    return alt.Tooltip("time:T", format=FORMATS[width], title=title)
