"""Confidence intervals and control limits of shares."""

import numpy as np
import pandas as pd

SIGMAS = 3.0
# Two-sided 95% quantile of the normal distribution.
NORMAL_95 = 1.959964
# Periods of a chart (pandas offset aliases), and the longest time span in hours for which each is the default.
WIDTHS = {"h": 72.0, "D": 120.0 * 24, "W": 730.0 * 24, "MS": float("inf")}
HOURS = {"h": 1, "D": 24, "W": 7 * 24, "MS": 30 * 24}
# A browser draws no more points smoothly, and a screen has no more pixels for them.
MOST_GROUPS = 1000
PERIODS = {"W": "W", "MS": "M"}


def interval(successes: int, trials: int, z: float = NORMAL_95) -> tuple[float, float]:
    """Return the Wilson score interval of a share, by default at 95%.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22, 209-212.

    Raises:
        ValueError: `trials` is 0.
    """
    if trials < 1:
        raise ValueError("An interval needs at least one trial.")
    share, square = successes / trials, z**2 / trials
    centre = (share + square / 2) / (1 + square)
    half = z / (1 + square) * np.sqrt(share * (1 - share) / trials + square / (4 * trials))
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def counts(negative: pd.Series, groups: pd.Series) -> pd.DataFrame:
    """Count tweets, and the negative ones among them, by group.

    Args:
        negative: whether each tweet is negative, shape (tweets,).
        groups: the group of each tweet, shape (tweets,), such as its day; tweets without a group are left out.

    Returns:
        Columns `tweets` and `negative`, sorted by group.
    """
    grouped = negative.groupby(groups)
    return pd.DataFrame({"tweets": grouped.size(), "negative": grouped.sum()})


def control_chart(counts: pd.DataFrame, centre: float | None = None) -> pd.DataFrame:
    """Return the p-chart of the share of negative tweets, one row per group.

    The upper control limit is three standard deviations above the centre, given the number of tweets in the group.
    There is no lower limit: fewer negative tweets need no attention.

    Source: NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.3.2, https://www.itl.nist.gov/div898/handbook/pmc/section3/pmc332.htm

    Args:
        counts: columns `tweets` and `negative`, one row per group.
        centre: the expected share, 0 to 1; by default the share over all tweets.

    Returns:
        The same rows, with columns `share`, `centre`, `limit` (0 to 1) and `exceeded`.
    """
    chart = counts.copy()
    chart["share"] = chart["negative"] / chart["tweets"]
    chart["centre"] = chart["negative"].sum() / chart["tweets"].sum() if centre is None else centre
    deviation = np.sqrt(chart["centre"] * (1 - chart["centre"]) / chart["tweets"])
    chart["limit"] = np.minimum(1.0, chart["centre"] + SIGMAS * deviation)
    chart["exceeded"] = chart["share"] > chart["limit"]
    return chart


def width(times: pd.Series) -> str:
    """Return the shortest of `WIDTHS` that does not split the time span into too many groups."""
    hours = span_hours(times)
    return next(name for name, most in WIDTHS.items() if hours <= most)


def widths(times: pd.Series) -> list[str]:
    """Return those of `WIDTHS` that split the time span into no more than `MOST_GROUPS`, and the longest."""
    hours = span_hours(times)
    return [name for name in WIDTHS if hours / HOURS[name] <= MOST_GROUPS or name == "MS"]


def span_hours(times: pd.Series) -> float:
    """Return the hours from the first time to the last."""
    return float((times.max() - times.min()).total_seconds() / 3600)


def groups(times: pd.Series, width: str) -> pd.Series:
    """Return the start of the group of each time, in local time; missing times stay missing."""
    naive = times.dt.tz_localize(None)
    starts: pd.Series = naive.dt.to_period(PERIODS[width]).dt.start_time if width in PERIODS else naive.dt.floor(width)
    return starts
