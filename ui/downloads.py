"""Files that the page offers for download."""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pandas as pd

from tables import workbooks
from tables.writing import to_bytes

# Of a sheet of Excel, without the header.
MOST_ROWS = workbooks.MOST_ROWS - 1


def csv(frame: pd.DataFrame, predictions: pd.DataFrame, delimiter: str) -> bytes:
    """Return a table and its predictions as CSV for Excel; rows without a prediction get empty fields.

    Args:
        frame: the table.
        predictions: columns to add, with the index of the table; renamed if the table has a column of that name.
        delimiter: of the CSV file.
    """
    names, rows = joined(frame, predictions)
    return to_bytes(names, rows, delimiter=delimiter)


def workbook(frame: pd.DataFrame, predictions: pd.DataFrame) -> bytes:
    """Return a table and its predictions as an Excel workbook; see `csv`."""
    names, rows = joined(frame, predictions)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tweets.xlsx"
        workbooks.write_sheet(file, names, rows)
        return file.read_bytes()


def joined(frame: pd.DataFrame, predictions: pd.DataFrame) -> tuple[list[str], Iterator[Sequence[object]]]:
    """Return the names of the columns and the rows of a table with its predictions; missing values are None."""
    names = {name: unused(name, frame.columns) for name in predictions.columns}
    table = frame.join(predictions.rename(columns=names)).astype(object)
    return list(table.columns), table.where(table.notna(), None).itertuples(index=False, name=None)


def unused(name: str, taken: pd.Index) -> str:
    """Return a column name that the table does not use yet."""
    alternatives = (f"{name}_predicted{f'_{number}' if number > 1 else ''}" for number in count(1))
    return name if name not in taken else next(other for other in alternatives if other not in taken)
