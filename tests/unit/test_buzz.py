"""The watch for a backlash, in SQLite and PostgreSQL: counts, crises, alerts and their messages."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from monitoring.alarm import Level
from monitoring.buckets import DAY, HOUR, Bucket, count
from monitoring.terms import original
from telemetry import buckets, buzz, schema, spans
from telemetry.alert import Rule, fire
from telemetry.buckets import SECONDS
from telemetry.buzz import GRACE_SECONDS, Watch
from telemetry.channels import Channel
from telemetry.delivery import begin, deliver
from telemetry.erasure import erase
from telemetry.events import Prediction
from telemetry.messages import AnyAlert, lines, title
from telemetry.monitoring import report
from telemetry.report import iso
from telemetry.retention import prune
from telemetry.settings import Settings
from telemetry.store import Store
from telemetry.stream import stream as watched_stream
from tests.clock import Clock
from tests.events import feedback, prediction
from tests.streams import MONDAY, Post, columns, stream

NOW = MONDAY + 5 * DAY + 12 * HOUR
SETTINGS = Settings(buzz_zone="Europe/Paris")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def store(open_store: Callable[..., Store], clock: Clock) -> Store:
    return open_store(clock=clock)


def watch(store: Store) -> Watch:
    """Return the job as another process would start it."""
    assert SETTINGS.buzz is not None
    return Watch(store, SETTINGS.buzz)


def remember(store: Store, history: Sequence[Bucket]) -> None:
    """Store past buckets, as if their predictions were deleted meanwhile."""
    rows = [dict(zip(Bucket._fields, bucket, strict=True)) | {"number": bucket.start // SECONDS} for bucket in history]
    for row in rows:
        del row["start"]
    with store.database.writing(schema.buckets) as connection:
        connection.execute(sa.insert(schema.buckets), rows)


def counted(store: Store) -> list[Bucket]:
    """Count the predictions, and return all buckets."""
    buckets.update(store)
    with store.database.reading() as connection:
        return list(buckets.read(connection, first=0, last=2**40))


def complaints(first: int, count: int, begin: float, seconds: float, **overrides: Any) -> list[Prediction]:
    """Return negative predictions, evenly spread over a time."""
    return [
        prediction(number, begin + (number - first) * seconds / count, fingerprint=f"{number:016x}", **overrides)
        for number in range(first, first + count)
    ]


def crisis(store: Store) -> None:
    """Store five usual days, and a crisis in the last hour."""
    remember(store, [bucket for bucket in stream(6, seed=1) if bucket.start < NOW - HOUR])
    store.add(complaints(1, 200, NOW - HOUR, HOUR))


def sent(store: Store) -> list[AnyAlert]:
    """Deliver alerts; return those that were sent."""
    messages: list[AnyAlert] = []

    def send(alert: AnyAlert, _: Sequence[str]) -> list[str]:
        messages.append(alert)
        return []

    deliver(store, Channel("mail", ["anna@example.org"], send))
    return messages


def test_predictions_are_counted_by_five_minutes(store: Store) -> None:
    store.add([prediction(1, NOW - 1), prediction(2, NOW - 2, sentiment="positive"), prediction(3, NOW - SECONDS - 1)])
    assert counted(store) == [Bucket(NOW - 2 * SECONDS, 1, 1, 1, 1), Bucket(NOW - SECONDS, 2, 1, 2, 1)]


def test_files_and_single_tweets_on_the_page_are_no_stream(store: Store) -> None:
    store.add([prediction(1, NOW - 1, source="page"), prediction(2, NOW - 1, source="batch")])
    assert counted(store) == []


def test_late_predictions_are_added_to_their_bucket(store: Store) -> None:
    store.add([prediction(1, NOW - 1)])
    assert counted(store) == [Bucket(NOW - SECONDS, 1, 1, 1, 1)]
    store.add([prediction(2, NOW - DAY), prediction(3, NOW - 2)])
    assert counted(store) == [Bucket(NOW - DAY, 1, 1, 1, 1), Bucket(NOW - SECONDS, 2, 2, 2, 2)]


def test_identical_texts_are_reach_and_not_voices(store: Store) -> None:
    store.add(prediction(number, NOW - 400 + number, fingerprint="same") for number in range(1, 100))
    store.add([prediction(200, NOW - DAY - 500, fingerprint="same"), prediction(300, NOW - 1, fingerprint=None)])
    first, second = counted(store)[-2:]
    assert (first.tweets, first.reach) == (1, 99)
    assert (second.tweets, second.reach) == (1, 1)


def test_an_author_is_one_voice_an_hour_whatever_the_texts(store: Store) -> None:
    posts = [
        prediction(number, NOW - 3500 + 30 * number, author="bot", fingerprint=str(number)) for number in range(100)
    ]
    store.add([*posts, prediction(200, NOW - DAY, author="bot"), prediction(300, NOW - 1, author="anna")])
    totals = counted(store)
    assert sum(bucket.tweets for bucket in totals) == 3
    assert sum(bucket.reach for bucket in totals) == 102


@pytest.mark.parametrize("seed", range(5))
def test_the_store_counts_voices_as_the_mathematics_does(store: Store, seed: int) -> None:
    choice = random.Random(seed)
    tweets = [
        Post(
            NOW - choice.randrange(1, 2 * int(DAY)),
            choice.random() < 0.5,
            choice.choice([None, *"abcdef"]),
            choice.choice([None, *"uvwxyz"]),
        )
        for _ in range(200)
    ]
    store.add(
        prediction(
            number,
            tweet.time,
            sentiment="negative" if tweet.negative else "positive",
            author=tweet.author,
            fingerprint=tweet.text,
        )
        for number, tweet in enumerate(tweets)
    )
    expected = [bucket for bucket in count(columns(tweets), seconds=SECONDS) if bucket.reach]
    assert [bucket[:2] + bucket[3:4] for bucket in counted(store)] == [bucket[:2] + bucket[3:4] for bucket in expected]


def test_a_retweet_has_the_text_of_its_original() -> None:
    assert original("RT @AirParadis: RT @anna late again") == original("late again") == "late again"
    assert original("ART @anna: hello") == "ART @anna: hello"


@pytest.mark.parametrize("time", [-1e12, NOW + 2 * DAY, 1e15])
def test_times_that_no_clock_should_show_are_left_out(store: Store, time: float) -> None:
    store.add([prediction(1, time), prediction(2, NOW - 1)])
    assert counted(store) == [Bucket(NOW - SECONDS, 1, 1, 1, 1)]


def test_a_crisis_fires_one_alert_though_processes_change(store: Store, clock: Clock) -> None:
    begin(store, "mail")
    crisis(store)
    for _ in range(3):
        watch(store)()
        clock.now += SECONDS
        store.add(complaints(1000 + int(clock.now), 17, clock.now - SECONDS, SECONDS))
    messages = sent(store)
    assert [type(message).__name__ for message in messages] == ["CrisisAlert"]
    assert sent(store) == []


def test_an_alert_comes_with_the_people_and_the_texts_of_its_crisis(store: Store) -> None:
    begin(store, "mail")
    remember(store, [bucket for bucket in stream(6, seed=1) if bucket.start < NOW - HOUR])
    store.add(complaints(1, 5, NOW - 3 * DAY, DAY, text="rude crew", author="anna"))
    store.add(complaints(100, 200, NOW - HOUR, HOUR, text="lost bag"))
    store.add([prediction(900, NOW - 1800, text="lost bag", fingerprint="same", author="bob")])
    store.add([prediction(901, NOW - 1700, text="lost bag", fingerprint="same", author="bob")])
    store.add([prediction(902, NOW - 1700, text="thanks", sentiment="positive", author="eve")])
    watch(store)()
    (alert,) = sent(store)
    assert isinstance(alert, buzz.CrisisAlert)
    brief = alert.brief
    assert brief is not None
    assert (brief.people, brief.has_text) == (1, True)
    assert set(brief.texts) == {"lost bag"}
    assert len(brief.texts) == brief.unknown + 1
    assert brief.usual == ["rude crew"] * 5
    assert "times as many as usual" in title(alert, SETTINGS)
    assert lines(alert, SETTINGS)[0].startswith("Since Saturday 2025-09-20, ")


def test_an_interrupted_check_is_repeated_and_fires_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    crisis(store)
    with monkeypatch.context() as patched:
        patched.setattr(store, "advance_within", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        buckets_counted = buckets.update
        patched.setattr(buckets, "update", lambda _: 0)
        with pytest.raises(KeyboardInterrupt):
            watch(store)()
        patched.setattr(buckets, "update", buckets_counted)
    watch(store)()
    watch(store)()
    with store.database.reading() as connection:
        assert len(buzz.listed(connection)) == 1


def test_a_crisis_is_over_and_the_state_says_since_when(store: Store, clock: Clock) -> None:
    crisis(store)
    watch(store)()
    later = [bucket for bucket in stream(6, seed=1) if NOW <= bucket.start < NOW + 6 * HOUR]
    remember(store, later)
    for _ in range(6):
        clock.now += HOUR
        watch(store)()
    with store.database.reading() as connection:
        latest = buzz.state(connection).negative
    assert latest is not None
    assert latest.level == Level.ALARM
    assert latest.over is not None
    assert latest.calm_since is not None
    assert NOW < latest.calm_since < latest.over <= NOW + 5 * HOUR


def test_a_feed_that_falls_silent_fires_an_alert(store: Store, clock: Clock) -> None:
    begin(store, "mail")
    remember(store, [bucket for bucket in stream(6, seed=1) if bucket.start < NOW])
    job = watch(store)
    job()
    assert sent(store) == []
    for _ in range(4):
        clock.now += HOUR
        job()
    (alert,) = sent(store)
    assert "no tweets since Saturday 2025-09-20, 14:00" in title(alert, SETTINGS)
    assert len(lines(alert, SETTINGS)) == 1


PAST = NOW - 7 * DAY


def past(store: Store) -> list[Prediction]:
    """Store five usual days that end a week ago; return the predictions of a crisis and of the calm after it."""
    remember(store, [bucket._replace(start=bucket.start - 7 * DAY) for bucket in stream(5, seed=1)])
    begin = MONDAY - 2 * DAY
    calm = complaints(500, 45, begin + HOUR, 3 * HOUR, sentiment="positive")
    return [*complaints(1, 150, begin, HOUR), *calm]


@pytest.mark.parametrize("at_once", [50, 1_000])
def test_a_stream_that_is_read_from_the_past_is_checked_by_its_own_time(
    store: Store, clock: Clock, at_once: int
) -> None:
    begin(store, "mail")
    events, job = past(store), watch(store)
    job()
    for first in range(0, len(events), at_once):
        store.add(events[first : first + at_once])
        clock.now += 10
        job()
    (alert,) = sent(store)
    assert isinstance(alert, buzz.CrisisAlert)
    assert events[0].time <= alert.time <= events[0].time + HOUR
    with store.database.reading() as connection:
        latest = buzz.state(connection)
    assert latest.negative is not None
    assert latest.negative.over is not None
    assert latest.silent is None


def test_a_stream_that_stops_in_the_past_is_silent(store: Store, clock: Clock) -> None:
    past(store)
    job = watch(store)
    for _ in range(3):
        job()
        clock.now += SECONDS
    with store.database.reading() as connection:
        silent = buzz.state(connection).silent
    assert silent is not None
    assert silent.over is None


def test_a_new_watch_does_not_check_what_was_stored_long_before(store: Store) -> None:
    store.add(past(store))
    store.add([prediction(1_000, NOW - 1)])
    watch(store)()
    with store.database.reading() as connection:
        assert buzz.state(connection).negative is None


def test_an_empty_store_waits_for_the_first_tweet_whenever_that_was(store: Store) -> None:
    job = watch(store)
    job()
    store.add(complaints(1, 3, PAST, HOUR))
    job()
    assert PAST // SECONDS <= store.reached(buzz.READER) < (PAST + HOUR) // SECONDS


def test_an_alarm_needs_three_days_of_history(store: Store) -> None:
    remember(store, [bucket for bucket in stream(6, seed=1) if NOW - 2 * DAY < bucket.start < NOW - HOUR])
    store.add(complaints(1, 500, NOW - HOUR, HOUR))
    watch(store)()
    with store.database.reading() as connection:
        assert buzz.state(connection) == (None, None)


def test_alerts_about_crises_outlive_the_deletion_of_feedback(store: Store) -> None:
    crisis(store)
    watch(store)()
    store.add([feedback(5000, NOW - 60, "rude crew")])
    fire(store, Rule(tweets=1, seconds=1, cool_down_seconds=1), undo_seconds=0)
    erase(store, "rude crew")
    prune(store, days=30, feedback_days=30, megabytes=200, forwarding=False)
    with store.database.reading() as connection:
        assert len(buzz.listed(connection)) == 1


def test_the_report_lists_crises_apart_from_alerts_about_mispredictions(store: Store) -> None:
    crisis(store)
    watch(store)()
    answer = report(store, SETTINGS, days=30)
    assert answer.alerts == []
    assert answer.buzz is not None
    assert not answer.buzz.learning
    (state,) = answer.buzz.crises
    assert (state.kind, state.level, state.over_since, state.alert) == ("negative", "alarm", None, 1)
    assert state.negative > 2 * state.usual_negative
    assert report(store, Settings(), days=30).buzz is None


def test_the_report_says_that_the_watch_is_still_learning(store: Store) -> None:
    store.add([prediction(1, NOW - 1)])
    watch(store)()
    answer = report(store, SETTINGS, days=30)
    assert answer.buzz is not None
    assert (answer.buzz.learning, answer.buzz.crises) == (True, [])


def test_the_stream_is_shown_beside_what_was_usual_when_it_was_checked(store: Store, clock: Clock) -> None:
    crisis(store)
    clock.now += GRACE_SECONDS
    watch(store)()
    answer = watched_stream(store, SETTINGS, hours=6, minutes=15)
    assert (answer.level, answer.checked_until) == ("alarm", iso(NOW))
    assert answer.since is not None
    assert len(answer.points) == 24
    assert [point.usual_negative for point in answer.points[:12]] == [None] * 12, "not checked: before the first start"
    usual, above = answer.points[12:20], answer.points[20:]
    for point in usual:
        assert point.negative < (point.most_negative or 0)
    for point in above:
        assert point.negative == 50 > (point.most_negative or 50)
        assert point.negative / point.tweets > (point.largest_share or 1)
    assert [crisis.level for crisis in answer.crises] == ["alarm"]


@pytest.mark.parametrize(("history", "level"), [(0.0, "learning"), (5.0, "calm")])
def test_a_stream_without_a_crisis_is_calm_or_still_learned(store: Store, history: float, level: str) -> None:
    remember(store, [bucket for bucket in stream(6, seed=1) if NOW - history * DAY - HOUR <= bucket.start < NOW])
    watch(store)()
    answer = watched_stream(store, SETTINGS, hours=1, minutes=60)
    assert (answer.level, answer.since, len(answer.points)) == (level, None, 1)


def test_a_silent_stream_is_shown_with_empty_spans(store: Store, clock: Clock) -> None:
    remember(store, [bucket for bucket in stream(6, seed=1) if bucket.start < NOW])
    job = watch(store)
    job()
    clock.now += 2 * HOUR
    job()
    answer = watched_stream(store, SETTINGS, hours=3, minutes=60)
    assert (answer.level, answer.since) == ("silent", iso(NOW))
    assert [point.tweets for point in answer.points][1:] == [0, 0]


def test_without_a_zone_nothing_is_watched(store: Store) -> None:
    assert Settings().buzz is None
    answer = watched_stream(store, Settings(), hours=6, minutes=15)
    assert (answer.level, answer.points) == ("off", [])


def test_expectations_are_deleted_with_their_buckets(store: Store, clock: Clock) -> None:
    crisis(store)
    watch(store)()
    clock.now += 61 * DAY
    store.add([prediction(9_000, clock.now - 60)])
    watch(store)()
    with store.database.reading() as connection:
        assert buzz.expected(connection, first=0, last=int(NOW // SECONDS)) == {}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"buzz_zone": "Paris"}, "is not the name of a time zone"),
        ({"buzz_reasons": "/nothing.yaml"}, "cannot be read"),
        ({"buzz_language": "de"}, "'en' or 'fr'"),
        ({"buzz_zone": "UTC", "buzz_evidence": 1}, "greater than 4"),
        ({"buzz_zone": "UTC", "buzz_sensitivity": 0.5, "buzz_specificity": 0.5}, "must add up to more than 1"),
    ],
)
def test_invalid_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**wrong)


def test_a_span_is_described_by_reasons_new_words_and_tweets(store: Store) -> None:
    store.add(complaints(1, 300, NOW - 2 * DAY, DAY, text="the crew was rude, no answer"))
    store.add([prediction(400 + k, NOW - HOUR + k, text="bag lost, gremlins", fingerprint="same") for k in range(3)])
    texts = [f"gremlins and my bag is lost at gate {gate}" for gate in range(60)]
    store.add([prediction(500 + place, NOW - 1800, text=text, author=text) for place, text in enumerate(texts)])
    store.add([prediction(600, NOW - 1800, text="what a gremlins", sentiment="positive", author="eve")])
    buckets.update(store)
    watch(store)()
    span = spans.span(store, SETTINGS, NOW - HOUR, NOW)
    assert (span.begin, span.end, span.people, span.unknown_authors) == (iso(NOW - HOUR), iso(NOW), 60, 3)
    assert span.counts is not None
    assert (span.counts.negative, span.counts.reach) == (61, 64)
    topics = span.topics
    assert topics is not None
    assert [(reason.reason, reason.tweets) for reason in topics.reasons] == [("luggage", 61)]
    assert "gremlins" in [each.term for each in topics.new]
    assert "luggage" in topics.advised
    assert max(tweet.repetitions for tweet in topics.tweets) == 3
    assert {topics.tweets[index].reason for index in topics.typical} == {"luggage"}


def test_a_span_without_texts_has_numbers_only(store: Store) -> None:
    store.add(complaints(1, 5, NOW - HOUR, HOUR))
    span = spans.span(store, SETTINGS, NOW - HOUR, NOW)
    assert (span.unknown_authors, span.topics) == (5, None)


def test_a_span_is_widened_to_whole_buckets(store: Store) -> None:
    span = spans.span(store, SETTINGS, NOW - 301, NOW - 299)
    assert (span.begin, span.end) == (iso(NOW - 600), iso(NOW))
    assert (span.counts, span.people, span.topics) == (None, 0, None)
