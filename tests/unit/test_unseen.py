"""`sentiment.data.unseen`: a model is evaluated on rows that it has not learned from; all others are counted."""

from typing import Any

import pandas as pd
import pytest

from sentiment.data import keys, unseen
from sentiment.data.errors import DataError
from sentiment.data.unseen import Unseen

DATA: dict[str, Any] = {
    "name": "csv",
    "text_column": "text",
    "label_column": "label",
    "group_column": "user",
    "soft_label_column": None,
    "negative_values": ["negative"],
    "positive_values": None,
    "ignored_values": ["unknown"],
    "drop_empty_texts": True,
    "max_damaged": 0.0,
    "sample_size": None,
}
TABLE = pd.DataFrame(
    [
        ("late again", "negative", "ana", "Delta"),
        ("lovely crew", "positive", "bo", "United"),
        ("", "negative", "bo", "United"),
        ("no idea", "unknown", "cy", "United"),
        ("Late  AGAIN", "negative", "dee", None),
        ("so so", "negative", "ed", "United"),
        ("so so", "neutral", "", "United"),
    ],
    columns=["text", "label", "user", "airline"],
)


def select(table: pd.DataFrame = TABLE, *, learned: tuple[str, ...] = (), **settings: Any) -> Unseen:
    options = {"include_seen": False, "slice_columns": ["airline"], "seed": 1}
    data = {name: settings.pop(name) for name in list(settings) if name in DATA}
    seen = set(keys.text_hashes(pd.Series(list(learned), dtype=object)))
    return unseen.select(table, DATA | data, seen=seen, **options | settings)


def test_all_rows_that_pass_the_checks_are_kept_in_order_with_their_columns() -> None:
    rows = select()
    assert rows.frame["text"].tolist() == ["late again", "lovely crew", "Late  AGAIN", "so so", "so so"]
    assert rows.frame["negative"].tolist() == [1, 0, 1, 1, 0]
    assert rows.frame["group"].tolist() == ["ana", "bo", "dee", "ed", ""]
    assert rows.columns["airline"].tolist() == ["Delta", "United", "", "United", "United"]


def test_every_row_is_counted() -> None:
    assert select().counts == {
        "read": 7,
        "empty": 1,
        "ignored": 1,
        "not_drawn": 0,
        "seen": 0,
        "evaluated": 5,
        "duplicates": 2,
        "contradictions": 2,
    }


def test_texts_that_the_model_has_learned_from_are_excluded_however_they_are_spelled() -> None:
    rows = select(learned=("LATE again",))
    assert rows.frame["text"].tolist() == ["lovely crew", "so so", "so so"]
    assert (rows.counts["seen"], rows.counts["evaluated"]) == (2, 3)
    assert rows.columns["airline"].tolist() == ["United"] * 3


def test_learned_texts_are_kept_and_counted_on_request() -> None:
    rows = select(learned=("late again",), include_seen=True)
    assert (rows.counts["seen"], rows.counts["evaluated"]) == (2, 5)


@pytest.mark.parametrize(
    ("learned", "message"),
    [
        (("late again", "lovely crew", "so so"), r"There are no rows left .* learned from 5 of the 5 texts"),
        (("late again", "so so"), r"No row is negative left to evaluate on.* evaluate\.include_seen=true"),
        (("lovely crew", "so so"), r"No row is positive left to evaluate on"),
    ],
)
def test_too_little_left_is_an_error_that_says_why(learned: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        select(learned=learned)


def test_a_missing_column_is_an_error_that_lists_the_columns() -> None:
    with pytest.raises(DataError, match="no column plane in the table. Its columns: text, label, user, airline"):
        select(slice_columns=["plane"])


def test_a_sample_is_drawn_after_deduplication() -> None:
    texts = [f"{'late' if row % 2 else 'lovely'} {row // 2}" for row in range(40)]
    table = pd.DataFrame({"text": texts * 2, "label": ["positive", "negative"] * 40, "user": "", "airline": texts * 2})
    rows = select(table, sample_size=10)
    assert (rows.counts["not_drawn"], rows.counts["evaluated"], rows.counts["duplicates"]) == (70, 10, 0)
    assert rows.frame["negative"].sum() == 5
    assert rows.columns["airline"].tolist() == rows.frame["text"].tolist()
