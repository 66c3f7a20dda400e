"""`sentiment.data.combining`: other tables join the splits without leaks, and every row is accounted for."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.data import leakage, splitting
from sentiment.data.checks import Labelled
from sentiment.data.combining import REASONS, Combined, Extra, combine
from sentiment.data.errors import DataError
from sentiment.data.keys import text_key
from sentiment.data.sources import Source

Row = tuple[str, int, str]


def frame_of(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["text", "negative", "group"]).astype({"negative": np.int8})


# Texts and authors of the splits below: cy is held out, and one of cy's tweets was not sampled.
DATA = frame_of(
    [
        ("late", 1, "ana"),
        ("fine", 0, "bo"),
        ("lost", 1, "cy"),
        ("calm", 0, "di"),
        ("not drawn", 1, "cy"),
        ("not drawn either", 1, "ana"),
        ("disputed", 1, "ana"),
        ("disputed", 0, "bo"),
    ]
)
FRAMES = {"train": DATA[:2], "validation": DATA[2:3], "test": DATA[3:4]}


def labelled(frame: pd.DataFrame, *, ignored: int = 0, empty: int = 0) -> Labelled:
    return Labelled(
        frame=frame,
        rows=np.arange(len(frame)),
        labels=pd.DataFrame(),
        ignored=ignored,
        empty=empty,
        damaged={},
        without_group=0,
    )


def combined(
    *tables: Labelled,
    frames: splitting.Frames = FRAMES,
    data: pd.DataFrame = DATA,
    sizes: dict[str, int] | None = None,
    **targets: float,
) -> Combined:
    """Combine the splits of the data `main` with tables named `a`, `b` and so on."""
    sources = [
        Source(name=name, section=f"data.extra_training.{name}", settings={"sample_size": (sizes or {}).get(name)},
               like_main=False)
        for name, _ in zip("abc", tables, strict=False)
    ]  # fmt: skip
    tables_by_source = list(zip(sources, tables, strict=True))
    return combine(frames, tables_by_source, name="main", data=data, targets=targets, seed=1)


def numbered(numbers: range, *, group: str = "", **columns: Any) -> pd.DataFrame:
    """Return rows by number, every other one negative, each with a group of its own or one of 4."""
    groups = [f"{group} {number // 2}" if group else "" for number in numbers]
    frame = frame_of([(f"tweet {number}", number % 2, name) for number, name in zip(numbers, groups, strict=True)])
    return frame.assign(**columns)


def without_leaks(result: Combined) -> bool:
    leakage.require_none(leakage.measure({**result.frames, **result.targets}))
    return result.frames["train"]["text"].map(text_key).is_unique


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("delayed", 1, ""), None),
        (("delayed", 1, "ana"), None),
        (("not drawn either", 1, ""), None),
        (("LATE ", 1, ""), "text_in_splits"),
        (("lost", 1, ""), "text_in_splits"),
        (("Calm", 1, "eve"), "text_in_splits"),
        (("delayed", 1, "cy"), "group_held_out"),
        (("delayed", 1, "di"), "group_held_out"),
        (("Not  drawn", 1, ""), "group_held_out"),
        (("not drawn either", 0, ""), "contradictions"),
        (("disputed", 1, ""), "contradictions"),
        (("disputed", 0, "eve"), "contradictions"),
    ],
)
def test_rows_that_leak_or_contradict_are_dropped(row: Row, reason: str | None) -> None:
    extra = combined(labelled(frame_of([row]))).extras["a"]
    assert extra.rows["text"].tolist() == ([] if reason else [row[0]])
    assert {name: count for name, count in extra.left_out.items() if count} == ({reason: 1} if reason else {})


def test_rows_are_deduplicated_and_every_row_is_accounted_for() -> None:
    rows = [("new", 1, ""), (" NEW", 1, "eve"), ("both", 0, ""), ("Both", 1, ""), ("late", 1, "")]
    extra = combined(labelled(frame_of(rows), ignored=3, empty=2)).extras["a"]
    expected = {"text_empty": 2, "label_ignored": 3, "duplicates": 1, "contradictions": 2, "text_in_splits": 1}
    assert {reason: extra.left_out[reason] for reason in REASONS} == dict.fromkeys(REASONS, 0) | expected
    assert len(extra.rows) == 1
    assert extra.rows_read == 10


def test_train_names_the_source_of_each_row_only_if_there_are_several() -> None:
    train = combined(labelled(frame_of([("new", 1, "")])), labelled(frame_of([("newer", 0, "")]))).frames["train"]
    by_text = train.set_index("text")["source"].to_dict()
    assert by_text == {"late": "main", "fine": "main", "new": "a", "newer": "b"}
    assert "source" not in combined(labelled(frame_of([("late", 1, "")]))).frames["train"]


def test_where_tables_repeat_or_contradict_each_other_the_first_counts() -> None:
    first, second = frame_of([("new", 1, ""), ("other", 1, "")]), frame_of([("NEW", 1, ""), ("Other ", 0, "")])
    extras = combined(labelled(first), labelled(second)).extras
    assert set(extras["a"].rows["text"]) == {"new", "other"}
    assert extras["b"].left_out["text_in_splits"] == 2


def test_a_share_of_the_groups_of_a_table_is_held_out() -> None:
    result = combined(labelled(numbered(range(400), group="user")), a=0.25)
    target, train = result.targets["a"], result.frames["train"]
    assert len(target) == pytest.approx(100, abs=4)
    assert target["negative"].mean() == pytest.approx(0.5, abs=0.02)
    assert list(target.columns) == ["text", "negative", "group"]
    assert set(target["group"]).isdisjoint(train["group"])
    assert len(train) == 2 + 400 - len(target)
    assert without_leaks(result)


def test_a_table_can_be_for_evaluation_only() -> None:
    result = combined(labelled(numbered(range(40))), a=1)
    assert len(result.targets["a"]) == 40
    assert set(result.frames["train"]["text"]) == {"fine", "late"}
    assert "source" not in result.frames["train"]


def test_rows_held_out_are_dropped_from_train_of_every_table() -> None:
    main = numbered(range(200), group="author")
    frames = {"train": main[:160], "validation": main[160:180], "test": main[180:]}
    other = numbered(range(150, 250), group="author")
    target = pd.concat([numbered(range(300, 340)), numbered(range(100, 110)), numbered(range(240, 244))])
    result = combined(labelled(other), labelled(target), frames=frames, data=main, b=1)
    assert len(result.targets["b"]) == 54
    assert result.dropped == 10
    assert len(result.frames["train"]) == 150 + result.extras["a"].rows.shape[0]
    assert result.extras["a"].left_out["text_in_splits"] == 50 + 4
    assert result.extras["a"].rows_read == 100
    assert without_leaks(result)


def test_a_held_out_author_is_found_through_a_text_without_an_author() -> None:
    main = numbered(range(40), group="author")
    frames = {"train": main[:36], "validation": main[36:38], "test": main[38:]}
    target = numbered(range(100, 130)).assign(group="ana")
    also_ana = frame_of([("hello from ana", 1, "ana")])
    anonymous = frame_of([("Hello  from ANA", 1, ""), ("someone else", 1, "")])
    result = combined(labelled(pd.concat([target, also_ana])), labelled(anonymous), frames=frames, data=main, a=1)
    assert result.extras["b"].rows["text"].tolist() == ["someone else"]


def test_a_text_of_validation_is_not_held_out_again() -> None:
    target = pd.concat([numbered(range(40)), frame_of([("Lost", 1, ""), ("by di", 0, "di")])])
    extra = combined(labelled(target), a=1).extras["a"]
    assert extra.rows_held_out == 40
    assert (extra.left_out["text_in_splits"], extra.left_out["group_held_out"]) == (1, 1)


@pytest.mark.parametrize(
    ("rows", "share", "message"),
    [
        (numbered(range(1, 61, 2)), 1, r"holds out 30 rows, 30 of them negative: at least 10 of each class"),
        (numbered(range(30)), 0.5, r"split\.targets\.a=0\.5 holds out 1\d rows.* larger share or more rows"),
    ],
)
def test_a_target_with_too_few_rows_of_a_class_is_refused(rows: pd.DataFrame, share: float, message: str) -> None:
    with pytest.raises(DataError, match=message):
        combined(labelled(rows), a=share)


def test_a_table_can_be_sampled() -> None:
    extra = combined(labelled(numbered(range(100))), sizes={"a": 30}).extras["a"]
    assert (len(extra.rows), extra.left_out["not_drawn"]) == (30, 70)
    with pytest.raises(DataError, match=r"data\.extra_training\.a\.sample_size=101: must be from 1 to 100"):
        combined(labelled(numbered(range(100))), sizes={"a": 101})


def test_rows_without_soft_labels_have_their_label_as_target() -> None:
    soft = numbered(range(10), target=0.7)
    train = combined(labelled(soft), labelled(numbered(range(10, 20)))).frames["train"]
    assert (train["target"][train["source"] == "a"] == 0.7).all()
    others = train[train["source"] != "a"]
    assert others["target"].tolist() == others["negative"].tolist()


def messy_rows(rows: int, *, seed: int) -> pd.DataFrame:
    """Return rows as messy as real ones: duplicates that differ in case, wrong labels, authors of several texts."""
    random = np.random.default_rng(seed)
    texts = random.integers(0, 120, rows)
    forms = random.choice(["tweet {}", "TWEET {}"], rows)
    groups = random.choice(["", *(f"user {number}" for number in range(40))], rows)
    return pd.DataFrame(
        {
            "text": [form.format(text) for form, text in zip(forms, texts, strict=True)],
            "negative": ((texts % 2 == 1) ^ (random.random(rows) < 0.1)).astype(np.int8),
            "group": groups.astype(object),
        }
    )


def messy_splits(seed: int) -> tuple[pd.DataFrame, splitting.Frames]:
    data = messy_rows(150, seed=seed)
    unique = splitting.deduplicate(data).frame
    drawn = splitting.sample(unique, size=len(unique) // 2, seed=seed, section="data")
    return data, splitting.split(drawn, validation=0.2, test=0.2, seed=seed)


@pytest.mark.slow
@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_each_row_is_added_or_counted_with_a_reason(seed: int) -> None:
    data, frames = messy_splits(seed)
    more = messy_rows(60, seed=seed + 10_001)
    result = combined(labelled(more), frames=frames, data=data)

    held_out = {*frames["validation"]["group"], *frames["test"]["group"]}
    texts_held_out = {text_key(text) for name in ("validation", "test") for text in frames[name]["text"]}
    texts_in_train = set(frames["train"]["text"].map(text_key))
    everything = pd.concat([data, more])
    groups_by_text = everything.groupby(everything["text"].map(text_key))["group"].agg(set)
    labels_by_text = data.groupby(data["text"].map(text_key))["negative"].agg(set)
    deduplicated = splitting.deduplicate(more)
    expected = Counter(duplicates=deduplicated.duplicates, contradictions=deduplicated.contradictions)
    for text, negative, group in deduplicated.frame.itertuples(index=False):
        key = text_key(text)
        if key in texts_held_out:
            expected["text_in_splits"] += 1
        elif held_out & {group, *groups_by_text[key]}:
            expected["group_held_out"] += 1
        elif key in texts_in_train:
            expected["text_in_splits"] += 1
        elif 1 - negative in labels_by_text.get(key, set()):
            expected["contradictions"] += 1
        else:
            expected["added"] += 1
    extra = result.extras["a"]
    assert +Counter(added=len(extra.rows), **extra.left_out) == +expected
    assert extra.rows_read == len(more)
    assert without_leaks(result)


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_no_combination_leaks(seed: int) -> None:
    data, frames = messy_splits(seed)
    tables = [labelled(messy_rows(90, seed=seed + number)) for number in (10_001, 20_001)]
    try:
        result = combined(*tables, frames=frames, data=data, a=0.5, b=1)
    except DataError as error:
        assert "at least 10 of each class" in str(error)
        return
    assert without_leaks(result)
    for name in ("validation", "test"):
        pd.testing.assert_frame_equal(result.frames[name], frames[name])
    extras: dict[str, Extra] = result.extras
    assert [extra.rows_read for extra in extras.values()] == [90, 90]
