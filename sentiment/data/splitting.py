"""Deduplicate labelled texts, draw a sample, split it, and add rows to train."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sentiment.data.checks import DataError, Labelled
from sentiment.data.folders import SPLITS
from sentiment.data.keys import group_of_its_own, hash_of, keys_of, order_of, text_key

Frames = dict[str, pd.DataFrame]


@dataclass(frozen=True, kw_only=True)
class Deduplicated:
    """Rows with distinct texts.

    Attributes:
        frame: columns `text`, `negative` and `group`; each row without a group got one of its own.
        duplicates: the number of rows removed because another row has the same text and label.
        contradictions: the number of rows removed because their text occurs with both labels.
    """

    frame: pd.DataFrame
    duplicates: int
    contradictions: int


@dataclass(frozen=True, kw_only=True)
class Extra:
    """Extra rows for train, from another table.

    Attributes:
        labelled: the result of checking that table.
        frame: the rows to add to train: columns `text`, `negative` and `group`.
        left_out: the number of all other rows of the table by reason, one reason per row.
    """

    labelled: Labelled
    frame: pd.DataFrame
    left_out: dict[str, int]

    @property
    def rows_read(self) -> int:
        """Return the number of rows of the table, whatever their label."""
        return len(self.frame) + sum(self.left_out.values())


def deduplicate(frame: pd.DataFrame) -> Deduplicated:
    """Keep each text once, and drop texts with both labels.

    Returns the rows in the order of a hash of their spelling. This is as good as shuffled, does not depend on the input
    order, and decides which duplicate is kept. The hash is not of `text_key`: a new definition of duplicates must not
    change the samples of all data sets.
    """
    hashes = order_of(frame["text"])
    order = np.lexsort([hash_of(frame["group"]), hash_of(frame["text"]), hashes])
    codes = pd.factorize(keys_of(frame["text"], "deduplicate", text_key))[0]
    negative = np.bincount(codes, weights=frame["negative"])[codes]
    contradictory = (negative > 0) & (negative < np.bincount(codes)[codes])
    duplicate = pd.Series(codes[order]).duplicated().to_numpy() & ~contradictory[order]
    kept = order[~contradictory[order] & ~duplicate]
    own_group = pd.Series([group_of_its_own(value) for value in hashes[kept]], dtype=object)
    unique = frame.iloc[kept].reset_index(drop=True)
    return Deduplicated(
        frame=unique.assign(group=unique["group"].where(unique["group"] != "", own_group)),
        duplicates=int(duplicate.sum()),
        contradictions=int(contradictory.sum()),
    )


def sample(frame: pd.DataFrame, *, size: int, seed: int) -> pd.DataFrame:
    """Draw exactly `size` rows, stratified by class.

    Raises:
        DataError: there are fewer rows, or `size` is below 1.
    """
    if not 0 < size <= len(frame):
        raise DataError(
            f"data.sample_size={size}: must be from 1 to {len(frame):,}, the rows left after deduplication."
        )
    negative = np.flatnonzero(frame["negative"] == 1)
    positive = np.flatnonzero(frame["negative"] == 0)
    negative_size = round(size * len(negative) / len(frame))
    random = np.random.default_rng(seed)
    drawn = [
        random.choice(negative, negative_size, replace=False),
        random.choice(positive, size - negative_size, replace=False),
    ]
    return frame.iloc[np.sort(np.concatenate(drawn))].reset_index(drop=True)


def split(frame: pd.DataFrame, *, validation: float, test: float, seed: int) -> Frames:
    """Split rows into `train`, `validation` and `test` so that no group is in two of them.

    Groups are stratified by profile (none, some or all of their rows negative), shuffled, and assigned by size, so that
    the shares of rows are as close as possible. Groups too large for validation or test go to train.

    Args:
        frame: columns `text`, `negative` and `group`.
        validation: the share of rows for validation, above 0.
        test: the share of rows for test, above 0.
        seed: the seed of the shuffle.

    Raises:
        DataError: the shares leave nothing to train on, or there are too few rows for both classes in each split.
    """
    if validation <= 0 or test <= 0 or validation + test >= 1:
        raise DataError(
            f"split.validation={validation:g} and split.test={test:g} must each be above 0, and their sum below 1."
        )
    groups = frame.groupby("group")["negative"].agg(["size", "mean"])
    groups = groups.iloc[np.random.default_rng(seed).permutation(len(groups))]
    groups["profile"] = np.ceil(groups["mean"]) + np.floor(groups["mean"])
    groups["profile_size"] = groups.groupby("profile")["size"].transform("sum")
    too_large = groups["size"] > min(validation, test) * groups["profile_size"]
    groups = groups.iloc[np.argsort(too_large.to_numpy(), kind="stable")]
    middle = (groups.groupby("profile")["size"].cumsum() - groups["size"] / 2) / groups["profile_size"]
    split_of_group = pd.Series(
        np.select([middle < test, middle < test + validation], ["test", "validation"], "train"), middle.index
    )
    split_of_row = frame["group"].map(split_of_group)
    frames = {name: frame[split_of_row == name].reset_index(drop=True) for name in SPLITS}
    for name, part in frames.items():
        if part["negative"].nunique() < 2:
            raise DataError(
                f"Too few rows to split: {name} lacks a class. There are {len(frame):,} rows, "
                f"{int(frame['negative'].sum()):,} of them negative, in {len(groups):,} groups. Use more rows, larger "
                "shares (split.validation, split.test) or smaller groups."
            )
    return frames


def rest(frame: pd.DataFrame, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows that are in no split, without those whose group is in validation or test.

    `frame` is the deduplicated table that the splits were made of.
    """
    drawn = frame["text"].isin(pd.concat(frames.values())["text"])
    return frame[~drawn & ~frame["group"].isin(held_out_groups(frames))]


