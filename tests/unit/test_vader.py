"""`sentiment.data.datasets.vader` on archives in the published layout."""

import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sentiment.data.datasets import vader
from sentiment.data.errors import DataError
from sentiment.inference.errors import MissingFileError

TEXTS = '1\t-1.5\tLate "again" &amp; rude\r\n2\t0.0\tcierra la puerta, espa\u00f1ol ;)\r\n3\t-0.2\tmeh\r\n'
# In another order, after a byte order mark, as in the published file of product reviews.
RATINGS = "\ufeff3\t-0.2\t1.1\t[-1, 0, 0, 0]\r\n1\t-1.5\t0.5\t[-2, -1, -2, -1]\r\n2\t0.0\t1.0\t[-1, 1, 0, 2]"
FILES = {"tweets_GroundTruth.txt": TEXTS, "tweets_anonDataRatings.txt": RATINGS, "_README_.txt": "caf\u00e9"}


def packed(files: dict[str, bytes]) -> bytes:
    content = BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, BytesIO(data))
    return content.getvalue()


def inner(**changes: str) -> bytes:
    files = FILES | changes
    return packed({f"hutto_ICWSM_2014/{name}": text.encode() for name, text in files.items()})


def load(file: Path, **settings: Any) -> pd.DataFrame:
    defaults = {"texts": "tweets", "cache": "unused", "package": "none==0", "sha256": "", "negative_below": 0.0}
    return vader.load(**{**defaults, "path": str(file), "section": "data", **settings})


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Write the source archive of the package."""
    file = tmp_path / "vaderSentiment-3.3.2.tar.gz"
    folder = "vaderSentiment-3.3.2/additional_resources"
    file.write_bytes(packed({f"{folder}/hutto_ICWSM_2014.tar.gz": inner(), f"{folder}/other.txt": b"x"}))
    return file


def test_texts_have_the_labels_and_the_shares_of_their_ratings(archive: Path) -> None:
    frame = load(archive)
    assert frame["text"].tolist() == ['Late "again" &amp; rude', "cierra la puerta, espa\u00f1ol ;)", "meh"]
    assert frame["label"].tolist() == ["negative", "not negative", "negative"]
    assert frame["rating"].tolist() == [-1.5, 0.0, -0.2]
    assert frame["negative_share"].tolist() == [1.0, 0.375, 0.625]
    assert frame["source"].tolist() == ["", "", ""]


def test_the_archive_in_the_archive_is_read_as_well(archive: Path, tmp_path: Path) -> None:
    file = tmp_path / "hutto_ICWSM_2014.tar.gz"
    file.write_bytes(inner())
    pd.testing.assert_frame_equal(load(file), load(archive))


def test_the_bound_of_negative_is_a_setting(archive: Path) -> None:
    assert load(archive, negative_below=-1.0)["label"].tolist() == ["negative", "not negative", "not negative"]


def test_other_definitions_of_negative_are_counted(archive: Path) -> None:
    definitions = {row["negative means"]: row for row in load(archive).attrs["definitions"]}
    assert definitions["mean rating below 0"]["labels changed"] == 0
    assert definitions["mean rating below -1"] == {
        "negative means": "mean rating below -1",
        "rows": 1,
        "share": pytest.approx(1 / 3),
        "labels changed": 1,
    }
    assert definitions["more ratings below 0 than above 0"]["labels changed"] == 0


def test_sentences_are_grouped_by_the_text_they_come_from(tmp_path: Path) -> None:
    names = {"tweets_GroundTruth.txt": "1_1\t-1\tbad\n1_2\t1\tgood\n10_1\t1\tfine\n"}
    names["tweets_anonDataRatings.txt"] = "1_1\t-1\t0\t[-1]\n1_2\t1\t0\t[1]\n10_1\t1\t0\t[1]\n"
    file = tmp_path / "texts.tar.gz"
    file.write_bytes(inner(**names))
    assert load(file)["source"].tolist() == ["1", "1", "10"]


def test_missing_and_foreign_files_are_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"No file .*gone \(data.path\)"):
        load(tmp_path / "gone")
    with pytest.raises(
        DataError, match="has no books_GroundTruth.txt. It contains: tweets_GroundTruth.txt, tweets_anon"
    ):
        load(archive, texts="books")
    damaged = tmp_path / "damaged.tar.gz"
    damaged.write_bytes(archive.read_bytes()[: len(archive.read_bytes()) // 2])
    with pytest.raises(DataError, match="is no source archive of vaderSentiment, or it is truncated or corrupt"):
        load(damaged)


@pytest.mark.parametrize(
    ("ratings", "message"),
    [("1\t-1.5\t0.5\t[-2]\n", "contain different texts"), ("1\t2\t3\n", "has 3 columns. Expected 4: id, mean,")],
)
def test_tables_that_do_not_fit_are_refused(tmp_path: Path, ratings: str, message: str) -> None:
    file = tmp_path / "texts.tar.gz"
    file.write_bytes(inner(**{"tweets_anonDataRatings.txt": ratings}))
    with pytest.raises(DataError, match=message):
        load(file)
