"""The three views in every state, run by Streamlit with a fake service."""

import gzip
import io
import json
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
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
from telemetry import alert, delivery, monitoring
from telemetry.alert import Rule
from telemetry.events import Feedback, Prediction
from telemetry.settings import Settings
from telemetry.store import Store
from tests import events, fake_service
from tests.fake_service import Failure, FakeService, healthy
from ui import timeline
from ui.client import MOST_CHARACTERS, MOST_TWEETS
from ui.language import LANGUAGES, Language, speak
from ui.views import uploads, watch
from ui.views.columns import NO_COLUMN

APP = Path(ui.__file__).with_name("app.py")
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
def store(empty_events: Path, tmp_path: Path) -> Iterator[Store]:
    """Open an empty event store, which only the service uses."""
    with closing(Store(f"sqlite:///{shutil.copy(empty_events, tmp_path)}")) as store:
        yield store


@pytest.fixture
def service(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeService]:
    """Start the fake service, and point the page to it."""
    service = FakeService(store)
    monkeypatch.setenv("SERVICE_URL", service.url)
    monkeypatch.setenv("UI_PATIENCE_SECONDS", str(PATIENT_SECONDS))
    yield service
    service.close()


@pytest.fixture
def short_timeout(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 (the page calls it)
    """Shorten the page's timeout."""
    monkeypatch.setenv("UI_PATIENCE_SECONDS", "1")


@pytest.fixture(autouse=True)
def _clear_resources() -> Iterator[None]:
    """Keep resources that visitors share from being shared between tests."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture(autouse=True)
def _skip_component_discovery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep each AppTest from reading the metadata of all packages: none contains a component that the page uses."""
    monkeypatch.setattr(BidiComponentManager, "discover_and_register_components", lambda *_, **__: None)


def script(view: str, code: str) -> None:
    """Show one view, as `app.py` does."""
    import importlib

    from ui.language import speak

    importlib.import_module(f"ui.views.{view}").show(speak(code))


def open_view(view: str, code: str = "en") -> AppTest:
    return run(AppTest.from_function(script, args=(view, code), default_timeout=PATIENT_SECONDS))


def page(code: str = "en") -> AppTest:
    """Open the whole page, as a visitor does."""
    at = AppTest.from_file(APP, default_timeout=PATIENT_SECONDS)
    at.query_params["lang"] = code
    return run(at)


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
    """Go to another view; AppTest itself can only go to views that are files."""
    at._page_hash = next(name for name, page in at._registered_pages.items() if page["url_pathname"] == view)
    return run(at)


def analyze(at: AppTest, text: str, say: Language = SAY) -> AppTest:
    at.text_area(key="text").input(text)
    return press(at, say("try.ask"))


def paste(at: AppTest, *lines: str) -> AppTest:
    at.text_area(key="pasted").input("\n".join(lines))
    return run(at)


def upload(at: AppTest, content: bytes, name: str = "tweets.csv") -> AppTest:
    if SAY("watch.other_file") in labels(at):
        press(at, SAY("watch.other_file"))
    at.file_uploader[0].upload(name, content, "text/csv")
    return run(at)


def reading_notes(at: AppTest) -> str:
    """Return how the page says that it has read a table: the summary and the sentences below."""
    boxes = [box for box in at.expander if box.icon in (":material/info:", ":material/warning:")]
    return "\n".join([line for box in boxes for line in (box.label, *(note.value for note in box.markdown))])


def notes_box(at: AppTest) -> Any:
    """Return the box that says how the page has read a table."""
    (box,) = (box for box in at.expander if box.icon in (":material/info:", ":material/warning:"))
    return box


def box(at: AppTest, name: str, say: Language = SAY) -> Any:
    """Return the select box with a label."""
    (match,) = (box for box in at.selectbox if box.label == say(name))
    return match


def score(at: AppTest, count: int, say: Language = SAY) -> AppTest:
    return press(at, say("watch.score", count=say.number(count)))


def page_text(at: AppTest) -> str:
    """Return the text of the page, without its tables and charts."""
    kinds = (at.title, at.header, at.markdown, at.caption, at.success, at.info, at.warning, at.error)
    texts = [element.value for kind in kinds for element in kind]
    return "\n".join([*texts, *(f"{metric.label}: {metric.value} ({metric.delta})" for metric in at.metric)])


def charts(at: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in at.get("vega_lite_chart")]


def badge(at: AppTest) -> str:
    """Return the badge of the sentiment: an icon and a word."""
    (text,) = (element.value for element in at.header if ":material/" in element.value)
    return str(text)


def marked_tweet(at: AppTest) -> str:
    """Return the HTML of the tweet with its words marked."""
    (markup,) = (html.value for html in at.html if 'class="tweet"' in html.value)
    return str(markup)


def remembered_language(at: AppTest) -> str:
    """Return the language that the page stores in the browser's cookie."""
    (cookie,) = (
        language for html in at.html for language in re.findall(r"document\.cookie = 'language=(\w+);", html.value)
    )
    return str(cookie)


def thanks_shown(at: AppTest) -> bool:
    """Return whether the page thanks for the feedback."""
    return [success.value for success in at.success] == [SAY("judge.thanks")]


def feedbacks(store: Store) -> list[Feedback]:
    """Return the feedback in the store."""
    return list(store.read(Feedback))


def comment_field(at: AppTest) -> Any:
    """Return the text field of the comment."""
    (field,) = (field for field in at.text_input if field.label == SAY("judge.comment"))
    return field


def bold(at: AppTest) -> str:
    """Return the bold texts of the page."""
    return "\n".join(re.findall(r"\*\*(.*?)\*\*", page_text(at)))


# Try a tweet


@pytest.mark.parametrize("code", LANGUAGES)
def test_an_answer_shows_a_badge_and_marked_words(service: FakeService, store: Store, code: str) -> None:
    say = speak(code)
    at = analyze(page(code), TWEET, say)
    assert at.title[0].value == say("try.title")
    assert say("try.negative") in badge(at)
    assert say("try.promise", wrong="5", low="20", high=say.percent(0.5)) in bold(at)
    assert say("try.chance", percent=say.percent(fake_service.probability(TWEET))) in page_text(at)
    assert say("try.model", version=fake_service.VERSION) in page_text(at)
    assert marked_tweet(at).count("<mark") == 2
    assert f"({say('try.towards_negative')})" in marked_tweet(at)
    assert labels(at)[-2:] == [say("judge.right"), say("judge.wrong")]
    assert [request.path for request in service.requests] == ["/predict", "/explain", "/model", "/monitoring"]
    assert service.requests[0].body == {"texts": [TWEET], "source": "page"}
    assert feedbacks(store) == [], "no feedback is stored before somebody gives it"


@pytest.mark.parametrize(
    ("text", "sentiment", "certainty"),
    [
        ("late", "negative", "reliable"),
        ("late but", "negative", "likely"),
        ("slow", "negative", "barely"),
        ("slow slow slow but but", "negative", "unsure"),
        ("seat", "positive", "unsure"),
        ("but", "positive", "likely"),
        ("thanks", "positive", "reliable"),
    ],
)
def test_the_certainty_of_an_answer_is_given_in_words(
    service: FakeService, text: str, sentiment: str, certainty: str
) -> None:
    service.about["reliability"] = None
    at = analyze(open_view("try_tweet"), text)
    assert SAY(f"try.{sentiment}") in badge(at)
    names = ("reliable", "likely", "barely", "unsure")
    shown = [name for name in names if SAY(f"try.{name}") in bold(at).splitlines()]
    assert shown == [certainty]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("en", "at most 2.5 in 100 such answers are wrong, as long as 10 to 30% of tweets are negative"),
        ("fr", "au plus 2,5 erreurs sur 100 réponses de ce type, tant que 10 à 30 % des tweets sont négatifs"),
    ],
)
def test_a_reliable_answer_says_what_its_own_model_promises(service: FakeService, code: str, words: str) -> None:
    service.about["reliability"] |= {"max_error": 0.025, "negative_share": [0.1, 0.3]}
    assert words in bold(analyze(open_view("try_tweet", code), "late", speak(code))).replace(
        "\u202f", "\u00a0"
    ).replace("\u00a0", " ")


def test_a_promise_of_another_version_is_not_repeated(service: FakeService) -> None:
    service.about["version"] = "8"
    shown = bold(analyze(open_view("try_tweet"), "late"))
    assert SAY("try.reliable") in shown
    assert "in 100" not in shown


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "en",
            [
                "How far to trust these words: on 60 short tweets",
                "(correlation 0.99; 1 is perfect)",
                "91% of the weight",
            ],
        ),
        (
            "fr",
            ["Fiabilité de ces mots : sur 60 tweets courts", "(corrélation : 0,99 ; 1 = parfaite)", "91 % du poids"],
        ),
    ],
)
def test_the_page_says_how_far_to_trust_the_decisive_words(code: str, words: list[str]) -> None:
    shown = page_text(analyze(open_view("try_tweet", code), TWEET, speak(code)))
    assert all(part in shown.replace("\u202f", " ").replace("\u00a0", " ") for part in words)


