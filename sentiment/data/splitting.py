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
    """Rows of which no two hold the same text.

    Attributes:
        frame: columns `text`, `negative` and `group`; a row without group got one of its own.
        duplicates: rows removed because their text, with the same label, is kept once.
        contradictions: rows removed because their text carries both labels.
    """

    frame: pd.DataFrame
    duplicates: int
    contradictions: int


@dataclass(frozen=True, kw_only=True)
class Extra:
    """Rows of another table than that of the splits, to train on.

    Attributes:
        labelled: what the checks found in that table.
        frame: the rows to add to train: columns `text`, `negative` and `group`.
        left_out: the numbers of all other rows of the table, by reason; a row has one reason.
    """

    labelled: Labelled
    frame: pd.DataFrame
    left_out: dict[str, int]

    @property
    def rows_read(self) -> int:
        """Return the number of rows of the table, whatever their label."""
        return len(self.frame) + sum(self.left_out.values())


def deduplicate(frame: pd.DataFrame) -> Deduplicated:
    """Keep each text once, and none that carries both labels.

    The rows come back in the order of a hash of their spelling: as good as shuffled, and the same whatever the order of
    the input, which also decides which of several duplicates is kept. It is not the hash of their key: what else may be
    taken for a duplicate some day must not draw other samples of all data.
    """
    hashes = order_of(frame["text"])
    order = np.lexsort([hash_of(frame["group"]), hash_of(frame["text"]), hashes])
    codes = pd.factorize(keys_of(frame["text"], "deduplicate", text_key))[0]
    negative = np.bincount(codes, weights=frame["negative"])[codes]
    contradictory = (negative > 0) & (negative < np.bincount(codes)[codes])
    duplicate = pd.Series(codes[order]).duplicated().to_numpy() & ~contradictory[order]
    kept = order[~contradictory[order] & ~duplicate]
    alone = pd.Series([group_of_its_own(value) for value in hashes[kept]], dtype=object)
    unique = frame.iloc[kept].reset_index(drop=True)
    return Deduplicated(
        frame=unique.assign(group=unique["group"].where(unique["group"] != "", alone)),
        duplicates=int(duplicate.sum()),
        contradictions=int(contradictory.sum()),
    )


def sample(frame: pd.DataFrame, *, size: int, seed: int) -> pd.DataFrame:
    """Draw exactly `size` rows, the classes in the shares that they have.

    Raises:
        DataError: there are fewer rows, or `size` is not positive.
    """
    if not 0 < size <= len(frame):
        raise DataError(f"data.sample_size={size}: after deduplication {len(frame):,} rows are there to draw from.")
    negative = np.flatnonzero(frame["negative"] == 1)
    positive = np.flatnonzero(frame["negative"] == 0)
    share = round(size * len(negative) / len(frame))
    random = np.random.default_rng(seed)
    drawn = [random.choice(negative, share, replace=False), random.choice(positive, size - share, replace=False)]
    return frame.iloc[np.sort(np.concatenate(drawn))].reset_index(drop=True)


