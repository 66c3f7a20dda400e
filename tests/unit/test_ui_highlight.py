"""The words that weighed most, marked in the text: at the right places, and nothing of the text lost or run."""

import html
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import fake_service
from ui import highlight

NEGATIVE, POSITIVE = "pushes <up>", "pushes & down"
NOTES = {"negative": NEGATIVE, "positive": POSITIVE}


class Reader(HTMLParser):
    """Read HTML as a browser does: the text of the tweet, its marks, and what only those hear who do not see it."""

    def __init__(self, written: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.hidden: list[str] = []
        self.marks: list[dict[str, Any]] = []
        self.tags: list[str] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(written)
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


def contributions(text: str, **added: float) -> list[dict[str, Any]]:
    """Return what each word of a text adds; by default nothing."""
    return [
        {"text": word.group(), "start": word.start(), "end": word.end(), "contribution": added.get(word.group(), 0.0)}
        for word in re.finditer(r"\S+", text)
    ]


def shown(text: str, words: list[dict[str, Any]]) -> Reader:
    return Reader(highlight.html(text, words, **NOTES))


def test_marks_stand_at_code_points_also_behind_an_emoji() -> None:
    text = "😠👨‍👩‍👧 late \U0001f1eb\U0001f1f7 but lovely e\u0301quipe"
    found = shown(text, contributions(text, late=2.0, lovely=-1.0))
    assert [(mark["word"], mark["start"], mark["class"]) for mark in found.marks] == [
        ("late", text.index("late"), "negative"),
        ("lovely", text.index("lovely"), "positive"),
    ]
    assert found.text == text


def test_who_does_not_see_the_marks_hears_them() -> None:
    found = shown("late but lovely", contributions("late but lovely", late=2.0, lovely=-1.0))
    assert found.hidden == [f" ({NEGATIVE})", f" ({POSITIVE})"]
    assert [mark["title"] for mark in found.marks] == [NEGATIVE, POSITIVE]


def test_a_mark_is_told_by_a_sign_and_a_line_as_well_as_by_its_colour() -> None:
    for towards, sign, line in (("negative", "▼", "solid"), ("positive", "▲", "dashed")):
        assert f'mark.{towards}::before {{content: "{sign}"}}' in highlight.STYLE
        assert re.search(rf"mark\.{towards} \{{[^}}]*border-bottom: 3px {line}", highlight.STYLE)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script> late",
        '"late" & <b>rude</b>',
        "late' onmouseover='x",
        "&lt;late&gt; &amp; &#60;",
        "</div></mark><style>late</style>",
        "late   again\n\n\tlate ",
        "<!-- late",
    ],
)
def test_nothing_in_a_tweet_becomes_part_of_the_page(text: str) -> None:
    words = text.split()
    for marked in ([], words[:1], words[-1:], words):
        found = shown(text, contributions(text, **dict.fromkeys(marked, 1.0)))
        assert found.text == text
        assert set(found.tags) <= {"style", "div", "mark", "span"}
        assert found.tags.count("div") == found.tags.count("style") == 1
        assert [mark["word"] for mark in found.marks] == [word for word in words if word in marked]


@given(st.text(max_size=40) | st.text("late <>&\"';#x/", max_size=40), st.data())
def test_the_text_survives_exactly(text: str, data: st.DataObject) -> None:
    added = st.floats(-5, 5)
    words = [{**word, "contribution": data.draw(added)} for word in contributions(text)]
    written = highlight.html(text, words, **NOTES)
    bare = re.sub(r'<span class="unseen">.*?</span>', "", written.removeprefix(highlight.STYLE), flags=re.DOTALL)
    assert html.unescape(re.sub(r"</?(?:mark|div)\b[^>]*>", "", bare)) == text


def test_nothing_is_marked_where_no_word_adds_anything() -> None:
    found = shown("late again", contributions("late again"))
    assert (found.marks, found.hidden, found.text) == ([], [], "late again")
    assert shown("", []).text == ""


def test_a_word_that_stands_there_twice_is_marked_where_it_weighs() -> None:
    text = "late late late"
    words = contributions(text)
    words[1]["contribution"] = 1.0
    (mark,) = shown(text, words).marks
    assert mark["start"] == 5
    for word in words:
        word["contribution"] = 1.0
    assert [mark["start"] for mark in shown(text, words).marks] == [0, 5, 10]


def test_words_that_weigh_little_beside_the_strongest_are_not_marked() -> None:
    text = "late rude seat"
    marks = shown(text, contributions(text, late=4.0, rude=-1.0, seat=0.99)).marks
    assert [mark["word"] for mark in marks] == ["late", "rude"]
    assert [mark["style"] for mark in marks] == ["--weight: 1.00", "--weight: 0.25"]


def test_at_most_so_many_words_are_marked_the_strongest_in_the_order_of_the_text() -> None:
    text = " ".join(f"word{number}" for number in range(20))
    words = [{**word, "contribution": 10.0 + number} for number, word in enumerate(contributions(text))]
    marks = shown(text, words).marks
    assert [mark["word"] for mark in marks] == [f"word{number}" for number in range(20 - highlight.MOST_WORDS, 20)]


def test_the_explanations_of_the_service_are_what_is_marked() -> None:
    text = "😠 Late, LATE again; thanks!"
    told = fake_service.explanation(text).model_dump()
    marks = shown(text, told["contributions"]).marks
    assert [(mark["word"], mark["class"]) for mark in marks] == [
        ("Late,", "negative"),
        ("LATE", "negative"),
        ("thanks!", "positive"),
    ]
