"""`sentiment.data.sources`: the tables of `data.extra_training`, and errors in their settings."""

from typing import Any

import pandas as pd
import pytest

from sentiment.data import sources
from sentiment.data.errors import DataError

SETTINGS: dict[str, Any] = {
    "name": "vader",
    "path": "here.csv",
    "text_column": "text",
    "label_column": "label",
    "group_column": "user",
    "soft_label_column": None,
    "negative_values": ["bad"],
    "positive_values": ["good"],
    "ignored_values": [],
    "drop_empty_texts": False,
    "max_damaged": 0.05,
    "sample_size": None,
    "extra_training": {},
    "limits": [],
    "source": {"_target_": "some.load"},
}


def read(entries: Any, targets: dict[str, Any] | None = None) -> list[sources.Source]:
    return sources.read(SETTINGS | {"extra_training": entries}, targets)


@pytest.mark.parametrize("nothing", [None, {}])
def test_there_need_not_be_any(nothing: Any) -> None:
    assert read(nothing) == []


def test_a_path_is_a_table_like_the_main_data() -> None:
    (only,), (named,) = read("more.csv"), read({"reviews": "more.csv"})
    assert (only.name, only.section) == ("extra", "data.extra_training")
    assert (named.name, named.section) == ("reviews", "data.extra_training.reviews")
    for source in (only, named):
        assert source.like_main
        assert source.settings["path"] == "more.csv"
        assert source.settings["negative_values"] == ["bad"]


def test_a_mounted_data_set_has_its_own_settings() -> None:
    other = {**SETTINGS, "negative_values": [0], "sample_size": 5}
    (source,) = read({"tweets": other}, {"tweets": 0.5})
    assert (source.name, source.section, source.like_main) == ("tweets", "data.extra_training.tweets", False)
    assert source.settings == other


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"vader": "more.csv"}, r"extra_training\.vader: the main data has this name, too \(data\.name\)"),
        ({"test": "more.csv"}, r"extra_training\.test: a source's name"),
        ({"two words": "more.csv"}, "Choose another name"),
        (["more.csv"], r"set it to the path of a table, or mount tables \(\+data@data\.extra_training\.NAME=csv\)"),
        ({"a": 3}, r"extra_training\.a=3: set it to a path, or mount a data set: \+data@data\.extra_training\.a=csv"),
        ({"a": {"path": "more.csv"}}, r"mount a data set: \+data@data\.extra_training\.a=csv"),
        (
            {"a": {**SETTINGS, "extra_training": "deeper.csv"}},
            r"a\.extra_training: list this table in data\.extra_training instead",
        ),
    ],
)
def test_a_wrong_entry_is_refused_before_anything_is_read(entries: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(entries)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"reviews": 0.1}, r"split\.targets\.reviews: no such source; choose one of a, b\."),
        ({"vader": 0.1}, r"no such source.*For the main data, see split\.validation"),
        ({"a": 0}, r"split\.targets\.a=0: must be above 0, and at most 1 \(evaluation only\)"),
        ({"a": 1.5}, r"split\.targets\.a=1\.5"),
        ({"a": True}, r"split\.targets\.a=True"),
        ({"a": "half"}, r"split\.targets\.a=half"),
    ],
)
def test_a_wrong_target_is_refused_before_anything_is_read(targets: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read({"a": "a.csv", "b": "b.csv"}, targets)
    with pytest.raises(DataError, match=r"there are none in data\.extra_training"):
        read({}, {"a": 0.5})


def test_a_label_that_a_table_does_not_list_is_named_with_the_table_and_the_settings() -> None:
    (source,) = read({"airline": {**SETTINGS, "path": "air.csv"}})
    table = pd.DataFrame({"text": ["late", "ok", "fine"], "label": ["bad", "neutral", "good"], "user": ["a", "b", "c"]})
    expected = (
        r"data\.extra_training\.airline \(air\.csv\): (.|\n)*1 row\(s\) have a label in column label that is in "
        r"none of data\.extra_training\.airline\.\*_values \(labels found: neutral\): 2"
    )
    with pytest.raises(DataError, match=expected):
        sources.check(table, source)
    with pytest.raises(
        DataError, match=r"none of data\.\*_values"
    ):  # these settings apply to a table like the main data
        sources.check(table, read("more.csv")[0])


def test_a_table_may_have_one_class_only_if_the_labels_of_both_are_listed() -> None:
    table = pd.DataFrame({"text": ["late", "rude"], "label": ["bad", "bad"], "user": ["a", "b"]})
    (source,) = read({"feedback": SETTINGS})
    assert sources.check(table, source).frame["negative"].tolist() == [1, 1]
    (open_ended,) = read({"feedback": {**SETTINGS, "positive_values": None}})
    with pytest.raises(DataError, match="no row is positive"):
        sources.check(table, open_ended)
