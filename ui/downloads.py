"""Files that the page offers for download."""

from itertools import count

import pandas as pd

from tables.writing import to_bytes


def scored(frame: pd.DataFrame, predictions: pd.DataFrame, delimiter: str) -> bytes:
    """Return a table and its predictions as CSV for Excel; rows without a prediction get empty fields.

    Args:
        frame: the table.
        predictions: columns to add, with the index of the table; renamed if the table has a column of that name.
        delimiter: of the CSV file.
    """
    names = {name: unused(name, frame.columns) for name in predictions.columns}
    joined = frame.join(predictions.rename(columns=names)).astype(object)
    rows = joined.where(joined.notna(), None).itertuples(index=False, name=None)
    return to_bytes(list(joined.columns), rows, delimiter=delimiter)


def unused(name: str, taken: pd.Index) -> str:
    """Return a column name that the table does not use yet."""
    alternatives = (f"{name}_predicted{f'_{number}' if number > 1 else ''}" for number in count(1))
    return name if name not in taken else next(other for other in alternatives if other not in taken)