@pytest.mark.parametrize("figures", [None, {}, {"tweets": 0.0}])
def test_trust_that_was_not_measured_is_not_mentioned(service: FakeService, figures: dict[str, float] | None) -> None:
    service.about["faithfulness"] = figures
    assert "How far to trust these words" not in page_text(analyze(open_view("try_tweet"), TWEET))


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        ("en", "encore du retard", "seems to be in French"),
        ("fr", "encore du retard", "semble être en français"),
        ("fr", "muy tarde", "semble être en espagnol"),
    ],
)
@pytest.mark.usefixtures("service")
def test_a_tweet_in_another_language_is_uncertain_with_that_reason(code: str, text: str, words: str) -> None:
    say = speak(code)
    shown = bold(analyze(open_view("try_tweet", code), text, say))
    assert say("try.unsure") in shown
    assert words in shown


def test_an_unknown_language_is_reported_without_a_name(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fake_service.FOREIGN, "saluton", "qqq")
    shown = bold(analyze(open_view("try_tweet"), "saluton"))
    assert SAY("try.foreign_unknown") in shown
    assert len(service.requests_to("/predict")) == 1


def test_an_answer_without_a_language_is_shown(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake_service, "answered", lambda text, source: prediction_only(text, source))
    at = analyze(open_view("try_tweet"), "seat")
    assert SAY("try.unsure") in bold(at).splitlines()
    assert len(service.requests_to("/predict")) == 1


def prediction_only(text: str, source: Any) -> dict[str, Any]:
    """Return the answer of a service that does not know languages."""
    fields = fake_service.prediction(text, source).model_dump()
    return {name: value for name, value in fields.items() if name not in ("language", "uncertainty_reason")}


def test_an_example_is_filled_in_and_analyzed(service: FakeService) -> None:
    at = open_view("try_tweet")
    at.button(key="example3").click()
    run(at)
    assert at.text_area(key="text").value == SAY("try.example3")
    assert service.requests_to("/predict")[0].body == {"texts": [SAY("try.example3")], "source": "page"}
    assert SAY("judge.question") in page_text(at)
    run(at)
    assert len(service.requests_to("/predict")) == 1, "it is analyzed once"


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_an_empty_text_is_refused_with_a_warning(service: FakeService, text: str) -> None:
    at = analyze(analyze(open_view("try_tweet"), "late"), text)
    assert [warning.value for warning in at.warning] == [SAY("try.empty")]
    assert SAY("judge.question") not in page_text(at)
    assert len(service.requests_to("/predict")) == 1


def test_the_text_area_has_the_character_limit_of_the_service(service: FakeService) -> None:
    at = open_view("try_tweet")
    assert at.text_area(key="text").max_chars == MOST_CHARACTERS
    analyze(at, "é" * MOST_CHARACTERS)
    assert SAY("judge.question") in page_text(at)
    assert service.requests[0].answered


@pytest.mark.usefixtures("service")
def test_html_and_markdown_in_a_tweet_are_shown_as_text() -> None:
    text = "<script>alert(1)</script> **late** [a](http://b) :red-badge[x] $x$"
    at = analyze(open_view("try_tweet"), text)
    assert "<script>" not in marked_tweet(at)
    assert "&lt;script&gt;" in marked_tweet(at)
    assert "red-badge[x]" not in page_text(at)


@pytest.mark.parametrize(("failure", "reason"), FAILURES)
@pytest.mark.usefixtures("short_timeout")
def test_a_failure_is_explained_and_can_be_retried(service: FakeService, failure: Failure, reason: str) -> None:
    service.fail(failure, detail="texts[0] is odd")
    at = analyze(open_view("try_tweet"), TWEET)
    (error,) = at.error
    assert SAY(f"trouble.{reason}") in error.value
    assert ("texts[0] is odd" in error.value) == (reason == "unfit")
    assert at.text_area(key="text").value == TWEET
    assert SAY("judge.question") not in page_text(at)
    press(at, SAY("trouble.retry"))
    assert SAY("judge.question") in page_text(at)
    assert (len(at.error), len(service.requests_to("/predict"))) == (0, 2)


@pytest.mark.parametrize("code", LANGUAGES)
def test_an_unreachable_service_can_be_retried_until_it_is_back(service: FakeService, code: str) -> None:
    say = speak(code)
    at = page(code)
    with service.down():
        analyze(at, TWEET, say)
        press(at, say("trouble.retry"))
        assert [error.value for error in at.error] == [say("trouble.gone")]
        assert at.text_area(key="text").value == TWEET
    press(at, say("trouble.retry"))
    assert say("judge.question") in page_text(at)


def test_each_retry_sends_one_request(service: FakeService) -> None:
    service.fail(503, times=2)
    at = analyze(open_view("try_tweet"), TWEET)
    press(at, SAY("trouble.retry"))
    assert (len(at.error), len(service.requests)) == (1, 2)
    run(at)
    assert (len(at.error), len(service.requests)) == (1, 2), "the error stays, and no request is sent"
    assert SAY("judge.question") not in page_text(at)


def test_an_answer_is_shown_even_if_its_explanation_fails(service: FakeService) -> None:
    service.fail(504, after=1)
    at = analyze(open_view("try_tweet"), TWEET)
    assert not at.error
    assert SAY("try.unexplained") in page_text(at)
    assert SAY("judge.question") in page_text(at)


