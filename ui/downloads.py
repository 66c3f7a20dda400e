"""What the page offers to download."""

from itertools import count

import pandas as pd

from tables.writing import to_bytes


def scored(frame: pd.DataFrame, predictions: pd.DataFrame, delimiter: str) -> bytes:
    """Return a table with the predictions for its rows as CSV for Excel; rows without one have empty fields.

    Args:
        frame: the table.
        predictions: columns to add, by the index of the table; those whose names it has get names of their own.
        delimiter: of the columns.
    """
    names = {name: free(name, frame.columns) for name in predictions.columns}
    added = frame.join(predictions.rename(columns=names)).astype(object)
    rows = added.where(added.notna(), None).itertuples(index=False, name=None)
    return to_bytes(list(added.columns), rows, delimiter=delimiter)


def free(name: str, taken: pd.Index) -> str:
    """Return a name for a column of predictions that the table does not have."""
    others = (f"{name}_predicted{f'_{number}' if number > 1 else ''}" for number in count(1))
    return name if name not in taken else next(other for other in others if other not in taken)
