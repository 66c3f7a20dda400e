"""`sentiment.data.checks`: which rows are accepted, dropped or refused, and how they are reported."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sentiment.data.checks import Labelled, check
from sentiment.data.errors import DataError

SETTINGS: dict[str, Any] = {
    "text_column": "text",
    "label_column": "label",
    "group_column": "user",
    "soft_label_column": None,
    "negative_values": ["bad"],
    "positive_values": ["good"],
    "ignored_values": [],
    "drop_empty_texts": False,
    "max_damaged": 0.0,
    "section": "data",
}


def table(**columns: list[Any]) -> pd.DataFrame:
    valid = {"text": ["late again", "on time", "meh"], "label": ["bad", "good", "good"], "user": ["ana", "bo", "bo"]}
    return pd.DataFrame({**valid, **columns}, dtype=object)


def checked(frame: pd.DataFrame, **settings: object) -> Labelled:
    return check(frame, **{**SETTINGS, **settings})


def test_returns_text_class_and_group() -> None:
    labelled = checked(table())
    assert labelled.frame.to_dict("list") == {
        "text": ["late again", "on time", "meh"],
        "negative": [1, 0, 0],
        "group": ["ana", "bo", "bo"],
    }
    assert labelled.frame["negative"].dtype == np.int8
    assert labelled.labels.to_dict("records") == [
        {"label": "good", "rows": 2, "meaning": "positive"},
        {"label": "bad", "rows": 1, "meaning": "negative"},
    ]
    assert (labelled.ignored, labelled.empty, labelled.without_group, sum(labelled.damaged.values())) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("labels", "values"),
    [
        ([0, 4, 4], [0]),
        (["0", "4", "4"], [0]),
        ([0.0, 4.0, 4.0], ["0"]),
        ([True, False, False], [True]),
        (["TRUE", "FALSE", "FALSE"], [True]),
        ([" Spam", "ham", "ham"], ["spam"]),
    ],
)
def test_labels_are_compared_as_text(labels: list[Any], values: list[Any]) -> None:
    frame = pd.DataFrame({"text": ["a", "b", "c"], "label": labels, "user": ["x", "y", "z"]})
    assert checked(frame, negative_values=values, positive_values=None).frame["negative"].tolist() == [1, 0, 0]


def test_null_makes_every_other_label_positive() -> None:
    labelled = checked(table(label=["bad", "neutral", "good"]), positive_values=None)
    assert labelled.frame["negative"].tolist() == [1, 0, 0]


def test_rows_with_ignored_labels_are_dropped_even_without_text() -> None:
    labelled = checked(table(text=["late", None, "fine"], label=["bad", "unclear", "good"]), ignored_values=["unclear"])
    assert labelled.frame["text"].tolist() == ["late", "fine"]
    assert labelled.ignored == 1


def test_rows_without_group_are_counted() -> None:
    labelled = checked(table(user=["ana", None, " "]))
    assert labelled.frame["group"].tolist() == ["ana", "", ""]
    assert labelled.without_group == 2
    assert checked(table(), group_column=None).without_group == 3


def test_groups_can_be_numbers() -> None:
    assert checked(table(user=[7.0, 8.0, 8.0])).frame["group"].tolist() == ["7.0", "8.0", "8.0"]
    frame = table().assign(user=[7.0, np.nan, 8.0])
    assert checked(frame).frame["group"].tolist() == ["7", "", "8"]


def test_missing_columns_are_reported_with_the_existing_ones() -> None:
    with pytest.raises(DataError, match=r"No column tweet, who in the table. Its columns: text, label, user"):
        checked(table(), text_column="tweet", group_column="who")


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(DataError, match="no rows"):
        checked(table()[:0])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"text": ["late", " \t", "fine"]},
            r"1 row\(s\) have an empty text: 2 \(data\.drop_empty_texts=true drops such rows\)",
        ),
        ({"text": ["late", "\ufeff\u200b", "fine"]}, r"1 row\(s\) have an empty text: 2 "),
        (
            {"text": [None, "ok", "fine"]},
            r"1 row\(s\) have no text \(missing\): 1 \(data\.drop_empty_texts=true drops such rows\)",
        ),
        ({"text": ["late", "ok", 5]}, r"1 row\(s\) contain something other than text in the text column: 3"),
        ({"text": ["late", "o\0k", "fine"]}, r"1 row\(s\) contain NUL bytes.*: 2"),
        ({"label": ["bad", "", None]}, r"2 row\(s\) have no label: 2, 3"),
        (
            {"label": ["bad", "gut", "good"]},
            r"a label in column label that is in none of data\.\*_values \(labels found: gut\): 2",
        ),
        ({"label": ["bad", "bad", "bad"]}, r"no row is positive: .*labels found: bad"),
        ({"label": ["good", "good", "good"]}, r"no row is negative: .*labels found: good"),
        (
            {"text": ["late", "caf\ufffd", "fine"]},
            r"1 row\(s\) show encoding damage, more than data.max_damaged=0.*: 2",
        ),
    ],
)
def test_invalid_rows_are_listed(columns: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        checked(table(**columns))


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(DataError) as raised:
        checked(table(text=["", "x\0", "fine"], label=["bad", "what", None]))
    lines = str(raised.value).splitlines()
    assert len(lines) == 6
    assert "counted from 1, without a header" in lines[0]
    assert "no row is positive" in lines[-1]


def test_ten_rows_are_listed_and_all_counted() -> None:
    frame = pd.concat([table(text=["", "", ""])] * 500)
    with pytest.raises(DataError, match=r"1,500 row\(s\) have an empty text: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, \.\.\. \("):
        checked(frame)


def test_free_text_in_the_label_column_stays_out_of_the_message() -> None:
    with pytest.raises(DataError, match="1 different values") as raised:
        checked(table(label=["bad", "good", "I told nobody but you, dear diary, and it was May"]))
    assert "diary" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("it\ufffds", "replacement characters"),
        ("it\u00e2\u20ac\u2122s", "mojibake"),
        ("caf\u00c3\u00a9", "mojibake"),
        ("sad \u00f0\u0178\u02dc\u00a2", "mojibake"),
        ("it\x92s", "control characters"),
    ],
)
def test_tolerated_damage_is_counted_and_kept(text: str, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    labelled = checked(table(text=["late", "fine", text]), max_damaged=0.5)
    assert {name for name, count in labelled.damaged.items() if count} == {kind}
    assert labelled.frame["text"].tolist()[2] == text
    assert f"{kind}: 1 row(s) are kept unchanged: 3" in caplog.text
    assert text not in caplog.text


@pytest.mark.parametrize(
    "text", ["caf\u00e9 \u00e0 \u00c2ge", "\U0001f62d \u2019\u20ac", "S\u00c3O \u00c3", "\u65e5\u672c\u8a9e"]
)
def test_valid_text_does_not_count_as_damaged(text: str) -> None:
    assert sum(checked(table(text=["late", "fine", text])).damaged.values()) == 0


def test_rows_without_text_are_dropped_and_counted_on_request(caplog: pytest.LogCaptureFixture) -> None:
    frame = table(
        text=["late", " ", None, "\u200b", "fine", "\n", ""],
        label=["bad", "good", "good", "bad", "good", "unheard of", None],
        user=["ana", "bo", "bo", None, "cy", "di", None],
    )
    labelled = checked(frame, drop_empty_texts=True)
    assert labelled.frame["text"].tolist() == ["late", "fine"]
    assert (labelled.empty, labelled.ignored, labelled.without_group) == (5, 0, 0)
    assert labelled.labels["rows"].sum() == 2, "dropped rows count towards no label"
    assert "5 row(s) have no text and were dropped (data.drop_empty_texts): 2, 3, 4, 6, 7" in caplog.text


def test_non_text_is_refused_even_if_empty_texts_are_dropped() -> None:
    with pytest.raises(DataError, match=r"1 row\(s\) contain something other than text in the text column: 3"):
        checked(table(text=["late", "", 5]), drop_empty_texts=True)


@pytest.mark.parametrize(
    ("labels", "values", "negative"),
    [
        (["bad", "good", "good"], {"negative_values": "bad", "positive_values": "good"}, [1, 0, 0]),
        ([0, 4, 4], {"negative_values": 0, "positive_values": 4}, [1, 0, 0]),
        ([True, False, False], {"negative_values": True, "positive_values": None}, [1, 0, 0]),
        (["bad", "good", "meh"], {"negative_values": "bad", "ignored_values": "meh"}, [1, 0]),
        (["bad", "good", "good"], {"ignored_values": None}, [1, 0, 0]),
        (["bad", "good", "good"], {"negative_values": ("bad",)}, [1, 0, 0]),
    ],
)
def test_a_single_label_needs_no_list(labels: list[Any], values: dict[str, Any], negative: list[int]) -> None:
    assert checked(table(label=labels), **values).frame["negative"].tolist() == negative


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"negative_values": []}, r"data\.negative_values=\[\] names no label. List .*=\[complaint,threat\]"),
        ({"negative_values": None}, r"data\.negative_values=None names no label"),
        ({"negative_values": [None]}, r"data\.negative_values=\[None\] names no label"),
        ({"positive_values": []}, r"data\.positive_values=\[\] names no label. List some, or set null"),
        ({"negative_values": [["bad"]]}, r"data\.negative_values=\[\['bad'\]\]: a label must be text, a number, true"),
        ({"negative_values": ["bad", None]}, r"data\.negative_values=\['bad', None\]: a label must be"),
        ({"ignored_values": " "}, r"data\.ignored_values= : a label must be"),
        ({"ignored_values": {"a": 1}}, r"data\.ignored_values=\{'a': 1\}: a label must be"),
    ],
)
def test_a_setting_without_valid_labels_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        checked(table(), **values)


def test_a_label_cannot_have_two_meanings() -> None:
    with pytest.raises(DataError, match="occurs twice"):
        checked(table(), ignored_values=["Bad"])


def test_soft_labels_are_the_probability_to_learn() -> None:
    labelled = checked(table(share=[0.9, "0.25", 0]), soft_label_column="share")
    assert labelled.frame["target"].tolist() == [0.9, 0.25, 0.0]
    assert labelled.frame["negative"].tolist() == [1, 0, 0]
    assert "target" not in checked(table(share=[0.9, 0.2, 0])).frame


@pytest.mark.parametrize("value", [None, 1.2, -0.1, "often", float("nan")])
def test_a_soft_label_that_is_no_probability_is_refused(value: object) -> None:
    message = r"1 row\(s\) have no probability from 0 to 1 in column share \(data.soft_label_column\): 2"
    with pytest.raises(DataError, match=message):
        checked(table(share=[0.9, value, 0.1]), soft_label_column="share")


def test_a_missing_column_of_soft_labels_is_named() -> None:
    with pytest.raises(DataError, match="No column share in the table"):
        checked(table(), soft_label_column="share")
