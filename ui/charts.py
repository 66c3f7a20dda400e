"""The charts of the page. Shape and text carry the same information as colour, for colour-blind readers."""

import altair as alt
import pandas as pd

from ui.language import Language

NEGATIVE_COLOUR, OTHER_COLOUR, LIMIT_COLOUR = "#b3361b", "#14699b", "#55606b"
HEIGHT = 330
MOST_LABELLED_GROUPS = 14
# Width of a bar: slightly less than its period, so that bars do not touch.
BAR_WIDTHS = {name: pd.Timedelta(hours=hours) for name, hours in {"h": 0.85, "D": 20, "W": 144, "MS": 600}.items()}
DASHES = [[1, 0], [6, 4], [2, 3]]
LINE_LEGEND = alt.Legend(orient="top", direction="vertical", title=None, symbolType="stroke", symbolSize=300)


def volume(
    chart: pd.DataFrame, width: str, say: Language, *, time: str, tweets: str, negative: str, other: str
) -> alt.Chart:
    """Return a bar chart of tweet counts over time, negative tweets stacked below the others.

    Args:
        chart: result of `proportions.control_chart`, indexed by time.
        width: period of one bar (a pandas offset alias).
        say: the language.
        time: title of the time axis.
        tweets: title of the count axis.
        negative: legend label of the negative tweets.
        other: legend label of the other tweets.
    """
    below = chart.assign(kind=negative, low=0, high=chart["negative"])
    above = chart.assign(kind=other, low=chart["negative"], high=chart["tweets"])
    long = pd.concat([below, above]).reset_index(names="time")
    long["end"] = long["time"] + BAR_WIDTHS[width]
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
                scale=alt.Scale(domain=[negative, other], range=[NEGATIVE_COLOUR, OTHER_COLOUR]),
                legend=alt.Legend(orient="top", title=None),
            ),
            tooltip=[
                time_tooltip(width, say, time),
                alt.Tooltip("kind:N", title=" "),
                alt.Tooltip("count:Q", title=tweets),
            ],
        )
        .properties(height=HEIGHT)
    )
    return bars


def share(chart: pd.DataFrame, width: str, say: Language, *, time: str, centre: str) -> alt.LayerChart:
    """Return a line chart of the share of negative tweets, with centre line and control limit; triangles exceed it.

    Args:
        chart: result of `proportions.control_chart`, indexed by time.
        width: period of one point (a pandas offset alias).
        say: the language.
        time: title of the time axis.
        centre: legend label of the centre line.
    """
    frame = chart.reset_index(names="time")
    title = say("watch.share_axis")
    labels = {"share": title, "limit": say("watch.limit"), "centre": centre}
    lines = frame.melt(["time", "tweets"], [*labels], "series").replace({"series": labels})
    x = axis(chart, width, say, time)
    y = alt.Y("value:Q", axis=alt.Axis(format="%", title=title), scale=alt.Scale(zero=False))
    series = [*labels.values()]
    count = alt.Tooltip("tweets:Q", title=say("watch.tweets_axis"))
    line_chart = (
        alt.Chart(lines)
        .mark_line()
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "series:N",
                scale=alt.Scale(domain=series, range=[OTHER_COLOUR, LIMIT_COLOUR, LIMIT_COLOUR]),
                legend=LINE_LEGEND,
            ),
            strokeDash=alt.StrokeDash("series:N", scale=alt.Scale(domain=series, range=DASHES), legend=LINE_LEGEND),
            tooltip=[
                time_tooltip(width, say, time),
                alt.Tooltip("series:N", title=" "),
                alt.Tooltip("value:Q", format=".1%", title=title),
                count,
            ],
        )
    )
    exceeded = (
        alt.Chart(frame[frame["exceeded"]])
        .mark_point(shape="triangle-up", color=NEGATIVE_COLOUR, size=160, filled=True, opacity=1)
        .encode(
            x=x,
            y="share:Q",
            tooltip=[time_tooltip(width, say, time), alt.Tooltip("share:Q", format=".1%", title=title), count],
        )
    )
    layers: alt.LayerChart = alt.LayerChart(layer=[line_chart, exceeded])
    layers.height = HEIGHT
    return layers


def axis(chart: pd.DataFrame, width: str, say: Language, title: str) -> alt.X:
    """Return the time axis; a tick marks every period if there are few."""
    values = [when.isoformat() for when in chart.index] if len(chart) <= MOST_LABELLED_GROUPS else alt.Undefined
    ticks = alt.Axis(format=say(f"watch.axis_{width}"), labelAngle=-35, values=values)
    return alt.X("time:T", title=title, axis=ticks)


def time_tooltip(width: str, say: Language, title: str) -> alt.Tooltip:
    """Return a tooltip with the period, formatted like the axis."""
    return alt.Tooltip("time:T", format=say(f"watch.axis_{width}"), title=title)
