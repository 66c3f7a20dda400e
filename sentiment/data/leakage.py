"""Prove that the splits share no texts and no groups, and count near-duplicates."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment.data.keys import has_unknown_group, keys_of, near_key, text_key
from sentiment.inference.errors import UserError


class LeakageError(UserError):
    """A text or a group in two splits."""


@dataclass(frozen=True, kw_only=True)
class Leakage:
    """The overlap of the splits.

    Attributes:
        shared: for each pair of splits, the number of common `texts` (compared by `text_key`) and known `groups`.
        unknown: the number of rows of each split whose group is unknown and cannot be compared.
        near_duplicates: for each split except train, the number (`rows`) and the `share` of texts with a near-duplicate
            in train (the same `near_key`).
    """

    shared: dict[str, dict[str, int]]
    unknown: dict[str, int]
    near_duplicates: dict[str, dict[str, float]]


def measure(frames: Mapping[str, pd.DataFrame]) -> Leakage:
    """Measure the overlap of the splits, from the frames alone, however they were made."""
    texts = {name: set(keys_of(frame["text"], "leakage", text_key)) for name, frame in frames.items()}
    groups = {name: set(frame["group"][~has_unknown_group(frame)]) for name, frame in frames.items()}
    return Leakage(
        shared={
            f"{one} and {other}": {"texts": len(texts[one] & texts[other]), "groups": len(groups[one] & groups[other])}
            for one, other in combinations(frames, 2)
        },
        unknown={name: int(has_unknown_group(frame).sum()) for name, frame in frames.items()},
        near_duplicates={
            name: {"rows": int(rows.sum()), "share": float(rows.mean())}
            for name, rows in near_duplicates(frames).items()
        },
    )


def require_none(leakage: Leakage) -> None:
    """Check that the splits share no text and no known group; near-duplicates and unknown groups are accepted.

    Raises:
        LeakageError: they share some.
    """
    if leaks := [
        f"{count} {kind} in both {pair}"
        for pair, counts in leakage.shared.items()
        for kind, count in counts.items()
        if count
    ]:
        raise LeakageError(f"The splits leak: {'; '.join(leaks)}. Do not train on them.")


def near_duplicates(frames: Mapping[str, pd.DataFrame]) -> dict[str, NDArray[np.bool_]]:
    """Return which texts of each split except train, shape (rows,), have a near-duplicate in train."""
    keys = {name: keys_of(frame["text"], "near-duplicates", near_key) for name, frame in frames.items()}
    train = set(keys["train"])
    return {name: keys[name].isin(train).to_numpy(dtype=np.bool_) for name in frames if name != "train"}
