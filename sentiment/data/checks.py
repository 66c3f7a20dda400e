"""Validate a raw labelled table, and reduce it to what a model learns from."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sentiment.inference.characters import IGNORABLE
from sentiment.inference.errors import UserError

log = logging.getLogger(__name__)

SHOWN = 10
DROP = " (data.drop_empty_texts=true drops such rows)"
# What encodings that were mixed up leave behind, by kind.
DAMAGE = {
    "replacement characters": "\ufffd",
    # UTF-8 read as latin-1 or Windows-1252: the first bytes of two, three and four byte sequences, each with a second.
    "mojibake": "[ÂÃ][\x80-\xbf]|â€|â[\x80-\x9f]|ï¿½|ðŸ|ð\x9f",
    # Windows-1252 read as latin-1: a curly quote becomes a control character.
    "control characters": "[\x80-\x9f]",
}


class DataError(UserError):
    """Data that nothing can be learned from as they are."""


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A table that passed.

    Attributes:
        frame: columns `text` (str), `negative` (int8; 1 = negative) and `group` (str; empty if there is none).
        labels: columns `label`, `rows` and `meaning` (negative, positive or ignored): how each label was read.
        ignored: rows left out for their label.
        empty: rows without text, which were dropped on request.
        damaged: rows whose text shows encoding damage, by kind; a row may show several.
        without_group: rows of unknown group; each will have one of its own.
    """

    frame: pd.DataFrame
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
    negative_values: object,
    positive_values: object,
    ignored_values: object,
    drop_empty_texts: bool,
    max_damaged: float,
) -> Labelled:
    """Return the texts of a table with their class and group.

    Labels are compared as text, whatever their case: `0` and `"0"` are one label.

    Args:
        table: the table as it was read.
        text_column: the column of the texts.
        label_column: the column of the labels.
        group_column: the column of the authors, say; None if there is none.
        negative_values: the labels of the negative class; one alone need not be a list.
        positive_values: the labels of the positive class, likewise; None takes every other.
        ignored_values: the labels of rows to leave out, likewise; None for none.
        drop_empty_texts: whether rows without text are dropped and counted, whatever their label, or refused.
        max_damaged: the largest share of texts with encoding damage, 0 to 1, that is accepted; real tweets show some.

    Raises:
        DataError: all that is wrong, with up to ten row numbers each. Rows are counted from 1, without a header.
    """
    require_columns(table, [column for column in (text_column, label_column, group_column) if column is not None])
    meanings = read_meanings(negative=negative_values, positive=positive_values, ignored=ignored_values)
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

    damage = damage_of(text)
    damaged = np.logical_or.reduce(list(damage.values()))
    problems = [
        problem("have no text (missing)", kept & missing, advice=DROP),
        problem("have an empty text", kept & blank, advice=DROP),
        problem("hold something else than text in the column of texts", kept & ~is_text & ~missing),
        problem("hold NUL bytes: the file is damaged, or its encoding is another one", kept & has_nul(text)),
        problem("have no label", unlabelled),
        problem(unknown_labels(labels, meaning, label_column), meaning.isna().to_numpy() & ~unlabelled & ~dropped),
    ]
    if (kept & damaged).sum() > max_damaged * kept.sum():
        allowed = f"more than data.max_damaged={max_damaged:g} of all, was the file read in its own encoding?"
        problems.append(problem(f"show encoding damage, {allowed}", kept & damaged))
    problems.append(lacking_class(labels[kept & ~unlabelled], meaning[kept & ~unlabelled]))
    if found := [line for line in problems if line]:
        raise DataError("\n- ".join(["The table cannot be used (rows are counted from 1, without a header):", *found]))

    group = as_text(table[group_column]) if group_column else pd.Series("", index=table.index, dtype=object)
    labelled = Labelled(
        frame=pd.DataFrame({"text": text, "negative": (meaning == "negative").astype(np.int8), "group": group})[
            kept
        ].reset_index(drop=True),
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
            log.warning("%s: %s", kind, problem("are kept as they are", kept & damage[kind]))
    if labelled.empty:
        log.warning("%s", problem("have no text and are dropped (data.drop_empty_texts)", dropped))
    if group_column and labelled.without_group:
        log.warning("%d rows have no value in column %s: their group is unknown.", labelled.without_group, group_column)
    return labelled


def require_columns(table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise a DataError unless a table has rows, and these columns."""
    if missing := [column for column in columns if column not in table.columns]:
        present = ", ".join(map(str, table.columns))
        raise DataError(
            f"No column {', '.join(missing)} in the table. Its columns: {present}. Set data.text_column, "
            "data.label_column and data.group_column (null if there is none)."
        )
    if table.empty:
        raise DataError("The table has no rows.")


def read_meanings(*, negative: object, positive: object, ignored: object) -> dict[str, str]:
    """Return labels, as text in lower case, with what they mean.

    Raises:
        DataError: a list that must name a label names none, or a label has two meanings.
    """
    values = {
        "negative": as_list(negative, "data.negative_values"),
        "positive": None if positive is None else as_list(positive, "data.positive_values"),
        "ignored": [] if ignored is None else as_list(ignored, "data.ignored_values"),
    }
    if not values["negative"]:
        raise DataError(
            f"data.negative_values={negative!r} names no label: say which labels make the class that is looked for, "
            "for instance data.negative_values=[complaint,threat]."
        )
    if values["positive"] == []:
        raise DataError("data.positive_values=[] names no label: name some, or set it to null, which takes all others.")
    meanings = [(label_key(value), meaning) for meaning, labels in values.items() for value in labels or []]
    if len(dict(meanings)) < len(meanings):
        raise DataError("A label may stand once in data.negative_values, positive_values and ignored_values together.")
    return dict(meanings)


def as_list(value: object, setting: str) -> list[object]:
    """Return the labels that a setting names; one by itself is a list of one, and null is none.

    Raises:
        DataError: what it names is no label.
    """
    labels = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if labels == [None]:
        return []
    if not all(isinstance(label, (str, int, float)) and label_key(label) for label in labels):
        raise DataError(f"{setting}={value}: labels are text, numbers or true and false, as they stand in the table.")
    return labels


def label_key(label: object) -> str:
    """Return a label as it is compared: as text, in lower case."""
    return str(label).strip().casefold()


def as_text(column: pd.Series) -> pd.Series:
    """Return labels or groups as trimmed text; missing ones become empty, and 4.0 becomes 4."""
    missing = column.isna()
    if pd.api.types.is_float_dtype(column) and (column[~missing] % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype(object).where(~missing, "").map(str).str.strip()


def damage_of(text: pd.Series) -> dict[str, np.ndarray]:
    """Return which rows show each kind of encoding damage; it shows in characters beyond ASCII only."""
    suspects = text[~text.map(str.isascii).to_numpy(dtype=bool)]
    return {
        kind: suspects.str.contains(pattern).reindex(text.index, fill_value=False).to_numpy(dtype=bool)
        for kind, pattern in DAMAGE.items()
    }


def is_blank(text: pd.Series) -> np.ndarray:
    """Return which texts show nothing: all of their characters are spaces, or invisible."""
    visible = text.map(lambda value: value if value.isascii() else IGNORABLE.sub("", value))
    return (visible.str.strip() == "").to_numpy(dtype=bool)


def has_nul(text: pd.Series) -> np.ndarray:
    """Return which texts hold a NUL character."""
    return text.str.contains("\0", regex=False).to_numpy(dtype=bool)


def problem(what: str, rows: np.ndarray, advice: str = "") -> str:
    """Return a line that says how many rows are concerned, names the first and gives advice; empty if none is."""
    numbers = np.flatnonzero(rows) + 1
    if not len(numbers):
        return ""
    names = ", ".join(map(str, numbers[:SHOWN])) + (", ..." if len(numbers) > SHOWN else "")
    return f"{len(numbers):,} row(s) {what}: {names}{advice}"


def unknown_labels(labels: pd.Series, meaning: pd.Series, column: str) -> str:
    """Return what is wrong with labels that have no meaning; a column of free text is not spread out in a log."""
    return f"have an unknown label in column {column} ({listing(labels[meaning.isna()])})"


def lacking_class(labels: pd.Series, meaning: pd.Series) -> str:
    """Return a line that says which class has no row; empty if both have."""
    lacking = [name for name in ("negative", "positive") if not (meaning == name).any()]
    if not lacking:
        return ""
    return f"no row is {' or '.join(lacking)}: set data.negative_values and positive_values ({listing(labels)})"


def listing(labels: pd.Series) -> str:
    """Return the distinct labels, if they are few and short, else their number."""
    distinct = sorted(set(labels) - {""})
    if len(distinct) > SHOWN or any(len(label) > 30 for label in distinct):
        return f"{len(distinct):,} different values"
    return "labels found: " + ", ".join(distinct)
