"""`sentiment.data.datasets.table` on files from other teams."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from sentiment.data.datasets import table
from sentiment.data.errors import DataError

FRAME = pd.DataFrame({"text": ["NA", "caf\u00e9, 2; 3", 'say "hi"\nthere'], "label": ["007", "spam", "null"]})


def load(path: Path | None, **overrides: object) -> pd.DataFrame:
    settings = {"encoding": None, "delimiter": None, "quoted": None, "sheet": None, "section": "data", **overrides}
    return table.load(path=None if path is None else str(path), **settings)


def write(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / name


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz", ".CSV"])
def test_reads_delimited_text_as_it_is(tmp_path: Path, delimiter: str, ending: str) -> None:
    path = tmp_path / f"table{ending}"
    FRAME.to_csv(path, sep=delimiter, index=False)
    assert load(path).equals(FRAME)


def test_the_delimiter_can_be_set(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "table.csv", sep="~", index=False)
    assert load(tmp_path / "table.csv", delimiter="~").equals(FRAME)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_is_detected_or_can_be_set(tmp_path: Path, encoding: str) -> None:
    FRAME.to_csv(tmp_path / "table.csv", index=False, encoding=encoding)
    assert load(tmp_path / "table.csv").equals(FRAME)
    assert load(tmp_path / "table.csv", encoding=encoding).equals(FRAME)


@pytest.mark.parametrize("name", ["ansi", "ANSI", "windows-1252", 1252])
def test_common_names_of_an_encoding_are_accepted(tmp_path: Path, name: object) -> None:
    FRAME.to_csv(tmp_path / "table.csv", index=False, encoding="cp1252")
    assert load(tmp_path / "table.csv", encoding=name).equals(FRAME)


def test_an_unknown_encoding_is_refused_with_its_setting(tmp_path: Path) -> None:
    path = write(tmp_path, "text,label\nlate,bad\n")
    with pytest.raises(DataError, match=r"table\.csv \(data\.path\): Unknown encoding 'klingon'.*data\.encoding"):
        load(path, encoding="klingon")


def test_damaged_bytes_and_a_cut_off_last_row_are_tolerated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = load(write(tmp_path, "text,label\ndéçu 😠,bad\nfâché 😠,bad\nété ".encode() + "😠".encode()[:3]))
    assert rows.to_numpy().tolist() == [["déçu 😠", "bad"], ["fâché 😠", "bad"], ["été \ufffd", ""]]
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == rows.attrs["reading"]
    assert "encoding UTF-8 (detected)" in record.getMessage()
    assert "damaged characters replaced: 1; short rows filled with empty values: 1 (first: line 4)" in record.message


def test_assumptions_are_logged_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    load(write(tmp_path, "sep=;\ntext;label\ndéçu;bad\n".encode("cp1252")))
    assert caplog.messages == [
        "table.csv: rows: 1; encoding Windows-1252 (assumed); delimiter semicolon (from the first line)."
    ]
    assert caplog.records[0].levelname == "INFO"


def test_quotation_marks_within_texts_do_not_merge_rows(tmp_path: Path) -> None:
    rows = load(write(tmp_path, 'text\tlabel\n"late\tbad\nfine"\tgood\nhe said "no"\tbad\n', "table.tsv"))
    assert rows["text"].tolist() == ['"late', 'fine"', 'he said "no"']


def test_ambiguous_quotation_marks_are_refused_unless_quoted_is_set(tmp_path: Path) -> None:
    path = write(tmp_path, 'text,label\nhello,anna\n"late,bob\nfine",carl\n')
    with pytest.raises(DataError, match=r"\(data\.path\): Line 3, field 1: .* Setting: data\.quoted\.") as refused:
        load(path)
    assert refused.value.__cause__.values["row"] == 3  # type: ignore[union-attr]
    assert load(path, quoted=False)["text"].tolist() == ["hello", '"late', 'fine"']
    assert load(path, quoted=True)["text"].tolist() == ["hello", "late,bob\nfine"]
    with pytest.raises(DataError, match=r"data\.quoted='yes': must be true, false, or null"):
        load(path, quoted="yes")


def test_reads_a_sheet_of_a_workbook(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "table.xlsx") as book:
        FRAME.to_excel(book, sheet_name="2025", index=False)
        FRAME.tail(1).to_excel(book, sheet_name="2026", index=False)
    assert load(tmp_path / "table.xlsx").equals(FRAME)
    assert len(load(tmp_path / "table.xlsx", sheet=2026)) == 1
    with pytest.raises(DataError, match=r"no sheet 'May'; its sheets are 2025, 2026\. Setting: data\.sheet\."):
        load(tmp_path / "table.xlsx", sheet="May")


def test_reads_parquet(tmp_path: Path) -> None:
    numbers = FRAME.assign(label=[0, 1, 4])
    numbers.to_parquet(tmp_path / "table.parquet")
    assert load(tmp_path / "table.parquet").equals(numbers)


def test_a_path_is_required() -> None:
    with pytest.raises(DataError, match=r"The data set `csv` needs a file: data\.path=tweets\.csv"):
        load(None)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.csv \(data\.path\)"):
        load(tmp_path / "absent.csv")


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"table\.docx: unknown file ending. Use one of \.csv"):
        load(write(tmp_path, b"PK", "table.docx"))


def test_bytes_outside_the_encoding_are_refused_with_line_and_setting(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "table.csv", index=False, encoding="latin-1")
    with pytest.raises(DataError, match=r"Line 3 contains bytes that are not UTF-8.*Setting: data\.encoding"):
        load(tmp_path / "table.csv", encoding="utf-8")


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    whole = gzip.compress(FRAME.to_csv(index=False).encode() * 50)
    parquet = tmp_path / "whole.parquet"
    FRAME.to_parquet(parquet)
    damaged = {
        "empty.csv": (b"", r"The file is empty\."),
        "long.csv": (b"text,label\na,b\na,b,c\n", "row on line 3 has 3 fields, but the header has 2"),
        "short.csv": (b"text,label\na\na,b\n", "row on line 2 has 1 field, but the header has 2"),
        "quote.csv": (b'text,label\n"a, ""b""",b\n"never closed,b\n', "Line 3, field 1: a quotation mark opens"),
        "cut.csv.gz": (whole[: len(whole) // 2], "truncated or corrupt"),
        "cut.parquet": (parquet.read_bytes()[:-20], "truncated or corrupt"),
        "empty.parquet": (b"", "truncated or corrupt"),
    }
    for name, (content, message) in damaged.items():
        with pytest.raises(DataError, match=rf"{name} \(data\.path\): .*{message}"):
            load(write(tmp_path, content, name))


def test_errors_in_another_table_name_its_settings(tmp_path: Path) -> None:
    path, section = write(tmp_path, b""), "data.extra_training.more"
    with pytest.raises(DataError, match=r"\(data\.extra_training\.more\.path\): The file is empty"):
        load(path, section=section)
    write(tmp_path, b"text,label\na,b\n")
    with pytest.raises(DataError, match=r"not '::'\. Setting: data\.extra_training\.more\.delimiter\."):
        load(path, section=section, delimiter="::")
