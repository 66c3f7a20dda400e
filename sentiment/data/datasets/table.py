"""Labelled texts in a user's own file: CSV, TSV, Parquet or Excel."""

import pandas as pd

from sentiment.data import files
from sentiment.data.errors import DataError
from tables.reading import read

OPTIONS = ("encoding", "delimiter", "quoted", "sheet")


def load(
    *,
    path: str | None,
    encoding: str | int | None,
    delimiter: str | int | None,
    quoted: bool | None,
    sheet: str | int | None,
    section: str,
) -> pd.DataFrame:
    """Read a table; values of a text file stay text ("NA" and "007" included).

    Refuses ambiguous files. Logs all assumptions, and returns them in the table's `attrs["reading"]`.

    Args:
        path: the file.
        encoding: the encoding of a text file; None detects it.
        delimiter: the delimiter of a text file; None detects it.
        quoted: whether quotation marks enclose fields of a text file; None detects it.
        sheet: the sheet of a workbook; None takes the first visible one with content.
        section: the section of the configuration with these settings, for messages.

    Raises:
        DataError: no path, or the file cannot be read.
        MissingFileError: the file does not exist.
    """
    if path is None:
        raise DataError(
            f"The data set `csv` needs a file: {section}.path=tweets.csv (or .tsv, .csv.gz, .parquet, .xlsx)."
        )
    return read_file(
        path,
        encoding=encoding,
        delimiter=delimiter,
        quoted=quoted,
        sheet=sheet,
        setting=f"{section}.path",
        section=section,
    )


def read_file(
    path: str,
    *,
    encoding: str | int | None,
    delimiter: str | int | None,
    quoted: bool | None,
    sheet: str | int | None,
    setting: str,
    section: str,
) -> pd.DataFrame:
    """Read a table as `load` does; `setting` is the name of the setting that gives its path, for messages.

    Raises:
        DataError: the file cannot be read.
        MissingFileError: the file does not exist.
    """
    if quoted not in (None, True, False):
        raise DataError(f"{section}.quoted={quoted!r}: must be true, false, or null to detect it.")
    file = files.require(path, setting)
    settings = {"path": setting, **{option: f"{section}.{option}" for option in OPTIONS}}
    with files.converting_errors(DataError, file, settings):
        table = read(
            file,
            encoding=_text(encoding),
            delimiter=_text(delimiter),
            quoted=quoted,
            sheet=_text(sheet),
            strict=True,
        )
    frame = table.frame
    frame.attrs["reading"] = files.log_report(file, table.report)
    return frame


def _text(value: str | int | None) -> str | None:
    """Return a setting as text: the command line makes numbers of the encoding 1252 and the sheet 2026."""
    return None if value is None else str(value)