def split(frame: pd.DataFrame, *, validation: float, test: float, seed: int) -> Frames:
    """Split rows into `train`, `validation` and `test`, no group in two of them.

    Groups are stratified by their profile (no row negative, some, all), shuffled, and dealt by the rows they hold, so
    that the shares hold for rows as well as they can. A group too large for validation or test goes to train.

    Args:
        frame: columns `text`, `negative` and `group`.
        validation: the share of rows for validation, above 0.
        test: the share of rows for test, above 0.
        seed: of the shuffle.

    Raises:
        DataError: the shares leave nothing to train on, or the rows are too few to put both classes into each split.
    """
    if validation <= 0 or test <= 0 or validation + test >= 1:
        raise DataError(f"split.validation={validation:g} and split.test={test:g} must be above 0, together below 1.")
    groups = frame.groupby("group")["negative"].agg(["size", "mean"])
    groups = groups.iloc[np.random.default_rng(seed).permutation(len(groups))]
    groups["profile"] = np.ceil(groups["mean"]) + np.floor(groups["mean"])
    groups["of"] = groups.groupby("profile")["size"].transform("sum")
    too_large = groups["size"] > min(validation, test) * groups["of"]
    groups = groups.iloc[np.argsort(too_large.to_numpy(), kind="stable")]
    middle = (groups.groupby("profile")["size"].cumsum() - groups["size"] / 2) / groups["of"]
    side = pd.Series(
        np.select([middle < test, middle < test + validation], ["test", "validation"], "train"), middle.index
    )
    sides = frame["group"].map(side)
    frames = {name: frame[sides == name].reset_index(drop=True) for name in SPLITS}
    for name, part in frames.items():
        if part["negative"].nunique() < 2:
            raise DataError(
                f"Too few rows to split: {name} lacks a class. There are {len(frame):,} rows, of which "
                f"{int(frame['negative'].sum()):,} negative, in {len(groups):,} groups. More rows are needed, larger "
                "shares of split.validation and split.test, or smaller groups."
            )
    return frames


def rest(frame: pd.DataFrame, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows that stand in none of the splits, of groups that stand neither in validation nor in test.

    `frame` has no text twice, and the splits were made of it.
    """
    drawn = frame["text"].isin(pd.concat(frames.values())["text"])
    return frame[~drawn & ~frame["group"].isin(held_out_groups(frames))]


def extra_training(labelled: Labelled, *, data: pd.DataFrame, frames: Mapping[str, pd.DataFrame]) -> Extra:
    """Choose the rows of another table that may be added to train: validation and test stay unknown to a model.

    The table is deduplicated. Then every row is left out whose text (compared by `text_key`) stands in a split, whose
    group stands in validation or test, or whose text carries the other label in the data. A text that the data hold
    too is also of the groups that it has there: a table without groups gives away nobody who is held out.

    Args:
        labelled: the rows of the other table.
        data: all rows that the splits were made of, duplicates and those not drawn included.
        frames: the splits.
    """
    unique = deduplicate(labelled.frame)
    keys = keys_of(unique.frame["text"], "look up", text_key)
    known = keys_of(data["text"], "look up", text_key)
    held_out = held_out_groups(frames)
    in_splits = keys.isin(keys_of(pd.concat(frames.values())["text"], "look up", text_key))
    group_held_out = unique.frame["group"].isin(held_out) | keys.isin(known[data["group"].isin(held_out)])
    group_held_out &= ~in_splits
    negative = unique.frame["negative"] == 1
    contradictory = keys.isin(known[data["negative"] == 0]) & negative
    contradictory |= keys.isin(known[data["negative"] == 1]) & ~negative
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
    """Return the splits with more rows in train, in the order that `deduplicate` gives; the others stay as they are."""
    train = pd.concat([frames["train"], rows])
    order = np.argsort(order_of(train["text"]), kind="stable")
    return {**frames, "train": train.iloc[order].reset_index(drop=True)}


def held_out_groups(frames: Mapping[str, pd.DataFrame]) -> set[str]:
    """Return the groups that stand in validation or test."""
    return {*frames["validation"]["group"], *frames["test"]["group"]}


def digest(frames: Mapping[str, pd.DataFrame]) -> str:
    """Return the sha256 of what the splits hold, in hexadecimal digits.

    Each row is hashed by pandas (64 bits of its `text`, `negative` and `group`); the hashes of each split, sorted, and
    the splits' names are hashed together. Neither the order of rows nor the file format enters.
    """
    content = hashlib.sha256()
    for name, frame in sorted(frames.items()):
        rows = pd.util.hash_pandas_object(frame[["text", "negative", "group"]], index=False).to_numpy()
        content.update(name.encode())
        content.update(np.sort(rows).astype("<u8").tobytes())
    return content.hexdigest()
