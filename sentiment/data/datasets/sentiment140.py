"""Sentiment140: 1,600,000 tweets of 2009, labelled by their emoticons.

Source: Go, Bhayani and Huang, 2009, Twitter Sentiment Classification using Distant Supervision.
"""

import zipfile
import zlib
from pathlib import Path

import pandas as pd

from sentiment.data import files
from sentiment.data.download import fetch
from sentiment.data.errors import DataError
from tables.reading import read

COLUMNS = ["target", "id", "date", "flag", "user", "text"]
TRAINING = "training.1600000.processed.noemoticon.csv"


def load(*, path: str | None, cache: str, url: str, size: int | None, sha256: str | None, section: str) -> pd.DataFrame:
    """Read the training tweets: columns `target` (0 negative, 4 positive), `user` and `text`.

    Drops dates and ids on purpose: after 16 June 2009, every tweet of the data set is negative. Logs all assumptions,
    and returns them in the table's `attrs["reading"]`.

    Args:
        path: the published archive, or its training file, unpacked; None downloads the archive.
        cache: the folder for the downloaded archive.
        url: where the archive is published.
        size: its size in bytes.
        sha256: its checksum.
        section: the section of the configuration with these settings, for messages.

    Raises:
        DataError: the file is damaged, or has other columns.
        MissingFileError: the file does not exist.
        sentiment.data.download.DownloadError: the archive could not be downloaded.
    """
    setting = f"{section}.path"
    file = files.require(path, setting) if path else fetch(url, Path(cache).expanduser(), size=size, sha256=sha256)
    with files.converting_errors(DataError, file, {"path": setting}):
        table = read(training(file), header=False, delimiter=",", quoted=True, strict=True)
    if table.frame.shape[1] != len(COLUMNS):
        raise DataError(
            f"{file} has {table.frame.shape[1]} columns. Sentiment140 has {len(COLUMNS)}, without a header: "
            f"{', '.join(COLUMNS)}. For your own table, use data=csv."
        )
    frame = table.frame.set_axis(COLUMNS, axis="columns")[["target", "user", "text"]]
    frame.attrs["reading"] = files.log_report(file, table.report)
    return frame


def training(file: Path) -> bytes:
    """Return the content of the training file, taken from the archive if the file is one.

    Raises:
        DataError: the archive is damaged, or lacks the training file.
    """
    if file.suffix.lower() != ".zip":
        return file.read_bytes()
    try:
        with zipfile.ZipFile(file) as archive:
            if TRAINING not in archive.namelist():
                raise DataError(f"{file} lacks {TRAINING}. It contains: {', '.join(archive.namelist())}.")
            return archive.read(TRAINING)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{file} is truncated or corrupt: {error}") from error
