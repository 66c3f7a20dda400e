"""Validate a raw labelled table, and reduce it to the columns that a model learns from."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment.data.errors import DataError
from sentiment.data.labels import MAX_LISTED, missing_class, read_meanings, unknown_labels
from sentiment.inference.characters import IGNORABLE

log = logging.getLogger(__name__)

# Traces of wrong encodings, by kind.
DAMAGE = {
    "replacement characters": "\ufffd",
    # UTF-8 read as latin-1 or Windows-1252: the first two bytes of two-, three- and four-byte sequences.
    "mojibake": "[ÂÃ][\x80-\xbf]|â€|â[\x80-\x9f]|ï¿½|ðŸ|ð\x9f",
    # Windows-1252 read as latin-1: a curly quote becomes a control character.
    "control characters": "[\x80-\x9f]",
}


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A table that passed the checks.

    Attributes:
        frame: columns `text` (str), `negative` (int8; 1 = negative) and `group` (str; empty if there is none); with
            soft labels, also `target` (float, 0 to 1).
        rows: the position in the table of each row of the frame, from 0, shape (rows,).
        labels: columns `label`, `rows` and `meaning` (negative, positive or ignored) of each label.
        ignored: the number of rows with an ignored label.
        empty: the number of rows dropped because they have no text (`drop_empty_texts`).
        damaged: the number of rows whose text shows encoding damage, by kind; a row may show several kinds.
        without_group: the number of rows without a group; each will get one of its own.
    """

    frame: pd.DataFrame
    rows: NDArray[np.int64]
    labels: pd.DataFrame
    ignored: int
    empty: int
    damaged: dict[str, int]
    without_group: int


def check(
    table: pd.DataFrame,
    *,
    text_column: str,
    label_column: str,
    group_column: str | None,
    soft_label_column: str | None,
    negative_values: object,
    positive_values: object,
    ignored_values: object,
    drop_empty_texts: bool,
    max_damaged: float,
    section: str,
    one_class: bool = False,
) -> Labelled:
    """Check a table, and return its texts with their class and group.

    Labels are compared as text, ignoring case: `0` and `"0"` are the same label.

    Args:
        table: the table as read.
        text_column: the column of the texts.
        label_column: the column of the labels.
        group_column: the column of the groups, for instance the authors; None if there is none.
        soft_label_column: the column of the probability that a row is negative; None if there is none.
        negative_values: the label or the labels of the negative class.
        positive_values: the label or the labels of the positive class; None for all other labels.
        ignored_values: the label or the labels of rows to drop; None if there are none.
        drop_empty_texts: whether to drop and count rows without text, whatever their label, or to raise an error.
        max_damaged: the largest accepted share of texts with encoding damage, 0 to 1; real tweets show some.
        section: the section of the configuration with these settings, for messages.
        one_class: whether all rows may be of one class, as in a table that is added to others.

    Raises:
        DataError: lists all problems, with up to ten row numbers each. Rows are counted from 1, without a header.
    """
    columns = (text_column, label_column, group_column, soft_label_column)
    require_columns(table, [column for column in columns if column is not None], section)
    meanings = read_meanings(
        negative=negative_values, positive=positive_values, ignored=ignored_values, section=section
    )
    labels = as_text(table[label_column])
    meaning = labels.str.casefold().map(meanings)
    if positive_values is None:
        meaning = meaning.fillna("positive")
    text = table[text_column]
    is_text = text.map(lambda value: isinstance(value, str)).to_numpy(dtype=bool)
    missing = text.isna().to_numpy()
    text = text.where(is_text, "").astype(object)
    blank = is_blank(text) & is_text
    dropped = (missing | blank) if drop_empty_texts else np.zeros(len(table), dtype=bool)
    unlabelled = (labels == "").to_numpy() & ~dropped
    kept = ((meaning != "ignored").to_numpy() | unlabelled) & ~dropped

    target = None if soft_label_column is None else pd.to_numeric(table[soft_label_column], errors="coerce")
    damage = damage_of(text)
    drop_hint = f" ({section}.drop_empty_texts=true drops such rows)"
    damaged = np.logical_or.reduce(list(damage.values()))
    problems = [
        problem("have no text (missing)", kept & missing, advice=drop_hint),
        problem("have an empty text", kept & blank, advice=drop_hint),
        problem("contain something other than text in the text column", kept & ~is_text & ~missing),
        problem("contain NUL bytes: the file is damaged, or was read in the wrong encoding", kept & has_nul(text)),
        problem("have no label", unlabelled),
        problem(
            unknown_labels(labels, meaning, label_column, section), meaning.isna().to_numpy() & ~unlabelled & ~dropped
        ),
    ]
    if (kept & damaged).sum() > max_damaged * kept.sum():
        allowed = (
            f"more than {section}.max_damaged={max_damaged:g} of all: check that the file was read in its own encoding"
        )
        problems.append(problem(f"show encoding damage, {allowed}", kept & damaged))
    if target is not None:
        message = f"have no probability from 0 to 1 in column {soft_label_column} ({section}.soft_label_column)"
        problems.append(problem(message, kept & ~target.between(0, 1).to_numpy()))
    if not one_class:
        problems.append(missing_class(labels[kept & ~unlabelled], meaning[kept & ~unlabelled], section))
    if reported := [line for line in problems if line]:
        raise DataError(
            "\n- ".join(["The table cannot be used (rows are counted from 1, without a header):", *reported])
        )

    group = as_text(table[group_column]) if group_column else pd.Series("", index=table.index, dtype=object)
    frame = pd.DataFrame({"text": text, "negative": (meaning == "negative").astype(np.int8), "group": group})
    if target is not None:
        frame["target"] = target
    labelled = Labelled(
        frame=frame[kept].reset_index(drop=True),
        rows=np.flatnonzero(kept),
        labels=pd.DataFrame({"label": labels, "meaning": meaning})[~dropped]
        .value_counts()
        .rename("rows")
        .reset_index()[["label", "rows", "meaning"]],
        ignored=int((~kept & ~dropped).sum()),
        empty=int(dropped.sum()),
        damaged={kind: int((kept & rows).sum()) for kind, rows in damage.items()},
        without_group=int((group[kept] == "").sum()),
    )
    for kind, count in labelled.damaged.items():
        if count:
            log.warning("%s: %s", kind, problem("are kept unchanged", kept & damage[kind]))
    if labelled.empty:
        log.warning("%s", problem(f"have no text and were dropped ({section}.drop_empty_texts)", dropped))
    if group_column and labelled.without_group:
        log.warning("%d rows have no value in column %s: their group is unknown.", labelled.without_group, group_column)
    return labelled


