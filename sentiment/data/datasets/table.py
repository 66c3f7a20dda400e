"""Labelled texts in a file of one's own: CSV, TSV, Parquet or Excel."""

import pandas as pd

from sentiment.data import files
from sentiment.data.checks import DataError
from tables.reading import read

OPTIONS = ("encoding", "delimiter", "quoted", "sheet")


def load(
    *,
    path: str | None,
    encoding: str | int | None,
    delimiter: str | int | None,
    quoted: bool | None,
    sheet: str | int | None,
    setting: str,
    section: str,
) -> pd.DataFrame:
    """Read a table; every value of a text file stays the text that it is ("NA" and "007" included).

    What is ambiguous is refused. What was assumed is logged, and is `attrs["reading"]` of the table.

    Args:
        path: the file.
        encoding: of a text file; None recognises it.
        delimiter: of a text file; None recognises it.
        quoted: whether quotation marks enclose fields of a text file; None recognises it.
        sheet: of a workbook; None takes the first visible one that holds something.
        setting: the name of the setting of `path`, for messages.
        section: the section of the configuration that holds the others.

    Raises:
        DataError: no path, or a file that cannot be read.
        MissingFileError: there is no such file.
    """
    if path is None:
        raise DataError(f"data=csv needs a file: {setting}=tweets.csv (or .tsv, .csv.gz, .parquet, .xlsx).")
    if quoted not in (None, True, False):
        raise DataError(f"{section}.quoted={quoted!r}: give true, false or null, which recognises it.")
    file = files.require(path, setting)
    settings = {"path": setting, **{option: f"{section}.{option}" for option in OPTIONS}}
    with files.refusing(DataError, file, settings):
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
    """Return a setting as text: on a command line, the encoding 1252 and the sheet 2026 are numbers."""
    return None if value is None else str(value)
