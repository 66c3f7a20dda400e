"""The three views in every state, as Streamlit runs them, with a fake service."""

import gzip
import io
import json
import re
import sqlite3
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as datetime_time
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import streamlit as st
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest

import ui
from tables import reading
from telemetry import alert, jobs
from telemetry.alert import Rule
from telemetry.events import Feedback, Prediction
from telemetry.store import FORWARDER, Store
from telemetry.worker import Worker
from tests import events, fake_service
from tests.fake_service import Failure, FakeService
from ui.client import MOST_CHARACTERS, MOST_TWEETS
from ui.language import LANGUAGES, Language, speak
from ui.proportions import WIDTHS
from ui.views import uploads, watch
from ui.views.columns import NO_COLUMN

APP = Path(ui.__file__).with_name("app.py")
PAGE_WORKERS = jobs.page_workers
PATIENT_SECONDS = 60
TWEET = "@anna late and rude, see https://airline.example/x 😠"
NOW = time.time()
SAY = speak("en")
FAILURES: list[tuple[Failure, str]] = [
    (400, "unfit"),
    (401, "key"),
    (413, "too_large"),
    (429, "too_many"),
    (500, "broken"),
    (503, "asleep"),
    (504, "slow"),
    ("cut", "asleep"),
    ("hang", "slow"),
    ("html", "broken"),
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeService]:
    """Start the fake service, and tell the page where it is."""
    asked = FakeService()
    monkeypatch.setenv("SERVICE_URL", asked.url)
    monkeypatch.setenv("UI_PATIENCE_SECONDS", str(PATIENT_SECONDS))
    yield asked
    asked.close()


@pytest.fixture
def impatient(asked: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 (the page asks it)
    """Have the page not wait for long."""
    monkeypatch.setenv("UI_PATIENCE_SECONDS", "1")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, new_events: Callable[[Path], Store]) -> Store:
    """Return a store, and tell the page where it is."""
    store = new_events(tmp_path)
    monkeypatch.setenv("TELEMETRY_PATH", str(store.path))
    monkeypatch.setenv("TELEMETRY_UNDO_SECONDS", "60")
    return store


@pytest.fixture(autouse=True)
def _own_resources() -> Iterator[None]:
    """Keep what the page shares between visitors from being shared between tests."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep each AppTest from reading the metadata of all packages: none holds a component that the page uses."""
    monkeypatch.setattr(BidiComponentManager, "discover_and_register_components", lambda *_, **__: None)


