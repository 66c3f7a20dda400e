"""Intervals and control charts, against SciPy, the published formulas and simulations."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ui import charts
from ui.language import speak
from ui.proportions import MOST_GROUPS, WIDTHS, control_chart, counts, groups, interval, width, widths

COUNTS = st.integers(1, 20_000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))
SHARE = 0.3


def tweets(days: dict[str, tuple[int, int]]) -> tuple[pd.Series, pd.Series]:
    """Return whether each tweet is negative, and its group, for counts of negative and all tweets by group."""
    rows = [(name, number < negative) for name, (negative, all_) in days.items() for number in range(all_)]
    frame = pd.DataFrame(rows, columns=["group", "negative"])
    return frame["negative"], frame["group"]


def utc(*times: str | None) -> pd.Series:
    return pd.to_datetime(pd.Series(times), utc=True, format="ISO8601")


@given(COUNTS)
def test_an_interval_is_wilsons(counts: tuple[int, int]) -> None:
    successes, trials = counts
    expected = binomtest(successes, trials).proportion_ci(confidence_level=0.95, method="wilson")
    assert interval(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-6)


@given(COUNTS)
def test_an_interval_contains_its_share_and_lies_within_0_and_1(counts: tuple[int, int]) -> None:
    successes, trials = counts
    low, high = interval(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1
    assert high - low > 0


def test_an_interval_needs_a_trial() -> None:
    with pytest.raises(ValueError, match="at least one trial"):
        interval(0, 0)


def test_a_control_chart_matches_the_published_formula() -> None:
    # 40 of 200 are negative: centre 0.2; limits 0.2 + 3 * sqrt(0.16 / n) for n of 100, 64 and 36.
    chart = control_chart(counts(*tweets({"a": (10, 100), "b": (12, 64), "c": (18, 36)})))
    assert list(chart.index) == ["a", "b", "c"]
    assert list(chart["tweets"]) == [100, 64, 36]
    assert list(chart["negative"]) == [10, 12, 18]
    assert list(chart["share"]) == pytest.approx([0.1, 0.1875, 0.5])
    assert list(chart["centre"]) == pytest.approx([0.2] * 3)
    assert list(chart["limit"]) == pytest.approx([0.32, 0.35, 0.4])
    assert list(chart["exceeded"]) == [False, False, True]


def test_a_control_chart_can_be_centred_on_an_expected_share() -> None:
    chart = control_chart(counts(*tweets({"a": (50, 100), "b": (90, 100)})), centre=0.5)
    assert list(chart["centre"]) == [0.5, 0.5]
    assert list(chart["limit"]) == pytest.approx([0.65, 0.65])
    assert list(chart["exceeded"]) == [False, True]


def test_a_share_at_its_limit_does_not_exceed_it() -> None:
    chart = control_chart(counts(*tweets({"a": (65, 100), "b": (66, 100)})), centre=0.5)
    assert list(chart["exceeded"]) == [False, True]


def test_tweets_without_a_time_do_not_count_in_the_chart() -> None:
    negative, group = tweets({"a": (10, 100), "b": (30, 100), "?": (100, 100)})
    chart = control_chart(counts(negative, group.where(group != "?")))
    assert list(chart.index) == ["a", "b"]
    assert chart["centre"].iloc[0] == pytest.approx(0.2)


@pytest.mark.parametrize("share", [0, 1])
def test_nothing_exceeds_the_limit_if_all_tweets_have_one_class(share: int) -> None:
    chart = control_chart(counts(*tweets({"a": (share * 5, 5), "b": (share, 1)})))
    assert not chart["exceeded"].any()
    assert chart["limit"].between(0, 1).all()


def test_a_small_group_does_not_exceed_the_limit_by_chance() -> None:
    days = {f"{day:03d}": (30, 100) for day in range(20)}
    chart = control_chart(counts(*tweets({**days, "few": (2, 2)})))
    assert not chart.loc["few", "exceeded"]


def test_ordinary_days_raise_few_false_alarms() -> None:
    """In a normal distribution, 1 group in 741 is above three standard deviations; the binomial has a heavier tail."""
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(100):
        days = {f"{day:02d}": (int(rng.binomial(200, SHARE)), 200) for day in range(30)}
        alarms += int(control_chart(counts(*tweets(days)))["exceeded"].sum())
    assert 0 < alarms < 100 * 30 * 0.005


def test_only_the_bad_day_among_ordinary_ones_is_found() -> None:
    rng = np.random.default_rng(8)
    days = {f"{day:02d}": (int(rng.binomial(200, SHARE)), 200) for day in range(30)}
    days["17"] = (90, 200)
    chart = control_chart(counts(*tweets(days)))
    assert list(chart.index[chart["exceeded"]]) == ["17"]


@pytest.mark.parametrize(("hours", "expected"), [(0, "h"), (48, "h"), (14 * 24, "D"), (400 * 24, "W"), (99_999, "MS")])
def test_groups_are_as_narrow_as_their_number_allows(hours: int, expected: str) -> None:
    times = pd.Series(pd.to_datetime([0, hours * 3600], unit="s", utc=True))
    assert width(times) == expected
    between = pd.Series(pd.date_range(times[0], times[1], freq="h"))
    assert groups(between, expected).nunique() <= 140


def test_a_wider_group_is_used_once_narrower_ones_are_too_many() -> None:
    hours = list(WIDTHS.values())
    assert hours == sorted(hours)
    assert hours[-1] == float("inf")
    for (name, most), wider in zip(list(WIDTHS.items())[:-1], list(WIDTHS)[1:], strict=True):
        assert width(pd.Series(pd.to_datetime([0, most * 3600], unit="s", utc=True))) == name
        assert width(pd.Series(pd.to_datetime([0, most * 3600 + 1], unit="s", utc=True))) == wider


def test_missing_times_do_not_widen_the_groups() -> None:
    assert width(utc("2015-02-20T00:00:00", None, "2015-02-20T05:00:00")) == "h"


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        ("h", "2015-02-20 13:00"),
        ("D", "2015-02-20"),
        ("W", "2015-02-16"),
        ("MS", "2015-02-01"),
    ],
)
def test_a_group_starts_at_its_hour_day_week_or_month(name: str, beginning: str) -> None:
    starts = groups(utc("2015-02-20T13:59:59.5", None), name)
    assert starts[0] == pd.Timestamp(beginning).tz_localize(starts.dt.tz)
    assert pd.isna(starts[1])


def test_a_time_of_another_zone_is_grouped_by_its_day_in_utc() -> None:
    times = pd.Series(pd.to_datetime(["2015-02-20T20:00:00-08:00"], utc=True))
    assert groups(times, "D")[0].strftime("%Y-%m-%d") == "2015-02-21"


def test_no_offered_width_draws_more_groups_than_a_screen_has_pixels() -> None:
    for days in (0, 30, 60, 800, 9_000):
        times = pd.Series(pd.to_datetime([0, days * 86400], unit="s", utc=True))
        assert width(times) in widths(times)
        for name in widths(times):
            if name != "MS":
                between = pd.Series(pd.date_range(times[0], times[1], freq="h"))
                assert groups(between, name).nunique() <= MOST_GROUPS + 2


def test_charts_show_utc_in_every_browser_zone() -> None:
    """Streamlit shifts times without a zone so that they read the same in any; a UTC axis would shift them again."""
    times = pd.Series(pd.date_range("2015-01-01", periods=300, freq="7h", tz="UTC"))
    chart = control_chart(counts(pd.Series(np.arange(300) % 7 == 0), groups(times, "D")))
    assert pd.DatetimeIndex(chart.index).tz is None
    for figure in (
        charts.share(chart, "D", speak("en"), time="When", centre="c"),
        charts.volume(chart, "D", speak("en"), time="When", tweets="n", kinds=("b", "g")),
    ):
        assert '"utc"' not in figure.to_json()


def test_groups_follow_the_zone_of_the_times() -> None:
    times = pd.Series(pd.to_datetime(["2026-02-04 23:30", "2026-02-05 22:30"], utc=True))
    assert groups(times.dt.tz_convert("Europe/Paris"), "D").dt.day.tolist() == [5, 5]
    assert groups(times, "D").dt.day.tolist() == [4, 5]


@pytest.mark.parametrize("name", WIDTHS)
def test_charts_label_their_axes_and_series(name: str) -> None:
    times = pd.Series(pd.date_range("2015-01-01", periods=300, freq="7h", tz="UTC"))
    negative = pd.Series(np.arange(300) % 7 == 0)
    chart = control_chart(counts(negative, groups(times, name)))
    share = charts.share(chart, name, speak("en"), time="When", centre="centre").to_json()
    volume = charts.volume(chart, name, speak("en"), time="When", tweets="Tweets", kinds=("bad", "good")).to_json()
    for title in ("When", "Share of negative tweets", "Limit", "centre"):
        assert f'"{title}"' in share
    for title in ("When", "Tweets", "bad", "good"):
        assert f'"{title}"' in volume


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("en", "March 2, 2015: 40% negative (1,000 tweets); limit"),
        ("fr", "2 mars 2015 : 40 % de négatifs (1 000 tweets) ; limite"),
    ],
)
def test_a_point_says_in_words_what_it_shows(code: str, words: str) -> None:
    frame = pd.DataFrame({"tweets": [1000], "negative": [400]}, index=pd.to_datetime(["2015-03-02"]))
    say = speak(code)
    chart = charts.share(control_chart(frame), "D", say, time="When", centre="centre")
    shown = json.dumps(chart.to_dict(), ensure_ascii=False)
    assert words in re.sub("[\u00a0\u202f]", " ", shown)
    bars = charts.volume(frame, "D", say, time="When", tweets="n", kinds=("bad", "good"))
    assert re.search("bad|good", json.dumps(bars.to_dict()))
    for spec in (chart, bars):
        assert '"tooltip": {"field": "words"' in json.dumps(spec.to_dict()), "a sentence, not a table of fields"


@pytest.mark.parametrize(("code", "label"), [("en", "%"), ("fr", "\u202f%")])
def test_axes_have_whole_percentages_as_the_language_writes_them(code: str, label: str) -> None:
    assert speak(code).percent_sign.replace("\u00a0", "\u202f") == label
    expression = charts.percent_axis(speak(code), "share").to_dict()["labelExpr"]
    assert expression.endswith(f'"{speak(code).percent_sign}"')


def test_a_single_period_shows_its_limit_and_centre() -> None:
    frame = pd.DataFrame(
        {"tweets": [100, 100], "negative": [40, 41]}, index=pd.to_datetime(["2015-03-02", "2015-03-03"])
    )
    marks = [
        [
            layer["mark"]["type"]
            for layer in charts.share(chart, "D", speak("en"), time="When", centre="c").to_dict()["layer"]
        ]
        for chart in (control_chart(frame.head(1)), control_chart(frame))
    ]
    assert marks == [["line", "point", "point", "tick"], ["line", "point", "point"]]
