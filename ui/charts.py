"""The charts of the page. Shape and text carry the same information as colour, for colour-blind readers."""

import json
import math

import altair as alt
import pandas as pd

from ui.language import Language
from ui.stream import LENGTHS

NEGATIVE_COLOUR, OTHER_COLOUR, LIMIT_COLOUR = "#b3361b", "#14699b", "#55606b"
HEIGHT, PANEL_HEIGHT = 320, 260
AXIS_PIXELS = 40  # the same for charts one above the other, so that their time axes align
MOST_LABELLED_GROUPS = 14
SINGLE_PADDING = 120  # pixels on each side of the only bar
# Width of a bar: slightly less than its period, so that bars do not touch.
BAR_WIDTHS = {
    name: pd.Timedelta(hours=hours) for name, hours in {"15min": 0.21, "h": 0.85, "D": 20, "W": 144, "MS": 600}.items()
}
COLOURS = [OTHER_COLOUR, LIMIT_COLOUR, LIMIT_COLOUR]
DASHES = [[1, 0], [6, 4], [2, 3]]
# Two columns also fit on a phone.
LINE_LEGEND = alt.Legend(orient="top", columns=2, title=None, symbolType="stroke", symbolSize=300)


def volume(
    chart: pd.DataFrame, width: str, say: Language, *, time: str, tweets: str, kinds: tuple[str, str]
) -> alt.Chart:
    """Return a bar chart of tweet counts over time, negative tweets stacked below the others.

    Args:
        chart: result of `proportions.control_chart`, indexed by time.
        width: period of one bar (a pandas offset alias).
        say: the language.
        time: title of the time axis.
        tweets: title of the count axis.
        kinds: legend labels of the negative and of the other tweets.
    """
    negative, other = kinds
    below = chart.assign(kind=negative, low=0, high=chart["negative"])
    above = chart.assign(kind=other, low=chart["negative"], high=chart["tweets"])
    long = pd.concat([below, above]).reset_index(names="time")
    long["end"] = long["time"] + BAR_WIDTHS[width]
    long["words"] = [
        say("chart.bar", when=say.period(when, width), kind=kind, count=say.number(count))
        for when, kind, count in zip(long["time"], long["kind"], long["high"] - long["low"], strict=True)
    ]
    bars: alt.Chart = (
        alt.Chart(long[["time", "end", "low", "high", "kind", "words"]])
        .mark_rect()
        .encode(
            x=axis(chart, width, say, time),
            x2="end",
            y=alt.Y("low:Q", axis=count_axis(say, tweets)),
            y2="high",
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=[negative, other], range=[NEGATIVE_COLOUR, OTHER_COLOUR]),
                legend=alt.Legend(orient="top", title=None),
            ),
            tooltip="words:N",
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
    frame["words"] = [
        say(
            "chart.point",
            when=say.period(when, width),
            share=say.percent(share),
            tweets=say.number(tweets),
            limit=say.percent(limit),
        )
        for when, share, tweets, limit in zip(
            frame["time"], frame["share"], frame["tweets"], frame["limit"], strict=True
        )
    ]
    title = say("watch.share_axis")
    shares = say("watch.negative")
    labels = {"share": shares, "limit": say("watch.limit"), "centre": centre}
    lines = frame.melt(["time", "words"], [*labels], "series").replace({"series": labels})
    x = axis(chart, width, say, time)
    y = alt.Y("value:Q", axis=percent_axis(say, title), scale=alt.Scale(zero=False, nice=True))
    series = [*labels.values()]
    colour = alt.Color(
        "series:N",
        scale=alt.Scale(domain=series, range=COLOURS),
        legend=LINE_LEGEND,
    )
    dash = alt.StrokeDash("series:N", scale=alt.Scale(domain=series, range=DASHES), legend=LINE_LEGEND)
    line_chart = alt.Chart(lines).mark_line().encode(x=x, y=y, color=colour, strokeDash=dash, tooltip="words:N")
    points = frame[["time", "share", "words", "exceeded"]]
    ordinary = (
        alt.Chart(points[~points["exceeded"]])
        .mark_point(color=OTHER_COLOUR, size=40, filled=True, opacity=1)
        .encode(x=x, y="share:Q", tooltip="words:N")
    )
    exceeded = (
        alt.Chart(points[points["exceeded"]])
        .mark_point(shape="triangle-up", color=NEGATIVE_COLOUR, size=160, filled=True, opacity=1)
        .encode(x=x, y="share:Q", tooltip="words:N")
    )
    layers = [line_chart, ordinary, exceeded]
    if len(chart) == 1:  # a line needs two points
        single = alt.Chart(lines[lines["series"] != shares]).mark_tick(width=60, thickness=2)
        layers.append(single.encode(x=x, y=y, color=colour, tooltip="words:N"))
    layered: alt.LayerChart = alt.LayerChart(layer=layers)
    layered.height = HEIGHT
    return layered