def test_the_pages_key_is_sent(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    service.key = "a-key-of-the-tests-long-enough"
    at = analyze(open_view("try_tweet"), TWEET)
    assert [error.value for error in at.error] == [SAY("trouble.key")]
    monkeypatch.setenv("SERVICE_KEY", service.key)
    st.cache_resource.clear()
    assert SAY("judge.question") in page_text(analyze(open_view("try_tweet"), TWEET))
    assert service.key not in str(at)


# Feedback on an answer


@pytest.mark.usefixtures("service")
def test_the_yes_button_stores_one_event_despite_reruns(store: Store) -> None:
    at = analyze(open_view("try_tweet"), TWEET)
    answer = at.session_state["answer"].prediction
    press(at, SAY("judge.right"))
    for _ in range(5):
        run(at)
        assert thanks_shown(at)
        assert SAY("judge.right") not in labels(at)
    (event,) = feedbacks(store)
    assert (event.source, event.model_version, event.comment) == ("page", fake_service.VERSION, None)
    assert event.negative_probability == answer["negative_probability"]
    assert event.text == "@user late and rude, see http 😠"
    assert (event.predicted_sentiment, event.true_sentiment) == ("negative", "negative")


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("service")
def test_the_no_button_asks_for_the_true_sentiment_and_a_comment(store: Store, code: str) -> None:
    say = speak(code)
    at = analyze(page(code), TWEET, say)
    press(at, say("judge.wrong"))
    assert feedbacks(store) == [], "nothing is stored before it is sent"
    assert at.radio[0].value == "positive"
    assert at.radio[0].options == [say("try.positive"), say("try.negative")]
    assert say("judge.kept_masked") in page_text(at)
    at.text_input[0].input("  ask @bob, www.airline.example/y  ")
    press(at, say("judge.send"))
    assert [success.value for success in at.success] == [say("judge.thanks")]
    (event,) = feedbacks(store)
    assert (event.predicted_sentiment, event.true_sentiment) == ("negative", "positive")
    assert event.comment == "ask @user, http"
    assert event.text == "@user late and rude, see http 😠"


@pytest.mark.usefixtures("service")
def test_after_the_no_button_the_answer_can_still_be_confirmed(store: Store) -> None:
    at = press(analyze(open_view("try_tweet"), "thanks"), SAY("judge.wrong"))
    at.radio[0].set_value("positive")
    press(at, SAY("judge.send"))
    (event,) = feedbacks(store)
    assert (event.predicted_sentiment, event.true_sentiment) == ("positive", "positive")
    assert event.comment is None


def test_raw_text_is_stored_only_if_set_and_the_page_says_so(service: FakeService, store: Store) -> None:
    service.settings = Settings(undo_seconds=60, feedback_text="raw")
    at = press(analyze(open_view("try_tweet"), TWEET), SAY("judge.wrong"))
    assert SAY("judge.kept_raw") in page_text(at)
    assert SAY("judge.kept_masked") not in page_text(at)
    comment_field(at).input("ask @bob")
    press(at, SAY("judge.send"))
    (event,) = feedbacks(store)
    assert (event.text, event.comment) == (TWEET, "ask @bob")


def test_an_unknown_way_of_keeping_is_not_promised(service: FakeService) -> None:
    service.report["feedback_text"] = "somehow"
    at = analyze(open_view("try_tweet"), TWEET)
    assert SAY("judge.kept") in page_text(at)
    assert SAY("judge.kept_masked") not in page_text(at)


@pytest.mark.usefixtures("service")
def test_each_answer_gets_its_own_feedback(store: Store) -> None:
    at = open_view("try_tweet")
    press(analyze(at, TWEET), SAY("judge.right"))
    analyze(at, TWEET)
    assert SAY("judge.question") in page_text(at)
    assert not at.success
    press(at, SAY("judge.right"))
    first, second = feedbacks(store)
    assert first.id != second.id


@pytest.mark.usefixtures("service")
def test_a_correction_in_progress_is_discarded_with_the_next_answer() -> None:
    at = open_view("try_tweet")
    press(analyze(at, TWEET), SAY("judge.wrong"))
    comment_field(at).input("it was fine")
    analyze(at, "thanks")
    assert not at.radio
    assert comment_field(press(at, SAY("judge.wrong"))).value == ""


@pytest.mark.usefixtures("service")
def test_a_correction_in_progress_survives_a_visit_to_another_view() -> None:
    at = press(analyze(page(), TWEET), SAY("judge.wrong"))
    comment_field(at).input("it was fine")
    run(at)
    visit(visit(at, "model"), "")
    assert comment_field(at).value == "it was fine"


@pytest.mark.usefixtures("service")
def test_feedback_can_be_undone_in_time_and_given_again(store: Store) -> None:
    at = press(press(analyze(open_view("try_tweet"), TWEET), SAY("judge.wrong")), SAY("judge.send"))
    undo = at.button(key="undo")
    assert undo.label in {SAY("judge.undo", seconds=SAY.number(seconds)) for seconds in range(50, 62)}
    undo.click()
    run(at)
    assert feedbacks(store) == []
    assert SAY("judge.question") in page_text(at)
    assert not at.success
    assert not at.radio, "the question starts over"
    press(at, SAY("judge.right"))
    (event,) = feedbacks(store)
    assert event.true_sentiment == "negative"


@pytest.mark.usefixtures("service")
def test_feedback_cannot_be_undone_later(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    at = press(analyze(open_view("try_tweet"), TWEET), SAY("judge.right"))
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + 62)
    at.button(key="undo").click()
    run(at)
    run(at)
    assert len(feedbacks(store)) == 1
    assert thanks_shown(at)
    assert "undo" not in [button.key for button in at.button]


def test_undo_is_not_offered_if_it_is_disabled(service: FakeService, store: Store) -> None:
    service.settings = Settings(undo_seconds=0)
    at = press(analyze(open_view("try_tweet"), TWEET), SAY("judge.right"))
    assert thanks_shown(at)
    assert "undo" not in [button.key for button in at.button]
    assert len(feedbacks(store)) == 1


@pytest.mark.parametrize("code", LANGUAGES)
def test_feedback_that_was_already_read_cannot_be_undone(service: FakeService, store: Store, code: str) -> None:
    say = speak(code)
    at = press(analyze(open_view("try_tweet", code), TWEET, say), say("judge.right"))
    alert.fire(store, Rule(tweets=3, seconds=300, cool_down_seconds=1800), undo_seconds=-1)
    at.button(key="undo").click()
    run(at)
    assert [warning.value for warning in at.warning] == [say("judge.too_late")]
    assert [success.value for success in at.success] == [say("judge.thanks")]
    assert len(feedbacks(store)) == 1
    assert service.requests[-1].method == "DELETE"


@pytest.mark.usefixtures("service")
def test_feedback_undone_in_another_window_can_be_given_again(store: Store) -> None:
    at = press(analyze(open_view("try_tweet"), TWEET), SAY("judge.right"))
    (event,) = feedbacks(store)
    store.withdraw(event.id, 60)
    at.button(key="undo").click()
    run(at)
    assert SAY("judge.question") in page_text(at)


def test_a_failed_undo_can_be_retried(service: FakeService, store: Store) -> None:
    at = press(analyze(open_view("try_tweet"), TWEET), SAY("judge.right"))
    service.fail(500)
    at.button(key="undo").click()
    run(at)
    assert [error.value for error in at.error] == [SAY("trouble.broken")]
    at.button(key="undo").click()
    run(at)
    assert feedbacks(store) == []


@pytest.mark.parametrize("no_pressed", [False, True])
@pytest.mark.parametrize(("failure", "reason"), [*FAILURES, (404, "unknown"), (409, "too_late")])
@pytest.mark.usefixtures("short_timeout")
def test_feedback_that_cannot_be_stored_is_kept_without_thanks(
    service: FakeService, store: Store, *, no_pressed: bool, failure: Failure, reason: str
) -> None:
    at = analyze(open_view("try_tweet"), TWEET)
    button = SAY("judge.right")
    if no_pressed:
        press(at, SAY("judge.wrong"))
        comment_field(at).input("it was fine")
        button = SAY("judge.send")
    service.fail(failure)
    press(at, button)
    (error,) = at.error
    assert SAY(f"trouble.{'no_store' if reason == 'asleep' and failure == 503 else reason}") in error.value
    assert not at.success
    assert feedbacks(store) == []
    if no_pressed:
        assert comment_field(at).value == "it was fine"
    press(at, button)
    assert thanks_shown(at)
    (event,) = feedbacks(store)
    assert event.comment == ("it was fine" if no_pressed else None)


def test_a_service_without_a_store_refuses_feedback_in_words(service: FakeService, store: Store) -> None:
    service.store = None
    at = analyze(open_view("try_tweet"), TWEET)
    assert SAY("judge.kept") in page_text(at)
    press(at, SAY("judge.right"))
    assert [error.value for error in at.error] == [SAY("trouble.no_store")]
    service.store = store
    press(at, SAY("judge.right"))
    assert thanks_shown(at)


def test_feedback_whose_answer_was_lost_is_sent_again_without_harm(
    service: FakeService, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = analyze(open_view("try_tweet"), TWEET)
    answer = service.answer_feedback

    def store_and_fail(method: str, prediction_id: str, body: Any) -> tuple[int, dict[str, Any]]:
        answer(method, prediction_id, body)
        return 500, {}

    with monkeypatch.context() as lossy:
        lossy.setattr(service, "answer_feedback", store_and_fail)
        press(at, SAY("judge.right"))
    assert [error.value for error in at.error] == [SAY("trouble.broken")]
    press(at, SAY("judge.right"))
    assert thanks_shown(at)
    assert len(feedbacks(store)) == 1


# Language and navigation


@pytest.mark.parametrize(
    ("address", "browser", "code"),
    [("fr", None, "fr"), ("en", "fr-FR", "en"), (None, "fr-CA", "fr"), (None, "de-DE", "en"), (None, None, "en")],
)
@pytest.mark.usefixtures("service")
def test_the_language_comes_from_the_address_or_else_the_browser(
    address: str | None, browser: str | None, code: str
) -> None:
    at = AppTest.from_file(APP, default_timeout=PATIENT_SECONDS)
    if address is not None:
        at.query_params["lang"] = address
    if browser is not None:
        at.context["locale"] = browser
    run(at)
    assert at.title[0].value == speak(code)("try.title")
    assert remembered_language(at) == code


def test_changing_the_language_loses_nothing(service: FakeService) -> None:
    french = speak("fr")
    at = press(analyze(page("en"), TWEET), SAY("judge.right"))
    at.button_group(key="language").set_value("fr")
    run(at)
    assert at.title[0].value == french("try.title")
    assert [success.value for success in at.success] == [french("judge.thanks")]
    assert at.text_area(key="text").value == TWEET
    assert french("try.negative") in badge(at)
    assert remembered_language(at) == "fr"
    assert len(service.requests_to("/predict")) == 1, "no request is repeated"


@pytest.mark.parametrize("code", LANGUAGES)
def test_input_survives_visits_to_other_views(service: FakeService, store: Store, code: str) -> None:
    say = speak(code)
    at = press(analyze(page(code), TWEET, say), say("judge.right"))
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
    assert len(service.requests_to("/predict")) == len(feedbacks(store)) == 1


# Spot a backlash

DAYS = [datetime(2015, 2, 10, 12, tzinfo=UTC) + timedelta(days=day) for day in range(20)]
BAD = DAYS[13]


def tweets_with_a_bad_day(format_time: Callable[[datetime], str] = str) -> pd.DataFrame:
    """Return 40 tweets a day: 10 are negative, 32 on the bad day."""
    rows = []
    for day in DAYS:
        for number in range(40):
            word = "late" if number < (32 if day == BAD else 10) else "great"
            rows.append((format_time(day + timedelta(minutes=number)), f"{word} {day:%d} {number}", f"a{number}"))
    return pd.DataFrame(rows, columns=["date", "text", "author"])


def csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def test_nothing_is_scored_without_input(service: FakeService) -> None:
    at = open_view("watch")
    assert labels(at) == [SAY("watch.sample")]
    assert not at.warning
    paste(at, "  ", "")
    assert labels(at) == [SAY("watch.sample")]
    assert service.requests == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_pasted_tweets_are_counted_and_sorted_by_negativity(service: FakeService, code: str) -> None:
    say = speak(code)
    at = paste(open_view("watch", code), *["late rude"] * 2, "late", "", "thanks", "seat", *["great"] * 3)
    assert service.requests == [], "nothing is scored before the button is pressed"
    score(at, 8, say)
    metrics = {metric.label: (metric.value, metric.delta) for metric in at.metric}
    assert metrics[say("watch.tweets")][0] == say.number(8)
    assert metrics[say("watch.negative_share")] == (
        say.percent(3 / 8),
        say("watch.between", low=say.percent(0.1368), high=say.percent(0.6943)),  # Wilson's
    )
    assert metrics[say("watch.to_read")][0] == say.number(1)
    assert at.dataframe[0].value[["text", "repetitions"]].to_numpy().tolist() == [["late rude", 2], ["late", 1]]
    assert charts(at) == []
    assert service.requests_to("/predict")[0].body == {
        "texts": ["late rude", "late", "thanks", "seat", "great"],
        "source": "batch",
    }


def test_many_tweets_are_scored_in_batches_each_text_once(service: FakeService) -> None:
    texts = [f"late {number}" for number in range(2 * MOST_TWEETS + 76)]
    at = paste(open_view("watch"), *texts, *texts[:9])
    score(at, len(texts) + 9)
    assert [len(request.body["texts"]) for request in service.requests] == [MOST_TWEETS, MOST_TWEETS, 76]
    assert [text for request in service.requests for text in request.body["texts"]] == texts
    run(at)
    assert len(service.requests) == 3
    paste(at, *texts, "one more")
    assert not at.metric, "results of other tweets are not shown"
    score(at, len(texts) + 1)
    assert service.requests[-1].body == {"texts": ["one more"], "source": "batch"}


@pytest.mark.parametrize(("failure", "reason"), FAILURES)
@pytest.mark.usefixtures("short_timeout")
def test_scoring_resumes_where_the_service_failed(service: FakeService, failure: Failure, reason: str) -> None:
    texts = [f"late {number}" for number in range(2 * MOST_TWEETS + 76)]
    service.fail(failure, after=1, detail="texts[3] is odd")
    at = score(paste(open_view("watch"), *texts), len(texts))
    (error,) = at.error
    assert SAY(f"trouble.{reason}") in error.value
    assert not at.metric
    assert at.text_area(key="pasted").value == "\n".join(texts)
    press(at, SAY("trouble.retry"))
    assert not at.error
    assert at.metric[0].value == SAY.number(len(texts))
    assert [len(request.body["texts"]) for request in service.requests] == [MOST_TWEETS, MOST_TWEETS, MOST_TWEETS, 76]
    assert [text for request in service.requests if request.answered for text in request.body["texts"]] == texts


def test_each_press_scores_once(service: FakeService) -> None:
    at = paste(open_view("watch"), "late", "thanks")
    with service.down():
        score(at, 2)
        assert [error.value for error in at.error] == [SAY("trouble.gone")]
    service.fail(429, times=5)
    press(at, SAY("trouble.retry"))
    assert [error.value for error in at.error] == [SAY("trouble.too_many")]
    assert len(service.requests) == 1
    service.failures.clear()
    press(at, SAY("trouble.retry"))
    assert at.metric[0].value == "2"


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("service")
def test_a_bad_day_in_a_file_is_named_in_a_sentence(code: str) -> None:
    say = speak(code)
    frame = tweets_with_a_bad_day()
    at = score(upload(open_view("watch", code), csv(frame)), len(frame), say)
    assert reading_notes(at) == "", "nothing was assumed, so there is no note"
    alarm = say("recording.alarm", count="1", since=say.day(BAD))
    assert alarm.removesuffix(".") in page_text(at)
    assert say("live.limit_help") in page_text(at)
    axis = say("watch.time_axis", zone=say("watch.zone"))
    for chart, title in zip(charts(at), ("live.negative_axis", "watch.share_axis"), strict=True):
        assert say(title) in json.dumps(chart, ensure_ascii=False)
    assert axis in json.dumps(charts(at)[1], ensure_ascii=False)
    assert at.dataframe[0].value[say("live.kind")].tolist() == [say("live.alarm")]


def test_the_page_says_so_if_the_service_does_not_say_how_it_watches(service: FakeService) -> None:
    service.tells_plan = False
    frame = tweets_with_a_bad_day()
    at = score(upload(open_view("watch"), csv(frame)), len(frame))
    captions = [caption.value for caption in at.caption]
    assert SAY("recording.default_alarm") in captions
    assert SAY("peaks.no_reasons") in captions
    assert at.dataframe[0].value[SAY("live.kind")].tolist() == [SAY("live.alarm")]


def test_the_time_grouping_can_be_changed_without_scoring_again(service: FakeService) -> None:
    frame = tweets_with_a_bad_day()
    at = score(upload(open_view("watch"), csv(frame)), len(frame))
    requests = len(service.requests)
    assert at.segmented_control[0].options == [SAY("watch.width_h"), SAY("watch.width_D")]
    for width in ("h", "D"):
        at.segmented_control[0].set_value(width)
        run(at)
        assert len(charts(at)) == 2
    assert len(service.requests) == requests


@pytest.mark.usefixtures("service")
def test_ordinary_days_are_reported_as_ordinary() -> None:
    frame = tweets_with_a_bad_day().query("date < '2015-02-20'")
    at = score(upload(open_view("watch"), csv(frame)), len(frame))
    assert f"**{SAY('recording.calm')}**" in page_text(at)
    assert [metric.value for metric in at.metric][-1] == "10", "all tweets are described"


@pytest.mark.usefixtures("service")
def test_french_dates_are_understood() -> None:
    frame = tweets_with_a_bad_day(lambda when: f"{when - timedelta(days=9):%d/%m/%Y %H:%M}")
    at = score(upload(open_view("watch", "fr"), csv(frame)), len(frame), speak("fr"))
    alarm = speak("fr")("recording.alarm", count="1", since=speak("fr").day(BAD - timedelta(days=9)))
    assert alarm.removesuffix(".") in page_text(at)


@pytest.mark.usefixtures("service")
def test_unreadable_times_are_counted_and_their_tweets_scored() -> None:
    at = upload(open_view("watch"), csv(tweets_with_a_bad_day(lambda _: "some day")))
    count = SAY.number(len(tweets_with_a_bad_day()))
    assert SAY("reading.unreadable", count=count, column="date", examples="some day") in reading_notes(at)
    assert at.expander[0].proto.expanded, "the notes are expanded if no time can be read"
    score(at, len(tweets_with_a_bad_day()))
    assert charts(at) == []
    assert at.metric[0].value == count


@pytest.mark.usefixtures("service")
def test_the_columns_can_be_chosen() -> None:
    frame = tweets_with_a_bad_day().rename(columns={"text": "b", "date": "a", "author": "c"})
    at = upload(open_view("watch"), csv(frame))
    texts, times, authors = at.selectbox
    assert (texts.value, times.value, authors.value) == ("a", "a", NO_COLUMN)
    texts.set_value("b")
    authors.set_value("c")
    times.set_value(NO_COLUMN)
    assert charts(score(run(at), len(frame))) == []
    box(at, "watch.time").set_value("a")
    assert len(charts(run(at))) == 2
    assert {metric.label: metric.value for metric in at.metric}[SAY("watch.authors")] == "32"


def test_rows_that_cannot_be_scored_are_dropped_and_counted(service: FakeService) -> None:
    frame = pd.DataFrame({"text": ["late", " ", "", "a" * (MOST_CHARACTERS + 1), "great"], "likes": list("12345")})
    at = upload(open_view("watch"), csv(frame))
    expected = SAY("watch.left_out", count="3", most=SAY.number(MOST_CHARACTERS))
    assert expected in reading_notes(at)
    score(at, 2)
    assert at.metric[0].value == "2"
    assert service.requests[0].body["texts"] == ["late", "great"]


@pytest.mark.usefixtures("service")
def test_a_table_without_tweets_is_reported() -> None:
    at = upload(open_view("watch"), b"text,likes\n ,1\n,2\n")
    assert [warning.value for warning in at.warning] == [SAY("watch.nothing")]
    assert labels(at) == [SAY("watch.other_file")]


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
@pytest.mark.usefixtures("service")
def test_an_unreadable_file_is_reported_with_the_reason(
    name: str, content: bytes, fault: str, values: dict[str, object], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES", 1_000)
    at = upload(open_view("watch", code), content, name)
    assert [error.value for error in at.error] == [speak(code)(f"table.{fault}", **values)]
    assert labels(at) == [speak(code)("watch.other_file")]


# How a file was read


ACCENTS = "texte;heure\r\nDéçu, « late »;10:00\r\n".encode("cp1252")


@pytest.mark.parametrize("code", LANGUAGES)
def test_an_assumed_encoding_is_reported(service: FakeService, code: str) -> None:
    say = speak(code)
    at = upload(open_view("watch", code), ACCENTS)
    assert say("reading.encoding_short", encoding="Windows-1252") in notes_box(at).label
    assert say("reading.encoding_assumed", encoding="Windows-1252") in reading_notes(at)
    score(at, 1, say)
    assert service.requests[0].body["texts"] == ["Déçu, « late »"]


def test_the_encoding_can_be_changed_and_reset(service: FakeService) -> None:
    at = upload(open_view("watch"), ACCENTS)
    box(at, "watch.encoding").set_value("cp850")
    run(at)
    assert SAY("reading.encoding_given", encoding="DOS (850)") in reading_notes(at)
    score(at, 1)
    assert service.requests[0].body["texts"] == ["DÚþu, ½ late ╗"]
    box(at, "watch.encoding").set_value("utf-16")
    run(at)
    assert len(at.error) == 1
    assert at.metric.len == 0
    box(at, "watch.encoding").set_value(None)
    assert SAY("reading.encoding_assumed", encoding="Windows-1252") in reading_notes(run(at))


def test_a_damaged_character_is_counted_and_the_others_are_kept(service: FakeService) -> None:
    at = upload(open_view("watch"), "text,likes\ndéçu 😠,1\nraté é".encode()[:-1])
    assert SAY("reading.damaged", count="1") in reading_notes(at)
    assert SAY("reading.short", count="1", row="3") in reading_notes(at)
    score(at, 2)
    assert service.requests[0].body["texts"] == ["déçu 😠", "raté \ufffd"]


def february_tweet(day: int, number: int) -> str:
    return f"{'late' if day == 5 and number else 'great'} {day} {number}"


def february_csv(form: str) -> bytes:
    """Return five tweets on each of the first nine days of February 2026; the fifth is bad."""
    rows = [
        f"{february_tweet(day, number)};{datetime(2026, 2, day, 8 + number, tzinfo=UTC):{form}}"
        for day in range(1, 10)
        for number in range(5)
    ]
    return "\n".join(["texte;date", *rows]).encode()


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M", "%d.%m.%y %Hh%M"])
@pytest.mark.usefixtures("service")
def test_ambiguous_dates_are_day_first_in_french(form: str) -> None:
    say = speak("fr")
    at = upload(open_view("watch", "fr"), february_csv(form))
    assert say("watch.period", first="1er février 2026", last="9 février 2026") in page_text(at)
    if form.startswith("%Y"):
        assert reading_notes(at) == ""
    else:
        example = f"{datetime(2026, 2, 1, 8, tzinfo=UTC):{form}}"
        assert say("reading.order", example=example, day="1er février 2026") in reading_notes(at)


@pytest.mark.usefixtures("service")
def test_ambiguous_dates_are_month_first_in_english_and_can_be_changed() -> None:
    at = upload(open_view("watch"), february_csv("%d/%m/%Y %H:%M"))
    assert SAY("reading.month_first") in notes_box(at).label
    assert SAY("reading.order", example="01/02/2026 08:00", day="January 2, 2026") in reading_notes(at)
    assert SAY("watch.period", first="January 2, 2026", last="September 2, 2026") in page_text(at)
    at.segmented_control[0].set_value(True)
    run(at)
    assert SAY("reading.order", example="01/02/2026 08:00", day="February 1, 2026") in reading_notes(at)
    assert SAY("watch.period", first="February 1, 2026", last="February 9, 2026") in page_text(at)


@pytest.mark.usefixtures("service")
def test_the_date_order_is_not_offered_if_a_value_decides_it() -> None:
    at = upload(open_view("watch"), b"text,date\nlate,05/02/2026 10:00\ngreat,13/02/2026 10:00\n")
    assert reading_notes(at) == ""
    assert SAY("watch.period", first="February 5, 2026", last="February 13, 2026") in page_text(at)


@pytest.mark.parametrize(("code", "day"), [("fr", "5 mars 2026"), ("en", "March 4, 2026")])
@pytest.mark.usefixtures("service")
def test_named_zones_are_understood_and_the_displayed_zone_can_be_chosen(code: str, day: str) -> None:
    say = speak(code)
    rows = [f"2026-03-05 00:{minute:02} CET,late {minute}" for minute in range(30)]
    at = upload(open_view("watch", code), "\n".join(["created_at,tweet", *rows, "2026-03-01 12:00 EST,great"]).encode())
    assert reading_notes(at) == ""
    assert say("watch.period", first=say.day(datetime(2026, 3, 1, tzinfo=UTC)), last=day) in page_text(at)
    score(at, 31, say)
    assert box(at, "watch.zone_label", say).value == say("watch.zone")
    box(at, "watch.zone_label", say).set_value("America/New_York")
    run(at)
    axis = say("watch.time_axis", zone="America/New York")
    assert len(charts(at)) == 2
    assert axis in json.dumps(charts(at)[1], ensure_ascii=False)
    assert say.day(datetime(2026, 3, 4, tzinfo=UTC)) in page_text(at)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("service")
def test_times_without_a_zone_are_shown_as_in_the_file(code: str) -> None:
    say = speak(code)
    at = upload(open_view("watch", code), b"date,text\n2026-03-29 00:10,late\n2026-03-29 23:50,great\n")
    assert reading_notes(at) == ""
    score(at, 2, say)
    assert say("watch.zone_label") not in [selectbox.label for selectbox in at.selectbox]
    assert len(charts(at)) == 2
    assert all(say("watch.time_of_file") in json.dumps(chart, ensure_ascii=False) for chart in charts(at))
    assert say("watch.day", day=say.day(datetime(2026, 3, 29, tzinfo=UTC))) in page_text(at)


@pytest.mark.usefixtures("service")
def test_times_without_a_zone_among_others_are_counted() -> None:
    at = upload(open_view("watch", "fr"), b"date,text\n2026-03-05 00:10,late\n2026-03-05T09:00:00Z,great\n")
    say = speak("fr")
    assert say("reading.zoneless", count="1", zone="Europe/Paris") in reading_notes(at)
    assert say("watch.day", day="5 mars 2026") in page_text(at)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("service")
def test_day_time_and_zone_columns_are_combined(code: str) -> None:
    say = speak(code)
    rows = b"date,time,timezone,tweet\n2026-03-05,23:30,-0500,late\n2026-03-05,08:00,+0100,great\n"
    at = upload(open_view("watch", code), rows)
    values = {selectbox.label: selectbox.value for selectbox in at.selectbox}
    assert [values[say(f"watch.{name}")] for name in ("time", "clock", "zone_column", "text")] == [
        *("date", "time", "timezone", "tweet")
    ]
    assert reading_notes(at) == ""
    first, last = (say.day(datetime(2026, 3, day, tzinfo=UTC)) for day in (5, 6))
    assert say("watch.period", first=first, last=last) in page_text(at)
    box(at, "watch.zone_column", say).set_value(NO_COLUMN)
    assert say("watch.day", day=first) in page_text(run(at))
    box(at, "watch.clock", say).set_value(NO_COLUMN)
    assert say("watch.day", day=first) in page_text(run(at))
    box(at, "watch.time", say).set_value("time")
    assert say("reading.without_day", count="2", column="time") in reading_notes(run(at))


@pytest.mark.usefixtures("service")
def test_unreadable_times_are_counted_with_escaped_examples() -> None:
    rows = [f"2026-03-0{day},late {day}" for day in range(1, 9)]
    at = upload(open_view("watch"), "\n".join(["date,text", *rows, "*soon*,x", "[a](http://b),y", ",z"]).encode())
    examples = r"\*soon\*, \[a\](http://b)"
    assert SAY("reading.unreadable", count="2", column="date", examples=examples) in reading_notes(at)
    assert SAY("reading.no_time", count="1", column="date") in reading_notes(at)
    at = upload(open_view("watch"), b"date,text\n2026-03-05 10:00 XYZ,late\n2026-03-05 10:00 CET,late\n")
    assert SAY("reading.unknown_zones", count="1", column="date", zones="XYZ") in reading_notes(at)


def test_quotation_marks_within_texts_do_not_merge_tweets(service: FakeService) -> None:
    rows = [f"{'&' * (day == 4)}late {day}\t2026-03-0{day}".replace("&", '"') for day in range(1, 9)]
    at = upload(open_view("watch"), "\n".join(["text\tdate", *rows]).encode(), "tweets.tsv")
    assert SAY("reading.typed_quotes", count="1", row="5") in reading_notes(at)
    score(at, 8)
    assert service.requests[0].body["texts"][3] == '"late 4'


@pytest.mark.usefixtures("service")
def test_dropped_rows_and_skipped_lines_are_counted_with_their_row() -> None:
    rows = [f"{number},late {number}" for number in range(8)]
    content = "\n".join(["Report:,Air Paradis", "", "id,text", *rows, "8,late, late", "9,late, late"]).encode()
    at = upload(open_view("watch"), content)
    assert SAY("reading.skipped", count="1", row="3") in reading_notes(at)
    assert SAY("reading.long", count="2", row="12") in reading_notes(at)
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
def test_files_from_common_programs_are_read_without_notes(service: FakeService, content: bytes) -> None:
    name = "tweets (1).csv.gz" if content.startswith(b"\x1f\x8b") else "tweets (1).csv"
    at = upload(open_view("watch"), content, name)
    assert reading_notes(at) == ""
    assert SAY("watch.period", first="March 2, 2026", last="March 3, 2026") in page_text(at)
    score(at, 2)
    assert service.requests[0].body["texts"] == ["late, again", "great"]


@pytest.mark.parametrize(
    ("content", "texts", "kind"),
    [
        (b"late again, and again, and rude\ngreat\n", 2, "no_header"),
        (b"late again\ngreat\n", 1, "header"),
        (b"late;2026-03-01\ngreat;2026-03-02\nfine;2026-03-03\n", 3, "no_header"),
    ],
)
@pytest.mark.usefixtures("service")
def test_whether_the_first_row_is_a_header_is_shown_and_can_be_changed(content: bytes, texts: int, kind: str) -> None:
    at = upload(open_view("watch"), content, "tweets.txt")
    assert SAY(f"reading.{kind}") in reading_notes(at)
    assert SAY("watch.score", count=str(texts)) in labels(at)
    at.toggle[0].set_value(kind == "no_header")
    changed_count = texts + (1 if kind == "header" else -1)
    assert SAY("watch.score", count=str(changed_count)) in labels(run(at))
    assert SAY("reading.header" if kind == "no_header" else "reading.no_header") in reading_notes(at)
    assert SAY(f"reading.{kind}") not in reading_notes(at)
    assert [toggle.value for toggle in at.toggle] == [kind == "no_header"], "the choice can be undone"


def workbook() -> bytes:
    """Return a workbook of three sheets: two with tweets in the same columns, and an empty one."""
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


def test_the_sheet_of_a_workbook_can_be_chosen(service: FakeService) -> None:
    at = upload(open_view("watch"), workbook(), "tweets.xlsx")
    assert box(at, "watch.sheet").value == "March"
    assert box(at, "watch.sheet").options == ["March", "April", "Empty"]
    assert (box(at, "watch.time").value, box(at, "watch.clock").value) == ("Jour", "Heure")
    assert reading_notes(at) == ""
    score(at, 2)
    box(at, "watch.sheet").set_value("April")
    score(run(at), 2)
    assert [request.body["texts"] for request in service.requests] == [["late", "late again"], ["great", "great again"]]
    box(at, "watch.sheet").set_value("Empty")
    assert [error.value for error in run(at).error] == [SAY("table.empty_file")]
    box(at, "watch.sheet").set_value("March")
    assert not run(at).error


def test_a_parquet_file_with_types_and_gaps_is_scored(service: FakeService) -> None:
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
    at = upload(open_view("watch"), content.getvalue(), "tweets.parquet")
    assert SAY("watch.left_out_short", count="1") in reading_notes(at)
    assert SAY("reading.no_time", count="1", column="date") in reading_notes(at)
    score(at, 2)
    assert service.requests[0].body["texts"] == ["late", "great"]


def record_downloads(monkeypatch: pytest.MonkeyPatch, downloads: list[bytes], ending: str) -> None:
    """Make the files that the page offers, and record those with this ending."""

    def record(_: str, make: Callable[[], bytes], *, file_name: str, **__: object) -> None:
        if file_name.endswith(ending):
            downloads.append(make())

    monkeypatch.setattr(st, "download_button", record)


@pytest.mark.usefixtures("service")
def test_the_scored_table_can_be_downloaded_as_a_workbook_without_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    downloads: list[bytes] = []
    record_downloads(monkeypatch, downloads, ".xlsx")
    frame = pd.DataFrame({"text": ["late", "=SUM(late)", "\x07thanks"], "=likes": ["1", "+33", "007"]})
    score(upload(open_view("watch"), csv(frame)), 3)
    sheet = openpyxl.load_workbook(io.BytesIO(downloads[-1])).active
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    table = reading.read(downloads[-1], "tweets.xlsx", strict=True).frame
    assert table["text"].tolist() == frame["text"].tolist()
    assert table["=likes"].tolist() == ["1", "+33", "007"]
    assert table["sentiment"].tolist() == ["negative", "positive", "positive"]
    assert table["language"].tolist() == ["en"] * 3


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("service")
def test_the_scored_table_has_every_uploaded_row_and_column(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    downloads: list[bytes] = []
    record_downloads(monkeypatch, downloads, ".csv")
    frame = pd.DataFrame(
        {
            "text": ["late", "", "great, thanks\n😠", "late", "=SUM(late)", "'-late"],
            "sentiment": ["neutral", "negative", "", "x", "-1", "@SUM(1)"],
            "likes": ["007", "NA", "", "1", "+33", "--"],
        }
    )
    score(upload(open_view("watch", code), csv(frame)), 5, speak(code))
    assert downloads[-1].startswith(b"\xef\xbb\xbf")
    assert b'"=SUM' not in downloads[-1]
    assert (b'"text";"sentiment"' in downloads[-1]) == (code == "fr"), "the delimiter that Excel expects"
    table = reading.read(downloads[-1], "tweets.csv", strict=True)
    scored = table.frame
    assert table.report.encoding == "utf-8"
    pd.testing.assert_frame_equal(scored[list(frame.columns)], frame)
    assert scored["sentiment_predicted"].tolist()[:4] == ["negative", "", "positive", "negative"]
    assert scored["certainty"].tolist()[:4] == ["certain", "", "certain", "certain"]
    assert scored["model_version"].tolist()[:4] == [
        fake_service.VERSION,
        "",
        fake_service.VERSION,
        fake_service.VERSION,
    ]
    assert scored["negative_probability"][1] == ""
    assert float(scored["negative_probability"][0]) == pytest.approx(fake_service.probability("late"))


@pytest.mark.usefixtures("service")
def test_a_scored_table_can_be_scored_again(monkeypatch: pytest.MonkeyPatch) -> None:
    downloads: list[bytes] = [b"text,likes\nlate,1\ngreat,2\n"]
    record_downloads(monkeypatch, downloads, ".csv")
    for _ in range(3):
        score(upload(open_view("watch"), downloads[-1]), 2)
    scored = reading.read(downloads[-1], "tweets.csv", strict=True).frame
    assert scored["text"].tolist() == ["late", "great"]
    assert [name for name in scored.columns if name.startswith("sentiment")] == [
        *("sentiment", "sentiment_predicted", "sentiment_predicted_2")
    ]


def test_the_worst_of_many_moments_are_named_and_the_others_counted() -> None:
    dates = pd.date_range("2015-02-01", periods=watch.MOST_MOMENTS + 3, freq="D")
    shares = [0.5 + number / 100 for number in range(len(dates))]
    chart = pd.DataFrame({"share": shares, "tweets": 100, "exceeded": True}, index=dates)
    sentence = watch.sentence(chart, "D", SAY)
    assert sentence.index("February 11, 2015") < sentence.index("February 10, 2015")
    assert "February 3, 2015" not in sentence
    assert sentence.endswith(SAY("watch.and_more", count="3"))


@pytest.mark.parametrize(
    ("width", "words"),
    [
        ("h", "Unusually negative hours (1): February 2, 2015, 00:00 (50% negative, 100 tweets)"),
        ("D", "Unusually negative days (1): February 2, 2015 (50% negative, 100 tweets)"),
        ("W", "Unusually negative weeks (1): week of February 2, 2015 (50% negative, 100 tweets)"),
        ("MS", "Unusually negative months (1): February 2015 (50% negative, 100 tweets)"),
    ],
)
def test_periods_are_called_by_their_names(width: str, words: str) -> None:
    chart = pd.DataFrame({"share": [0.5], "tweets": 100, "exceeded": True}, index=pd.to_datetime(["2015-02-02"]))
    assert watch.sentence(chart, width, SAY) == words


def test_nothing_of_a_report_is_lost_by_switching_language_or_view(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[int] = []
    make = timeline.make
    monkeypatch.setattr(timeline, "make", lambda tweets, *rest: computed.append(len(tweets)) or make(tweets, *rest))
    frame = tweets_with_a_bad_day(lambda when: f"{when - timedelta(days=9):%d/%m/%Y %H:%M}")
    frame["other"] = frame["text"].str.upper()
    french = speak("fr")
    at = visit(page("fr"), "watch")
    upload(at, csv(frame))
    box(at, "watch.text", french).set_value("other")
    run(at)
    score(at, len(frame), french)
    (width,) = (control for control in at.segmented_control if control.label == french("watch.width"))
    width.set_value("h")
    run(at)
    before = [(metric.value) for metric in at.metric]
    requests = len(service.requests)
    visit(at, "")
    visit(at, "watch")
    at.button_group(key="language").set_value("en")
    run(at)
    visit(visit(at, "model"), "watch")
    assert [metric.value for metric in at.metric] == [
        value.replace("\u202f", ",").replace("\u00a0%", "%") for value in before
    ]
    assert box(at, "watch.text").value == "other"
    (width,) = (control for control in at.segmented_control if control.label == SAY("watch.width"))
    assert width.value == "h"
    assert "a backlash began on" in page_text(at)
    assert "February 10, 2015" not in page_text(at), "the dates are still read with the day first"
    assert [request.path for request in service.requests[requests:]] == ["/model", "/monitoring"]
    assert computed == [len(frame)], "the report is computed once"


@pytest.mark.usefixtures("service")
def test_the_inputs_fold_away_once_tweets_are_analyzed_and_come_back_with_others() -> None:
    at = paste(open_view("watch"), "late", "thanks")
    assert at.expander[0].proto.expanded
    score(at, 2)
    assert not at.expander[0].proto.expanded
    assert at.expander[0].label == SAY("watch.tweets_of", file=SAY("watch.inputs"), count="2")
    paste(at, "late", "thanks", "seat")
    assert at.expander[0].proto.expanded
    assert not at.metric


@pytest.mark.parametrize("code", LANGUAGES)
def test_made_up_tweets_show_what_a_report_is_like(service: FakeService, code: str) -> None:
    say = speak(code)
    at = press(open_view("watch", code), say("watch.sample"))
    (button,) = (label for label in labels(at) if label.startswith(say("watch.score", count="x").partition("x")[0]))
    press(at, button)
    alarm = say("recording.alarm", count="1", since=say.day(datetime(2026, 3, 9, tzinfo=UTC)))
    assert alarm.removesuffix(".") in page_text(at)
    words = next(group for group in at.button_group if group.label == say("peaks.words"))
    assert words.options[0].startswith("app · ")
    assert {request.body["source"] for request in service.requests_to("/predict")} == {"batch"}


@pytest.mark.usefixtures("service")
def test_tweets_in_another_language_are_counted() -> None:
    at = score(paste(open_view("watch"), "late", "encore du retard", "seat"), 3)
    metrics = {metric.label: (metric.value, metric.delta) for metric in at.metric}
    assert metrics[SAY("watch.to_read")] == ("2", SAY("watch.foreign", count="1"))


def pills(at: AppTest, name: str, say: Language = SAY) -> list[str]:
    """Return the options of the pills with a label."""
    return next(list(group.options) for group in at.button_group if group.label == say(name))


def look_at(at: AppTest, name: str, option: str) -> AppTest:
    """Choose the part of the file whose label begins like this."""
    chosen = box(at, name)
    chosen.set_value(next(label for label in chosen.options if label.startswith(option)))
    return run(at)


@pytest.mark.usefixtures("service")
def test_each_part_of_a_file_has_its_reasons_words_and_tweets() -> None:
    frame = tweets_with_a_bad_day()
    bad = frame["date"].str.startswith(str(BAD.date())) & frame["text"].str.startswith("late")
    frame.loc[bad, "text"] = [f"gremlins and lost bag {number}" for number in range(int(bad.sum()))]
    at = score(upload(open_view("watch"), csv(frame)), len(frame))
    assert "gremlins · 32" in pills(at, "peaks.words"), "the alarm is shown first"
    assert "luggage · 32" in pills(at, "peaks.reasons")
    assert len(at.dataframe[1].value) == 32
    next(group for group in at.button_group if group.label == SAY("peaks.words")).set_value("gremlins")
    for words, found in (("bag 7", ["gremlins and lost bag 7"]), ("no such words", [])):
        next(field for field in at.text_input if field.label == SAY("peaks.search")).set_value(words)
        assert run(at).dataframe[1].value["text"].tolist() == found
    next(field for field in at.text_input if field.label == SAY("peaks.search")).set_value("")
    look_at(at, "peaks.part", SAY("peaks.whole"))
    assert len(at.dataframe[1].value) > 32
    look_at(at, "peaks.compare", SAY("peaks.crisis", level=SAY("live.alarm"), begin="")[:8])
    assert [group.label for group in at.button_group].count(SAY("peaks.reasons")) == 2


@pytest.mark.usefixtures("service")
def test_airlines_that_tweets_mention_can_be_compared() -> None:
    rows = [f"@united late bag {number}" for number in range(30)] + [f"@Delta great {number}" for number in range(30)]
    at = score(paste(open_view("watch"), *rows), 60)
    assert box(at, "peaks.part").options == [SAY("peaks.whole"), "@united", "@delta"]
    look_at(at, "peaks.part", "@united")
    look_at(at, "peaks.compare", "@delta")
    shares = [metric.value for metric in at.metric if metric.label == SAY("peaks.share")]
    assert shares == ["100%", "0%"]


@pytest.mark.usefixtures("service")
def test_dates_without_times_of_day_are_compared_with_their_average() -> None:
    at = score(upload(open_view("watch"), csv(tweets_with_a_bad_day(lambda when: f"{when:%Y-%m-%d}"))), 800)
    assert SAY("watch.unwatchable_clock") in page_text(at)
    day = SAY("watch.moment", when=SAY.day(BAD), share=SAY.percent(0.8), tweets=SAY.number(40))
    assert f"**{SAY('watch.peaks_D', count='1', moments=day)}**" in page_text(at)


@pytest.mark.usefixtures("service")
def test_a_file_of_years_is_compared_with_its_average() -> None:
    at = score(upload(open_view("watch"), b"date,text\n2013-01-01 10:00,late\n2015-01-01 11:00,great\n"), 2)
    assert SAY("watch.unwatchable_long") in page_text(at)


@pytest.mark.usefixtures("service")
def test_a_single_period_is_drawn_too() -> None:
    frame = tweets_with_a_bad_day().query("date < '2015-02-11'")
    at = score(upload(open_view("watch"), csv(frame)), len(frame))
    at.segmented_control[0].set_value("MS")
    run(at)
    assert SAY("watch.unwatchable_short") in page_text(at)
    share, _ = charts(at)
    assert "tick" in json.dumps([layer["mark"] for layer in share["layer"]])


# Model health


def feedback(number: int, *, wrong: bool = False, ago: float = 0, text: str | None = None) -> Feedback:
    comment = "fine" if wrong else None
    return events.feedback(number, NOW - ago, text, correct=not wrong, comment=comment)


def prediction(number: int, *, negative: bool, ago: float = 0, **fields: Any) -> Prediction:
    return events.prediction(number, NOW - ago, sentiment="negative" if negative else "positive", **fields)


def fire(store: Store) -> None:
    """Store three mispredictions from an hour ago, and fire an alert."""
    store.add([feedback(number, wrong=True, ago=3600 - number, text=f"bad <b>{number}</b>") for number in (1, 2, 3)])
    assert alert.fire(store, Rule(tweets=3, seconds=300, cool_down_seconds=1800), undo_seconds=0) == 1


def mail_settings(**fields: Any) -> Settings:
    """Return settings with mail and webhook."""
    mail = {"mail_to": "a@airline.example", "mail_from": "b@airline.example", "smtp_host": "smtp.example"}
    return Settings(**mail, webhook="https://chat.example/secret", **fields)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("service")
def test_with_an_empty_store_each_section_says_so(code: str) -> None:
    say = speak(code)
    shown = page_text(open_view("model", code))
    for name in ("title", "serving", "feedback", "no_feedback", "drift", "alerts", "no_alerts", "jobs"):
        assert say(f"model.{name}") in shown, name
    assert say("model.few_predictions", least=say.number(30)) in shown
    assert f"{say('model.version')}: {fake_service.VERSION} ()" in shown
    assert f"{say('model.since')}: {say('model.unused')} ()" in shown
    assert f"{say('model.auc')}: {say.number(0.876, 3)} ()" in shown
    assert say("model.rule", tweets=say.number(3), minutes=say.number(5)) in shown
    assert say("model.no_channel") in shown
    assert say("model.forwarding") not in shown


def test_a_model_with_an_incomplete_description_is_shown(service: FakeService) -> None:
    service.about = {"name": "tweet_sentiment", "version": "8", "card": ""}
    shown = page_text(open_view("model"))
    assert f"{SAY('model.version')}: 8 ()" in shown
    assert f"{SAY('model.auc')}: – ()" in shown


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("service")
def test_feedback_gives_an_accuracy_and_the_latest_mistakes(store: Store, code: str) -> None:
    say = speak(code)
    store.add(feedback(number, wrong=number % 4 == 0, ago=43200 * (40 - number)) for number in range(40))
    at = open_view("model", code)
    metrics = {metric.label: (metric.value, metric.delta) for metric in at.metric}
    assert metrics[say("model.feedbacks")][0] == say.number(40)
    between = say("watch.between", low=say.percent(0.5981), high=say.percent(0.8581))  # Wilson's interval for 30 of 40
    assert metrics[say("model.accuracy")] == (say.percent(0.75), between)
    (chart,) = charts(at)
    for title in (
        say("watch.time_axis", zone="UTC"),
        say("model.feedback_axis"),
        say("model.wrong"),
        say("model.right"),
    ):
        assert title in json.dumps(chart, ensure_ascii=False)
    assert say("model.mistakes") in page_text(at)
    (table,) = at.dataframe
    assert table.value[say("watch.text")].tolist() == [f"tweet {number}" for number in range(36, -1, -4)]
    assert table.value.iloc[0].tolist() == [
        say.moment(datetime.fromtimestamp(NOW - 43200 * 4, UTC)),
        "tweet 36",
        say("try.negative"),
        say("try.positive"),
        "fine",
    ]


@pytest.mark.usefixtures("service")
def test_without_mistakes_none_are_shown(store: Store) -> None:
    store.add([feedback(1)])
    at = open_view("model")
    assert SAY("model.mistakes") not in page_text(at)
    assert not at.dataframe


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize(("negatives", "verdict"), [(50, "as_expected"), (80, "drifted"), (20, "drifted")])
@pytest.mark.usefixtures("service")
def test_the_negative_share_is_compared_with_the_expected_one(
    store: Store, negatives: int, verdict: str, code: str
) -> None:
    say = speak(code)
    # Wilson's intervals for these counts of 100.
    low, high = {20: (0.1334, 0.2888), 50: (0.4038, 0.5962), 80: (0.7112, 0.8666)}[negatives]
    store.add(prediction(number, negative=number < negatives, ago=3600 * number) for number in range(100))
    at = open_view("model", code)
    observed = {"share": say.percent(negatives / 100), "low": say.percent(low), "high": say.percent(high)}
    assert f"**{say(f'model.{verdict}', expected=say.percent(0.5), **observed)}**" in page_text(at)
    (chart,) = charts(at)
    assert say("model.expected") in json.dumps(chart, ensure_ascii=False)
    since = say.day(datetime.fromtimestamp(NOW - 99 * 3600, UTC))
    assert f"{say('model.since')}: {since} ()" in page_text(at)


@pytest.mark.usefixtures("service")
def test_uploads_on_the_page_are_listed_but_are_no_production_traffic(store: Store) -> None:
    store.add(prediction(number, negative=number % 2 == 0, ago=60 * number) for number in range(100))
    store.add(prediction(100 + number, negative=True, source="batch") for number in range(900))
    at = open_view("model")
    values = {"share": "50%", "low": "40%", "high": "60%", "expected": "50%"}
    assert f"**{SAY('model.as_expected', **values)}**" in page_text(at)
    (table,) = at.dataframe
    assert table.value.to_numpy().tolist() == [
        [SAY("model.source_api"), "100", "50% (between 40% and 60%)"],
        [SAY("model.source_batch"), "900", "100% (between 100% and 100%)"],
    ]


@pytest.mark.usefixtures("service")
def test_a_version_is_in_service_since_its_first_prediction(store: Store) -> None:
    store.add([prediction(1, negative=True, ago=9 * 86400, model_version="6"), prediction(2, negative=True, ago=600)])
    since = SAY.day(datetime.fromtimestamp(NOW - 600, UTC))
    assert f"{SAY('model.since')}: {since} ()" in page_text(open_view("model"))


@pytest.mark.usefixtures("service")
def test_a_version_older_than_the_period_is_in_service_since_before(store: Store) -> None:
    store.add(prediction(number, negative=True, ago=86400 * number) for number in range(25))
    at = open_view("model")
    first = SAY.day(datetime.fromtimestamp(NOW - 24 * 86400, UTC))
    assert f"{SAY('model.since')}: {first} ()" in page_text(at)
    at.segmented_control(key="days").set_value(7)
    run(at)
    assert "before" in next(metric.value for metric in at.metric if metric.label == SAY("model.since"))


def test_the_period_is_that_of_the_report(service: FakeService) -> None:
    at = open_view("model")
    at.segmented_control(key="days").set_value(365)
    run(at)
    assert [request.query["days"] for request in service.requests_to("/monitoring")] == ["30", "365"]


def test_without_an_expected_share_only_the_observed_one_is_shown(service: FakeService, store: Store) -> None:
    service.about["negative_share"] = None
    store.add(prediction(number, negative=number < 80, ago=60 * number) for number in range(100))
    at = open_view("model")
    share = SAY("model.share_alone", share=SAY.percent(0.8), low=SAY.percent(0.7112), high=SAY.percent(0.8666))
    assert share in page_text(at)
    assert SAY("model.expected") not in json.dumps(charts(at))


@pytest.mark.usefixtures("service")
def test_few_predictions_are_not_checked_for_drift(store: Store) -> None:
    store.add(prediction(number, negative=True) for number in range(29))
    assert SAY("model.few_predictions", least="30") in page_text(open_view("model"))
    store.add([prediction(30, negative=True)])
    assert SAY("model.few_predictions", least="30") not in page_text(open_view("model"))


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.usefixtures("service")
def test_an_alert_without_channels_says_so(store: Store, code: str) -> None:
    say = speak(code)
    fire(store)
    at = open_view("model", code)
    assert [warning.value for warning in at.warning] == [say("model.no_channel")]
    (expander,) = at.expander
    assert expander.label.endswith(say("model.alert", when="", count=say.number(3)))
    assert set(expander.dataframe[0].value[say("watch.text")]) == {f"bad <b>{number}</b>" for number in (1, 2, 3)}
    assert say("model.no_alerts") not in page_text(at)


@pytest.mark.parametrize("code", LANGUAGES)
def test_an_alert_lists_notified_channels_and_errors(service: FakeService, store: Store, code: str) -> None:
    say = speak(code)
    service.settings = mail_settings()
    for channel in ("mail", "webhook"):
        delivery.begin(store, channel)
    fire(store)
    alerts = asdict(monitoring.report(store, service.settings, 30))["alerts"]
    service.report["alerts"] = [alerts[0] | {"delivered": {"mail": False, "webhook": True}}]
    service.report["channels"] = [
        {"name": "mail", "waiting": 1, "error": "smtp_unreachable"},
        {"name": "webhook", "waiting": 0, "error": None},
    ]
    at = open_view("model", code)
    assert say("model.told", channel=say("model.webhook")) in page_text(at)
    failed = say("model.not_told_because", channel=say("model.mail"), error=say("error.smtp_unreachable"))
    assert [warning.value for warning in at.warning] == [failed]
    assert "secret" not in str(at)


def test_a_new_alert_is_not_yet_sent(service: FakeService, store: Store) -> None:
    service.settings = mail_settings()
    for channel in ("mail", "webhook"):
        delivery.begin(store, channel)
    fire(store)
    at = open_view("model")
    expected = [SAY("model.not_told", channel=SAY(f"model.{channel}")) for channel in ("mail", "webhook")]
    assert [warning.value for warning in at.warning] == expected


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_health_of_background_jobs_is_shown_in_words(service: FakeService, code: str) -> None:
    say = speak(code)
    names = ("rule", "mail", "webhook", "forward", "prune")
    service.report["workers"] = [healthy(name) for name in names]
    jobs = ", ".join(say(f"model.job_{name}") for name in names)
    assert [success.value for success in open_view("model", code).success] == [say("model.all_healthy", jobs=jobs)]
    rule, mail, webhook, forward, prune = (healthy(name) | {"healthy": False} for name in names)
    service.report["workers"] = [
        rule | {"last_run": None},
        mail | {"error": "smtp_refused"},
        webhook | {"error": "brand_new_code"},
        forward | {"last_run": "2026-03-09T14:05:00.000Z"},
        healthy("prune"),
    ]
    service.report["skipped"] = 3
    at = open_view("model", code)
    assert not at.success
    shown = "\n".join(warning.value for warning in at.warning)
    assert say("error.smtp_refused") in shown
    assert say("error.other", code="brand_new_code") in shown
    assert say.moment(datetime(2026, 3, 9, 14, 5, tzinfo=UTC)) in shown
    assert say("model.skipped", count="3") in shown
    assert len(at.warning) == 6, "no channel, four jobs, and what was put aside"
    assert prune["name"] not in shown


@pytest.mark.parametrize(("error", "sentence"), [(None, "waiting"), ("store_unreachable", "waiting_because")])
def test_events_waiting_to_be_forwarded_are_counted(service: FakeService, error: str | None, sentence: str) -> None:
    service.report["forwarding"] = {"waiting": 5, "error": error}
    values = {"count": "5"} | ({"error": SAY(f"error.{error}")} if error else {})
    assert SAY(f"model.{sentence}", **values) in page_text(open_view("model"))


@pytest.mark.parametrize(("failure", "reason"), FAILURES)
@pytest.mark.usefixtures("short_timeout")
def test_the_report_is_shown_without_the_description_of_the_model(
    service: FakeService, store: Store, failure: Failure, reason: str
) -> None:
    fire(store)
    store.add(prediction(100 + number, negative=number < 80, ago=60 * number) for number in range(100))
    service.fail(failure)
    at = open_view("model")
    (error,) = at.error
    assert SAY(f"trouble.{reason}") in error.value
    assert SAY("model.version") not in {metric.label for metric in at.metric}
    assert {metric.label for metric in at.metric} == {SAY("model.feedbacks"), SAY("model.accuracy")}
    assert (len(charts(at)), len(at.expander)) == (2, 1)
    press(at, SAY("model.refresh"))
    assert not at.error
    assert at.metric[0].label == SAY("model.version")


@pytest.mark.parametrize(("failure", "reason"), [*FAILURES[:5], (503, "no_store"), *FAILURES[6:]])
@pytest.mark.usefixtures("short_timeout")
def test_the_model_is_shown_without_the_report(service: FakeService, failure: Failure, reason: str) -> None:
    service.fail(failure, after=1)
    at = open_view("model")
    (error,) = at.error
    assert SAY(f"trouble.{reason}") in error.value
    assert SAY("model.version") in {metric.label for metric in at.metric}
    press(at, SAY("model.refresh"))
    assert not at.error


def test_an_unreachable_service_is_reported_once(service: FakeService, store: Store) -> None:
    store.add([feedback(1, wrong=True)])
    with service.down():
        at = open_view("model")
        assert [error.value for error in at.error] == [SAY("trouble.gone")]
    press(at, SAY("model.refresh"))
    assert not at.error
    assert len(at.dataframe) == 1


# End to end


@pytest.mark.usefixtures("service")
def test_three_reported_mispredictions_fire_an_alert_on_the_page(service: FakeService, store: Store) -> None:
    service.settings = Settings(undo_seconds=0)
    at = page()
    for text in ("late", "rude", "awful"):
        press(analyze(at, text), SAY("judge.wrong"))
        press(at, SAY("judge.send"))
        assert thanks_shown(at)
    assert alert.fire(store, service.settings.rule, undo_seconds=0) == 1
    visit(at, "model")
    (expander,) = at.expander
    assert set(expander.dataframe[0].value[SAY("watch.text")]) == {"late", "rude", "awful"}
