"""The page's view "Check answers", run by Streamlit with a fake service."""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import streamlit as st
from streamlit.testing.v1 import AppTest

import ui
from telemetry import schema
from telemetry.settings import Settings
from telemetry.store import Store
from tests.events import disagreement, feedback, prediction
from tests.fake_service import IDS, FakeService
from ui.language import LANGUAGES, speak

APP = Path(ui.__file__).with_name("app.py")
SAY = speak("en")
ANA, BEN = "ana@example.org", "ben@example.org"
AN_HOUR_AGO = time.time() - 3_700


@pytest.fixture
def store(empty_events: Path, tmp_path: Path) -> Iterator[Store]:
    with closing(Store(f"sqlite:///{shutil.copy(empty_events, tmp_path)}")) as store:
        yield store


@pytest.fixture(autouse=True)
def service(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeService]:
    """Start the fake service, and point the page to it; forget what visitors share."""
    service = FakeService(store)
    monkeypatch.setenv("SERVICE_URL", service.url)
    st.cache_resource.clear()
    yield service
    st.cache_resource.clear()
    service.close()


def script(code: str) -> None:
    from ui.language import speak
    from ui.views import relabel

    relabel.show(speak(code))


def run(at: AppTest) -> AppTest:
    at.run()
    assert [error.message for error in at.exception] == []
    return at


def open_view(name: str = ANA, code: str = "en") -> AppTest:
    at = run(AppTest.from_function(script, args=(code,), default_timeout=120))
    at.text_input(key="labeller").set_value(name)
    return run(at)


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click()
    return run(at)


def page_text(at: AppTest) -> str:
    shown = [*at.markdown, *at.caption, *at.warning, *at.info, *at.success, *at.error, *at.toast]
    return "\n".join(str(element.value) for element in shown)


def answers(store: Store, name: str = ANA) -> dict[str, str]:
    """Return a person's answers by text."""
    of_person = schema.judgements.c.person == IDS.person(name)
    query = sa.select(schema.items.c.text, schema.judgements.c.answer).join(schema.judgements).where(of_person)
    with store.database.reading() as connection:
        return {row.text: row.answer for row in connection.execute(query)}


def metrics(at: AppTest) -> list[str]:
    return [metric.value for metric in at.metric]


@pytest.mark.parametrize("code", LANGUAGES)
def test_answers_are_accepted_corrected_discarded_and_skipped_one_after_the_other(store: Store, code: str) -> None:
    texts = ("accepted", "corrected", "discarded", "skipped")
    store.add(feedback(number, 1_000.0 - number, text) for number, text in enumerate(texts))
    at = open_view(code=code)
    assert speak(code)("relabel.reported") in page_text(at)
    shown = []
    for _ in texts:
        (tweet,) = (text for text in texts if f"**{text}**" in page_text(at))
        shown.append(tweet)
        at = press(at, {"accepted": "accept", "corrected": "correct", "discarded": "discard", "skipped": "skip"}[tweet])
    assert sorted(shown) == sorted(texts)
    expected = {"accepted": "negative", "corrected": "positive", "discarded": "discarded", "skipped": "skipped"}
    assert answers(store) == expected


def test_every_button_has_a_key_of_its_own_that_streamlit_accepts(store: Store) -> None:
    store.add([feedback(1), feedback(2)])
    for code in LANGUAGES:
        say = speak(code)
        keys = [say(f"relabel.{name}_key") for name in ("accept", "correct", "discard", "skip", "back")]
        assert len(set(keys)) == len(keys)
        assert not set(keys) & {"c", "r"}, "Streamlit keeps these for itself"


def test_two_people_see_the_same_tweet_and_their_agreement(store: Store) -> None:
    store.add([feedback(1, text="late")])
    press(open_view(ANA), "accept")
    at = open_view(BEN)
    assert metrics(at) == ["0", "1", "0", "0"]
    at = press(at, "accept")
    assert metrics(at) == ["0", "0", "1", "1"]
    assert "for 100% of 1 tweets" in page_text(at)


def test_nothing_is_asked_before_there_is_a_name(service: FakeService) -> None:
    at = run(AppTest.from_function(script, args=("en",), default_timeout=120))
    assert [button.key for button in at.button] == []
    assert service.requests == []


