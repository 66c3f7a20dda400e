"""`tables.texts`: unlabelled texts, one per line or in a column."""

import gzip
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.errors import TableError
from tables.texts import from_lines, read_texts

TEXTS = ["Flights cancelled", '"Late', "déçu, again; 😠\tx", " ", "NA"]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet", ".txt", ".csv.gz", ".txt.gz", ".xlsx"])
@pytest.mark.parametrize("strict", [True, False])
def test_texts_are_read_from_a_column_or_lines(ending: str, strict: bool, tmp_path: Path) -> None:
    path = tmp_path / f"texts{ending}"
    frame = pd.DataFrame({"n": range(len(TEXTS)), "tweet": TEXTS})
    if ending == ".parquet":
        pd.concat([frame, pd.DataFrame({"n": [9], "tweet": [None]})]).to_parquet(path)
    elif ending == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        tab = "\t" if ending == ".tsv" else ","
        text = "\n".join(TEXTS) + "\n" if ".txt" in ending else frame.to_csv(index=False, sep=tab)
        path.write_bytes(gzip.compress(text.encode()) if ending.endswith(".gz") else text.encode())
    result = read_texts(path, column="tweet", strict=strict)
    assert result.texts == ["Flights cancelled", '"Late', "déçu, again; 😠\tx", "NA"]
    assert result.empty == (2 if ending == ".parquet" else 1)


def test_the_only_column_or_one_with_a_known_name_is_used() -> None:
    assert read_texts(b"whatever\nlate, again\n", "a.csv").texts == ["late, again"]
    assert read_texts(b"id,text\n1,late\n", "a.csv").texts == ["late"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", b"n,text\n1,hi\n", "unknown_column"),
        ("a.csv", b"", "empty_file"),
        ("a.csv", b"tweet\n", "empty_table"),
        ("a.txt", b" \n\n", "no_texts"),
        ("a.txt", b"", "no_texts"),
        ("a.parquet", b"PAR1 cut off", "damaged"),
        ("a.txt.gz", b"\x1f\x8b\x08cut", "damaged"),
    ],
)
def test_a_bad_file_is_refused(name: str, content: bytes, code: str) -> None:
    with pytest.raises(TableError) as refused:
        read_texts(content, name, column="tweet")
    assert refused.value.code == code


def test_an_unknown_column_is_refused_with_the_existing_ones() -> None:
    with pytest.raises(TableError, match=r"no column 'tweet'; its columns are n, text"):
        read_texts(b"n,text\n1,hi\n", "a.csv", column="tweet")
    with pytest.raises(TableError, match=r"no column with a known name for texts; its columns are a, b"):
        read_texts(b"a,b\n1,hi\n", "a.csv")


def test_a_column_of_numbers_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"tweet": [1, 2]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(TableError, match="contains something other than text"):
        read_texts(tmp_path / "a.parquet", column="tweet")


def test_bytes_outside_the_given_encoding_are_refused_with_the_line() -> None:
    with pytest.raises(TableError, match="Line 2 contains bytes that are not UTF-8"):
        read_texts("fine\ndéçu".encode("latin-1"), "a.txt", encoding="utf-8", strict=True)


def test_pasted_texts_are_one_per_line() -> None:
    assert from_lines(" late \r\n\n\t\nagain, and; again\n\n") == ["late", "again, and; again"]
    assert from_lines("  \n \n") == []


@given(st.lists(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1), max_size=5))
def test_each_pasted_line_is_a_text(lines: list[str]) -> None:
    assert from_lines("\n".join(lines)) == lines
