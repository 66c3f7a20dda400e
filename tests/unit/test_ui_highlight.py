"""Highlighting the decisive words: marks at the right positions, the text intact, and no injected HTML."""

import html
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests import fake_service
from ui import highlight

NEGATIVE, POSITIVE = "pushes <up>", "pushes & down"
NOTES = {"negative": NEGATIVE, "positive": POSITIVE}


class Reader(HTMLParser):
    """Read HTML as a browser does: the text of the tweet, its marks, and the text for screen readers only."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.hidden: list[str] = []
        self.marks: list[dict[str, Any]] = []
        self.tags: list[str] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open.append((tag, dict(attrs)))
        if tag == "mark":
            self.marks.append({**dict(attrs), "start": len(self.text), "word": ""})

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        names = [tag for tag, _ in self._open]
        if "div" not in names:
            return
        if "span" in names:
            self.hidden.append(data)
            return
        if "mark" in names:
            self.marks[-1]["word"] += data
        self.text += data


def contributions(text: str, **weights: float) -> list[dict[str, Any]]:
    """Return the contribution of each word of a text, by default zero."""
    return [
        {"text": word.group(), "start": word.start(), "end": word.end(), "contribution": weights.get(word.group(), 0.0)}
        for word in re.finditer(r"\S+", text)
    ]


def rendered(text: str, words: list[dict[str, Any]]) -> Reader:
    return Reader(highlight.html(text, words, **NOTES))


def test_marks_are_at_code_points_even_after_an_emoji() -> None:
    text = "😠👨‍👩‍👧 late \U0001f1eb\U0001f1f7 but lovely e\u0301quipe"
    reader = rendered(text, contributions(text, late=2.0, lovely=-1.0))
    assert [(mark["word"], mark["start"], mark["class"]) for mark in reader.marks] == [
        ("late", text.index("late"), "negative"),
        ("lovely", text.index("lovely"), "positive"),
    ]
    assert reader.text == text


def test_marks_are_announced_to_screen_readers() -> None:
    reader = rendered("late but lovely", contributions("late but lovely", late=2.0, lovely=-1.0))
    assert reader.hidden == [f" ({NEGATIVE})", f" ({POSITIVE})"]
    assert [mark["title"] for mark in reader.marks] == [NEGATIVE, POSITIVE]


def test_a_mark_has_a_sign_and_a_line_as_well_as_a_colour() -> None:
    for sentiment, sign, line in (("negative", "▼", "solid"), ("positive", "▲", "dashed")):
        assert f'mark.{sentiment}::before {{content: "{sign}"}}' in highlight.STYLE
        assert re.search(rf"mark\.{sentiment} \{{[^}}]*border-bottom: 3px {line}", highlight.STYLE)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script> late",
        '"late" & <b>rude</b>',
        "late' onmouseover='x",
        "late &#60; &nbsp; &copy;",
        "</div></mark><style>late</style>",
        "late   again\n\n\tlate ",
        "<!-- late",
    ],
)
def test_html_in_a_tweet_is_escaped(text: str) -> None:
    words = text.split()
    for marked in ([], words[:1], words[-1:], words):
        reader = rendered(text, contributions(text, **dict.fromkeys(marked, 1.0)))
        assert reader.text == text
        assert set(reader.tags) <= {"style", "div", "mark", "span"}
        assert reader.tags.count("div") == reader.tags.count("style") == 1
        assert [mark["word"] for mark in reader.marks] == [word for word in words if word in marked]


def test_the_entities_of_tweets_are_decoded() -> None:
    text = "late &amp; rude &lt;3 &gt; &amp;lt;script&amp;gt;"
    reader = rendered(text, contributions(text, rude=1.0))
    assert reader.text == "late & rude <3 > &lt;script&gt;"
    assert [mark["word"] for mark in reader.marks] == ["rude"]
    assert set(reader.tags) <= {"style", "div", "mark", "span"}


@given(st.text(max_size=40) | st.text("late <>&\"';#x/", max_size=40), st.data())
def test_the_text_is_intact(text: str, data: st.DataObject) -> None:
    assume(not highlight.ENTITY.search(html.escape(text)))
    weights = st.floats(-5, 5)
    words = [{**word, "contribution": data.draw(weights)} for word in contributions(text)]
    markup = highlight.html(text, words, **NOTES)
    bare = re.sub(r'<span class="unseen">.*?</span>', "", markup.removeprefix(highlight.STYLE), flags=re.DOTALL)
    assert html.unescape(re.sub(r"</?(?:mark|div)\b[^>]*>", "", bare)) == text


def test_nothing_is_marked_if_no_word_contributes() -> None:
    reader = rendered("late again", contributions("late again"))
    assert (reader.marks, reader.hidden, reader.text) == ([], [], "late again")
    assert rendered("", []).text == ""


def test_a_repeated_word_is_marked_only_where_it_contributes() -> None:
    text = "late late late"
    words = contributions(text)
    words[1]["contribution"] = 1.0
    (mark,) = rendered(text, words).marks
    assert mark["start"] == 5
    for word in words:
        word["contribution"] = 1.0
    assert [mark["start"] for mark in rendered(text, words).marks] == [0, 5, 10]


def test_weak_words_are_not_marked() -> None:
    text = "late rude seat"
    marks = rendered(text, contributions(text, late=4.0, rude=-1.0, seat=0.99)).marks
    assert [mark["word"] for mark in marks] == ["late", "rude"]
    assert [mark["style"] for mark in marks] == ["--weight: 1.00", "--weight: 0.25"]


def test_only_the_strongest_words_are_marked_in_text_order() -> None:
    text = " ".join(f"word{number}" for number in range(20))
    words = [{**word, "contribution": 10.0 + number} for number, word in enumerate(contributions(text))]
    marks = rendered(text, words).marks
    assert [mark["word"] for mark in marks] == [f"word{number}" for number in range(20 - highlight.MOST_WORDS, 20)]


def test_the_services_explanation_is_marked() -> None:
    text = "😠 Late, LATE again; thanks!"
    explanation = fake_service.explanation(text).model_dump()
    marks = rendered(text, explanation["contributions"]).marks
    assert [(mark["word"], mark["class"]) for mark in marks] == [
        ("Late,", "negative"),
        ("LATE", "negative"),
        ("thanks!", "positive"),
    ]
