"""Sentiment140: 1,600,000 tweets of 2009, labelled by their emoticons.

Source: Go, Bhayani and Huang, 2009, Twitter Sentiment Classification using Distant Supervision.
"""

import zipfile
import zlib
from pathlib import Path

import pandas as pd

from sentiment.data import files
from sentiment.data.checks import DataError
from sentiment.data.download import fetch
from tables.reading import read

COLUMNS = ["target", "id", "date", "flag", "user", "text"]
TRAINING = "training.1600000.processed.noemoticon.csv"


def load(*, path: str | None, cache: str, url: str, size: int | None, sha256: str | None) -> pd.DataFrame:
    """Read the training tweets: columns `target` (0 negative, 4 positive), `user` and `text`.

    Date and id are left out on purpose: after 16 June 2009 every tweet of the set is negative. What was assumed is
    logged, and is `attrs["reading"]` of the table.

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
    file = files.require(path, "data.path") if path else fetch(url, Path(cache).expanduser(), size=size, sha256=sha256)
    with files.refusing(DataError, file, {"path": "data.path"}):
        table = read(training(file), header=False, delimiter=",", quoted=True, strict=True)
    if table.frame.shape[1] != len(COLUMNS):
        raise DataError(
            f"{file} has {table.frame.shape[1]} columns, those of Sentiment140 are {len(COLUMNS)} and have no header: "
            f"{', '.join(COLUMNS)}. For a table of your own, use data=csv."
        )
    frame = table.frame.set_axis(COLUMNS, axis="columns")[["target", "user", "text"]]
    frame.attrs["reading"] = files.log_report(file, table.report)
    return frame


def training(file: Path) -> bytes:
    """Return the content of the training file, from the archive or by itself.

    Raises:
        DataError: the archive does not hold it, or is damaged.
    """
    if file.suffix.lower() != ".zip":
        return file.read_bytes()
    try:
        with zipfile.ZipFile(file) as archive:
            if TRAINING not in archive.namelist():
                raise DataError(f"{file} holds no {TRAINING} but {', '.join(archive.namelist())}.")
            return archive.read(TRAINING)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{file} is truncated or corrupt: {error}") from error
