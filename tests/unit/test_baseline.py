"""What is usual: seasons of day and week, the level of the last days, fluctuations."""

from datetime import UTC, datetime
from math import pi, sin
from zoneinfo import ZoneInfo

import pytest

from monitoring.baseline import Baseline, Learning, counts, fit, observed_days
from monitoring.buckets import DAY, HOUR, Bucket
from tests.streams import FIVE, MONDAY, stream, with_negative

UTC_LEARNING = Learning(zone=ZoneInfo("UTC"))
PARIS = ZoneInfo("Europe/Paris")


def learned(buckets: list[Bucket], learning: Learning = UTC_LEARNING, **options: object) -> Baseline:
    """Return the baseline at the end of some buckets."""
    now = buckets[-1].start + FIVE
    baseline = fit(counts(buckets), seconds=FIVE, now=now, learning=learning, **options)  # type: ignore[arg-type]
    assert baseline is not None
    return baseline


def tweets_an_hour(baseline: Baseline, time: float) -> float:
    """Return the number of tweets expected at a time."""
    return baseline.expected(time, HOUR).tweets


def by_day(time: float) -> float:
    """Return a rate that is highest at noon UTC."""
    return 60 * (1 + 0.8 * sin(2 * pi * (time / HOUR % 24 - 6) / 24))


def test_it_learns_for_three_days() -> None:
    buckets = stream(3.1)
    now = buckets[-1].start + FIVE
    assert fit(counts(buckets), seconds=FIVE, now=now, learning=UTC_LEARNING) is None
    assert observed_days(buckets, FIVE, now, UTC_LEARNING) == pytest.approx(3.1 - 3 / 24, abs=0.01)
    later = stream(3.2)
    assert fit(counts(later), seconds=FIVE, now=later[-1].start + FIVE, learning=UTC_LEARNING) is not None


def test_a_stream_without_tweets_has_no_baseline() -> None:
    buckets = [Bucket(MONDAY + number * FIVE, 0, 0, 0, 0) for number in range(2000)]
    assert fit(counts(buckets), seconds=FIVE, now=buckets[-1].start + FIVE, learning=UTC_LEARNING) is None


def test_it_knows_the_level_and_the_share_of_a_constant_stream() -> None:
    usual = learned(stream(14)).expected(MONDAY + 14 * DAY, HOUR)
    assert usual.tweets == pytest.approx(60, rel=0.1)
    assert usual.negative / usual.tweets == pytest.approx(0.6, abs=0.03)


def test_it_knows_the_time_of_day() -> None:
    baseline = learned(stream(7, tweets_an_hour=by_day))
    assert tweets_an_hour(baseline, MONDAY + 7.5 * DAY) > 4 * tweets_an_hour(baseline, MONDAY + 7 * DAY)


def test_it_learns_the_time_of_the_week_as_history_grows() -> None:
    def weekend(time: float) -> float:
        return 20 if (time - MONDAY) // DAY % 7 >= 5 else 60

    ratios = []
    for weeks in (1, 3, 8):
        baseline = learned(stream(7 * weeks, tweets_an_hour=weekend))
        end = MONDAY + weeks * 7 * DAY
        saturday, tuesday = end + 5.5 * DAY, end + 1.5 * DAY
        ratios.append(tweets_an_hour(baseline, saturday) / tweets_an_hour(baseline, tuesday))
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] < 0.8
    assert ratios[-1] == pytest.approx(1 / 3, abs=0.15)


def test_buckets_under_suspicion_are_left_out() -> None:
    buckets = stream(7)
    crisis = with_negative(buckets, MONDAY + 7 * DAY - 2.9 * HOUR, 3, 240)
    assert learned(crisis) == learned(buckets)


def test_past_alarms_are_left_out() -> None:
    buckets = stream(7)
    begin = MONDAY + 5 * DAY
    crisis = with_negative(buckets, begin, 12, 600)
    assert learned(crisis, left_out=[(begin, begin + 12 * HOUR)]) == learned(
        buckets, left_out=[(begin, begin + 12 * HOUR)]
    )
    assert learned(crisis).dispersion > 2 * learned(buckets).dispersion


def test_a_quiet_holiday_lowers_the_level() -> None:
    def holiday(time: float) -> float:
        return 20 if time >= MONDAY + 13 * DAY else 60

    assert 0.4 < learned(stream(14, tweets_an_hour=holiday)).volume < 0.8


def test_fluctuations_beyond_chance_are_measured() -> None:
    def restless(time: float) -> float:
        return 120 if time // HOUR % 2 else 20

    calm, wild = learned(stream(7)), learned(stream(7, tweets_an_hour=restless))
    assert calm.dispersion < 0.03
    assert wild.dispersion > 0.2


def test_the_baseline_moves_with_the_clock_on_the_wall() -> None:
    def lunch(time: float) -> float:
        local = datetime.fromtimestamp(time, PARIS)
        return 300 if local.hour == 12 else 30

    begin = datetime(2025, 10, 6, tzinfo=UTC).timestamp()
    buckets = stream(20, tweets_an_hour=lunch, begin=begin)  # until the night in which clocks are set back
    baseline = learned(buckets, Learning(zone=PARIS))
    before = datetime(2025, 10, 25, 12, 30, tzinfo=PARIS).timestamp()
    after = datetime(2025, 10, 27, 12, 30, tzinfo=PARIS).timestamp()
    assert after - before == 2 * DAY + HOUR
    assert tweets_an_hour(baseline, after) == pytest.approx(tweets_an_hour(baseline, before), rel=0.3)
    assert tweets_an_hour(baseline, after - 2 * HOUR) < 0.5 * tweets_an_hour(baseline, after)


def test_a_memory_that_is_too_short_for_its_days_is_refused() -> None:
    with pytest.raises(ValueError, match="memory_hours=1 is too short for 56 days"):
        Learning(zone=PARIS, memory_hours=1)
    assert Learning(zone=PARIS, memory_hours=2).memory_hours == 2


def test_buckets_that_do_not_divide_half_an_hour_are_refused() -> None:
    with pytest.raises(ValueError, match="choose 300, 600, 900 or 1800"):
        fit(counts([]), seconds=420, now=0, learning=UTC_LEARNING)
