"""Prove that nothing leaks between the splits, and count what comes close to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment.data.keys import keys_of, near_key, of_unknown_group, text_key
from sentiment.inference.errors import UserError


class LeakageError(UserError):
    """A text or a group that stands in two splits."""


@dataclass(frozen=True, kw_only=True)
class Leakage:
    """What the splits share.

    Attributes:
        shared: the numbers of `texts` (compared by `text_key`) and of known `groups` in both, for each pair of splits.
        unknown: the number of rows of each split whose group is unknown: of them nobody can tell.
        near_duplicates: of each split but train, the number (`rows`) and the `share` of the texts that differ from one
            in train in what `near_key` leaves out only.
    """

    shared: dict[str, dict[str, int]]
    unknown: dict[str, int]
    near_duplicates: dict[str, dict[str, float]]


def measure(frames: Mapping[str, pd.DataFrame]) -> Leakage:
    """Count what the splits share. It looks at the frames alone: how they were made does not enter."""
    texts = {name: set(keys_of(frame["text"], "leakage", text_key)) for name, frame in frames.items()}
    groups = {name: set(frame["group"][~of_unknown_group(frame)]) for name, frame in frames.items()}
    return Leakage(
        shared={
            f"{one} and {other}": {"texts": len(texts[one] & texts[other]), "groups": len(groups[one] & groups[other])}
            for one, other in combinations(frames, 2)
        },
        unknown={name: int(of_unknown_group(frame).sum()) for name, frame in frames.items()},
        near_duplicates={
            name: {"rows": int(rows.sum()), "share": float(rows.mean())}
            for name, rows in near_duplicates(frames).items()
        },
    )


def require_none(leakage: Leakage) -> None:
    """Refuse splits that share a text or a known group; near-duplicates and unknown groups are let through.

    Raises:
        LeakageError: what they share.
    """
    if leaks := [
        f"{count} {what} in both {pair}"
        for pair, counts in leakage.shared.items()
        for what, count in counts.items()
        if count
    ]:
        raise LeakageError(f"The splits leak: {'; '.join(leaks)}. Nothing may be trained on them.")


def near_duplicates(frames: Mapping[str, pd.DataFrame]) -> dict[str, NDArray[np.bool_]]:
    """Return for each split but train which of its texts, shape (rows,), have a near-duplicate in train."""
    keys = {name: keys_of(frame["text"], "near-duplicates", near_key) for name, frame in frames.items()}
    train = set(keys["train"])
    return {name: keys[name].isin(train).to_numpy(dtype=np.bool_) for name in frames if name != "train"}
