"""The brief on one page."""

from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from telemetry.settings import Settings
from telemetry.spans import plan
from ui import brief
from ui.language import LANGUAGES, speak
from ui.topics import Part, Topics
from ui.views import briefs

PLAN: dict[str, Any] = {
    "reasons": [{"name": each.name, "label": each.label, "advice": each.advice} for each in plan(Settings()).reasons]
}
TWEETS = pd.DataFrame({"text": ["my bag <b>is</b> lost &amp; nobody\nanswers 😡 " * 30] * 9})
TOPICS = Topics(reasons=[("luggage", 30), ("other", 2)], new=[("bag", 28)], advised=["luggage"], tweets=TWEETS)
PART = Part(tweets=90, negative=60, usual_negative=13.2, people=41, is_known=False, topics=TOPICS)
POINTS = pd.DataFrame(
    {"negative": [3.0, 9.0, 60.0], "usual_negative": [float("nan"), 8.0, 12.5]},
    index=pd.date_range("2026-03-09", periods=3, freq="h"),
)
PARIS = ZoneInfo("Europe/Paris")


def written(part: Part, code: str, *, with_tweets: bool = True, points: pd.DataFrame = POINTS) -> brief.Page:
    return briefs.page(briefs.Subject("Alarm", part, points, PARIS, PLAN, with_tweets), speak(code))


def pages(content: bytes) -> int:
    """Return the number of pages of a PDF."""
    return content.count(b"/Type /Page\n")


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_brief_says_how_unusual_why_and_what_to_do(code: str) -> None:
    say, page = speak(code), written(PART, code)
    assert say("peaks.brief_usual", usual="13", times=say.number(60 / 13.2, 1)) in page.sentences
    assert say("peaks.brief_least_people", people="41") in page.sentences
    luggage = next(reason for reason in PLAN["reasons"] if reason["name"] == "luggage")
    assert page.sections[say("peaks.reason_title")][0] == (luggage["label"][code], 30)
    assert page.sections[say("peaks.advice_title")] == [luggage["advice"][code]]
    assert page.sections[say("peaks.word_title")] == ["bag (28)"]
    assert pages(brief.pdf(page)) == 1, "long tweets are set smaller"


def test_tweets_are_in_the_brief_only_if_the_reader_may_see_them() -> None:
    title = speak("en")("peaks.typical_title")
    assert title in written(PART, "en").sections
    assert title not in written(PART, "en", with_tweets=False).sections


def test_without_texts_the_brief_has_numbers_only() -> None:
    page = written(PART._replace(topics=None), "en")
    assert [*page.sections.values()] == [[speak("en")("peaks.no_text")]]
    assert pages(brief.pdf(page)) == 1


@pytest.mark.parametrize("points", [POINTS.head(0), POINTS.head(1), POINTS.assign(usual_negative=float("nan"))])
def test_a_brief_needs_no_chart_and_no_usual_values(points: pd.DataFrame) -> None:
    nothing = Part(tweets=0, negative=0, usual_negative=None, people=0, is_known=True, topics=None)
    assert pages(brief.pdf(written(nothing, "fr", points=points))) == 1
