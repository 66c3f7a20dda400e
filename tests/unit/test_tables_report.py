"""`tables.report`: one line summarises how a table was read."""

import io

import pandas as pd
import pytest

from tables.reading import read

PARQUET = io.BytesIO()
pd.DataFrame({"text": ["late"]}).to_parquet(PARQUET)


@pytest.mark.parametrize(
    ("content", "line", "doubtful"),
    [
        (
            b"text,label\nlate,bad\n",
            "rows: 1; encoding UTF-8 (detected); delimiter comma (detected)",
            False,
        ),
        (
            'sep=;\ntext;label\n\nd\xe9\xe7u;bad\n"l\xe0; l\xe0";bad\n'.encode("cp1252"),
            "rows: 2; encoding Windows-1252 (assumed); delimiter semicolon (from the first line); "
            "blank rows dropped: 1",
            False,
        ),
        (
            b'Export of May\n\ntext\tid\nlate\t1\n"fine\t2\nd\xc3\xa9\xc3',
            "rows: 3; encoding UTF-8 (detected); delimiter tab (detected); "
            "rows above the header skipped: 1; damaged characters replaced: 1; "
            "short rows filled with empty values: 1 (first: line 6); "
            "rows with a quotation mark that is part of the text: 1 (first: line 5)",
            True,
        ),
        (PARQUET.getvalue(), "rows: 1; Parquet", False),
    ],
)
def test_one_line_summarises_how_a_table_was_read(content: bytes, line: str, doubtful: bool) -> None:
    report = read(content).report
    assert str(report) == line
    assert report.doubtful is doubtful
