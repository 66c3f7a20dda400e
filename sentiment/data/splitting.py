"""Deduplicate labelled texts, draw a sample, split it, and add rows to train."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sentiment.data.errors import DataError
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


def sample(frame: pd.DataFrame, *, size: int, seed: int, section: str) -> pd.DataFrame:
    """Draw exactly `size` rows, stratified by class; `section` is that of `sample_size`, for messages.

    Raises:
        DataError: there are fewer rows, or `size` is below 1.
    """
    if not 0 < size <= len(frame):
        raise DataError(
            f"{section}.sample_size={size}: must be from 1 to {len(frame):,}, the rows left after deduplication."
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
    split_of_row = assign(frame, {"test": test, "validation": validation}, seed=seed)
    frames = {name: frame[split_of_row == name].reset_index(drop=True) for name in SPLITS}
    for name, part in frames.items():
        if part["negative"].nunique() < 2:
            raise DataError(
                f"Too few rows to split: {name} lacks a class. There are {len(frame):,} rows, "
                f"{int(frame['negative'].sum()):,} of them negative, in {frame['group'].nunique():,} groups. Use more "
                "rows, larger shares (split.validation, split.test) or smaller groups."
            )
    return frames


def assign(frame: pd.DataFrame, shares: Mapping[str, float], *, seed: int) -> pd.Series:
    """Return the part of each row: one of `shares`, whose values are shares of the rows, or `train`.

    Groups are stratified by profile (none, some or all of their rows negative), shuffled, and assigned by size, so that
    the shares of rows are as close as possible. Groups too large for the smallest part go to train.
    """
    groups = frame.groupby("group")["negative"].agg(["size", "mean"])
    groups = groups.iloc[np.random.default_rng(seed).permutation(len(groups))]
    groups["profile"] = np.ceil(groups["mean"]) + np.floor(groups["mean"])
    groups["profile_size"] = groups.groupby("profile")["size"].transform("sum")
    too_large = groups["size"] > min(shares.values()) * groups["profile_size"]
    groups = groups.iloc[np.argsort(too_large.to_numpy(), kind="stable")]
    middle = (groups.groupby("profile")["size"].cumsum() - groups["size"] / 2) / groups["profile_size"]
    below = np.cumsum(list(shares.values()))
    part_of_group = pd.Series(np.select([middle < bound for bound in below], list(shares), "train"), middle.index)
    return frame["group"].map(part_of_group)


def rest(frame: pd.DataFrame, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows that are in no split, without those whose group is in validation or test.

    `frame` is the deduplicated table that the splits were made of.
    """
    drawn = frame["text"].isin(pd.concat(frames.values())["text"])
    return frame[~drawn & ~frame["group"].isin(held_out_groups(frames))]


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
