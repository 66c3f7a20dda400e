"""The tweets of a file, watched as the stream is."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from monitoring.buckets import HOUR
from ui import spans, stream, timeline
from ui.language import speak

BEGIN = datetime(2026, 3, 26, tzinfo=UTC)  # clocks in Paris go forward on the 29th
PARIS = ZoneInfo("Europe/Paris")


def tweets(hours: int, *, negative: int = 2, others: int = 3, bad_hour: int = -1, bad: int = 30) -> pd.DataFrame:
    """Return tweets that come evenly, but for an hour with more negative ones."""
    rows = []
    for hour in range(hours):
        for sentiment, count in (("negative", bad if hour == bad_hour else negative), ("positive", others)):
            for number in range(count):
                when = BEGIN + timedelta(hours=hour, minutes=59 * number / count)
                rows.append((when, f"{sentiment} {hour} {number}", sentiment, f"{sentiment} {hour} {number}"))
    frame = pd.DataFrame(rows, columns=["time", "text", "sentiment", "author"])
    return frame.assign(time=pd.to_datetime(frame["time"], utc=True))


def test_a_crisis_in_a_file_is_an_alarm_that_begins_and_ends() -> None:
    watched = timeline.make(tweets(120, bad_hour=100), {}, "UTC")
    (crisis,) = watched.crises
    assert (crisis["kind"], crisis["level"]) == ("negative", "alarm")
    begin = (BEGIN + timedelta(hours=100)).timestamp()
    assert abs(spans.seconds(crisis["since"]) - begin) <= HOUR
    assert begin < spans.seconds(crisis["over_since"]) < begin + 5 * HOUR
    counts = timeline.counted(watched, begin, begin + HOUR)
    assert counts[:2] == (33, 30)
    assert counts[2] == pytest.approx(2, abs=0.5)


def test_a_constant_stream_raises_no_alarm() -> None:
    assert timeline.make(tweets(120), {}, "UTC").crises == []


def test_the_settings_of_the_service_hold_for_files() -> None:
    frame = tweets(120, bad_hour=100, bad=14)
    assert timeline.make(frame, {}, "UTC").crises != []
    assert timeline.make(frame, {"evidence": 60.0}, "UTC").crises[0]["level"] == "watch"


def test_repetitions_and_retweets_are_one_voice() -> None:
    frame = tweets(96)
    copies = pd.DataFrame(
        {"time": BEGIN + timedelta(hours=95), "text": "RT @anna: late", "sentiment": "negative", "author": None},
        index=range(50),
    )
    watched = timeline.make(pd.concat([frame, copies, copies.assign(text="late")]), {}, "UTC")
    assert watched.crises == []
    assert timeline.counted(watched, (BEGIN + timedelta(hours=95)).timestamp(), float("inf"))[1] == 3


def test_days_begin_at_midnight_of_the_zone_even_when_clocks_change() -> None:
    watched = timeline.make(tweets(120), {}, "Europe/Paris")
    points = stream.points({"points": timeline.described_points(watched, "D", "Europe/Paris")}, PARIS)
    assert [f"{start:%d %H:%M}" for start in points.index[1:]] == [
        "27 00:00",
        "28 00:00",
        "29 00:00",
        "30 00:00",
        "31 00:00",
    ]
    _, short = spans.of_point(points, 3, "D", PARIS, speak("en"))
    assert (short.end - short.begin) / HOUR == 23
    assert short.label == "March 29, 2026"


def test_times_without_a_zone_are_shown_as_they_are() -> None:
    frame = tweets(120)
    watched = timeline.make(frame.assign(time=frame["time"].dt.tz_localize(None)), {}, None)
    points = stream.points({"points": timeline.described_points(watched, "h", None)}, ZoneInfo("UTC"))
    assert points.index[0] == pd.Timestamp("2026-03-26 00:00")
    assert points["tweets"].sum() == len(frame)


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        (["2026-01-01 10:00", "2026-01-09 10:00"], "clock"),
        (["2026-01-01 10:00", "2026-01-03 11:00"], "short"),
        (["2025-01-01 10:00", "2026-06-01 11:00"], "long"),
        (["2026-01-01 10:00", "2026-01-09 11:00", None], None),
    ],
)
def test_files_that_cannot_be_watched_have_a_reason(times: list[Any], reason: str | None) -> None:
    assert timeline.is_watchable(pd.Series(pd.to_datetime(times))) == reason


def test_a_silent_feed_is_no_part_to_look_at() -> None:
    silent = {"kind": "silent", "level": "alarm", "since": "2026-01-01T00:00:00Z", "over_since": None}
    assert spans.of_crises([silent], 1.8e9, PARIS, speak("en")) == {}


def test_a_long_crisis_is_cut_to_what_the_service_describes() -> None:
    long = {"kind": "negative", "level": "watch", "since": "2026-01-01T00:00:00Z", "over_since": None}
    (span,) = spans.of_crises([long], 1.8e9, PARIS, speak("en")).values()
    assert span.end - span.begin == spans.LONGEST
    assert span.label == "Watch, January 1, 2026, 01:00"
