"""`tables.workbooks`: Excel sheets as the text that a reader sees."""

import tempfile
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from tables import workbooks
from tables.errors import TableError
from tables.reading import read
from tables.workbooks import as_text, read_sheet, write_sheet
from tables.writing import unguard


def book(*rows: list[object], title: str = "Tweets", empty_first: bool = False) -> bytes:
    workbook = Workbook()
    sheet = workbook.active
    if empty_first:
        sheet.title = "Empty"
        sheet = workbook.create_sheet()
    sheet.title = title
    for row in rows:
        sheet.append(row)
    second_sheet = workbook.create_sheet("Other")
    second_sheet.append(["text"])
    second_sheet.append(["other"])
    file = BytesIO()
    workbook.save(file)
    return file.getvalue()


@pytest.mark.parametrize("strict", [True, False])
def test_the_first_nonempty_sheet_or_the_named_one_is_read(strict: bool) -> None:
    content = book(["text", "label"], ["late", "bad"], empty_first=True)
    table = read(content, "tweets.xlsx", strict=strict)
    assert table.frame.to_dict("list") == {"text": ["late"], "label": ["bad"]}
    assert (table.report.kind, table.report.sheet, table.report.sheets) == (
        "xlsx",
        "Tweets",
        ("Empty", "Tweets", "Other"),
    )
    assert read(content, sheet="Other").frame["text"].tolist() == ["other"]
    with pytest.raises(TableError, match=r"no sheet 'Nope'; its sheets are Empty, Tweets, Other") as refused:
        read(content, sheet="Nope")
    assert refused.value.code == "unknown_sheet"


def test_values_become_the_text_that_excel_shows() -> None:
    row = [
        1.0, 7, 0.1 + 0.2, True, "007", "NA", None, datetime(2026, 2, 5, 14, 5), datetime(2026, 2, 5), time(8, 5),
        "=1+1",
    ]  # fmt: skip
    names = [f"name {letter}" for letter in "abcdefghijk"]
    frame = read(book(names, row, ["x"] * 11)).frame
    assert frame.iloc[0].tolist() == [
        "1", "7", "0.3", "TRUE", "007", "NA", "", "2026-02-05 14:05:00", "2026-02-05 00:00:00", "08:05:00", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "number_format", "expected"),
    [
        (7, "0000", "0007"),
        (1772409600000.0, "General", "1772409600000"),
        (-2.5, "0.00", "-2.5"),
        (datetime(2026, 2, 5), "dd/mm/yyyy", "2026-02-05"),
        (datetime(2026, 2, 5, 9, 59, 59, 999_998), "dd/mm/yyyy hh:mm", "2026-02-05 10:00:00"),
        (date(2026, 2, 5), "", "2026-02-05"),
        (time(8, 5), "", "08:05:00"),
        (timedelta(hours=2), "", "2:00:00"),
    ],
)
def test_a_value_is_converted_by_its_number_format(value: object, number_format: str, expected: str) -> None:
    assert as_text(value, number_format) == expected


def test_a_preamble_and_blank_rows_are_skipped_and_short_rows_filled() -> None:
    content = book(["Air Paradis"], [], ["id", "text", "label"], [1, "late", "bad"], [], [2, "fine"])
    table = read(content, strict=True)
    assert table.frame.to_numpy().tolist() == [["1", "late", "bad"], ["2", "fine", ""]]
    assert (table.report.header_row, table.report.skipped, table.report.blank) == (3, 1, 1)


def test_an_escaped_line_end_is_decoded() -> None:
    assert read(book(["text", "label"], ["a_x000D_\nb", "x"])).frame["text"].tolist() == ["a\r\nb"]


def test_empty_or_damaged_workbooks_are_refused(tmp_path: Path) -> None:
    content = book(["text"], ["late"])
    workbook = BytesIO()
    Workbook().save(workbook)
    for broken, code in (
        (content[: len(content) // 2], "damaged"),
        (content[:200], "damaged"),
        (workbook.getvalue(), "empty_file"),
        (book(["text", "label"]), "empty_table"),
    ):
        (tmp_path / "broken.xlsx").write_bytes(broken)
        with pytest.raises(TableError) as refused:
            read(tmp_path / "broken.xlsx")
        assert refused.value.code == code


def test_a_workbook_above_the_size_limit_is_refused() -> None:
    content = book(["text"], *[["late"]] * 1_000)
    assert len(content) < 20_000
    with pytest.raises(TableError) as refused:
        read(content, most_bytes=20_000)
    assert refused.value.code == "too_large"
    assert len(read(content, most_bytes=200_000).frame) == 1_000


@pytest.mark.slow
@given(st.lists(st.text() | st.from_regex(r"_x[0-9A-F]{4}_\r?\n?[=+@-]*"), min_size=1))
def test_every_text_is_read_back_from_a_workbook_unchanged(texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.xlsx"
        assert write_sheet(file, ["text", "=number"], ((text, 1.5) for text in texts)) == len(texts)
        header, *rows = read_sheet(file.read_bytes()).rows
    assert [unguard(name) for name in header] == ["text", "=number"]
    assert [(unguard(text), number) for text, number in rows] == [(text, "1.5") for text in texts]


def test_a_sheet_with_too_many_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MOST_ROWS", 3)
    assert write_sheet(tmp_path / "texts.xlsx", ["text"], [["a"], ["b"]]) == 2
    with pytest.raises(TableError, match="cannot hold more than 2 rows; write CSV") as refused:
        write_sheet(tmp_path / "more.xlsx", ["text"], [["a"], ["b"], ["c"]])
    assert refused.value.code == "too_many_rows"
    assert not (tmp_path / "more.xlsx").exists()
