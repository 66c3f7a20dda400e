"""Labels of a raw table: what each means, and messages about those that mean nothing."""

from collections.abc import Sequence

import pandas as pd

from sentiment.data.errors import DataError

MAX_LISTED = 10


def read_meanings(*, negative: object, positive: object, ignored: object, section: str) -> dict[str, str]:
    """Return the meaning of each label; labels are text in lower case.

    Raises:
        DataError: a required list is empty, or a label has two meanings.
    """
    values = {
        "negative": as_list(negative, f"{section}.negative_values"),
        "positive": None if positive is None else as_list(positive, f"{section}.positive_values"),
        "ignored": [] if ignored is None else as_list(ignored, f"{section}.ignored_values"),
    }
    if not values["negative"]:
        raise DataError(
            f"{section}.negative_values={negative!r} names no label. List the labels of the class to detect, for "
            f"instance {section}.negative_values=[complaint,threat]."
        )
    if values["positive"] == []:
        raise DataError(f"{section}.positive_values=[] names no label. List some, or set null, which takes all others.")
    meanings = [(label_key(value), meaning) for meaning, labels in values.items() for value in labels or []]
    if len(dict(meanings)) < len(meanings):
        raise DataError(
            f"A label occurs twice in {section}.negative_values, positive_values and ignored_values: list each once."
        )
    return dict(meanings)


def as_list(value: object, setting: str) -> list[object]:
    """Return the labels in a setting as a list: a single label gives a list of one, null an empty list.

    Raises:
        DataError: one of them cannot be a label.
    """
    labels = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if labels == [None]:
        return []
    if not all(isinstance(label, (str, int, float)) and label_key(label) for label in labels):
        raise DataError(f"{setting}={value}: a label must be text, a number, true or false, as in the table.")
    return labels


def label_key(label: object) -> str:
    """Return the form in which labels are compared: text in lower case."""
    return str(label).strip().casefold()


def unknown_labels(labels: pd.Series, meaning: pd.Series, column: str, section: str) -> str:
    """Return the message for unknown labels; a column of free text is not listed in full."""
    found = listing(labels[meaning.isna()])
    return f"have a label in column {column} that is in none of {section}.*_values ({found})"


def missing_class(labels: pd.Series, meaning: pd.Series, section: str) -> str:
    """Return a line that names the classes without rows; empty if both classes have some."""
    missing = [name for name in ("negative", "positive") if not (meaning == name).any()]
    if not missing:
        return ""
    settings = f"{section}.negative_values and {section}.positive_values"
    return f"no row is {' or '.join(missing)}: set {settings} ({listing(labels)})"


def listing(labels: pd.Series) -> str:
    """Return the distinct labels if they are few and short, otherwise their number."""
    distinct = sorted(set(labels) - {""})
    if len(distinct) > MAX_LISTED or any(len(label) > 30 for label in distinct):
        return f"{len(distinct):,} different values"
    return "labels found: " + ", ".join(distinct)