def require_columns(table: pd.DataFrame, columns: Sequence[str], section: str) -> None:
    """Raise a DataError if a table has no rows or lacks one of these columns."""
    if missing := [column for column in columns if column not in table.columns]:
        present = ", ".join(map(str, table.columns))
        raise DataError(
            f"No column {', '.join(missing)} in the table. Its columns: {present}. Set {section}.text_column, "
            "label_column, group_column and soft_label_column (null if there is none)."
        )
    if table.empty:
        raise DataError("The table has no rows.")


def as_text(column: pd.Series) -> pd.Series:
    """Return labels or groups as trimmed text; missing ones become empty, and 4.0 becomes 4."""
    missing = column.isna()
    if pd.api.types.is_float_dtype(column) and (column[~missing] % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype(object).where(~missing, "").map(str).str.strip()


def damage_of(text: pd.Series) -> dict[str, np.ndarray]:
    """Return which rows show each kind of encoding damage; only non-ASCII texts can show any."""
    suspects = text[~text.map(str.isascii).to_numpy(dtype=bool)]
    return {
        kind: suspects.str.contains(pattern).reindex(text.index, fill_value=False).to_numpy(dtype=bool)
        for kind, pattern in DAMAGE.items()
    }


def is_blank(text: pd.Series) -> np.ndarray:
    """Return which texts look empty: all of their characters are spaces or invisible."""
    visible = text.map(lambda value: value if value.isascii() else IGNORABLE.sub("", value))
    return (visible.str.strip() == "").to_numpy(dtype=bool)


def has_nul(text: pd.Series) -> np.ndarray:
    """Return which texts contain a NUL character."""
    return text.str.contains("\0", regex=False).to_numpy(dtype=bool)


def problem(message: str, rows: np.ndarray, advice: str = "") -> str:
    """Return a line with the number of affected rows, the first row numbers and advice; empty if no row is affected."""
    numbers = np.flatnonzero(rows) + 1
    if not len(numbers):
        return ""
    first_rows = ", ".join(map(str, numbers[:MAX_LISTED])) + (", ..." if len(numbers) > MAX_LISTED else "")
    return f"{len(numbers):,} row(s) {message}: {first_rows}{advice}"
