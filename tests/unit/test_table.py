"""`sentiment.data.datasets.table` on files as other teams bring them."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from sentiment.data.checks import DataError
from sentiment.data.datasets import table

FRAME = pd.DataFrame({"text": ["NA", "caf\u00e9, 2; 3", 'say "hi"\nthere'], "label": ["007", "spam", "null"]})


def load(path: Path | None, delimiter: str | None = None, encoding: str = "utf-8-sig") -> pd.DataFrame:
    return table.load(path=None if path is None else str(path), delimiter=delimiter, encoding=encoding)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz", ".CSV"])
def test_reads_delimited_text_as_it_is(tmp_path: Path, delimiter: str, ending: str) -> None:
    path = tmp_path / f"table{ending}"
    FRAME.to_csv(path, sep=delimiter, index=False)
    assert load(path).equals(FRAME)


def test_the_delimiter_may_be_said(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "table.csv", sep="~", index=False)
    assert load(tmp_path / "table.csv", delimiter="~").equals(FRAME)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_may_be_said(tmp_path: Path, encoding: str) -> None:
    FRAME.to_csv(tmp_path / "table.csv", index=False, encoding=encoding)
    assert load(tmp_path / "table.csv", encoding=encoding).equals(FRAME)


def test_reads_parquet(tmp_path: Path) -> None:
    numbers = FRAME.assign(label=[0, 1, 4])
    numbers.to_parquet(tmp_path / "table.parquet")
    assert load(tmp_path / "table.parquet").equals(numbers)


def test_a_path_must_be_given() -> None:
    with pytest.raises(DataError, match=r"data=csv needs a file: data\.path=tweets\.csv"):
        load(None)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.csv \(data\.path\)"):
        load(tmp_path / "absent.csv")


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"known endings are \.csv"):
        load(tmp_path / "table.xlsx")


def test_another_encoding_is_named(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "table.csv", index=False, encoding="latin-1")
    with pytest.raises(DataError, match=r"not in utf-8-sig.*\(data\.encoding, or .*cp1252"):
        load(tmp_path / "table.csv")


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    whole = gzip.compress(FRAME.to_csv(index=False).encode() * 50)
    parquet = tmp_path / "whole.parquet"
    FRAME.to_parquet(parquet)
    damaged = {
        "empty.csv": b"",
        "ragged.csv": b"text,label\na,b\na,b,c\n",
        "quote.csv": b'text,label\n"never closed,b\n',
        "cut.csv.gz": whole[: len(whole) // 2],
        "plain.csv.gz": b"text,label\na,b\n",
        "cut.parquet": parquet.read_bytes()[:-20],
        "empty.parquet": b"",
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name} is empty, broken off or damaged"):
            load(tmp_path / name)
