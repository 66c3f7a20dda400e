"""Request bodies: whatever bytes arrive, they are read as they are meant or refused in words of the service."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import bodies
from service.bodies import Feedback, Judgement, ToExplain, Turn
from service.problems import Problem
from service.tweets import OneOrSeveral, Question, Questions, Several, SourceTweets

KINDS = (Question, Questions, SourceTweets, Several, OneOrSeveral, ToExplain, Feedback, Turn, Judgement)
NAMES = st.sampled_from(
    [
        *("text", "texts", "tweets", "time", "author", "id", "source", "true_sentiment", "comment"),
        *("labeller", "limit", "answer", "SECRET"),
    ]
)
NOON = "2026-11-29T12:00:00+01:00"
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["SECRET", "api", "negative", "", " ", NOON])
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
        read = json.loads(msgspec.json.encode(parsed))
        defaults = {"source": "api", "comment": None, "limit": 20} | ({"text": None} if kind is Feedback else {})
        assert {name: expected.get(name, defaults.get(name)) for name in read if name != "tweets"} == {
            name: value for name, value in read.items() if name != "tweets"
        }
        for tweet, sent in zip(read.get("tweets", []), expected.get("tweets", []), strict=True):
            assert {name: sent.get(name) for name in tweet} == tweet


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        (OneOrSeveral, {"text": 10**400}, "text must be a string"),
        (OneOrSeveral, {"text": "a", "source": "web"}, "source must be `api`, `page` or `batch`"),
        (OneOrSeveral, {"texts": ["a", None]}, "texts[1] must be a string"),
        (Question, {"texts": ["a"]}, "The request has an unknown field"),
        (Questions, {}, "The request has no `texts`"),
        (SourceTweets, {"tweets": []}, "tweets is an empty list"),
        (SourceTweets, {"tweets": [{"text": "a"}] * 513}, "tweets has more than 512 tweets"),
        (SourceTweets, {"tweets": ["a"]}, "tweets[0] must be an object"),
        (SourceTweets, {"tweets": [{"text": "a"}, {"id": "1"}]}, "tweets[1] has no `text`"),
        (SourceTweets, {"tweets": [{"text": "a", "SECRET": 1}]}, "tweets[0] has an unknown field"),
        (Several, {"tweets": [{"text": "a"}, {"text": " "}]}, "tweets[1].text is empty"),
        (Several, {"tweets": [{"text": "a", "time": "noon"}]}, "tweets[0].time must be a time with an offset"),
        (Several, {"tweets": [{"text": "a", "time": NOON[:19]}]}, "tweets[0].time must be a time with an offset"),
        (Several, {"tweets": [{"text": "a", "time": 5}]}, "tweets[0].time must be a time with an offset"),
        (Several, {"tweets": [{"text": "a", "time": "2126-11-29T12:00:00Z"}]}, "tweets[0].time is in the future"),
        (Several, {"tweets": [{"text": "a", "author": 5}]}, "tweets[0].author must be a string"),
        (Several, {"tweets": [{"text": "a", "author": "a" * 321}]}, "tweets[0].author has more than 320 characters"),
        (Several, {"tweets": [{"text": "a", "author": " "}]}, "tweets[0].author is empty"),
        (Several, {"tweets": [{"text": "a", "id": ""}]}, "tweets[0].id is empty"),
        (Several, {"tweets": [{"text": "a", "id": "\0"}]}, "tweets[0].id contains a NUL character"),
        (Several, {"tweets": [{"text": "a", "id": "1" * 201}]}, "tweets[0].id has more than 200 characters"),
        (Several, {}, "texts is missing"),
        (OneOrSeveral, {"text": "a", "time": NOON[:19]}, "time must be a time with an offset"),
        (OneOrSeveral, {"text": "a", "tweets": [{"text": "a"}]}, "The request has an unknown field: send one of"),
        (OneOrSeveral, {"texts": ["a"], "id": "1"}, "The request has an unknown field: send `id` with each tweet"),
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
