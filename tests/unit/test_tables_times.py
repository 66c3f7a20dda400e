"""`tables.times` and `tables.guessing`: times in the formats of people and programs, converted to UTC."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tables.errors import TableError
from tables.guessing import TimeColumns, guess_times
from tables.times import Times, times

PROJECT = Path(__file__).parents[2]


def read(*values: object, **settings: object) -> Times:
    return times(pd.DataFrame({"time": list(values)}), "time", **settings)  # type: ignore[arg-type]


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # ISO 8601 variants
        ("2015-02-24 11:35:52 -0800", at(2015, 2, 24, 19, 35, 52)),
        ("2015-02-24T11:35:52Z", at(2015, 2, 24, 11, 35, 52)),
        ("2015-02-24t11:35:52z", at(2015, 2, 24, 11, 35, 52)),
        ("2015-02-24T11:35:52.123+01:00", at(2015, 2, 24, 10, 35, 52, 123000)),
        ("2015-02-24T11:35:52.123456789Z", at(2015, 2, 24, 11, 35, 52, 123457)),
        ("2015-02-24T11:35:52,5+0100", at(2015, 2, 24, 10, 35, 52, 500000)),
        ("2015-02-24 11:35", at(2015, 2, 24, 11, 35)),
        ("2015-02-24 11:35:52 UTC", at(2015, 2, 24, 11, 35, 52)),
        ("2015-02-24", at(2015, 2, 24)),
        ("2015/02/24 11:35", at(2015, 2, 24, 11, 35)),
        ("2015-2-4 8:05", at(2015, 2, 4, 8, 5)),
        ("20150224", at(2015, 2, 24)),
        ("20150224T113552Z", at(2015, 2, 24, 11, 35, 52)),
        ("20150224113552", at(2015, 2, 24, 11, 35, 52)),
        ("201502241135", at(2015, 2, 24, 11, 35)),
        ("2026-W06-4", at(2026, 2, 5)),
        ("2026-036", at(2026, 2, 5)),
        ("2015-02-24T24:00:00Z", at(2015, 2, 25)),
        ("2026-02-05T14:05:00+01:00[Europe/Paris]", at(2026, 2, 5, 13, 5)),
        ("2026-02-05T14:05:00\u221208:00", at(2026, 2, 5, 22, 5)),
        # programs
        ("Wed Oct 10 20:19:24 +0000 2018", at(2018, 10, 10, 20, 19, 24)),
        ("Mon Apr 06 22:19:45 PDT 2009", at(2009, 4, 7, 5, 19, 45)),
        ("Thu Feb  5 20:19:24 2026", at(2026, 2, 5, 20, 19, 24)),
        ("Wed, 10 Oct 2018 20:19:24 GMT", at(2018, 10, 10, 20, 19, 24)),
        ("Wed Oct 10 2018 20:19:24 GMT+0200 (Central European Summer Time)", at(2018, 10, 10, 18, 19, 24)),
        ("8:00 AM \u00b7 Feb 5, 2026", at(2026, 2, 5, 8)),
        ("8:00 AM - 5 Feb 2026", at(2026, 2, 5, 8)),
        # English
        ("Feb 24, 2015 11:35 PM", at(2015, 2, 24, 23, 35)),
        ("24 Feb 2015", at(2015, 2, 24)),
        ("Thursday, February 5, 2026 2:05:09 PM", at(2026, 2, 5, 14, 5, 9)),
        ("February 5th, 2026 at 2:05 p.m. EST", at(2026, 2, 5, 19, 5)),
        ("05-Feb-2026 12:30 am", at(2026, 2, 5, 0, 30)),
        ("Mar 5, 2026 2pm", at(2026, 3, 5, 14)),
        # French
        ("5 f\u00e9vr. 2026", at(2026, 2, 5)),
        ("3 ao\u00fbt 2026 14h05", at(2026, 8, 3, 14, 5)),
        ("3 AOUT 2026 14H05", at(2026, 8, 3, 14, 5)),
        ("jeudi 5 f\u00e9vrier 2026 \u00e0 14 h 05", at(2026, 2, 5, 14, 5)),
        ("jeu. 5 f\u00e9vr. 2026 14:05:09", at(2026, 2, 5, 14, 5, 9)),
        ("mar. 5 mai 2026", at(2026, 5, 5)),
        ("mar. 3 mars 2026", at(2026, 3, 3)),
        ("1er mars 2026, 8h", at(2026, 3, 1, 8)),
        ("le 5 mai 2026 \u00e0 14h", at(2026, 5, 5, 14)),
        ("5 juil. 2026", at(2026, 7, 5)),
        ("5 juin 2026", at(2026, 6, 5)),
        ("5-d\u00e9c.-26", at(2026, 12, 5)),
        ("25/02/2026 \u00e0 14h05", at(2026, 2, 25, 14, 5)),
        ("25.02.2026 10:00", at(2026, 2, 25, 10)),
        ("14:05 25/02/2026", at(2026, 2, 25, 14, 5)),
        ("2/24/15 11:35", at(2015, 2, 24, 11, 35)),
        # zones
        ("2026-03-01 08:00:00 CET", at(2026, 3, 1, 7)),
        ("2026-07-01 08:00:00 CEST", at(2026, 7, 1, 6)),
        ("2026-03-01 08:00:00 EDT", at(2026, 3, 1, 12)),
        ("2026-03-01 08:00:00 CST", at(2026, 3, 1, 14)),
        ("2026-03-01 08:00:00 MST", at(2026, 3, 1, 15)),
        ("2026-03-01 08:00:00 PST", at(2026, 3, 1, 16)),
        ("2026-06-01 08:00:00 BST", at(2026, 6, 1, 7)),
        ("2026-03-01 08:00:00 UTC+5:30", at(2026, 3, 1, 2, 30)),
        ("2026-07-01 08:00 Europe/Paris", at(2026, 7, 1, 6)),
        # numbers
        ("1772409600", at(2026, 3, 2)),
        ("1772409600.5", at(2026, 3, 2, 0, 0, 0, 500000)),
        ("1772409600,5", at(2026, 3, 2, 0, 0, 0, 500000)),
        ("1772409600000", at(2026, 3, 2)),
        ("1772409600000000", at(2026, 3, 2)),
        ("1.7724096e+09", at(2026, 3, 2)),
        (1772409600, at(2026, 3, 2)),
        (1772409600000.0, at(2026, 3, 2)),
        ("46058", at(2026, 2, 5)),
        ("46058.25", at(2026, 2, 5, 6)),
        ("46058,3368055556", at(2026, 2, 5, 8, 5)),
        # values that already have a type
        (date(2026, 2, 5), at(2026, 2, 5)),
        (datetime(2026, 2, 5, 10), at(2026, 2, 5, 10)),
        (pd.Timestamp("2026-02-05 10:00", tz="Europe/Paris"), at(2026, 2, 5, 9)),
        # not a moment
        ("", None),
        (None, None),
        ("yesterday evening", None),
        ("2015-02-30", None),
        ("9999-99-99", None),
        ("late", None),
        ("0000-00-00 00:00:00", None),
        ("08:00:00", None),
        ("14h05", None),
        ("2026-02-05 25:00", None),
        ("2026-02-05 8", None),
        ("1.77241E+12", None),
        ("2026", None),
        ("12", None),
        ("2026-W60-1", None),
        ("2026-366", None),
        ("2026-03-01 08:00:00 XYZ", None),
        ("2026-03-01 08:00:00 +99:00", None),
        ("2026-03-01 08:00 Europe/Nowhere", None),
    ],
)
def test_a_time_is_read_in_many_formats(value: object, expected: datetime | None) -> None:
    parsed = read(value)
    assert str(parsed.moments.dtype) == "datetime64[ns, UTC]"
    moment = parsed.moments[0]
    assert pd.isna(moment) if expected is None else moment.round("us") == expected
    assert parsed.empty == (value in ("", None))
    assert parsed.unreadable == (expected is None and value not in ("", None))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.sampled_from(["iso", "ctime", "compact", "excel"]))
def test_any_moment_survives_a_round_trip(moment: datetime, form: str) -> None:
    moment = moment.replace(microsecond=0)
    formatted = {
        "iso": moment.isoformat(),
        "ctime": moment.ctime(),
        "compact": f"{moment:%Y%m%d%H%M%S}",
        "excel": f"{(moment - datetime(1899, 12, 30)).total_seconds() / 86400:.9f}",
    }[form]
    assert read(formatted).moments[0] == moment.replace(tzinfo=UTC)


@given(st.lists(st.text(max_size=12)), st.lists(st.text("0123456789/-:. TZeE+hpm", max_size=20)))
def test_no_text_raises_an_error(words: list[str], timelike: list[str]) -> None:
    parsed = read(*words, *timelike, zone="Europe/Paris")
    assert len(parsed.moments) == len(words) + len(timelike)
    assert parsed.empty + parsed.unreadable + int(parsed.moments.notna().sum()) == len(parsed.moments)


def test_a_column_can_mix_formats_and_keeps_its_index() -> None:
    values = ["2015-02-24 11:35:52 -0800", "2015-02-24T11:35:52Z", "?", "24 Feb 2015"]
    parsed = times(pd.DataFrame({"t": values}, index=[3, 5, 7, 9]), "t")
    assert parsed.moments.notna().tolist() == [True, True, False, True]
    assert list(parsed.moments.index) == [3, 5, 7, 9]
    assert (parsed.unreadable, parsed.examples, parsed.zoneless) == (1, ("?",), 1)


@pytest.mark.parametrize(
    ("values", "days", "day_first"),
    [
        (["03/02/2015 10:00", "20/02/2015 11:00"], ["2015-02-03", "2015-02-20"], True),
        (["02/03/2015 10:00", "02/20/2015 11:00"], ["2015-02-03", "2015-02-20"], False),
    ],
)
def test_one_unambiguous_value_decides_the_day_order_of_a_column(
    values: list[str], days: list[str], day_first: bool
) -> None:
    for assumed in (True, False):
        parsed = read(*values, assume_day_first=assumed)
        assert parsed.moments.dt.strftime("%Y-%m-%d").tolist() == days
        assert (parsed.day_first, parsed.day_first_source) == (day_first, "values")


def test_an_ambiguous_day_order_is_assumed_reported_and_can_be_set() -> None:
    for day_first, month in ((True, 2), (False, 5)):
        parsed = read("05/02/2026 08:00", assume_day_first=day_first)
        assert (parsed.moments[0].month, parsed.day_first, parsed.day_first_source) == (month, day_first, "assumed")
        parsed = read("05/02/2026 08:00", day_first=day_first)
        assert (parsed.moments[0].month, parsed.day_first, parsed.day_first_source) == (month, day_first, "given")
    assert read("2026-02-05").day_first is None
    parsed = read("05/05/2026", "13/02/2026", "late", "01/02/2026 10:00", "2026-02-05")
    assert parsed.either_order.tolist() == [False, False, False, True, False], "values that depend on the order"


def test_values_against_the_day_order_of_the_majority_are_unreadable() -> None:
    parsed = read("13/02/2026", "14/02/2026", "02/15/2026")
    assert (parsed.day_first, parsed.day_first_source, parsed.unreadable) == (True, "conflict", 1)


def test_times_without_a_zone_are_read_in_the_given_zone() -> None:
    parsed = read("2026-02-05 08:00", "2026-07-05 08:00", "2026-07-05 08:00Z", zone="Europe/Paris")
    assert parsed.moments.tolist() == [at(2026, 2, 5, 7), at(2026, 7, 5, 6), at(2026, 7, 5, 8)]
    assert (parsed.zoneless, parsed.zone) == (2, "Europe/Paris")
    assert read("2026-02-05 08:00", zone="+0100").moments[0] == at(2026, 2, 5, 7)
    with pytest.raises(TableError, match="Unknown time zone 'Mars'"):
        read("2026-02-05", zone="Mars")


def test_numbers_are_utc_seconds_and_excel_days_are_local() -> None:
    parsed = read("1772409600", "46058", zone="Europe/Paris")
    assert parsed.moments.tolist() == [at(2026, 3, 2), at(2026, 2, 4, 23)]
    assert parsed.counts == ("Excel days", "seconds")


def test_a_clock_change_is_handled_and_counted() -> None:
    skipped, repeated = "2026-03-29 02:37", "2026-10-25 02:37"
    parsed = read(skipped, repeated, "2026-10-25 12:00", zone="Europe/Paris")
    assert parsed.moments.tolist() == [at(2026, 3, 29, 1), at(2026, 10, 25, 0, 37), at(2026, 10, 25, 11)]
    assert parsed.clock_changes == 2


@given(st.datetimes(datetime(1975, 1, 1), datetime(2035, 1, 1)), st.sampled_from(["Europe/Paris", "Asia/Kolkata"]))
def test_any_local_time_is_converted_to_utc_as_in_python(moment: datetime, zone: str) -> None:
    local = moment.replace(tzinfo=ZoneInfo(zone))
    assume(local.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == moment)  # skipped by a clock change
    # As instants: PEP 495 lets no time in a repeated hour equal one of another zone.
    assert read(moment.isoformat(), zone=zone).moments[0].timestamp() == local.timestamp()


def test_unknown_zones_are_counted_and_listed() -> None:
    parsed = read("2026-03-01 08:00 CET", "2026-03-01 08:00 XYZ", "2026-03-01 08:00 Romance Standard Time")
    assert (parsed.unreadable, parsed.unknown_zones) == (2, ("xyz", "romance standard time"))


def test_the_time_zone_and_locale_of_the_machine_do_not_matter() -> None:
    code = (
        "import os, time, pandas as pd; from tables.times import times\n"
        "for machine in ('UTC', 'America/New_York', 'Asia/Kolkata'):\n"
        "    os.environ['TZ'] = machine; time.tzset()\n"
        "    print(times(pd.DataFrame({'t': ['2026-03-01 08:00 EST', '2026-03-01 08:00', '5 mars 2026', '1772409600',"
        " '2026-03-01 08:00 CET']}), 't').moments.dt.strftime('%d %H').tolist())"
    )
    completed = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=PROJECT,
        env=os.environ | {"LC_ALL": "C"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert completed.stdout.splitlines() == ["['01 13', '01 08', '05 00', '02 00', '01 07']"] * 3


@pytest.mark.parametrize(
    "columns",
    [
        {"date": ["2026-03-01"], "time": ["08:05:00"]},
        {"date": ["01/03/2026"], "heure": ["8h05"]},
        {"Date": ["2026-03-01 00:00:00"], "Heure": ["08:05"]},
        {"jour": ["1er mars 2026"], "time": ["8:05 AM"]},
        {"date": ["46082"], "time": ["0.336805555555556"]},
        {"time": ["2026-03-01"], "clock": ["08:05"]},
        {"date": [date(2026, 3, 1)], "time": [time(8, 5)]},
        {"date": [pd.Timestamp("2026-03-01")], "time": ["08:05"]},
        {"time": ["08:05:00"], "date": ["2026-03-01"]},
    ],
)
def test_a_time_of_day_is_combined_with_the_day_in_another_column(columns: dict[str, list[object]]) -> None:
    frame = pd.DataFrame(columns | {"tweet": "late"})
    guessed = guess_times(frame)
    assert guessed is not None
    assert guessed.clock is not None
    assert times(frame, *guessed).moments[0] == at(2026, 3, 1, 8, 5)
    frame["timezone"] = "+0100"
    zoned = guess_times(frame)
    assert zoned == TimeColumns(guessed.date, guessed.clock, "timezone")
    assert times(frame, *zoned).moments[0] == at(2026, 3, 1, 7, 5)


def test_an_unreadable_clock_time_is_missing_but_an_empty_one_is_midnight() -> None:
    frame = pd.DataFrame({"date": ["2026-03-01"] * 3 + [""], "time": ["soon", "", "08:05", ""]})
    parsed = times(frame, "date", "time")
    assert parsed.moments.isna().tolist() == [True, False, False, True]
    assert (parsed.moments[1], parsed.unreadable, parsed.empty) == (at(2026, 3, 1), 1, 1)


def test_a_time_of_day_alone_is_counted_as_unreadable() -> None:
    frame = pd.DataFrame({"time": ["08:00:00", "14h05", ""], "tweet": "late"})
    assert guess_times(frame) is None
    parsed = times(frame, "time")
    assert (parsed.without_day, parsed.unreadable, parsed.empty) == (2, 2, 1)


def test_a_timestamp_with_a_zone_is_preferred_to_separate_columns() -> None:
    frame = pd.DataFrame(
        {"id": ["1"], "created_at": ["2026-03-01 08:00:00 CET"], "date": "2026-03-01", "time": "09:00", "tz": "-0500"}
    )
    guessed = guess_times(frame)
    assert guessed == TimeColumns("created_at", None, "tz")
    assert times(frame, *guessed).moments[0] == at(2026, 3, 1, 7)
    by_day = guess_times(frame, "date")
    assert by_day == TimeColumns("date", "time", "tz"), "the columns that belong to a given date column"
    assert times(frame, *by_day).moments[0] == at(2026, 3, 1, 14)
    assert guess_times(frame, "id") == TimeColumns("id", None, "tz")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"a": "x", "b": "2026-03-01"}, TimeColumns("b")),
        ({"a": "x", "quand": "5 mars 2026 14h05"}, TimeColumns("quand")),
        ({"text": "late", "id": "1772409600", "likes": "46082"}, None),
        ({"date": "2026-03-01", "text": "late"}, TimeColumns("date")),
        ({"Cr\u00e9\u00e9 le": "2026-03-01 08:00", "text": "late"}, TimeColumns("Cr\u00e9\u00e9 le")),
        ({"createdAt": "2026-03-01 08:00"}, TimeColumns("createdAt")),
        ({"timestamp": "1772409600"}, TimeColumns("timestamp")),
        ({"date": "late", "time": "again"}, None),
        ({"tweet_created": "2015-02-24 11:35:52 -0800", "user_timezone": "Quito"}, TimeColumns("tweet_created")),
    ],
)
def test_time_columns_are_guessed_from_names_and_values(columns: dict[str, str], expected: TimeColumns | None) -> None:
    assert guess_times(pd.DataFrame({name: [value] * 3 for name, value in columns.items()})) == expected
