"""`tables.writing`: CSV that Excel opens safely and that is read back unchanged."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.reading import read
from tables.writing import guard, to_bytes, unguard, write

PROJECT = Path(__file__).parents[2]
BEGINNINGS = st.sampled_from(
    ["", "=", "+", "-", "@", "@a", "\t", "\r", "'", "'\u2060", "'\u2060=", " =", "＝", '"', ";"]
)
# Any characters but those that no text file contains (surrogates, NUL) and the byte order mark.
TEXTS = st.builds(
    str.__add__, BEGINNINGS, st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufeff"))
)
NAMES = st.text(st.characters(categories=["L"]), min_size=1, max_size=5)


@given(TEXTS)
def test_unguard_reverses_guard(text: str) -> None:
    assert unguard(str(guard(text))) == text


@pytest.mark.parametrize(
    "formula",
    [
        "=HYPERLINK(1)", "+33", "-- late", "-1+1", "@SUM(1)", "@SUM(1+1)*cmd|' /C calc'!A0", "\t=1", "\r=1", "\n=1",
        "＝1+1", " =1", "@A1 cmd|' /C calc'!A0", "@'http://x'!A1", "'\u2060=1",
    ],
)  # fmt: skip
def test_formulas_are_guarded_as_text(formula: str) -> None:
    assert str(guard(formula)).startswith("'")
    assert unguard(str(guard(formula))) == formula


@pytest.mark.parametrize("value", ["@united late!", "fine = late", "'=1", "'tis late", "", "a", -0.5, 7, None, True])
def test_other_values_are_unchanged(value: object) -> None:
    assert guard(value) == value


def test_a_typed_apostrophe_is_kept() -> None:
    for text in ("'=1", "'- late", "'\u2060late"):
        assert unguard(text) == text


@given(
    st.lists(NAMES, min_size=1, max_size=4, unique_by=str.casefold).flatmap(
        lambda names: st.tuples(
            st.just(names),
            st.lists(
                st.lists(TEXTS, min_size=len(names), max_size=len(names)).filter(lambda row: any(map(str.strip, row))),
                min_size=1,
                max_size=5,
            ),
        )
    ),
    st.sampled_from(",;"),
    st.booleans(),
)
def test_an_export_is_read_back_unchanged(
    content: tuple[list[str], list[list[str]]], delimiter: str, strict: bool
) -> None:
    names, rows = content
    table = read(to_bytes(names, rows, delimiter=delimiter), "export.csv", strict=strict)
    assert table.frame.to_numpy().tolist() == rows
    assert list(table.frame.columns) == names


def test_an_export_has_a_byte_order_mark_and_counts_its_rows() -> None:
    content = to_bytes(["text", "share"], [["déçu", 0.5], [None, -1], ["=1", "x"]])
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.endswith(b"\r\n")
    assert list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))) == [
        ["text", "share"],
        ["déçu", "0.5"],
        ["", "-1"],
        ["'\u2060=1", "x"],
    ]
    file = io.StringIO(newline="")
    assert write(file, ["text"], iter([["a"], ["b"]])) == 2
    assert write(file, ["text"], []) == 0
    assert read(content).report.guarded == 1


def test_writing_does_not_import_pandas() -> None:
    code = "import sys; import tables.writing; sys.exit('pandas' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0
