"""`sentiment.data.leakage`: what the splits share is counted, and refused where it gives anything away for sure."""

import numpy as np
import pandas as pd
import pytest

from sentiment.data import leakage
from sentiment.data.leakage import Leakage, LeakageError, near_duplicates
from sentiment.data.splitting import deduplicate


def frame_of(*rows: tuple[str, str]) -> pd.DataFrame:
    """Make a split of texts and their groups."""
    return pd.DataFrame(rows, columns=["text", "group"]).assign(negative=np.int8(0))


def unknown(*texts: str) -> pd.DataFrame:
    """Make a split of texts without groups, as deduplication leaves them."""
    return deduplicate(frame_of(*((text, "") for text in texts))).frame


FRAMES = {
    "train": frame_of(("late", "ana"), ("fine", "bo")),
    "validation": frame_of(("LATE ", "cy")),
    "test": frame_of(("other", "ana"), ("more", "bo")),
}


def test_shared_texts_and_groups_are_counted_and_refused() -> None:
    found = leakage.measure(FRAMES)
    assert found.shared == {
        "train and validation": {"texts": 1, "groups": 0},
        "train and test": {"texts": 0, "groups": 2},
        "validation and test": {"texts": 0, "groups": 0},
    }
    with pytest.raises(LeakageError, match="1 texts in both train and validation; 2 groups in both train and test"):
        leakage.require_none(found)


def test_groups_that_are_unknown_prove_nothing_and_are_counted_as_such() -> None:
    train = pd.concat([unknown("late", "lost"), frame_of(("fine", "bo"))])
    # The same text on both sides: with groups made of texts, it would be two leaks instead of one.
    found = leakage.measure({"train": train, "validation": unknown("late"), "test": frame_of(("more", "text-cy"))})
    assert found.unknown == {"train": 2, "validation": 1, "test": 0}
    assert found.shared["train and validation"] == {"texts": 1, "groups": 0}
    assert found.shared["train and test"] == {"texts": 0, "groups": 0}


def test_near_duplicates_are_counted_and_let_through() -> None:
    frames = {
        "train": frame_of(("@ana thanks!", "ana"), ("so late http://t.co/1", "bo")),
        "validation": frame_of(("@bob Thanks", "cy"), ("lost", "di"), ("found", "di"), ("lovely", "ed")),
        "test": frame_of(("SO, late...", "eve")),
    }
    assert {name: rows.tolist() for name, rows in near_duplicates(frames).items()} == {
        "validation": [True, False, False, False],
        "test": [True],
    }
    found = leakage.measure(frames)
    assert found.near_duplicates == {"validation": {"rows": 1, "share": 0.25}, "test": {"rows": 1, "share": 1.0}}
    leakage.require_none(found)


def test_nothing_shared_is_let_through() -> None:
    leakage.require_none(Leakage(shared={"a and b": {"texts": 0, "groups": 0}}, unknown={"a": 3}, near_duplicates={}))