@pytest.fixture(autouse=True)
def _idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing work beside the page; `working` does."""
    monkeypatch.setattr(jobs, "page_workers", lambda *_: [])


@pytest.fixture
def working(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Worker]]:
    """Let what works beside the page work, until the test is over."""
    monkeypatch.setattr(jobs, "page_workers", PAGE_WORKERS)
    workers: list[Worker] = []
    start = Worker.start

    def started(self: Worker) -> None:
        workers.append(self)
        start(self)

    monkeypatch.setattr(Worker, "start", started)
    yield workers
    for worker in workers:
        worker.close()


def script(view: str, code: str) -> None:
    """Show one view, as `app.py` does."""
    import importlib

    from ui.language import speak

    importlib.import_module(f"ui.views.{view}").show(speak(code))


def opened(view: str, code: str = "en") -> AppTest:
    return run(AppTest.from_function(script, args=(view, code), default_timeout=PATIENT_SECONDS))


def page(code: str = "en") -> AppTest:
    """Open the page as a reader does."""
    opened = AppTest.from_file(APP, default_timeout=PATIENT_SECONDS)
    opened.query_params["lang"] = code
    return run(opened)


def run(at: AppTest) -> AppTest:
    at.run()
    assert [error.message for error in at.exception] == []
    return at


def press(at: AppTest, label: str) -> AppTest:
    (button,) = (button for button in at.button if button.label == label)
    button.click()
    return run(at)


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def visit(at: AppTest, view: str) -> AppTest:
    """Go to another view; AppTest itself goes only to those that are files."""
    at._page_hash = next(name for name, page in at._registered_pages.items() if page["url_pathname"] == view)
    return run(at)


def ask(at: AppTest, text: str, say: Language = SAY) -> AppTest:
    at.text_area(key="text").input(text)
    return press(at, say("try.ask"))


def paste(at: AppTest, *lines: str) -> AppTest:
    at.text_area(key="pasted").input("\n".join(lines))
    return run(at)


def upload(at: AppTest, content: bytes, name: str = "tweets.csv") -> AppTest:
    at.file_uploader[0].upload(name, content, "text/csv")
    return run(at)


def noted(at: AppTest) -> str:
    """Return what the page says of how it has read a table: its line, and the sentences below."""
    return "\n".join([line for box in at.expander for line in (box.label, *(told.value for told in box.markdown))])


def box(at: AppTest, name: str, say: Language = SAY) -> Any:
    """Return the select box with this label."""
    (found,) = (box for box in at.selectbox if box.label == say(name))
    return found


def score(at: AppTest, count: int, say: Language = SAY) -> AppTest:
    return press(at, say("watch.score", count=say.number(count)))


def read(at: AppTest) -> str:
    """Return what can be read on the page, but for its tables and charts."""
    kinds = (at.title, at.header, at.markdown, at.caption, at.success, at.info, at.warning, at.error)
    written = [element.value for kind in kinds for element in kind]
    return "\n".join([*written, *(f"{metric.label}: {metric.value} ({metric.delta})" for metric in at.metric)])


def charts(at: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in at.get("vega_lite_chart")]


def badge(at: AppTest) -> str:
    """Return what tells the sentiment: a sign and a word."""
    (told,) = (element.value for element in (*at.header, *at.markdown) if ":material/sentiment_" in element.value)
    return str(told)


def marked(at: AppTest) -> str:
    """Return the tweet with its words marked."""
    (told,) = (html.value for html in at.html if 'class="tweet"' in html.value)
    return str(told)


def remembered(at: AppTest) -> str:
    """Return the language that the page has the browser remember."""
    (cookie,) = (found for html in at.html for found in re.findall(r"document\.cookie = 'language=(\w+);", html.value))
    return str(cookie)


def thanked(at: AppTest) -> bool:
    """Return whether the page thanks for a feedback."""
    return [success.value for success in at.success] == [SAY("judge.thanks")]


def refuse(*_: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


# Try a tweet


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_tweet_is_answered_with_a_badge_and_its_words_marked(asked: FakeService, store: Store, code: str) -> None:
    say = speak(code)
    at = ask(page(code), TWEET, say)
    assert at.title[0].value == say("try.title")
    assert say("try.negative") in badge(at)
    assert say("try.sure") in read(at)
    assert say("try.chance", percent=say.percent(fake_service.probability(TWEET))) in read(at)
    assert say("try.model", version=fake_service.VERSION) in read(at)
    assert marked(at).count("<mark") == 2
    assert f"({say('try.towards_negative')})" in marked(at)
    assert labels(at)[-2:] == [say("judge.right"), say("judge.wrong")]
    assert [request.path for request in asked.requests] == ["/predict", "/explain"]
    assert store.read("feedback") == [], "nothing is said before somebody says it"


@pytest.mark.parametrize(
    ("text", "sentiment", "certainty"),
    [
        ("late", "negative", "sure"),
        ("late but", "negative", "likely"),
        ("slow", "negative", "barely"),
        ("slow slow slow but but", "negative", "unsure"),
        ("seat", "positive", "unsure"),
        ("but", "positive", "likely"),
        ("thanks", "positive", "sure"),
    ],
)
@pytest.mark.usefixtures("asked", "store")
def test_how_sure_an_answer_is_is_said_in_words(text: str, sentiment: str, certainty: str) -> None:
    at = ask(opened("try_tweet"), text)
    assert SAY(f"try.{sentiment}") in badge(at)
    told = [name for name in ("sure", "likely", "barely", "unsure") if f"**{SAY(f'try.{name}')}**" in read(at)]
    assert told == [certainty]


@pytest.mark.usefixtures("store")
def test_an_example_is_put_into_the_field_and_asked_for(asked: FakeService) -> None:
    at = opened("try_tweet")
    at.button(key="example3").click()
    run(at)
    assert at.text_area(key="text").value == SAY("try.example3")
    assert asked.asked("/predict")[0].body == {"texts": [SAY("try.example3")]}
    assert SAY("judge.question") in read(at)
    run(at)
    assert len(asked.requests) == 2, "it is asked for once"


@pytest.mark.parametrize("text", ["", "  \n\t "])
@pytest.mark.usefixtures("store")
def test_without_a_text_one_is_asked_for(asked: FakeService, text: str) -> None:
    at = ask(ask(opened("try_tweet"), "late"), text)
    assert [warning.value for warning in at.warning] == [SAY("try.empty")]
    assert SAY("judge.question") not in read(at)
    assert len(asked.asked("/predict")) == 1


@pytest.mark.usefixtures("store")
def test_the_text_area_takes_as_many_characters_as_the_service(asked: FakeService) -> None:
    at = opened("try_tweet")
    assert at.text_area(key="text").max_chars == MOST_CHARACTERS
    ask(at, "é" * MOST_CHARACTERS)
    assert SAY("judge.question") in read(at)
    assert asked.requests[0].well


@pytest.mark.usefixtures("asked", "store")
def test_a_tweet_with_html_and_markdown_is_shown_as_it_was_typed() -> None:
    text = "<script>alert(1)</script> **late** [a](http://b) :red-badge[x] $x$"
    at = ask(opened("try_tweet"), text)
    assert "<script>" not in marked(at)
    assert "&lt;script&gt;" in marked(at)
    assert "red-badge[x]" not in read(at)


@pytest.mark.parametrize(("how", "reason"), FAILURES)
@pytest.mark.usefixtures("store", "impatient")
def test_a_failure_is_explained_and_tried_again_without_losing_what_was_typed(
    asked: FakeService, how: Failure, reason: str
) -> None:
    asked.fail(how, detail="texts[0] is odd")
    at = ask(opened("try_tweet"), TWEET)
    (error,) = at.error
    assert SAY(f"trouble.{reason}") in error.value
    assert ("texts[0] is odd" in error.value) == (reason == "unfit")
    assert at.text_area(key="text").value == TWEET
    assert SAY("judge.question") not in read(at)
    press(at, SAY("trouble.retry"))
    assert SAY("judge.question") in read(at)
    assert (len(at.error), len(asked.asked("/predict"))) == (0, 2)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("store")
def test_a_service_that_is_gone_is_tried_again_until_it_is_back(asked: FakeService, code: str) -> None:
    say = speak(code)
    at = page(code)
    with asked.down():
        ask(at, TWEET, say)
        press(at, say("trouble.retry"))
        assert [error.value for error in at.error] == [say("trouble.gone")]
        assert at.text_area(key="text").value == TWEET
    press(at, say("trouble.retry"))
    assert say("judge.question") in read(at)


@pytest.mark.usefixtures("store")
def test_each_try_again_asks_once(asked: FakeService) -> None:
    asked.fail(503, times=2)
    at = ask(opened("try_tweet"), TWEET)
    press(at, SAY("trouble.retry"))
    assert (len(at.error), len(asked.requests)) == (1, 2)
    run(at)
    assert (len(at.error), len(asked.requests)) == (1, 2), "what was said stays said, and is not asked again"


@pytest.mark.usefixtures("store")
def test_an_answer_whose_explanation_fails_is_shown_without_it(asked: FakeService) -> None:
    asked.fail(504, after=1)
    at = ask(opened("try_tweet"), TWEET)
    assert not at.error
    assert SAY("try.unexplained") in read(at)
    assert SAY("judge.question") in read(at)


@pytest.mark.usefixtures("store")
def test_a_key_of_the_page_is_sent(asked: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.key = "a-key-of-the-tests-long-enough"
    at = ask(opened("try_tweet"), TWEET)
    assert [error.value for error in at.error] == [SAY("trouble.key")]
    monkeypatch.setenv("SERVICE_KEY", asked.key)
    st.cache_resource.clear()
    assert SAY("judge.question") in read(ask(opened("try_tweet"), TWEET))
    assert asked.key not in str(at)


# What people say of an answer


@pytest.mark.usefixtures("asked")
def test_right_writes_one_feedback_however_often_the_page_is_run(store: Store) -> None:
    at = ask(opened("try_tweet"), TWEET)
    answered = at.session_state["answer"]["prediction"]
    before = time.time()
    press(at, SAY("judge.right"))
    for _ in range(5):
        run(at)
        assert thanked(at)
        assert SAY("judge.right") not in labels(at)
    (event,) = store.read("feedback")
    assert before - 0.001 <= event.pop("time") <= time.time()
    assert event == {
        "schema": 2,
        "kind": "feedback",
        "id": answered["prediction_id"],
        "model_version": fake_service.VERSION,
        "negative_probability": answered["negative_probability"],
        "text": "@user late and rude, see http 😠",
        "predicted_sentiment": "negative",
        "true_sentiment": "negative",
        "comment": None,
        "page_version": ui.__version__,
    }


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("asked")
def test_wrong_asks_what_is_true_and_writes_it_with_the_comment_masked(store: Store, code: str) -> None:
    say = speak(code)
    at = ask(page(code), TWEET, say)
    press(at, say("judge.wrong"))
    assert store.read("feedback") == [], "nothing is written before it is sent"
    assert at.radio(key="truth").value == "positive"
    assert at.radio(key="truth").options == [say("try.positive"), say("try.negative")]
    assert say("judge.kept_masked") in read(at)
    at.text_input(key="comment").input("  ask @bob, www.airline.example/y  ")
    press(at, say("judge.send"))
    assert [success.value for success in at.success] == [say("judge.thanks")]
    (event,) = store.read("feedback")
    assert (event["predicted_sentiment"], event["true_sentiment"]) == ("negative", "positive")
    assert event["comment"] == "ask @user, http"
    assert event["text"] == "@user late and rude, see http 😠"


@pytest.mark.usefixtures("asked")
def test_who_has_pressed_wrong_may_still_say_that_the_answer_is_right(store: Store) -> None:
    at = press(ask(opened("try_tweet"), "thanks"), SAY("judge.wrong"))
    at.radio(key="truth").set_value("positive")
    press(at, SAY("judge.send"))
    (event,) = store.read("feedback")
    assert (event["predicted_sentiment"], event["true_sentiment"]) == ("positive", "positive")
    assert event["comment"] is None


@pytest.mark.usefixtures("asked")
def test_a_text_is_kept_as_it_is_only_where_the_settings_say_so_and_then_nothing_else_is_promised(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_FEEDBACK_TEXT", "raw")
    at = press(ask(opened("try_tweet"), TWEET), SAY("judge.wrong"))
    assert SAY("judge.kept_raw") in read(at)
    assert SAY("judge.kept_masked") not in read(at)
    at.text_input(key="comment").input("ask @bob")
    press(at, SAY("judge.send"))
    (event,) = store.read("feedback")
    assert (event["text"], event["comment"]) == (TWEET, "ask @bob")


@pytest.mark.usefixtures("asked")
def test_each_answer_is_judged_by_itself(store: Store) -> None:
    at = opened("try_tweet")
    press(ask(at, TWEET), SAY("judge.right"))
    ask(at, TWEET)
    assert SAY("judge.question") in read(at)
    assert not at.success
    press(at, SAY("judge.right"))
    first, second = store.read("feedback")
    assert first["id"] != second["id"]


@pytest.mark.usefixtures("asked")
def test_a_correction_that_was_begun_is_not_that_of_the_next_answer() -> None:
    at = opened("try_tweet")
    press(ask(at, TWEET), SAY("judge.wrong"))
    ask(at, "thanks")
    assert not at.radio


@pytest.mark.usefixtures("asked")
def test_a_feedback_is_taken_back_within_the_seconds_and_may_be_given_again(store: Store) -> None:
    at = press(press(ask(opened("try_tweet"), TWEET), SAY("judge.wrong")), SAY("judge.send"))
    (undo,) = (button for button in at.button if button.key == "undo")
    assert undo.label in {SAY("judge.undo", seconds=SAY.number(seconds)) for seconds in range(50, 61)}
    undo.click()
    run(at)
    assert store.read("feedback") == []
    assert SAY("judge.question") in read(at)
    assert not at.success
    assert not at.radio, "it is asked from the beginning"
    press(at, SAY("judge.right"))
    (event,) = store.read("feedback")
    assert event["true_sentiment"] == "negative"


@pytest.mark.usefixtures("asked")
def test_a_feedback_is_not_taken_back_afterwards(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    at = press(ask(opened("try_tweet"), TWEET), SAY("judge.right"))
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 61)
    at.button(key="undo").click()
    run(at)
    run(at)
    assert len(store.read("feedback")) == 1
    assert thanked(at)
    assert "undo" not in [button.key for button in at.button]


@pytest.mark.usefixtures("asked")
def test_where_nothing_can_be_taken_back_it_is_not_offered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEMETRY_UNDO_SECONDS", "0")
    at = press(ask(opened("try_tweet"), TWEET), SAY("judge.right"))
    assert thanked(at)
    assert "undo" not in [button.key for button in at.button]
    assert len(store.read("feedback")) == 1


@pytest.mark.usefixtures("asked")
def test_a_feedback_that_was_read_already_stays_given(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "withdraw", lambda *_: False)
    at = press(ask(opened("try_tweet"), TWEET), SAY("judge.right"))
    at.button(key="undo").click()
    run(at)
    assert [warning.value for warning in at.warning] == [SAY("judge.too_late")]
    assert thanked(at)
    assert len(store.read("feedback")) == 1


@pytest.mark.usefixtures("asked")
def test_a_feedback_that_cannot_be_taken_back_just_now_can_be_a_moment_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = press(ask(opened("try_tweet"), TWEET), SAY("judge.right"))
    with monkeypatch.context() as broken:
        broken.setattr(Store, "withdraw", refuse)
        at.button(key="undo").click()
        run(at)
    assert len(at.warning) + len(at.error) == 1
    at.button(key="undo").click()
    run(at)
    assert store.read("feedback") == []


@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.usefixtures("asked")
def test_what_cannot_be_written_is_not_thanked_for_and_not_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch, wrong: bool
) -> None:
    at = ask(opened("try_tweet"), TWEET)
    button = SAY("judge.right")
    if wrong:
        press(at, SAY("judge.wrong"))
        at.text_input(key="comment").input("it was fine")
        button = SAY("judge.send")
    with monkeypatch.context() as full:
        full.setattr(Store, "acknowledge", refuse)
        press(at, button)
    assert [error.value for error in at.error] == [SAY("judge.not_written")]
    assert not at.success
    if wrong:
        assert at.text_input(key="comment").value == "it was fine"
    press(at, button)
    assert thanked(at)
    (event,) = store.read("feedback")
    assert event["comment"] == ("it was fine" if wrong else None)


@pytest.mark.usefixtures("asked")
def test_a_store_that_cannot_be_opened_is_told_of_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("TELEMETRY_PATH", str(tmp_path / "file" / "events.db"))
    at = ask(opened("try_tweet"), TWEET)
    press(at, SAY("judge.right"))
    assert [error.value for error in at.error] == [SAY("judge.not_written")]
    (tmp_path / "file").unlink()
    press(at, SAY("judge.right"))
    assert thanked(at)
    assert len(Store(tmp_path / "file" / "events.db").read("feedback")) == 1


@pytest.mark.usefixtures("asked")
def test_a_file_that_is_no_store_is_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "events.db").write_text("no database, but a text that is long enough to be none of SQLite's")
    monkeypatch.setenv("TELEMETRY_PATH", str(tmp_path / "events.db"))
    at = press(ask(opened("try_tweet"), TWEET), SAY("judge.right"))
    assert [error.value for error in at.error] == [SAY("judge.not_written")]
    assert SAY("model.unreadable", error="file is not a database") in read(opened("model"))


# The language, and the way between the views


@pytest.mark.parametrize(
    ("address", "browser", "code"),
    [("fr", None, "fr"), ("en", "fr-FR", "en"), (None, "fr-CA", "fr"), (None, "de-DE", "en"), (None, None, "en")],
)
@pytest.mark.usefixtures("asked", "store")
def test_the_page_speaks_as_the_address_says_or_else_the_browser(
    address: str | None, browser: str | None, code: str
) -> None:
    at = AppTest.from_file(APP, default_timeout=PATIENT_SECONDS)
    if address is not None:
        at.query_params["lang"] = address
    if browser is not None:
        at.context["locale"] = browser
    run(at)
    assert at.title[0].value == speak(code)("try.title")
    assert remembered(at) == code


@pytest.mark.usefixtures("store")
def test_the_reader_changes_the_language_and_loses_nothing(asked: FakeService) -> None:
    french = speak("fr")
    at = press(ask(page("en"), TWEET), SAY("judge.right"))
    at.button_group(key="language").set_value("fr")
    run(at)
    assert at.title[0].value == french("try.title")
    assert [success.value for success in at.success] == [french("judge.thanks")]
    assert at.text_area(key="text").value == TWEET
    assert french("try.negative") in badge(at)
    assert remembered(at) == "fr"
    assert len(asked.requests) == 2, "nothing is asked again"


@pytest.mark.parametrize("code", LANGUAGES)
def test_what_was_typed_survives_a_visit_to_the_other_views(asked: FakeService, store: Store, code: str) -> None:
    say = speak(code)
    at = press(ask(page(code), TWEET, say), say("judge.right"))
    visit(at, "watch")
    assert at.title[0].value == say("watch.title")
    paste(at, "late", "thanks")
    visit(at, "model")
    assert at.title[0].value == say("model.title")
    visit(at, "")
    assert at.text_area(key="text").value == TWEET
    assert [success.value for success in at.success] == [say("judge.thanks")]
    visit(at, "watch")
    assert at.text_area(key="pasted").value == "late\nthanks"
    assert len(asked.asked("/predict")) == len(store.read("feedback")) == 1


# Spot a backlash

DAYS = [datetime(2015, 2, 10, 12, tzinfo=UTC) + timedelta(days=day) for day in range(20)]
BAD = DAYS[13]


def buzz(time: Callable[[datetime], str] = str) -> pd.DataFrame:
    """Return 40 tweets a day, of which 10 are negative, and 32 on the bad day."""
    rows = []
    for day in DAYS:
        for number in range(40):
            word = "late" if number < (32 if day == BAD else 10) else "great"
            rows.append((time(day + timedelta(minutes=number)), f"{word} {day:%d} {number}", f"a{number % 7}"))
    return pd.DataFrame(rows, columns=["date", "text", "author"])


def csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


@pytest.mark.usefixtures("store")
def test_nothing_is_scored_before_something_is_brought(asked: FakeService) -> None:
    at = opened("watch")
    assert labels(at) == []
    assert not at.warning
    paste(at, "  ", "")
    assert labels(at) == []
    assert asked.requests == []


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("store")
def test_pasted_tweets_are_counted_and_the_most_negative_shown(asked: FakeService, code: str) -> None:
    say = speak(code)
    at = paste(opened("watch", code), *["late rude"] * 2, "late", "", "thanks", "seat", *["great"] * 3)
    assert asked.requests == [], "nothing is asked before the reader wants it"
    score(at, 8, say)
    metrics = {metric.label: (metric.value, metric.delta) for metric in at.metric}
    assert metrics[say("watch.tweets")][0] == say.number(8)
    assert metrics[say("watch.negative_share")] == (
        say.percent(3 / 8),
        say("watch.between", low=say.percent(0.1368), high=say.percent(0.6943)),  # Wilson's
    )
    assert metrics[say("watch.to_read")][0] == say.number(1)
    assert at.dataframe[0].value["text"].tolist() == ["late rude", "late", "seat", "thanks", "great"]
    assert charts(at) == []
    assert asked.asked("/predict")[0].body == {"texts": ["late rude", "late", "thanks", "seat", "great"]}


@pytest.mark.usefixtures("store")
def test_many_tweets_are_scored_in_batches_and_each_text_once(asked: FakeService) -> None:
    texts = [f"late {number}" for number in range(2 * MOST_TWEETS + 76)]
    at = paste(opened("watch"), *texts, *texts[:9])
    score(at, len(texts) + 9)
    assert [len(request.body["texts"]) for request in asked.requests] == [MOST_TWEETS, MOST_TWEETS, 76]
    assert [text for request in asked.requests for text in request.body["texts"]] == texts
    run(at)
    assert len(asked.requests) == 3
    paste(at, *texts, "one more")
    assert not at.metric, "what was said of other tweets is not shown of these"
    score(at, len(texts) + 1)
    assert asked.requests[-1].body == {"texts": ["one more"]}


@pytest.mark.parametrize(("how", "reason"), FAILURES)
@pytest.mark.usefixtures("store", "impatient")
def test_scoring_goes_on_where_the_service_has_failed(asked: FakeService, how: Failure, reason: str) -> None:
    texts = [f"late {number}" for number in range(2 * MOST_TWEETS + 76)]
    asked.fail(how, after=1, detail="texts[3] is odd")
    at = score(paste(opened("watch"), *texts), len(texts))
    (error,) = at.error
    assert SAY(f"trouble.{reason}") in error.value
    assert not at.metric
    assert at.text_area(key="pasted").value == "\n".join(texts)
    press(at, SAY("trouble.retry"))
    assert not at.error
    assert at.metric[0].value == SAY.number(len(texts))
    assert [len(request.body["texts"]) for request in asked.requests] == [MOST_TWEETS, MOST_TWEETS, MOST_TWEETS, 76]
    assert [text for request in asked.requests if request.well for text in request.body["texts"]] == texts


@pytest.mark.usefixtures("store")
def test_scoring_tries_once_each_time_it_is_told_to(asked: FakeService) -> None:
    at = paste(opened("watch"), "late", "thanks")
    with asked.down():
        score(at, 2)
        assert [error.value for error in at.error] == [SAY("trouble.gone")]
    asked.fail(429, times=5)
    press(at, SAY("trouble.retry"))
    assert [error.value for error in at.error] == [SAY("trouble.too_many")]
    assert len(asked.requests) == 1
    asked.failures.clear()
    press(at, SAY("trouble.retry"))
    assert at.metric[0].value == "2"


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("asked", "store")
def test_a_bad_day_of_a_file_is_named_in_a_sentence(code: str) -> None:
    say = speak(code)
    frame = buzz()
    at = score(upload(opened("watch", code), csv(frame)), len(frame), say)
    day = say("watch.moment", when=say.day(BAD), share=say.percent(0.8), tweets=say.number(40))
    assert noted(at) == "", "what is certain is not mentioned"
    at.segmented_control[0].set_value("D")
    run(at)
    assert f"**{say('watch.out_of_the_ordinary', count=say.number(1), moments=day)}**" in read(at)
    assert say("watch.limit_help") in read(at)
    share, volume = charts(at)
    axis = say("watch.time_axis", zone=say("watch.zone"))
    for title in (axis, *(say(f"watch.{name}") for name in ("share_axis", "limit", "centre"))):
        assert title in json.dumps(share, ensure_ascii=False)
    for title in (axis, *(say(f"watch.{name}") for name in ("tweets_axis", "negative", "other"))):
        assert title in json.dumps(volume, ensure_ascii=False)
    assert "[late · " in read(at)
    assert "[great · " not in read(at)


@pytest.mark.usefixtures("store")
def test_moments_are_grouped_as_the_reader_likes_without_asking_again(asked: FakeService) -> None:
    frame = buzz()
    at = score(upload(opened("watch"), csv(frame)), len(frame))
    requests = len(asked.requests)
    for width in WIDTHS:
        at.segmented_control[0].set_value(width)
        run(at)
        assert len(charts(at)) == 2
        assert (SAY("watch.ordinary") in read(at)) == (width in ("W", "MS"))
    assert len(asked.requests) == requests


@pytest.mark.usefixtures("asked", "store")
def test_ordinary_days_are_called_so() -> None:
    frame = buzz().query("date < '2015-02-20'")
    at = score(upload(opened("watch"), csv(frame)), len(frame))
    assert f"**{SAY('watch.ordinary')}**" in read(at)


@pytest.mark.usefixtures("asked", "store")
def test_days_that_french_people_write_are_understood() -> None:
    frame = buzz(lambda when: f"{when - timedelta(days=9):%d/%m/%Y %H:%M}")
    at = score(upload(opened("watch", "fr"), csv(frame)), len(frame), speak("fr"))
    at.segmented_control[0].set_value("D")
    run(at)
    assert speak("fr").day(BAD - timedelta(days=9)) in read(at)
    assert speak("fr")("watch.out_of_the_ordinary", count="1", moments="").strip() in read(at)


@pytest.mark.usefixtures("asked", "store")
def test_times_that_cannot_be_read_are_counted_and_the_tweets_are_scored() -> None:
    at = upload(opened("watch"), csv(buzz(lambda _: "some day")))
    count = SAY.number(len(buzz()))
    assert SAY("reading.unreadable", count=count, column="date", examples="some day") in noted(at)
    assert at.expander[0].proto.expanded, "where all is lost, it is shown at once"
    score(at, len(buzz()))
    assert charts(at) == []
    assert at.metric[0].value == count


@pytest.mark.usefixtures("asked", "store")
def test_the_reader_says_which_columns_hold_what() -> None:
    frame = buzz().rename(columns={"text": "b", "date": "a", "author": "c"})
    at = upload(opened("watch"), csv(frame))
    texts, times, authors = at.selectbox
    assert (texts.value, times.value, authors.value) == ("a", "a", NO_COLUMN)
    texts.set_value("b")
    authors.set_value("c")
    times.set_value(NO_COLUMN)
    assert charts(score(run(at), len(frame))) == []
    box(at, "watch.time").set_value("a")
    assert len(charts(run(at))) == 2
    assert {metric.label: metric.value for metric in at.metric}[SAY("watch.authors")] == "7"


@pytest.mark.usefixtures("store")
def test_rows_that_cannot_be_scored_are_counted_and_left_out(asked: FakeService) -> None:
    frame = pd.DataFrame({"text": ["late", " ", "", "a" * (MOST_CHARACTERS + 1), "great"], "likes": list("12345")})
    at = upload(opened("watch"), csv(frame))
    expected = SAY("watch.left_out", count="3", most=SAY.number(MOST_CHARACTERS))
    assert expected in noted(at)
    score(at, 2)
    assert at.metric[0].value == "2"
    assert asked.requests[0].body == {"texts": ["late", "great"]}


@pytest.mark.usefixtures("asked", "store")
def test_a_table_without_any_tweet_is_told_so() -> None:
    at = upload(opened("watch"), b"text,likes\n ,1\n,2\n")
    assert [warning.value for warning in at.warning] == [SAY("watch.nothing")]
    assert labels(at) == []


BOOK = io.BytesIO()
with zipfile.ZipFile(BOOK, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("xl/worksheets/sheet1.xml", bytes(2_000))


@pytest.mark.parametrize(
    ("name", "content", "fault", "values"),
    [
        ("tweets.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not_text", {}),
        ("tweets.csv", b"", "empty_file", {}),
        ("tweets.csv", b"text,date\n", "empty_table", {}),
        ("tweets.csv", b"text,date\nlate,2026-03-01,x\n", "long_row", {"row": 2, "found": 3, "expected": 2}),
        ("tweets.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old_excel", {}),
        ("tweets.xlsx", b"PK\x03\x04 cut short", "damaged", {}),
        ("tweets.parquet", b"PAR1 cut short", "damaged", {}),
        ("tweets.csv.gz", b"\x1f\x8b cut short", "damaged", {}),
        ("tweets.csv", b"<html><table></table></html>", "html", {}),
        ("tweets.csv", b'[{"text": "late"}]', "json", {}),
        ("tweets_[1].doc", b"late", "unknown_ending", {"found": "tweets\\_\\[1\\].doc"}),
        ("tweets.csv.gz", gzip.compress(bytes(2_000), mtime=0), "too_large", {"expected": 0}),
        ("tweets.xlsx", BOOK.getvalue(), "too_large", {"expected": 0}),
    ],
)
@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("asked", "store")
def test_a_file_that_is_no_table_is_told_so(
    name: str, content: bytes, fault: str, values: dict[str, object], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES", 1_000)
    at = upload(opened("watch", code), content, name)
    assert [error.value for error in at.error] == [speak(code)(f"table.{fault}", **values)]
    assert labels(at) == []


# How a file was read


ACCENTS = "texte;heure\r\nDéçu, « late »;10:00\r\n".encode("cp1252")


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("store")
def test_a_file_of_windows_is_read_and_the_reader_told_so(asked: FakeService, code: str) -> None:
    say = speak(code)
    at = upload(opened("watch", code), ACCENTS)
    assert say("reading.encoding_short", encoding="Windows-1252") in at.expander[0].label
    assert say("reading.encoding_assumed", encoding="Windows-1252") in noted(at)
    score(at, 1, say)
    assert asked.requests[0].body == {"texts": ["Déçu, « late »"]}


@pytest.mark.usefixtures("store")
def test_the_reader_changes_the_encoding_and_back_again(asked: FakeService) -> None:
    at = upload(opened("watch"), ACCENTS)
    box(at, "watch.encoding").set_value("cp850")
    run(at)
    assert SAY("reading.encoding_given", encoding="DOS (850)") in noted(at)
    score(at, 1)
    assert asked.requests[0].body == {"texts": ["DÚþu, ½ late ╗"]}
    box(at, "watch.encoding").set_value("utf-16")
    run(at)
    assert len(at.error) == 1
    assert at.metric.len == 0
    box(at, "watch.encoding").set_value(None)
    assert SAY("reading.encoding_assumed", encoding="Windows-1252") in noted(run(at))


@pytest.mark.usefixtures("store")
def test_one_damaged_character_is_counted_and_leaves_the_others_as_they_are(asked: FakeService) -> None:
    at = upload(opened("watch"), "text,likes\ndéçu 😠,1\nraté é".encode()[:-1])
    assert SAY("reading.damaged", count="1") in noted(at)
    assert SAY("reading.short", count="1", row="3") in noted(at)
    score(at, 2)
    assert asked.requests[0].body == {"texts": ["déçu 😠", "raté \ufffd"]}


def february(day: int, number: int) -> str:
    return f"{'late' if day == 5 and number else 'great'} {day} {number}"


def days(form: str) -> bytes:
    """Return five tweets on each of the first nine days of February 2026; the fifth is bad."""
    rows = [
        f"{february(day, number)};{datetime(2026, 2, day, 8 + number, tzinfo=UTC):{form}}"
        for day in range(1, 10)
        for number in range(5)
    ]
    return "\n".join(["texte;date", *rows]).encode()


def by_day(at: AppTest, say: Language) -> str:
    """Score 45 tweets, group them by day, and return what is said of them."""
    score(at, 45, say)
    at.segmented_control[-1].set_value("D")
    return read(run(at))


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M", "%d.%m.%y %Hh%M"])
@pytest.mark.usefixtures("asked", "store")
def test_in_french_days_come_before_months_where_nothing_tells(form: str) -> None:
    say = speak("fr")
    at = upload(opened("watch", "fr"), days(form))
    assert say("watch.period", first="1er février 2026", last="9 février 2026") in read(at)
    if form.startswith("%Y"):
        assert noted(at) == ""
    else:
        example = f"{datetime(2026, 2, 1, 8, tzinfo=UTC):{form}}"
        assert say("reading.order", example=example, day="1er février 2026") in noted(at)
    assert "5 février 2026" in by_day(at, say)


@pytest.mark.usefixtures("asked", "store")
def test_in_english_months_come_first_where_nothing_tells_and_the_reader_changes_that() -> None:
    at = upload(opened("watch"), days("%d/%m/%Y %H:%M"))
    assert SAY("reading.month_first") in at.expander[0].label
    assert SAY("reading.order", example="01/02/2026 08:00", day="January 2, 2026") in noted(at)
    assert "May 2, 2026" in by_day(at, SAY)
    at.segmented_control[0].set_value(True)
    run(at)
    assert SAY("reading.order_given", example="01/02/2026 08:00", day="February 1, 2026") in noted(at)
    at.segmented_control[-1].set_value("D")
    assert "February 5, 2026" in read(run(at))


@pytest.mark.usefixtures("asked", "store")
def test_where_one_value_tells_the_order_it_is_not_asked_for() -> None:
    at = upload(opened("watch"), b"text,date\nlate,05/02/2026 10:00\ngreat,13/02/2026 10:00\n")
    assert noted(at) == ""
    assert SAY("watch.period", first="February 5, 2026", last="February 13, 2026") in read(at)


@pytest.mark.parametrize(("code", "day"), [("fr", "5 mars 2026"), ("en", "March 4, 2026")])
@pytest.mark.usefixtures("asked", "store")
def test_names_of_time_zones_are_known_and_times_are_shown_in_the_zone_of_the_language_or_of_the_reader(
    code: str, day: str
) -> None:
    say = speak(code)
    rows = [f"2026-03-05 00:{minute:02} CET,late {minute}" for minute in range(30)]
    at = upload(opened("watch", code), "\n".join(["created_at,tweet", *rows, "2026-03-01 12:00 EST,great"]).encode())
    assert noted(at) == ""
    assert say("watch.period", first=say.day(datetime(2026, 3, 1, tzinfo=UTC)), last=day) in read(at)
    score(at, 31, say)
    assert box(at, "watch.zone_label", say).value == say("watch.zone")
    box(at, "watch.zone_label", say).set_value("America/New_York")
    run(at)
    axis = say("watch.time_axis", zone="America/New York")
    assert all(axis in json.dumps(chart, ensure_ascii=False) for chart in charts(at))
    assert say.day(datetime(2026, 3, 4, tzinfo=UTC)) in read(at)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("asked", "store")
def test_times_without_a_zone_stay_as_they_are_in_the_file(code: str) -> None:
    say = speak(code)
    at = upload(opened("watch", code), b"date,text\n2026-03-29 00:10,late\n2026-03-29 23:50,great\n")
    assert noted(at) == ""
    score(at, 2, say)
    assert say("watch.zone_label") not in [found.label for found in at.selectbox]
    assert len(charts(at)) == 2
    assert all(say("watch.time_of_file") in json.dumps(chart, ensure_ascii=False) for chart in charts(at))
    assert say("watch.day", day=say.day(datetime(2026, 3, 29, tzinfo=UTC))) in read(at)


@pytest.mark.usefixtures("asked", "store")
def test_times_without_a_zone_among_others_are_counted_and_read_in_the_zone_that_is_shown() -> None:
    at = upload(opened("watch", "fr"), b"date,text\n2026-03-05 00:10,late\n2026-03-05T09:00:00Z,great\n")
    say = speak("fr")
    assert say("reading.zoneless", count="1", zone="Europe/Paris") in noted(at)
    assert say("watch.day", day="5 mars 2026") in read(at)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("asked", "store")
def test_a_day_a_time_of_day_and_a_zone_in_columns_of_their_own_are_combined(code: str) -> None:
    say = speak(code)
    rows = b"date,time,timezone,tweet\n2026-03-05,23:30,-0500,late\n2026-03-05,08:00,+0100,great\n"
    at = upload(opened("watch", code), rows)
    values = {found.label: found.value for found in at.selectbox}
    assert [values[say(f"watch.{name}")] for name in ("time", "clock", "zone_column", "text")] == [
        *("date", "time", "timezone", "tweet")
    ]
    assert noted(at) == ""
    first, last = (say.day(datetime(2026, 3, day, tzinfo=UTC)) for day in (5, 6))
    assert say("watch.period", first=first, last=last) in read(at)
    box(at, "watch.zone_column", say).set_value(NO_COLUMN)
    assert say("watch.day", day=first) in read(run(at))
    box(at, "watch.clock", say).set_value(NO_COLUMN)
    assert say("watch.day", day=first) in read(run(at))
    box(at, "watch.time", say).set_value("time")
    assert say("reading.without_day", count="2", column="time") in noted(run(at))


@pytest.mark.usefixtures("asked", "store")
def test_what_cannot_be_read_as_a_time_is_counted_with_examples_that_mean_nothing_else() -> None:
    rows = [f"2026-03-0{day},late {day}" for day in range(1, 9)]
    at = upload(opened("watch"), "\n".join(["date,text", *rows, "*soon*,x", "[a](http://b),y", ",z"]).encode())
    examples = r"\*soon\*, \[a\](http://b)"
    assert SAY("reading.unreadable", count="2", column="date", examples=examples) in noted(at)
    assert SAY("reading.no_time", count="1", column="date") in noted(at)
    at = upload(opened("watch"), b"date,text\n2026-03-05 10:00 XYZ,late\n2026-03-05 10:00 CET,late\n")
    assert SAY("reading.unknown_zones", count="1", column="date", zones="XYZ") in noted(at)


@pytest.mark.usefixtures("store")
def test_marks_that_people_type_swallow_no_tweets(asked: FakeService) -> None:
    rows = [f"{'&' * (day == 4)}late {day}\t2026-03-0{day}".replace("&", '"') for day in range(1, 9)]
    at = upload(opened("watch"), "\n".join(["text\tdate", *rows]).encode(), "tweets.tsv")
    assert SAY("reading.typed_quotes", count="1", row="5") in noted(at)
    score(at, 8)
    assert asked.requests[0].body["texts"][3] == '"late 4'


@pytest.mark.usefixtures("asked", "store")
def test_rows_that_are_left_out_and_lines_that_are_skipped_are_counted_with_their_row() -> None:
    rows = [f"{number},late {number}" for number in range(8)]
    content = "\n".join(["Report:,Air Paradis", "", "id,text", *rows, "8,late, late", "9,late, late"]).encode()
    at = upload(opened("watch"), content)
    assert SAY("reading.skipped", count="1", row="3") in noted(at)
    assert SAY("reading.long", count="2", row="12") in noted(at)
    assert SAY("watch.score", count="8") in labels(at)


@pytest.mark.parametrize(
    "content",
    [
        b"sep=;\ntext;date\nlate, again;1772409600\ngreat;1772496000\n",
        b"text;date;\nlate, again;2026-03-02 10:00;\ngreat;2026-03-03 10:00;\n",
        "text\tdate\nlate, again\t2 mars 2026\ngreat\t3 mars 2026\n".encode("utf-16"),
        b"text;date\nlate, again;46083\ngreat;46084,5\n",
        gzip.compress(b"text;date\nlate, again;2026-03-02\ngreat;2026-03-03\n", mtime=0),
    ],
)
@pytest.mark.usefixtures("store")
def test_what_programs_write_is_read_without_a_word(asked: FakeService, content: bytes) -> None:
    name = "tweets (1).csv.gz" if content.startswith(b"\x1f\x8b") else "tweets (1).csv"
    at = upload(opened("watch"), content, name)
    assert noted(at) == ""
    assert SAY("watch.period", first="March 2, 2026", last="March 3, 2026") in read(at)
    score(at, 2)
    assert asked.requests[0].body == {"texts": ["late, again", "great"]}


@pytest.mark.parametrize(
    ("content", "texts", "kind"),
    [
        (b"late again, and again, and rude\ngreat\n", 2, "no_header"),
        (b"late again\ngreat\n", 1, "header"),
        (b"late;2026-03-01\ngreat;2026-03-02\nfine;2026-03-03\n", 3, "no_header"),
    ],
)
@pytest.mark.usefixtures("asked", "store")
def test_whether_the_first_row_is_a_header_is_shown_and_changed(content: bytes, texts: int, kind: str) -> None:
    at = upload(opened("watch"), content, "tweets.txt")
    assert SAY(f"reading.{kind}") in noted(at)
    assert SAY("watch.score", count=str(texts)) in labels(at)
    at.toggle[0].set_value(kind == "no_header")
    other = texts + (1 if kind == "header" else -1)
    assert SAY("watch.score", count=str(other)) in labels(run(at))
    assert len(at.toggle) == (1 if content.startswith(b"late again") else 0) or at.toggle[0].value


def workbook() -> bytes:
    """Return a workbook of three sheets: two with tweets of the same columns, and one that is empty."""
    book, content = openpyxl.Workbook(), io.BytesIO()
    for name, text in (("March", "late"), ("April", "great"), ("Empty", None)):
        sheet = book.create_sheet(name)
        if text is not None:
            sheet.append(["Texte", "Jour", "Heure"])
            sheet.append([text, date(2026, 3, 5), datetime_time(23, 30)])
            sheet.append([f"{text} again", date(2026, 3, 6), datetime_time(8, 0)])
    book.remove(book.worksheets[0])
    book.save(content)
    return content.getvalue()


@pytest.mark.usefixtures("store")
def test_the_reader_chooses_the_sheet_of_a_workbook(asked: FakeService) -> None:
    at = upload(opened("watch"), workbook(), "tweets.xlsx")
    assert box(at, "watch.sheet").value == "March"
    assert box(at, "watch.sheet").options == ["March", "April", "Empty"]
    assert (box(at, "watch.time").value, box(at, "watch.clock").value) == ("Jour", "Heure")
    assert noted(at) == ""
    score(at, 2)
    box(at, "watch.sheet").set_value("April")
    score(run(at), 2)
    assert [request.body["texts"] for request in asked.requests] == [["late", "late again"], ["great", "great again"]]
    box(at, "watch.sheet").set_value("Empty")
    assert [error.value for error in run(at).error] == [SAY("table.empty_file")]
    box(at, "watch.sheet").set_value("March")
    assert not run(at).error


@pytest.mark.usefixtures("store")
def test_a_parquet_file_with_types_and_gaps_is_scored(asked: FakeService) -> None:
    content = io.BytesIO()
    frame = pd.DataFrame(
        {
            "text": ["late", None, "great"],
            "date": [pd.Timestamp("2026-03-05 10:00"), pd.Timestamp("2026-03-06 10:00"), pd.NaT],
            "user": [7, 7, 8],
        },
        index=[3, 3, 3],
    )
    frame.to_parquet(content)
    at = upload(opened("watch"), content.getvalue(), "tweets.parquet")
    assert SAY("watch.left_out_short", count="1") in noted(at)
    assert SAY("reading.no_time", count="1", column="date") in noted(at)
    score(at, 2)
    assert asked.requests[0].body == {"texts": ["late", "great"]}


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("asked", "store")
def test_the_scored_table_holds_every_row_and_column_that_was_brought(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    offered: list[bytes] = []
    monkeypatch.setattr(st, "download_button", lambda _, content, **__: offered.append(content))
    frame = pd.DataFrame(
        {
            "text": ["late", "", "great, thanks\n😠", "late", "=SUM(late)", "'-late"],
            "sentiment": ["neutral", "negative", "", "x", "-1", "@SUM(1)"],
            "likes": ["007", "NA", "", "1", "+33", "--"],
        }
    )
    score(upload(opened("watch", code), csv(frame)), 5, speak(code))
    assert offered[-1].startswith(b"\xef\xbb\xbf")
    assert b'"=SUM' not in offered[-1]
    assert (b'"text";"sentiment"' in offered[-1]) == (code == "fr"), "as Excel expects it"
    table = reading.read(offered[-1], "tweets.csv", strict=True)
    found = table.frame
    assert table.report.encoding == "utf-8"
    pd.testing.assert_frame_equal(found[list(frame.columns)], frame)
    assert found["sentiment_predicted"].tolist()[:4] == ["negative", "", "positive", "negative"]
    assert found["certainty"].tolist()[:4] == ["certain", "", "certain", "certain"]
    assert found["model_version"].tolist()[:4] == [fake_service.VERSION, "", fake_service.VERSION, fake_service.VERSION]
    assert found["negative_probability"][1] == ""
    assert float(found["negative_probability"][0]) == pytest.approx(fake_service.probability("late"))


@pytest.mark.usefixtures("asked", "store")
def test_a_scored_table_may_be_scored_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[bytes] = [b"text,likes\nlate,1\ngreat,2\n"]
    monkeypatch.setattr(st, "download_button", lambda _, content, **__: offered.append(content))
    for _ in range(3):
        score(upload(opened("watch"), offered[-1]), 2)
    found = reading.read(offered[-1], "tweets.csv", strict=True).frame
    assert found["text"].tolist() == ["late", "great"]
    assert [name for name in found.columns if name.startswith("sentiment")] == [
        *("sentiment", "sentiment_predicted", "sentiment_predicted_2")
    ]


def test_of_many_moments_the_worst_are_named_and_the_others_counted() -> None:
    days = pd.date_range("2015-02-01", periods=watch.MOST_MOMENTS + 3, freq="D")
    shares = [0.5 + number / 100 for number in range(len(days))]
    chart = pd.DataFrame({"share": shares, "tweets": 100, "exceeded": True}, index=days)
    told = watch.sentence(chart, "D", SAY)
    assert told.index("February 11, 2015") < told.index("February 10, 2015")
    assert "February 3, 2015" not in told
    assert told.endswith(SAY("watch.and_more", count="3"))
    hours = watch.sentence(chart.head(1), "h", SAY)
    assert SAY.moment(days[0]) in hours


# How the model is doing


def feedback(number: int, *, wrong: bool = False, ago: float = 0, text: str | None = None) -> Feedback:
    comment = "fine" if wrong else None
    return events.feedback(
        number, NOW - ago, text, right=not wrong, comment=comment, model_version=fake_service.VERSION
    )


def prediction(number: int, *, negative: bool, ago: float = 0, version: str = fake_service.VERSION) -> Prediction:
    sentiment = "negative" if negative else "positive"
    return events.prediction(number, NOW - ago, sentiment=sentiment, model_version=version)


def fire(store: Store) -> None:
    """Report three mistakes a while ago, and have an alert fired."""
    store.add([feedback(number, wrong=True, ago=3600 - number, text=f"bad <b>{number}</b>") for number in (1, 2, 3)])
    assert alert.fire(store, Rule(tweets=3, seconds=300, cool_down_seconds=1800), settle_seconds=0) == 1


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("asked", "store")
def test_an_empty_store_says_of_each_part_that_there_is_nothing_yet(code: str) -> None:
    say = speak(code)
    told = read(opened("model", code))
    for name in ("title", "lead", "serving", "feedback", "no_feedback", "drift", "alerts", "no_alerts"):
        assert say(f"model.{name}") in told, name
    assert say("model.few_predictions", least=say.number(30)) in told
    assert f"{say('model.version')}: {fake_service.VERSION} ()" in told
    assert f"{say('model.since')}: {say('model.unused')} ()" in told
    assert f"{say('model.auc')}: {say.number(0.876, 3)} ()" in told
    assert say("model.rule", tweets=say.number(3), minutes=say.number(5)) in told
    assert say("model.synthetic") not in told
    assert say("model.forwarding") not in told


@pytest.mark.usefixtures("store")
def test_a_model_that_was_trained_on_made_up_tweets_is_told_to_be_so(asked: FakeService) -> None:
    asked.about["synthetic"] = True
    assert SAY("model.synthetic") in read(opened("model"))


@pytest.mark.usefixtures("store")
def test_a_model_of_which_little_is_known_is_shown_all_the_same(asked: FakeService) -> None:
    asked.about = {"name": "tweet_sentiment", "version": "8", "card": ""}
    told = read(opened("model"))
    assert f"{SAY('model.version')}: 8 ()" in told
    assert f"{SAY('model.auc')}: – ()" in told


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("asked")
def test_feedback_becomes_an_accuracy_with_its_interval_and_the_last_mistakes(store: Store, code: str) -> None:
    say = speak(code)
    store.add(feedback(number, wrong=number % 4 == 0, ago=86400 * (40 - number)) for number in range(40))
    at = opened("model", code)
    metrics = {metric.label: (metric.value, metric.delta) for metric in at.metric}
    assert metrics[say("model.feedbacks")][0] == say.number(40)
    between = say("watch.between", low=say.percent(0.5981), high=say.percent(0.8581))  # Wilson's of 30 of 40
    assert metrics[say("model.accuracy")] == (say.percent(0.75), between)
    (chart,) = charts(at)
    for title in (
        say("watch.time_axis", zone="UTC"),
        say("model.feedback_axis"),
        say("model.wrong"),
        say("model.right"),
    ):
        assert title in json.dumps(chart, ensure_ascii=False)
    assert say("model.mistakes") in read(at)
    (table,) = at.dataframe
    assert table.value[say("watch.text")].tolist() == [f"tweet {number}" for number in range(36, -1, -4)]
    assert table.value.iloc[0].tolist() == [
        say.moment(datetime.fromtimestamp(NOW - 86400 * 4, UTC)),
        say("try.negative"),
        say("try.positive"),
        "tweet 36",
        "fine",
    ]


@pytest.mark.usefixtures("asked")
def test_without_mistakes_none_are_shown(store: Store) -> None:
    store.add([feedback(1)])
    at = opened("model")
    assert SAY("model.mistakes") not in read(at)
    assert not at.dataframe


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize(("negatives", "verdict"), [(50, "as_expected"), (80, "drifted"), (20, "drifted")])
@pytest.mark.usefixtures("asked")
def test_predictions_are_compared_with_what_was_expected_of_them(
    store: Store, negatives: int, verdict: str, code: str
) -> None:
    say = speak(code)
    # Wilson's intervals of so many of 100.
    low, high = {20: (0.1334, 0.2888), 50: (0.4038, 0.5962), 80: (0.7112, 0.8666)}[negatives]
    store.add(prediction(number, negative=number < negatives, ago=3600 * number) for number in range(100))
    at = opened("model", code)
    told = {"share": say.percent(negatives / 100), "low": say.percent(low), "high": say.percent(high)}
    assert f"**{say(f'model.{verdict}', expected=say.percent(0.5), **told)}**" in read(at)
    (chart,) = charts(at)
    assert say("model.expected") in json.dumps(chart, ensure_ascii=False)
    since = say.moment(datetime.fromtimestamp(NOW - 99 * 3600, UTC))
    assert f"{say('model.since')}: {since} ()" in read(at)


@pytest.mark.usefixtures("asked")
def test_a_version_answers_since_its_own_first_prediction(store: Store) -> None:
    store.add([prediction(1, negative=True, ago=9000, version="6"), prediction(2, negative=True, ago=600)])
    since = SAY.moment(datetime.fromtimestamp(NOW - 600, UTC))
    assert f"{SAY('model.since')}: {since} ()" in read(opened("model"))


def test_where_nothing_was_expected_the_share_stands_alone(asked: FakeService, store: Store) -> None:
    asked.about["negative_share"] = None
    store.add(prediction(number, negative=number < 80, ago=60 * number) for number in range(100))
    at = opened("model")
    share = SAY("model.share_alone", share=SAY.percent(0.8), low=SAY.percent(0.7112), high=SAY.percent(0.8666))
    assert share in read(at)
    assert SAY("model.expected") not in json.dumps(charts(at))


@pytest.mark.usefixtures("asked")
def test_few_predictions_do_not_tell_of_drift(store: Store) -> None:
    store.add(prediction(number, negative=True) for number in range(29))
    assert SAY("model.few_predictions", least="30") in read(opened("model"))
    store.add([prediction(30, negative=True)])
    assert SAY("model.few_predictions", least="30") not in read(opened("model"))


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("asked")
def test_an_alert_of_which_nobody_can_be_told_says_so(store: Store, code: str) -> None:
    say = speak(code)
    fire(store)
    at = opened("model", code)
    assert [warning.value for warning in at.warning] == [say("model.no_channel")]
    (expander,) = at.expander
    when = say.moment(datetime.fromtimestamp(NOW - 3597, UTC))
    assert expander.label == say("model.alert", when=when, count=say.number(3))
    assert set(expander.dataframe[0].value[say("watch.text")]) == {f"bad <b>{number}</b>" for number in (1, 2, 3)}
    assert say("model.no_alerts") not in read(at)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("asked")
def test_an_alert_says_over_which_channels_people_were_told_and_what_keeps_the_others(
    store: Store, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    say = speak(code)
    monkeypatch.setenv("TELEMETRY_WEBHOOK", "https://chat.example/secret")
    monkeypatch.setenv("TELEMETRY_MAIL_TO", "a@airline.example")
    monkeypatch.setenv("TELEMETRY_MAIL_FROM", "b@airline.example")
    monkeypatch.setenv("TELEMETRY_SMTP_HOST", "smtp.example")
    fire(store)
    store.advance("webhook", store.alerts()[-1].number)
    store.advance("mail", 0, "smtp.example:587: refused")
    at = opened("model", code)
    assert say("model.told", channel=say("model.webhook")) in read(at)
    not_told = say("model.not_told", channel=say("model.mail"), error="smtp.example:587: refused")
    assert [warning.value for warning in at.warning] == [not_told]
    assert "secret" not in str(at)


@pytest.mark.usefixtures("asked")
def test_an_alert_that_was_just_fired_is_not_yet_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEMETRY_WEBHOOK", "https://chat.example/secret")
    fire(store)
    at = opened("model")
    assert [warning.value for warning in at.warning] == [SAY("model.not_told", channel=SAY("model.webhook"), error="…")]


@pytest.mark.parametrize(
    ("error", "sentence", "number"), [(None, "forwarded", 2), ("the endpoint is down", "not_forwarded", 5)]
)
@pytest.mark.usefixtures("asked")
def test_what_waits_to_be_forwarded_is_counted_with_what_keeps_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: str | None, sentence: str, number: int
) -> None:
    monkeypatch.setenv(
        "APPLICATIONINSIGHTS_CONNECTION_STRING", f"InstrumentationKey={'0' * 8}-0000-0000-0000-{'0' * 12}"
    )
    store.add(feedback(number) for number in range(5))
    store.advance(FORWARDER, 5 - number, error)
    told = {"count": SAY.number(number)} | ({"error": error} if error else {})
    assert SAY(f"model.{sentence}", **told) in read(opened("model"))


@pytest.mark.usefixtures("asked")
def test_what_was_never_forwarded_waits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "APPLICATIONINSIGHTS_CONNECTION_STRING", f"InstrumentationKey={'0' * 8}-0000-0000-0000-{'0' * 12}"
    )
    store.add(feedback(number) for number in range(5))
    assert SAY("model.forwarded", count="5") in read(opened("model"))


@pytest.mark.parametrize(("how", "reason"), FAILURES)
@pytest.mark.usefixtures("impatient")
def test_without_the_service_the_rest_of_the_page_is_shown(
    asked: FakeService, store: Store, how: Failure, reason: str
) -> None:
    fire(store)
    store.add(prediction(100 + number, negative=number < 80, ago=60 * number) for number in range(100))
    asked.fail(how)
    at = opened("model")
    (error,) = at.error
    assert SAY(f"trouble.{reason}") in error.value
    assert SAY("model.version") not in {metric.label for metric in at.metric}
    assert {metric.label for metric in at.metric} == {SAY("model.feedbacks"), SAY("model.accuracy")}
    assert (len(charts(at)), len(at.expander)) == (2, 1)
    press(at, SAY("model.refresh"))
    assert not at.error
    assert at.metric[0].label == SAY("model.version")


def test_a_service_that_is_gone_is_shown_once_it_is_back(asked: FakeService, store: Store) -> None:
    store.add([feedback(1, wrong=True)])
    with asked.down():
        at = opened("model")
        assert [error.value for error in at.error] == [SAY("trouble.gone")]
        assert len(at.dataframe) == 1
    press(at, SAY("model.refresh"))
    assert not at.error


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("asked")
def test_a_store_that_cannot_be_read_is_told_of(store: Store, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    say = speak(code)
    with monkeypatch.context() as broken:
        broken.setattr(Store, "read", refuse)
        at = opened("model", code)
        assert [error.value for error in at.error] == [
            say("model.unreadable", error="database or disk is full"),
        ]
    store.add([feedback(1)])
    press(at, say("model.refresh"))
    assert not at.error
    assert say("model.accuracy") in {metric.label for metric in at.metric}


# All together


@pytest.mark.usefixtures("asked")
def test_three_tweets_that_are_reported_as_wrong_fire_an_alert_on_the_page(
    store: Store, working: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_UNDO_SECONDS", "0")
    at = page()
    for text in ("late", "rude", "awful"):
        press(ask(at, text), SAY("judge.wrong"))
        press(at, SAY("judge.send"))
        assert thanked(at)
    deadline = time.monotonic() + 20
    while not store.alerts():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    visit(at, "model")
    (expander,) = at.expander
    assert set(expander.dataframe[0].value[SAY("watch.text")]) == {"late", "rude", "awful"}
    assert len(working) == len({worker._thread.name for worker in working}), "each works once, whoever visits"
    names = {worker._thread.name for worker in working}
    opened("model")
    assert {worker._thread.name for worker in working} == names
