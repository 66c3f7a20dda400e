"""The texts that Hutto and Gilbert had rated by people: tweets, product and film reviews, newspaper editorials.

The source archive of the package vaderSentiment contains them (MIT licence), its wheel does not.

Source: Hutto and Gilbert, VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text, ICWSM
2014.
"""

import json
import logging
import tarfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentiment.data import files, packages
from sentiment.data.errors import DataError
from tables.reading import read

log = logging.getLogger(__name__)

# In the source archive of the package, an archive with two files for each kind of text.
ARCHIVE = "hutto_ICWSM_2014.tar.gz"
TEXTS, RATINGS = "GroundTruth", "anonDataRatings"
# Other bounds of the label, for the data report.
BOUNDS = (-1.0, -0.5, -0.25, 0.0, 0.25, 0.5)


def load(
    *, texts: str, path: str | None, cache: str, package: str, sha256: str, negative_below: float, section: str
) -> pd.DataFrame:
    """Read texts with their ratings from -4 (very negative) to 4 (very positive).

    Returns the columns `text`; `label`, "negative" if the mean rating is below `negative_below`, else "not negative";
    `rating`, the mean; `negative_share`, the share of people who rated the text below 0, where 0 counts half; and
    `source`, the review or article of a sentence, empty where the archive does not tell. Its `attrs["definitions"]`
    lists what other definitions of the label would change.

    Args:
        texts: `tweets`, `amazonReviewSnippets`, `movieReviewSnippets` or `nytEditorialSnippets`.
        path: the source archive of the package, or the archive in it; None downloads the former.
        cache: the folder for the download.
        package: the package and its version.
        sha256: the checksum of its source archive.
        negative_below: the bound of the label.
        section: the section of the configuration with these settings, for messages.

    Raises:
        DataError: the archive is damaged, or has no such texts.
        MissingFileError: the file does not exist.
        sentiment.data.download.DownloadError: the archive could not be downloaded.
    """
    setting = f"{section}.path"
    if path is None:
        file = packages.fetch(package, Path(cache).expanduser(), sha256=sha256)
    else:
        file = files.require(path, setting)
    content = unpack(file)
    rated = table(file, content, f"{texts}_{TEXTS}.txt", ["id", "rating", "text"], setting)
    ratings = table(file, content, f"{texts}_{RATINGS}.txt", ["id", "mean", "deviation", "ratings"], setting)
    if sorted(rated["id"]) != sorted(ratings["id"]):  # they are in another order
        raise DataError(f"{file}: {texts}_{TEXTS}.txt and {texts}_{RATINGS}.txt contain different texts.")
    rating = rated["rating"].astype(float)
    log.info("%s: read %d texts, rated by people.", file.name, len(rated))
    negative = rating < negative_below
    share = rated["id"].map(ratings.set_index("id")["ratings"].map(negative_share))
    frame = pd.DataFrame(
        {
            "text": rated["text"],
            "label": np.where(negative, "negative", "not negative"),
            "rating": rating,
            "negative_share": share,
            "source": rated["id"].where(rated["id"].str.contains("_"), "").str.partition("_")[0],
        }
    )
    frame.attrs["definitions"] = definitions(negative, rating, share)
    return frame


def definitions(negative: pd.Series, rating: pd.Series, share: pd.Series) -> list[dict[str, Any]]:
    """Return how many texts would be negative by other definitions, and how many labels would differ."""
    others = {f"mean rating below {bound:g}": rating < bound for bound in BOUNDS}
    others["more ratings below 0 than above 0"] = share > 0.5
    return [
        {
            "negative means": name,
            "rows": int(other.sum()),
            "share": float(other.mean()),
            "labels changed": int((other != negative).sum()),
        }
        for name, other in others.items()
    ]


def negative_share(ratings: str) -> float:
    """Return the share of ratings below 0, of a list such as `[-2, 0, 1]`; a rating of 0 counts half."""
    values = np.array(json.loads(ratings))
    return float(np.mean(values < 0) + np.mean(values == 0) / 2)


def table(file: Path, content: dict[str, bytes], name: str, columns: list[str], setting: str) -> pd.DataFrame:
    """Read one of the archive's tables: tab-separated, without header and quoting.

    Raises:
        DataError: the archive has no such table, or it has other columns.
    """
    if name not in content:
        raise DataError(f"{file} has no {name}. It contains: {', '.join(sorted(content))}.")
    with files.converting_errors(DataError, file, {"path": setting}):
        frame = read(content[name], header=False, encoding="utf-8-sig", delimiter="\t", quoted=False, strict=True).frame
    if frame.shape[1] != len(columns):
        raise DataError(f"{file}: {name} has {frame.shape[1]} columns. Expected {len(columns)}: {', '.join(columns)}.")
    return frame.set_axis(columns, axis="columns")


def unpack(file: Path) -> dict[str, bytes]:
    """Return the tables of the archive, or of the archive in the package's source archive, by name.

    Raises:
        DataError: the file is no such archive, or damaged.
    """
    try:
        content = members(file.read_bytes())
        if ARCHIVE in content:
            content = members(content[ARCHIVE])
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise DataError(
            f"{file} is no source archive of vaderSentiment, or it is truncated or corrupt: {error}"
        ) from error
    return {name: text for name, text in content.items() if name.endswith((f"_{TEXTS}.txt", f"_{RATINGS}.txt"))}


def members(archive: bytes) -> dict[str, bytes]:
    """Return the files of an archive by name, without their folders."""
    with tarfile.open(fileobj=BytesIO(archive), mode="r:gz") as opened:
        found = ((member, opened.extractfile(member)) for member in opened)
        return {Path(member.name).name: file.read() for member, file in found if file is not None}