def extra_training(labelled: Labelled, *, data: pd.DataFrame, frames: Mapping[str, pd.DataFrame]) -> Extra:
    """Choose the rows of another table that can be added to train without leaking validation or test.

    After deduplication, drops rows whose text (compared by `text_key`) is in a split, whose group is in validation or
    test, or whose text has the other label in the data. A text that also occurs in the data has its groups there, too:
    so a table without groups cannot leak authors of validation or test.

    Args:
        labelled: the rows of the other table.
        data: all rows that the splits were made of, including duplicates and rows outside the sample.
        frames: the splits.
    """
    unique = deduplicate(labelled.frame)
    keys = keys_of(unique.frame["text"], "look up", text_key)
    data_keys = keys_of(data["text"], "look up", text_key)
    held_out = held_out_groups(frames)
    in_splits = keys.isin(keys_of(pd.concat(frames.values())["text"], "look up", text_key))
    group_held_out = unique.frame["group"].isin(held_out) | keys.isin(data_keys[data["group"].isin(held_out)])
    group_held_out &= ~in_splits
    negative = unique.frame["negative"] == 1
    contradictory = keys.isin(data_keys[data["negative"] == 0]) & negative
    contradictory |= keys.isin(data_keys[data["negative"] == 1]) & ~negative
    contradictory &= ~in_splits & ~group_held_out
    return Extra(
        labelled=labelled,
        frame=unique.frame[~in_splits & ~group_held_out & ~contradictory].reset_index(drop=True),
        left_out={
            "text_empty": labelled.empty,
            "label_ignored": labelled.ignored,
            "duplicates": unique.duplicates,
            "contradictions": unique.contradictions + int(contradictory.sum()),
            "text_in_splits": int(in_splits.sum()),
            "group_in_validation_or_test": int(group_held_out.sum()),
        },
    )


def add_to_train(frames: Mapping[str, pd.DataFrame], rows: pd.DataFrame) -> Frames:
    """Return the splits with more rows in train, ordered as by `deduplicate`; the others are unchanged.

    Where only one of both has soft labels (`target`), the labels of the other take their place.
    """
    train = pd.concat([frames["train"], rows])
    if "target" in train:
        train["target"] = train["target"].fillna(train["negative"])
    order = np.argsort(order_of(train["text"]), kind="stable")
    return {**frames, "train": train.iloc[order].reset_index(drop=True)}


def held_out_groups(frames: Mapping[str, pd.DataFrame]) -> set[str]:
    """Return the groups in validation and test."""
    return {*frames["validation"]["group"], *frames["test"]["group"]}


def digest(frames: Mapping[str, pd.DataFrame]) -> str:
    """Return the sha256 of the content of the splits, in hexadecimal digits.

    Each row is hashed by pandas (64 bits of its `text`, `negative` and `group`); the sorted hashes of each split and
    the splits' names are then hashed together. The order of rows and the file format do not matter.
    """
    content = hashlib.sha256()
    for name, frame in sorted(frames.items()):
        rows = pd.util.hash_pandas_object(frame[["text", "negative", "group"]], index=False).to_numpy()
        content.update(name.encode())
        content.update(np.sort(rows).astype("<u8").tobytes())
    return content.hexdigest()
