"""The rows of a labelled table that a model can be evaluated on: those that it has not learned from."""

import logging
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sentiment.data import splits, splitting
from sentiment.data.checks import as_text
from sentiment.data.errors import DataError
from sentiment.data.keys import hash_of, keys_of, text_key

log = logging.getLogger(__name__)

# What became of the rows of the table, in this order; see `Unseen.counts`.
COUNTS = ("read", "empty", "ignored", "not_drawn", "seen", "evaluated", "duplicates", "contradictions")


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """The rows to evaluate a model on.

    Attributes:
        frame: columns `text`, `negative` and `group` (empty if unknown).
        columns: other columns of the same rows, as text, to slice by; empty where a value is missing.
        counts: the number of rows by the keys of COUNTS: `read`, of which `empty` and `ignored` (label) are dropped,
            `not_drawn` are outside of the sample, and `seen` have a text that the model has learned from; the
            `evaluated` rows, of which `duplicates` repeat the text of an earlier one and `contradictions` have a text
            that occurs with both labels. Both are kept: people do repeat each other, and a label may depend on more
            than the text.
    """

    frame: pd.DataFrame
    columns: pd.DataFrame
    counts: dict[str, int]


def select(
    table: pd.DataFrame,
    data: Mapping[str, Any],
    *,
    seen: Set[int],
    include_seen: bool,
    slice_columns: Sequence[str],
    seed: int,
) -> Unseen:
    """Check a table, and return the rows that a model has not learned from.

    Args:
        table: the table as read.
        data: the section `data` of the configuration.
        seen: the hashes (`keys.text_hashes`) of all texts that the model has learned from.
        include_seen: whether to count these rows but to keep them.
        slice_columns: the columns of the table to return beside the tweets.
        seed: the seed of the sample (`data.sample_size`).

    Raises:
        DataError: the table cannot be used, a column is missing, or the rows left lack a class.
    """
    if missing := [column for column in slice_columns if column not in table.columns]:
        present = ", ".join(map(str, table.columns))
        raise DataError(f"evaluate.slice_columns: no column {', '.join(missing)} in the table. Its columns: {present}.")
    labelled = splits.check(table, data)
    rows = labelled.frame.assign(row=labelled.rows)
    if data["sample_size"] is not None:
        rows = splitting.sample(splitting.deduplicate(rows).frame, size=data["sample_size"], seed=seed, section="data")
    keys = keys_of(rows["text"], "look up", text_key)
    was_seen = pd.Series(hash_of(keys), index=rows.index).isin(seen)
    kept = rows if include_seen else rows[~was_seen]
    require_both_classes(kept, seen=int(was_seen.sum()), total=len(rows))
    keys = keys[kept.index]
    by_key = kept.groupby(keys)["negative"]
    columns = table.iloc[kept["row"]][list(slice_columns)].reset_index(drop=True)
    counts = {
        "read": len(table),
        "empty": labelled.empty,
        "ignored": labelled.ignored,
        "not_drawn": len(labelled.frame) - len(rows),
        "seen": int(was_seen.sum()),
        "evaluated": len(kept),
        "duplicates": int(keys.duplicated().sum()),
        "contradictions": int((by_key.transform("min") != by_key.transform("max")).sum()),
    }
    log.info("Rows: %s.", ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in COUNTS))
    return Unseen(
        frame=kept[["text", "negative", "group"]].reset_index(drop=True),
        columns=columns.apply(as_text) if slice_columns else columns,
        counts=counts,
    )


def require_both_classes(rows: pd.DataFrame, *, seen: int, total: int) -> None:
    """Check that the rows left include both classes, without which most metrics are undefined.

    Raises:
        DataError: they do not.
    """
    counts = np.bincount(rows["negative"], minlength=2)
    if counts.min() == 0:
        lacking = "There are no rows" if counts.max() == 0 else f"No row is {('positive', 'negative')[counts.argmin()]}"
        raise DataError(
            f"{lacking} left to evaluate on: the model has learned from {seen:,} of the {total:,} texts. Use other "
            "tweets. evaluate.include_seen=true includes those that it has learned from, which flatters the model."
        )
