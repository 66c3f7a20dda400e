"""`sentiment.data.leakage`: overlaps of the splits are counted; shared texts and groups are refused."""

import numpy as np
import pandas as pd
import pytest

from sentiment.data import leakage
from sentiment.data.leakage import Leakage, LeakageError, near_duplicates
from sentiment.data.splitting import deduplicate


def frame_of(*rows: tuple[str, str]) -> pd.DataFrame:
    """Return a split of texts and their groups."""
    return pd.DataFrame(rows, columns=["text", "group"]).assign(negative=np.int8(0))


def without_groups(*texts: str) -> pd.DataFrame:
    """Return a split of texts without groups, as deduplication leaves them."""
    return deduplicate(frame_of(*((text, "") for text in texts))).frame


FRAMES = {
    "train": frame_of(("late", "ana"), ("fine", "bo")),
    "validation": frame_of(("LATE ", "cy")),
    "test": frame_of(("other", "ana"), ("more", "bo")),
}


def test_shared_texts_and_groups_are_counted_and_refused() -> None:
    measured = leakage.measure(FRAMES)
    assert measured.shared == {
        "train and validation": {"texts": 1, "groups": 0},
        "train and test": {"texts": 0, "groups": 2},
        "validation and test": {"texts": 0, "groups": 0},
    }
    with pytest.raises(LeakageError, match="1 texts in both train and validation; 2 groups in both train and test"):
        leakage.require_none(measured)


def test_unknown_groups_are_counted_and_are_no_leak() -> None:
    train = pd.concat([without_groups("late", "lost"), frame_of(("fine", "bo"))])
    # A text in both splits must count once: its generated group is no second leak.
    measured = leakage.measure(
        {"train": train, "validation": without_groups("late"), "test": frame_of(("more", "text-cy"))}
    )
    assert measured.unknown == {"train": 2, "validation": 1, "test": 0}
    assert measured.shared["train and validation"] == {"texts": 1, "groups": 0}
    assert measured.shared["train and test"] == {"texts": 0, "groups": 0}


def test_near_duplicates_are_counted_and_allowed() -> None:
    frames = {
        "train": frame_of(("@ana thanks!", "ana"), ("so late http://t.co/1", "bo")),
        "validation": frame_of(("@bob Thanks", "cy"), ("lost", "di"), ("found", "di"), ("lovely", "ed")),
        "test": frame_of(("SO, late...", "eve")),
    }
    assert {name: rows.tolist() for name, rows in near_duplicates(frames).items()} == {
        "validation": [True, False, False, False],
        "test": [True],
    }
    measured = leakage.measure(frames)
    assert measured.near_duplicates == {"validation": {"rows": 1, "share": 0.25}, "test": {"rows": 1, "share": 1.0}}
    leakage.require_none(measured)


def test_disjoint_splits_are_accepted() -> None:
    leakage.require_none(Leakage(shared={"a and b": {"texts": 0, "groups": 0}}, unknown={"a": 3}, near_duplicates={}))
