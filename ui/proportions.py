"""Confidence intervals and control limits of shares."""

import numpy as np
import pandas as pd

SIGMAS = 3.0
# Two-sided 95% quantile of the normal distribution.
NORMAL_95 = 1.959964
# Periods of a chart (pandas offset aliases), and the longest time span in hours for which each is the default.
WIDTHS = {"h": 72.0, "D": 120.0 * 24, "W": 730.0 * 24, "MS": float("inf")}
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


def control_chart(negative: pd.Series, groups: pd.Series, centre: float | None = None) -> pd.DataFrame:
    """Return the p-chart of the share of negative tweets, one row per group.

    The upper control limit is three standard deviations above the centre, given the number of tweets in the group.
    There is no lower limit: fewer negative tweets need no attention.

    Source: NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.3.2, https://www.itl.nist.gov/div898/handbook/pmc/section3/pmc332.htm

    Args:
        negative: whether each tweet is negative, shape (tweets,).
        groups: the group of each tweet, shape (tweets,), such as its day; tweets without a group are left out.
        centre: the expected share, 0 to 1; by default the share over all tweets.

    Returns:
        Columns `tweets`, `negative` (counts), `share`, `centre`, `limit` (0 to 1), `exceeded`; sorted by group.
    """
    grouped = negative.groupby(groups)
    chart = pd.DataFrame({"tweets": grouped.size(), "negative": grouped.sum()})
    chart["share"] = chart["negative"] / chart["tweets"]
    chart["centre"] = negative[groups.notna()].mean() if centre is None else centre
    deviation = np.sqrt(chart["centre"] * (1 - chart["centre"]) / chart["tweets"])
    chart["limit"] = np.minimum(1.0, chart["centre"] + SIGMAS * deviation)
    chart["exceeded"] = chart["share"] > chart["limit"]
    return chart


def width(times: pd.Series) -> str:
    """Return the shortest of `WIDTHS` that does not split the time span into too many groups."""
    hours = (times.max() - times.min()).total_seconds() / 3600
    return next(name for name, most in WIDTHS.items() if hours <= most)


def groups(times: pd.Series, width: str) -> pd.Series:
    """Return the start of the group of each time, in local time; missing times stay missing."""
    naive = times.dt.tz_localize(None)
    starts: pd.Series = naive.dt.to_period(PERIODS[width]).dt.start_time if width in PERIODS else naive.dt.floor(width)
    return starts