def test_the_last_answer_can_be_changed(store: Store) -> None:
    store.add([feedback(1, text="late"), feedback(2, text="rude")])
    at = open_view()
    first = "late" if "**late**" in page_text(at) else "rude"
    at = press(press(at, "accept"), "back")
    assert f"**{first}**" in page_text(at)
    at = press(at, "correct")
    assert answers(store) == {first: "positive"}
    assert f"**{first}**" not in page_text(at)


def test_a_change_that_comes_too_late_is_explained_and_the_next_tweet_shown(store: Store) -> None:
    store.add([feedback(1, text="late")])
    at = press(open_view(), "accept")
    with store.database.writing(schema.judgements) as connection:
        connection.execute(sa.update(schema.judgements).values(time=AN_HOUR_AGO))
    at = press(press(at, "back"), "correct")
    assert answers(store) == {"late": "negative"}
    assert SAY("relabel.too_late") in page_text(at)


def test_a_deleted_tweet_is_explained_and_no_longer_asked(store: Store) -> None:
    store.add([feedback(1, text="late")])
    at = open_view()
    with store.database.writing(schema.feedback) as connection:
        connection.execute(sa.delete(schema.feedback))
    at = press(at, "accept")
    assert SAY("relabel.unknown") in page_text(at)
    assert "late" not in page_text(at)


def test_a_judgement_that_cannot_be_stored_keeps_the_tweet(service: FakeService, store: Store) -> None:
    store.add([feedback(1, text="late")])
    at = open_view()
    service.fail(503)
    at = press(at, "accept")
    assert SAY("trouble.no_store") in page_text(at)
    assert "**late**" in page_text(at)
    press(at, "accept")
    assert answers(store) == {"late": "negative"}


def test_a_queue_that_cannot_be_read_can_be_asked_again(service: FakeService, store: Store) -> None:
    store.add([feedback(1, text="late")])
    service.fail(500)
    at = open_view()
    assert SAY("trouble.broken") in page_text(at)
    assert "**late**" in page_text(press(at, "retry_queue"))


@pytest.mark.parametrize("code", LANGUAGES)
def test_where_no_text_is_stored_the_view_says_so(service: FakeService, store: Store, code: str) -> None:
    service.settings = Settings(text="none", undo_seconds=0)
    store.add([disagreement(1)])
    shown = page_text(open_view(code=code))
    assert speak(code)("relabel.no_texts") in shown
    assert speak(code)("relabel.without_text", count="1") in shown
    assert "TELEMETRY" not in shown


def test_markup_in_a_tweet_is_shown_as_text(service: FakeService, store: Store) -> None:
    service.settings = Settings(text="raw")
    tweet = "seat 12 **bold** <b>&amp; $x$ :smile:"
    store.add([prediction(1, text=tweet, negative_probability=0.45)])
    shown = page_text(open_view())
    assert r"\*\*bold\*\* \<b\>\& \$x\$ \:smile:" in shown
    assert SAY("relabel.uncertain") in shown


def titles(at: AppTest) -> list[Any]:
    return [title.value for title in at.title]


def test_an_anonymous_page_does_not_offer_stored_tweets(monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[list[str]] = []
    original = st.navigation

    def record(pages: Any, **options: Any) -> Any:
        offered.append([page.url_path for page in pages])
        return original(pages, **options)

    monkeypatch.setattr(st, "navigation", record)
    for anonymous in ("false", "true"):
        st.cache_resource.clear()
        monkeypatch.setenv("UI_ANONYMOUS", anonymous)
        run(AppTest.from_file(APP, default_timeout=120))
    with_view, without_view = offered
    assert "relabel" in with_view
    assert "relabel" not in without_view


def test_the_person_who_has_logged_in_judges(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    login = tmp_path / "login.toml"
    login.write_text(
        '[auth]\nredirect_uri="a"\ncookie_secret="b"\nclient_id="c"\nclient_secret="d"\nserver_metadata_url="e"\n'
    )
    monkeypatch.setenv("UI_LOGIN", str(login))
    store.add([feedback(1, text="late"), feedback(2, text="rude")])
    for user, name in (({"email": BEN, "sub": "7"}, BEN), ({"sub": "7"}, "7")):
        monkeypatch.setattr(st, "user", user)
        at = run(AppTest.from_function(script, args=("en",), default_timeout=120))
        assert not at.text_input
        press(at, "accept")
        assert list(answers(store, name).values()) == ["negative"]
