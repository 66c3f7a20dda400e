"""Sentiment140: 1,600,000 tweets of 2009, labelled by their emoticons.

Source: Go, Bhayani and Huang, 2009, Twitter Sentiment Classification using Distant Supervision.
"""

import logging
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pandas as pd

from sentiment.data.checks import DataError
from sentiment.data.download import fetch
from sentiment.inference.errors import MissingFileError

log = logging.getLogger(__name__)

COLUMNS = ["target", "id", "date", "flag", "user", "text"]
TRAINING = "training.1600000.processed.noemoticon.csv"


def load(*, path: str | None, cache: str, url: str, size: int | None, sha256: str | None) -> pd.DataFrame:
    """Read the training tweets: columns `target` (0 negative, 4 positive), `user` and `text`.

    Date and id are left out on purpose: after 16 June 2009 every tweet of the set is negative.

    Args:
        path: the published archive, or a file in the layout of the training file in it; None downloads the archive.
        cache: the folder that keeps the archive.
        url: where the archive is published.
        size: its size in bytes.
        sha256: its checksum.

    Raises:
        DataError: the file is damaged, or has another layout.
        MissingFileError: there is no such file.
        sentiment.data.download.DownloadError: the archive could not be had.
    """
    file = Path(path).expanduser() if path else fetch(url, Path(cache).expanduser(), size=size, sha256=sha256)
    if not file.is_file():
        raise MissingFileError(f"No file {file.absolute()} (data.path).")
    try:
        table, encoding = read(file)
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{file} is empty.") from error
    except (pd.errors.ParserError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{file} is broken off or damaged: {error}") from error
    if table.shape[1] != len(COLUMNS):
        raise DataError(
            f"{file} has {table.shape[1]} columns, those of Sentiment140 are {len(COLUMNS)} and have no header: "
            f"{', '.join(COLUMNS)}. For a table of your own, use data=csv."
        )
    log.info("%s: %d rows, read as %s.", file, len(table), encoding)
    return table.set_axis(COLUMNS, axis="columns")[["target", "user", "text"]]


def read(file: Path) -> tuple[pd.DataFrame, str]:
    """Return the table as it stands in the file, and its encoding: UTF-8 if all of it is, else latin-1."""
    try:
        return read_as(file, "utf-8"), "utf-8"
    except UnicodeDecodeError:
        return read_as(file, "latin-1"), "latin-1"  # As published; any bytes at all can be read as latin-1.


def read_as(file: Path, encoding: str) -> pd.DataFrame:
    """Return the table as it stands in the file, all of it text."""
    with open_training(file) as stream:
        return pd.read_csv(stream, header=None, dtype=str, keep_default_na=False, encoding=encoding)


@contextmanager
def open_training(file: Path) -> Iterator[IO[bytes]]:
    """Open the training file, in the archive or by itself.

    Raises:
        DataError: the archive does not hold it.
    """
    if file.suffix.lower() != ".zip":
        with file.open("rb") as stream:
            yield stream
        return
    with zipfile.ZipFile(file) as archive:
        if TRAINING not in archive.namelist():
            raise DataError(f"{file} holds no {TRAINING} but {', '.join(archive.namelist())}.")
        with archive.open(TRAINING) as stream:
            yield stream
