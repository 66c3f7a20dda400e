"""Prediction ids: what they say, and that nobody else can make one."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ids import SENTIMENTS, SOURCES, Ids, UnknownId, event_id

IDS = Ids(bytes(32))
PREDICTION: dict[str, Any] = {
    "time": 1_760_000_400.5,
    "model_version": "7",
    "negative_probability": 0.75,
    "sentiment": "negative",
    "source": "page",
}


@given(
    st.text(),
    st.floats(0, 1e11),
    st.text(max_size=50),
    st.floats(0, 1),
    st.sampled_from(SENTIMENTS),
    st.sampled_from(SOURCES),
)
def test_an_id_says_what_its_prediction_was(
    text: str, when: float, version: str, probability: float, sentiment: str, source: str
) -> None:
    prediction: dict[str, Any] = {"time": when, "model_version": version, "negative_probability": probability}
    prediction |= {"sentiment": sentiment, "source": source}
    origin = IDS.read(IDS.issue(text, **prediction))
    assert origin._asdict() == prediction | {"fingerprint": IDS.fingerprint(text)}


def test_ids_are_short_differ_and_fit_into_a_path() -> None:
    ids = {IDS.issue("late", **PREDICTION) for _ in range(1_000)}
    assert len(ids) == len({event_id(prediction_id) for prediction_id in ids}) == 1_000
    assert all(len(prediction_id) < 80 for prediction_id in ids)
    assert all(prediction_id.replace("-", "").replace("_", "").isalnum() for prediction_id in ids)


@given(st.data())
def test_an_altered_id_is_unknown(data: st.DataObject) -> None:
    prediction_id = IDS.issue("late", **PREDICTION)
    place = data.draw(st.integers(0, len(prediction_id)))
    other = data.draw(st.text(max_size=2))
    altered = prediction_id[:place] + other + prediction_id[place + data.draw(st.integers(0, 2)) :]
    if altered != prediction_id:
        with pytest.raises(UnknownId):
            IDS.read(altered)


@pytest.mark.parametrize(
    "forged",
    ["", "A", "0" * 32, "A" * 74, "A" * 100_000, "é" * 74, "\ud800" * 74, "../../etc/passwd", "=" * 74],
)
def test_a_forged_id_is_unknown(forged: str) -> None:
    with pytest.raises(UnknownId):
        IDS.read(forged)


def test_an_id_of_another_store_is_unknown() -> None:
    with pytest.raises(UnknownId):
        IDS.read(Ids(bytes([1] * 32)).issue("late", **PREDICTION))


def test_long_forged_ids_are_refused_quickly() -> None:
    began = time.perf_counter()
    for _ in range(100):
        with pytest.raises(UnknownId):
            IDS.read("A" * 1_000_000)
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize("same", ["@AnnA  Café", "@anna cafe\u0301", " @anna\ncafé\t", "＠anna café"])
def test_tweets_that_differ_in_case_spaces_and_unicode_form_have_the_same_fingerprint(same: str) -> None:
    assert IDS.fingerprint(same) == IDS.fingerprint("@anna café")


@pytest.mark.parametrize("other", ["@bob café", "@anna cafe", "@anna café!", ""])
def test_other_tweets_have_other_fingerprints_though_masks_may_make_them_equal(other: str) -> None:
    assert IDS.fingerprint(other) != IDS.fingerprint("@anna café")


def test_fingerprints_depend_on_the_key() -> None:
    assert IDS.fingerprint("late") != Ids(bytes([1] * 32)).fingerprint("late")


def test_a_tweet_with_an_id_of_its_own_has_the_same_id_each_time() -> None:
    first, again = (IDS.issue("late", **PREDICTION, tweet_id="17") for _ in range(2))
    assert first == again
    other = IDS.issue("late", **PREDICTION, tweet_id="18")
    assert event_id(other) != event_id(first)
    edited = IDS.issue("late again", **PREDICTION, tweet_id="17")
    assert edited != first
    assert event_id(edited) == event_id(first)


def test_a_hash_of_an_author_depends_on_the_key_and_not_on_how_the_name_is_written() -> None:
    assert IDS.author("@Anna") == IDS.author("anna ") != IDS.author("bob")
    assert IDS.author("anna") != Ids(bytes([1] * 32)).author("anna")
    assert IDS.author("anna") != IDS.person("anna"), "labellers are not to be found among authors"
