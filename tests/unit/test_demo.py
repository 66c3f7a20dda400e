"""The demonstration's parts: its stream, the pace of the replay, and its programs."""

import os
import random
import socket
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from demo import programs, show, stream
from demo.corpus import NEGATIVE, OTHER, Corpus
from demo.errors import DemoError
from demo.story import MINUTE, Story
from demo.stream import LEAP_SECONDS, ZONE, Post
from monitoring.alarm import Level, Rules
from monitoring.baseline import Learning
from monitoring.buckets import DAY, HOUR, Bucket
from monitoring.crises import replay
from monitoring.evidence import Errors
from telemetry.buckets import SECONDS
from tests.streams import MONDAY

MISCLASSIFIED = 0.1
TWEETS = {
    NEGATIVE: [f"late {number}" for number in range(1_300)],
    OTHER: [f"on time {number}" for number in range(2_900)],
}


def counted(posts: list[Post]) -> list[Bucket]:
    """Count posts as a classifier with some errors would."""
    choice, begin = random.Random(3), posts[0].time // SECONDS
    negative = {*TWEETS[NEGATIVE], *stream.complaints()}
    counts = [[0, 0] for _ in range(int(posts[-1].time // SECONDS - begin) + 1)]
    for post in posts:
        count = counts[int(post.time // SECONDS - begin)]
        count[0] += 1
        count[1] += (post.text in negative) != (choice.random() < MISCLASSIFIED)
    return [Bucket((begin + number) * SECONDS, *count, *count) for number, count in enumerate(counts)]


@pytest.mark.parametrize("hours", [9, 27, 136])
def test_the_crisis_comes_and_goes_as_announced_at_any_hour(hours: int) -> None:
    story, begin = Story(days=4), MONDAY + hours * HOUR
    start = begin + story.days * DAY
    end = start + story.length * MINUTE
    posts = stream.make(TWEETS, story, begin=begin, replay=start, end=end, seed=1)
    moments = replay(
        counted(posts),
        seconds=SECONDS,
        rules=Rules(),
        learning=Learning(zone=ZoneInfo(ZONE)),
        errors=Errors(sensitivity=1, specificity=1),
    )
    states = [moment.state for moment in moments]
    (raised,) = {state.negative.raised for state in states if state.negative is not None and state.negative.raised}
    last = states[-1].negative
    assert last is not None
    assert last.over is not None
    crisis = start + story.crisis * MINUTE
    assert crisis < raised <= crisis + story.alarm_after * MINUTE
    assert raised < last.over <= crisis + story.calm_after * MINUTE
    assert (last.level, states[-1].silent) == (Level.ALARM, None)


def test_the_usual_stream_has_more_tweets_by_day_and_repeats_none_within_a_day() -> None:
    posts = [
        post
        for post in stream.make(TWEETS, Story(phases=()), begin=MONDAY, replay=MONDAY, end=MONDAY + 7 * DAY, seed=1)
        if post.time < MONDAY + 3 * DAY
    ]
    seen: dict[str, float] = {}
    for post in posts:
        assert post.time - seen.get(post.text, 0) > DAY
        seen[post.text] = post.time
    afternoon, night = (
        sum(begin * HOUR <= (post.time - MONDAY) % DAY < (begin + 4) * HOUR for post in posts) for begin in (12, 0)
    )
    assert afternoon > 3 * night


def test_the_replay_is_fast_leaps_the_last_hour_at_once_and_then_keeps_pace_with_the_clock() -> None:
    began, speed = 1_000_000.0, 600.0
    start = began - 3 * HOUR
    posts = [Post(start + minute * MINUTE, f"late {minute}", "anna") for minute in range(-10, 200)]
    now = began

    def pause(seconds: float) -> None:
        nonlocal now
        now += seconds

    batches = [
        [float(tweet.text.split()[1]) for tweet in batch.tweets]
        for batch in islice(stream.batches(posts, start, speed, pause, clock=lambda: now), 300)
    ]
    leap = next(number for number, minutes in enumerate(batches) if len(minutes) > 10)
    assert [len(minutes) for minutes in batches[:leap]] == [1, *[5] * (leap - 1)]
    assert batches[leap - 1][-1] <= 180 - LEAP_SECONDS / MINUTE < batches[leap - 1][-1] + 10
    assert batches[leap][-1] == 180
    assert sum(batches, []) == sorted({minute for minutes in batches for minute in minutes})
    assert 1 <= len(sum(batches[leap + 1 :], [])) <= 3


def test_a_port_in_use_is_reported_before_anything_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".demo").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("SERVICE_PORT", str(port))
        with pytest.raises(DemoError, match=rf"Port {port} is in use.*make demo SERVICE_PORT={port + 1}"):
            show.show("tweet_sentiment:latest", Corpus("small", TWEETS), Story(), Console())
    assert (tmp_path / ".demo").exists()


def test_a_program_that_ends_is_reported_with_the_end_of_its_output(tmp_path: Path) -> None:
    log = tmp_path / "program.log"
    with (
        programs.running("The service", ["no_such_module"], dict(os.environ), log) as program,
        pytest.raises(DemoError, match=r"No module named no_such_module\nThe service ended with code 1.*program.log"),
    ):
        program.wait_until_ready("http://127.0.0.1:9/readyz")


@pytest.mark.parametrize("name", ["TELEMETRY_WEBHOOK", "APPLICATIONINSIGHTS_CONNECTION_STRING"])
def test_made_up_tweets_reach_no_channel_of_the_user(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "https://example.org")
    assert name not in programs.environment({})
