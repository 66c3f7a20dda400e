"""`sentiment.data.splits`: from a table to a folder of splits with a description."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from sentiment.data import folders, keys, sources, splits, splitting
from sentiment.data.errors import DataError
from sentiment.data.leakage import LeakageError
from sentiment.data.sources import Source
from sentiment.data.splits import Splits

DATA: dict[str, Any] = {
    "name": "mine",
    "limits": ["Caf\u00e9 tweets only."],
    "text_column": "text",
    "label_column": "label",
    "group_column": "user",
    "soft_label_column": None,
    "negative_values": "bad",
    "positive_values": None,
    "ignored_values": None,
    "drop_empty_texts": True,
    "max_damaged": 0.0,
    "sample_size": None,
    "extra_training": {},
}
SPLIT: dict[str, Any] = {"validation": 0.2, "test": 0.2, "train_on_rest": False, "targets": None}


def table(numbers: range, **columns: object) -> pd.DataFrame:
    rows = {"text": [f"tweet {number}" for number in numbers], "label": ["bad", "good"] * (len(numbers) // 2)}
    return pd.DataFrame({**rows, "user": [f"user {number // 2}" for number in numbers], **columns})


def make_splits(**data: object) -> Splits:
    return splits.make(table(range(100)), [], data={**DATA, **data}, split=SPLIT, seed=1)


def test_every_row_of_the_table_is_accounted_for() -> None:
    rows = pd.concat([table(range(100)), table(range(10)), table(range(2), text="", label="unheard of")])
    result = splits.make(rows, [], data={**DATA, "sample_size": 60}, split=SPLIT | {"train_on_rest": True}, seed=1)
    assert (result.labelled.empty, result.deduplicated.duplicates) == (2, 10)
    held_out = splitting.held_out_groups(result.frames)
    not_added = result.deduplicated.frame["group"].isin(held_out).sum() - sum(
        len(result.frames[name]) for name in ("validation", "test")
    )
    assert sum(map(len, result.frames.values())) == 60 + result.rest == 100 - not_added


def test_a_folder_of_splits_describes_its_content(tmp_path: Path) -> None:
    result = make_splits()
    description, leakage = splits.write(result, tmp_path, extra=[], data=DATA, split=SPLIT, seed=1)
    assert yaml.safe_load((tmp_path / folders.DESCRIPTIONS["splits"]).read_text(encoding="utf-8")) == description
    assert yaml.safe_load((tmp_path / folders.LIMITS).read_text(encoding="utf-8")) == DATA["limits"]
    read = folders.read_splits(tmp_path)
    assert description["digest"] == keys.digest(read) == keys.digest(result.frames)
    assert {name: split["rows"] for name, split in description["splits"].items()} == {
        name: len(frame) for name, frame in read.items()
    }
    assert description["unknown_groups"] == leakage.unknown == {"train": 0, "validation": 0, "test": 0}


def test_leaking_splits_are_not_described(tmp_path: Path) -> None:
    result = make_splits()
    result.frames["test"] = pd.concat([result.frames["test"], result.frames["train"][:1]])
    with pytest.raises(LeakageError, match="1 texts in both train and test"):
        splits.write(result, tmp_path, extra=[], data=DATA, split=SPLIT, seed=1)
    assert not (tmp_path / folders.DESCRIPTIONS["splits"]).exists()


def make_with(more: pd.DataFrame, entries: Any, **data: object) -> tuple[Splits, list[Source]]:
    """Make splits with another table, described in `data.extra_training`."""
    settings = {**DATA, **data, "extra_training": entries}
    extra = sources.read(settings, None)
    made = splits.make(table(range(100)), [(source, more) for source in extra], data=settings, split=SPLIT, seed=1)
    return made, extra


def test_a_table_like_the_main_data_needs_no_author_and_is_described_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    more = table(range(90, 120)).drop(columns="user")
    more.to_csv(file, index=False)
    result, extra = make_with(more, str(file))
    description, leakage = splits.write(result, tmp_path, extra=extra, data=DATA, split=SPLIT, seed=1)
    described = description["extra_training"]["extra"]
    assert described["file"] == "more.csv"
    assert len(described["sha256"]) == 64
    assert leakage.unknown["train"] == described["rows_added"] == 20
    assert set(result.frames["train"]["source"]) == {"mine", "extra"}


def test_an_error_in_a_table_names_it() -> None:
    with pytest.raises(DataError, match=r"data\.extra_training \(more\.csv\): No column label"):
        make_with(table(range(4)).drop(columns="label"), "more.csv")


def test_limits_name_the_source_that_they_are_about(tmp_path: Path) -> None:
    other = {**DATA, "path": None, "source": {}, "limits": ["Guessed labels."]}
    result, extra = make_with(table(range(200, 240)), {"reviews": other})
    splits.write(result, tmp_path, extra=extra, data=DATA, split=SPLIT, seed=1)
    limits = yaml.safe_load((tmp_path / folders.LIMITS).read_text(encoding="utf-8"))
    assert limits == [*DATA["limits"], "reviews: Guessed labels."]


def test_settings_that_add_nothing_are_refused() -> None:
    with pytest.raises(DataError, match="there are none"):
        splits.require_rows_to_add(DATA, SPLIT | {"train_on_rest": True})
    splits.require_rows_to_add({**DATA, "sample_size": 5}, SPLIT | {"train_on_rest": True})


def test_only_training_tweets_have_soft_labels() -> None:
    rows = table(range(100), share=[0.9, 0.2] * 50)
    frames = splits.make(rows, [], data={**DATA, "soft_label_column": "share"}, split=SPLIT, seed=1).frames
    assert frames["train"].groupby("negative")["target"].unique().map(list).to_dict() == {0: [0.2], 1: [0.9]}
    assert "target" not in frames["validation"]
    assert "target" not in frames["test"]


def test_tweets_of_a_table_without_soft_labels_have_their_label_as_target() -> None:
    settings = {**DATA, "soft_label_column": "share", "extra_training": "more.csv"}
    rows, extra = table(range(100), share=[0.9, 0.2] * 50), table(range(200, 240))
    tables = [(source, extra) for source in sources.read(settings, None)]
    train = splits.make(rows, tables, data=settings, split=SPLIT, seed=1).frames["train"]
    added = train[train["source"] == "extra"]
    assert len(added) == 40
    assert added["target"].tolist() == added["negative"].tolist()
