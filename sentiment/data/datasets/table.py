"""Labelled texts in a file of one's own: CSV, TSV or Parquet."""

import gzip
import zlib
from pathlib import Path

import pandas as pd
import pyarrow as pa

from sentiment.data.checks import DataError
from sentiment.inference.errors import MissingFileError

DELIMITERS = ",;\t|"
TEXT_FILES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
PARQUET_FILES = (".parquet", ".pq")
# What pandas raises for a file that is broken off, garbled, or in another encoding than said.
UNREADABLE = (
    pa.ArrowInvalid,
    pd.errors.EmptyDataError,
    pd.errors.ParserError,
    UnicodeError,
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
)


def load(*, path: str | None, delimiter: str | None, encoding: str) -> pd.DataFrame:
    """Read a table; every value of a CSV stays the text that it is in the file ("NA" and "007" included).

    Args:
        path: the file; its ending says what it is.
        delimiter: what stands between two fields of a CSV; None takes what the header holds most of.
        encoding: of a CSV.

    Raises:
        DataError: no path, an unknown ending, or a file that cannot be read.
        MissingFileError: there is no such file.
    """
    if path is None:
        raise DataError("data=csv needs a file: data.path=tweets.csv (or .tsv, .csv.gz, .parquet).")
    file = Path(path).expanduser()
    name = file.name.lower()
    if not name.endswith(TEXT_FILES + PARQUET_FILES):
        raise DataError(f"{file}: known endings are {', '.join(TEXT_FILES + PARQUET_FILES)}.")
    if not file.is_file():
        raise MissingFileError(f"No file {file.absolute()} (data.path).")
    try:
        if name.endswith(PARQUET_FILES):
            return pd.read_parquet(file)
        delimiter = delimiter or sniff(file, encoding)
        return pd.read_csv(file, sep=delimiter, encoding=encoding, dtype=str, keep_default_na=False)
    except UnicodeError as error:
        raise DataError(
            f"{file} is not in {encoding}. Name its encoding (data.encoding, or that of "
            "data.extra_source): cp1252, for instance."
        ) from error
    except UNREADABLE as error:
        raise DataError(f"{file} is empty, broken off or damaged: {error}") from error


def sniff(file: Path, encoding: str) -> str:
    """Return the delimiter that the first line of a CSV file holds most of."""
    opener = gzip.open if file.suffix.lower() == ".gz" else open
    with opener(file, "rt", encoding=encoding) as lines:
        header = lines.readline()
    return max(DELIMITERS, key=header.count)
