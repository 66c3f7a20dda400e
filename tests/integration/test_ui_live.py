"""The watched stream on the page, run by Streamlit with a fake service."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
import streamlit as st
from streamlit.testing.v1 import AppTest

from monitoring.buckets import DAY, HOUR, Bucket
from telemetry import schema
from telemetry.buckets import SECONDS
from telemetry.buzz import GRACE_SECONDS, SILENT_SECONDS, Watch
from telemetry.events import Prediction
from telemetry.settings import Settings
from telemetry.store import Store
from tests.clock import Clock
from tests.events import prediction
from tests.fake_service import FakeService
from tests.streams import stream, with_negative
from ui import stream as stream_of_page
from ui.language import LANGUAGES, speak

SETTINGS = Settings(buzz_zone="Europe/Paris", undo_seconds=60)
NOW = time.time() // SECONDS * SECONDS
USUAL = [bucket for bucket in stream(5, seed=1, begin=NOW - 5 * DAY) if bucket.start < NOW]
STREAMS = {
    "calm": USUAL,
    "alarm": with_negative(USUAL, NOW - HOUR, 1, 200),
    "silent": [bucket for bucket in USUAL if bucket.start < NOW - 2 * HOUR],
    "learning": [bucket for bucket in USUAL if bucket.start >= NOW - DAY],
}


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW + GRACE_SECONDS)


@pytest.fixture
def service(empty_events: Path, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeService]:
    """Start a fake service with an empty store, and point the page to it."""
    with closing(Store(f"sqlite:///{shutil.copy(empty_events, tmp_path)}", clock=clock)) as store:
        service = FakeService(store)
        service.settings = SETTINGS
        monkeypatch.setenv("SERVICE_URL", service.url)
        st.cache_resource.clear()
        yield service
        st.cache_resource.clear()
        service.close()


@pytest.fixture
def watched(service: FakeService, clock: Clock) -> Callable[[Sequence[Bucket]], None]:
    """Return a function that stores a stream and lets the watch check its end, long enough after it."""

    def check(buckets: Sequence[Bucket]) -> None:
        names = ("tweets", "negative", "reach", "negative_reach")
        rows = [dict(zip(names, bucket[1:], strict=True)) | {"number": bucket.start // SECONDS} for bucket in buckets]
        assert service.store is not None
        with service.store.database.writing(schema.buckets) as connection:
            connection.execute(sa.insert(schema.buckets), rows)
        assert SETTINGS.buzz is not None
        watch = Watch(service.store, SETTINGS.buzz)
        watch()
        if buckets[-1].start < NOW - HOUR:
            clock.now += SILENT_SECONDS
            watch()

    return check


def script(code: str) -> None:
    """Show the view, as `app.py` does."""
    from ui.language import speak
    from ui.views import watch

    watch.show(speak(code))


def shown(code: str = "en") -> tuple[AppTest, str]:
    """Open the view; return it, and its text."""
    at = AppTest.from_function(script, args=(code,), default_timeout=60).run()
    assert [error.message for error in at.exception] == []
    elements = [*at.header, *at.markdown, *at.caption]
    return at, "\n".join(element.value for element in elements)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("state", STREAMS)
def test_the_stream_is_described_in_one_word(
    watched: Callable[[Sequence[Bucket]], None], state: str, code: str
) -> None:
    watched(STREAMS[state])
    at, text = shown(code)
    say = speak(code)
    assert say(f"live.{state}") in at.header[0].value
    assert say("live.checked", when="").partition(".")[0].strip() in text
    assert at.metric[0].label == say("live.negative")
    assert bool(at.metric[0].delta) == (state != "learning"), "nothing is usual yet"


def test_an_alarm_says_since_when_and_how_unusual(watched: Callable[[Sequence[Bucket]], None]) -> None:
    watched(STREAMS["alarm"])
    at, text = shown()
    assert "A backlash may have begun on" in text
    assert "times as many" in text
    (crises,) = at.dataframe
    assert crises.value[speak("en")("live.end")].tolist() == ["still going on"]
    assert int(at.metric[0].value) >= 200


def test_the_period_can_be_chosen(watched: Callable[[Sequence[Bucket]], None], service: FakeService) -> None:
    watched(USUAL)
    at, _ = shown()
    at.button_group(key="hours").set_value(24)
    at.run()
    asked = [request.query for request in service.watching_requests if request.path == "/monitoring/stream"]
    assert asked == [{"hours": "48", "minutes": "60"}, {"hours": "24", "minutes": "15"}]


def complaints(text: str, count: int) -> list[Prediction]:
    return [prediction(n, NOW - 60 * (n % 50) - 5, f"{text} {n}", source="api", author=f"a{n}") for n in range(count)]


def test_a_part_of_the_stream_has_its_reasons_and_tweets(
    watched: Callable[[Sequence[Bucket]], None], service: FakeService
) -> None:
    assert service.store is not None
    service.store.add(complaints("my bag is lost", 40))
    watched(USUAL)
    at, _ = shown()
    reasons = next(group for group in at.button_group if group.label == speak("en")("peaks.reasons"))
    assert list(reasons.options) == ["luggage · 40"]
    assert len(at.dataframe[0].value) == 40
    people = [metric.value for metric in at.metric if metric.label == speak("en")("peaks.people")]
    assert people == ["40"]


def test_tweets_of_the_stream_are_not_shown_to_everybody(
    watched: Callable[[Sequence[Bucket]], None], service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert service.store is not None
    service.store.add(complaints("my bag is lost", 40))
    watched(USUAL)
    monkeypatch.setenv("UI_ANONYMOUS", "true")
    st.cache_resource.clear()
    at, _ = shown()
    assert "luggage · 40" in next(g for g in at.button_group if g.label == speak("en")("peaks.reasons")).options
    assert not at.dataframe


def test_without_stored_texts_there_are_numbers_only(watched: Callable[[Sequence[Bucket]], None]) -> None:
    watched(STREAMS["alarm"])
    at, _ = shown()
    assert [info.value for info in at.info] == [speak("en")("peaks.no_text")]


def test_the_view_of_the_stream_says_so_if_reasons_are_unknown(
    watched: Callable[[Sequence[Bucket]], None], service: FakeService
) -> None:
    assert service.store is not None
    service.tells_plan = False
    service.store.add(complaints("my bag is lost", 40))
    watched(USUAL)
    at, text = shown()
    assert speak("en")("peaks.no_reasons") in text
    assert len(at.dataframe[0].value) == 40


def test_an_address_opens_the_view_that_was_shared(
    watched: Callable[[Sequence[Bucket]], None], service: FakeService
) -> None:
    watched(USUAL)
    at = AppTest.from_function(script, args=("en",), default_timeout=60)
    begin = NOW - 3 * HOUR
    at.query_params.update({"hours": "168", "zone": "America/New_York", "part": f"{begin:.0f}-{begin + HOUR:.0f}"})
    at.run()
    assert [error.message for error in at.exception] == []
    assert at.button_group(key="hours").value == 168
    assert at.selectbox(key="zone").value == "America/New_York"
    (span,) = (request.query for request in service.watching_requests if request.path.endswith("/span"))
    assert datetime.fromisoformat(span["begin"]).timestamp() == begin


@pytest.mark.parametrize("query", [{"hours": "3"}, {"zone": "Mars"}, {"part": "x"}, {"part": "9-1"}, {"hours": "x"}])
def test_an_address_that_means_nothing_opens_the_usual_view(
    watched: Callable[[Sequence[Bucket]], None], query: dict[str, str]
) -> None:
    watched(USUAL)
    at = AppTest.from_function(script, args=("en",), default_timeout=60)
    at.query_params.update(query)
    at.run()
    assert [error.message for error in at.exception] == []
    assert at.button_group(key="hours").value == stream_of_page.DEFAULT_HOURS


def test_the_stream_is_not_shown_if_the_service_watches_none(service: FakeService) -> None:
    service.settings = Settings()
    at, text = shown()
    assert not at.metric
    assert speak("en")("watch.lead") in text


def test_files_can_be_analyzed_while_the_watch_is_unavailable(service: FakeService) -> None:
    service.watching_failures.append((500, "refused"))
    at, text = shown()
    assert speak("en")("live.unavailable") in text
    assert speak("en")("watch.lead") in text
    assert not at.metric