def stream(
    points: pd.DataFrame, width: str, say: Language, *, time: str, shown: tuple[float, float] | None = None
) -> tuple[alt.LayerChart, alt.LayerChart]:
    """Return two charts one above the other: negative tweets and their share, with usual values and limits.

    Both can be zoomed with the wheel while Shift is pressed (without it, the wheel scrolls the page), and moved. A
    click on a point selects it: the selection `point` has its `place` among the points.

    Args:
        points: result of `stream.points`.
        width: length of a point; one of `LENGTHS`.
        say: the language.
        time: title of the time axis.
        shown: span to mark, in seconds since 1970.
    """
    frame = points.reset_index(names="time").assign(place=range(len(points)))
    columns = (frame[name] for name in ("time", "negative", "tweets", "usual_negative"))
    frame["words"] = [
        say(
            "live.point",
            when=say.period(when, width),
            negative=say.number(negative),
            tweets=say.number(tweets),
            usual="–" if pd.isna(usual) else say.number(usual, 1),
        )
        for when, negative, tweets, usual in zip(*columns, strict=True)
    ]
    counts, shares = count_axis(say, say("live.negative_axis")), percent_axis(say, say("watch.share_axis"))
    dates = axis(points, width, say, time)
    no_dates = alt.X("time:T", title=None, axis=alt.Axis(labels=False, ticks=False))
    ends = frame.assign(
        end=frame["time"].shift(-1, fill_value=frame["time"].iloc[-1] + pd.Timedelta(seconds=LENGTHS[width]))
    )
    begin, end = shown or (math.inf, math.inf)
    inside = ends[(frame["start"] + LENGTHS[width] > begin) & (frame["start"] < end)]
    marked = pd.DataFrame({"time": [inside["time"].min()], "end": [inside["end"].max()]}).dropna()
    return (
        panel(frame, marked, ("negative", "usual_negative", "most_negative"), counts, no_dates, say, LINE_LEGEND),
        panel(frame, marked, ("share", "usual_share", "largest_share"), shares, dates, say, None),
    )


def panel(
    frame: pd.DataFrame,
    marked: pd.DataFrame,
    columns: tuple[str, str, str],
    ticks: alt.Axis,
    x: alt.X,
    say: Language,
    legend: alt.Legend | None,
) -> alt.LayerChart:
    """Return a line beside its usual value and its limit (`columns`), with triangles where it is above the limit.

    `marked` has the span to mark: `time` and `end`; no row marks none.
    """
    column, usual, limit = columns
    labels = {column: say("live.actual"), usual: say("live.usual"), limit: say("watch.limit")}
    lines = frame.melt(["time", "words"], [*labels], "series").replace({"series": labels})
    series = [*labels.values()]
    y = alt.Y("value:Q", axis=ticks, scale=alt.Scale(zero=column == "negative", nice=True, padding=8))
    drawn = (
        alt.Chart(lines)
        .mark_line()
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "series:N",
                scale=alt.Scale(domain=series, range=COLOURS),
                legend=legend,
            ),
            strokeDash=alt.StrokeDash("series:N", scale=alt.Scale(domain=series, range=DASHES), legend=legend),
        )
    )
    places = frame[["time", column, "words", limit, "place"]].dropna(subset=[column])
    above = places[places[column] > places[limit]]
    hover = alt.Chart(places).mark_point(size=120, filled=True, opacity=0, cursor="pointer")
    hover = hover.encode(x=x, y=f"{column}:Q", tooltip="words:N")
    click = alt.selection_point("point", fields=["place"], on="click", clear=False)
    band = alt.Chart(marked).mark_rect(color=LIMIT_COLOUR, opacity=0.15).encode(x=x, x2="end")
    peaks = (
        alt.Chart(above)
        .mark_point(shape="triangle-up", color=NEGATIVE_COLOUR, size=160, filled=True, opacity=1)
        .encode(x=x, y=f"{column}:Q", tooltip="words:N")
    )
    ticks.minExtent = AXIS_PIXELS
    zoom = alt.selection_interval(bind="scales", encodings=["x"], zoom="wheel![event.shiftKey]")
    layered: alt.LayerChart = alt.LayerChart(layer=[band, drawn.add_params(zoom), peaks, hover.add_params(click)])
    layered.height = PANEL_HEIGHT
    return layered


def axis(chart: pd.DataFrame, width: str, say: Language, title: str) -> alt.X:
    """Return the time axis; a tick marks every period if there are few."""
    values = [when.isoformat() for when in chart.index] if len(chart) <= MOST_LABELLED_GROUPS else alt.Undefined
    several_years = chart.index.min().year != chart.index.max().year
    ticks = alt.Axis(labelExpr=date_label(width, say, with_year=several_years), labelAngle=-35, values=values)
    # A single bar would fill the chart.
    scale = alt.Scale(padding=SINGLE_PADDING) if len(chart) == 1 else alt.Undefined
    return alt.X("time:T", title=title, axis=ticks, scale=scale)


def date_label(width: str, say: Language, *, with_year: bool) -> str:
    """Return the Vega expression of a date on the axis; Vega itself knows English months only."""
    months = f"{json.dumps(say.months, ensure_ascii=False)}[month(datum.value)]"
    year = " + ' ' + year(datum.value)"
    if width == "MS":
        return months + year
    day = "date(datum.value)"
    label = f"{day} + ' ' + {months}" if say.day_first else f"{months} + ' ' + {day}"
    if with_year:
        label += year
    return label + " + timeFormat(datum.value, ', %H:%M')" if width in ("h", "15min") else label


def percent_axis(say: Language, title: str) -> alt.Axis:
    """Return an axis of whole percentages, as the language writes them."""
    label = f"format(100 * datum.value, 'd') + {json.dumps(say.percent_sign, ensure_ascii=False)}"
    return alt.Axis(labelExpr=label, title=title, tickMinStep=0.01)


def count_axis(say: Language, title: str) -> alt.Axis:
    """Return an axis of whole numbers, as the language writes them."""
    separator = json.dumps(say.thousands, ensure_ascii=False)
    return alt.Axis(
        labelExpr=f"replace(format(datum.value, ',d'), regexp(',', 'g'), {separator})", title=title, tickMinStep=1
    )
