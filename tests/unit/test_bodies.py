"""Request bodies: whatever bytes arrive, they are read as they are meant or refused in words of the service."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from service import bodies
from service.bodies import Feedback, Judgement, OneOrSeveral, Question, Questions, ToExplain, Turn
from service.problems import Problem

KINDS = (Question, Questions, OneOrSeveral, ToExplain, Feedback, Turn, Judgement)
NAMES = st.sampled_from(
    ["text", "texts", "source", "true_sentiment", "comment", "labeller", "limit", "answer", "SECRET"]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["SECRET", "api", "negative", "", " "])
)
VALUES = st.recursive(
    SCALARS, lambda values: st.lists(values, max_size=3) | st.dictionaries(NAMES, values, max_size=3), max_leaves=8
)


@pytest.mark.parametrize("kind", KINDS)
@given(body=st.dictionaries(NAMES, VALUES).map(lambda value: json.dumps(value).encode()) | st.binary())
def test_any_bytes_are_read_or_refused_without_repeating_them(kind: Any, body: bytes) -> None:
    try:
        parsed = bodies.parse(body, kind)
    except Problem as problem:
        assert problem.status_code == 400
        assert "SECRET" not in problem.detail
    else:
        expected = json.loads(body)
        read = {name: getattr(parsed, name) for name in parsed.__struct_fields__}
        read = {name: value for name, value in read.items() if value is not UNSET}
        defaults = {"source": "api", "comment": None, "limit": 20} | ({"text": None} if kind is Feedback else {})
        assert {name: expected.get(name, defaults.get(name)) for name in read} == read


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        (OneOrSeveral, {"text": 10**400}, "text must be a string"),
        (OneOrSeveral, {"text": "a", "source": "web"}, "source must be `api`, `page` or `batch`"),
        (OneOrSeveral, {"texts": ["a", None]}, "texts[1] must be a string"),
        (Question, {"texts": ["a"]}, "The request has an unknown field"),
        (Questions, {}, "The request has no `texts`"),
        (ToExplain, {"text": {}}, "text must be a string"),
        (Feedback, {"true_sentiment": "good"}, "true_sentiment must be `negative` or `positive`"),
        (Feedback, {"true_sentiment": "negative", "text": 1}, "text must be a string"),
        (Feedback, {"true_sentiment": "negative", "text": " "}, "text is empty"),
        (Feedback, {"true_sentiment": "negative", "comment": "a" * 501}, "comment has more than 500 characters"),
        (Feedback, {"true_sentiment": "negative", "comment": "\0"}, "comment contains a NUL character"),
        (Feedback, {"comment": "a"}, "The request has no `true_sentiment`"),
    ],
)
def test_a_refusal_names_the_place_and_the_reason(kind: Any, body: dict[str, Any], reason: str) -> None:
    with pytest.raises(Problem) as refusal:
        bodies.parse(json.dumps(body).encode(), kind)
    assert refusal.value.detail.startswith(f"{reason}")


@given(st.lists(st.text(min_size=1).filter(lambda text: text.strip() and "\0" not in text), min_size=1, max_size=512))
def test_every_valid_list_is_read_however_it_is_escaped(texts: list[str]) -> None:
    for escape in (True, False):
        body = json.dumps({"texts": texts}, ensure_ascii=escape).encode(errors="replace")
        try:
            assert bodies.parse(body, Questions).texts == json.loads(body)["texts"]
        except Problem as problem:
            assert any("\ud800" <= character <= "\udfff" for text in texts for character in text), problem.detail
