"""`tables.streamed`: large tables are read in chunks, as `tables.reading` reads them in whole."""

import csv
import gzip
import io
import json
import tracemalloc
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tables import pieces, reading, streamed
from tables.errors import TableError
from tables.streamed import Inspected

FIELD = st.text(st.sampled_from("ab é\"',;\n😠=-@0"), max_size=12)
COLUMNS = ["id", "text", "note"]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files in pieces of a few rows."""
    monkeypatch.setattr(pieces, "PIECE", 400)
    monkeypatch.setattr(pieces, "HEAD", 100)


def frame(table: Inspected, size: int = 7) -> pd.DataFrame:
    """Read a table in chunks."""
    chunks = list(streamed.chunks(table, size))
    assert [len(chunk) for chunk in chunks[:-1]] == [size] * (len(chunks) - 1)
    assert sum(map(len, chunks)) == table.rows
    return pa.concat_tables(chunks).to_pandas()


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def csv_content(rows: list[list[str]], delimiter: str = ",", line_end: str = "\n", quoting: int = 0) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([COLUMNS, *rows])
    return file.getvalue()


def tweets(number: int) -> list[list[str]]:
    return [
        [str(index), f'Late again, flight "{index}"\nby {index} hours é', "x" * (index % 9)] for index in range(number)
    ]


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "mac-roman"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["csv", "tsv.gz"])
def test_a_table_in_any_form_is_read_as_in_whole(
    tmp_path: Path, encoding: str, line_end: str, delimiter: str, ending: str
) -> None:
    content = csv_content(tweets(200), delimiter, line_end).encode(encoding)
    path = written(tmp_path / f"tweets.{ending}", gzip.compress(content) if ending.endswith("gz") else content)
    whole, table = reading.read(path, strict=True), streamed.inspect(path)
    assert frame(table).equals(whole.frame)
    assert table.rows == 200
    assert str(whole.report) == table.assumptions


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    rows=st.lists(st.tuples(FIELD, FIELD, FIELD).map(list), min_size=1, max_size=60),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@pytest.mark.usefixtures("small_pieces")
def test_whatever_is_read_is_what_is_read_in_whole(tmp_path: Path, rows: list[list[str]], quoting: int) -> None:
    path = written(tmp_path / "tweets.csv", csv_content(rows, quoting=quoting))
    try:
        whole = reading.read(path, strict=True).frame
    except TableError:
        whole = None  # pieces are smaller, so that an ambiguity may not show
    try:
        table = streamed.inspect(path)
    except TableError:
        return
    assert whole is None or frame(table).equals(whole)


@pytest.mark.usefixtures("small_pieces")
def test_an_undelimited_quotation_mark_far_down_is_refused_with_its_line(tmp_path: Path) -> None:
    lines = ["id,text,note", *(f'{number},"fine, {number}",x' for number in range(300)), '300,"never closed,x']
    path = written(tmp_path / "tweets.csv", "\n".join([*lines, *lines[1:]]) + "\n")
    with pytest.raises(TableError) as error:
        streamed.inspect(path)
    assert error.value.code in {"broken_quotes", "ambiguous_quotes"}
    assert "302" in str(error.value)


@pytest.mark.usefixtures("small_pieces")
def test_a_row_that_does_not_fit_is_refused_wherever_it_is(tmp_path: Path) -> None:
    content = "id,text,note\n" + "1,late,x\n" * 500 + "2,late,x,too many\n"
    with pytest.raises(TableError, match="The row on line 502 has 4 fields, but the header has 3") as error:
        streamed.inspect(written(tmp_path / "tweets.csv", content))
    assert error.value.code == "long_row"


@pytest.mark.usefixtures("small_pieces")
def test_bytes_that_contradict_a_given_encoding_are_refused_with_their_line(tmp_path: Path) -> None:
    path = written(tmp_path / "tweets.csv", b"id,text\n" + b"1,late\n" * 500 + b"2,d\xe9\xe7u\n")
    with pytest.raises(TableError, match="Line 502 contains bytes that are not UTF-8") as error:
        streamed.inspect(path, encoding="utf-8")
    assert error.value.code == "undecodable"
    assert frame(streamed.inspect(path))["text"].iloc[-1] == "déçu"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("tweets.xlsx", b"PK\x03\x04", "unknown_ending"),
        ("tweets.csv", b"", "empty_file"),
        ("tweets.csv", b"\n\n", "empty_file"),
        ("tweets.csv", b"id,text\n", "empty_table"),
        ("tweets.csv", b"%PDF-1.4 text,id", "not_text"),
        ("tweets.csv", b"<html>", "html"),
        ("tweets.csv", '{"text": 1}'.encode("utf-16"), "json"),
        ("tweets.csv", b"text,text\na,b\n", "duplicate_column"),
        ("tweets.csv.gz", gzip.compress(b"id,text\n" * 1000, mtime=0)[:-10], "damaged"),
        ("tweets.jsonl", b'{"text": "late"}\n{"text": \n', "not_records"),
        ("tweets.jsonl", b'{"text": NaN}\n', "not_records"),
        ("tweets.jsonl", b'["late"]\n', "not_records"),
        ("tweets.jsonl", b'{"text": "\\ud800"}\n', "not_records"),
        ("tweets.jsonl", b'{"text": "d\xe9"}\n', "undecodable"),
        ("tweets.jsonl", b"\n", "empty_table"),
        ("tweets.parquet", b"PAR1 not really", "damaged"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    with pytest.raises(TableError) as error:
        streamed.inspect(written(tmp_path / name, content))
    assert error.value.code == code


@pytest.mark.usefixtures("small_pieces")
def test_ndjson_keeps_the_type_of_each_column(tmp_path: Path) -> None:
    records = [
        {"text": "late", "likes": 3, "share": 1, "id": 2**60, "who": {"name": "é"}, "mixed": 1, "seen": True},
        {"text": None, "likes": 4, "share": 0.5, "id": 1, "who": [], "mixed": "two", "seen": False},
        {"text": "fine"},
    ] * 50
    content = "\n".join(json.dumps(record) for record in records)
    table = streamed.inspect(written(tmp_path / "tweets.ndjson", content))
    types = {field.name: str(field.type) for field in table.schema}
    assert types == {
        "text": "string", "likes": "int64", "share": "double", "id": "int64", "who": "string", "mixed": "string",
        "seen": "bool",
    }  # fmt: skip
    rows = pa.concat_tables(streamed.chunks(table, 7)).to_pylist()
    assert rows[0] == {**records[0], "share": 1.0, "who": '{"name": "é"}', "mixed": "1"}
    assert rows[-1] == {**dict.fromkeys(types), "text": "fine"}


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    frame_written = pd.DataFrame(
        {"text": pd.Categorical(["a", "b", "a"] * 9), "when": pd.date_range("2015-02-16", periods=27, tz="UTC")}
    )
    frame_written.to_parquet(tmp_path / "tweets.parquet")
    table = streamed.inspect(tmp_path / "tweets.parquet")
    assert streamed.text_column(table.schema, None) == "text"
    assert frame(table).astype({"text": "str"}).equals(frame_written.astype({"text": "str"}))


@pytest.mark.parametrize(
    ("columns", "column", "code"),
    [
        ({"likes": [1], "id": [2]}, None, "unknown_column"),
        ({"text": ["late"]}, "tweet", "unknown_column"),
        ({"text": [1]}, "text", "not_texts"),
    ],
)
def test_a_missing_column_of_texts_is_refused(
    tmp_path: Path, columns: dict[str, list[object]], column: str | None, code: str
) -> None:
    pd.DataFrame(columns).to_parquet(tmp_path / "tweets.parquet")
    with pytest.raises(TableError) as error:
        streamed.text_column(streamed.inspect(tmp_path / "tweets.parquet").schema, column)
    assert error.value.code == code


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE", 50_000)
    monkeypatch.setattr(pieces, "MAX_EVIDENCE", 50_000)
    peaks = []
    for number in (3_000, 12_000):
        rows = tweets(number)
        records = "".join(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows)
        path = written(tmp_path / f"{number}.{ending}", csv_content(rows) if ending == "csv" else records)
        del rows, records
        tracemalloc.start()
        for chunk in streamed.chunks(streamed.inspect(path), 500):
            assert pa.total_allocated_bytes() < 5_000_000, len(chunk)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 2_000_000


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("damage", [b"\xff", b"\0", "\ufffd".encode()])
def test_damaged_characters_are_counted_as_in_whole(tmp_path: Path, damage: bytes) -> None:
    content = csv_content(tweets(200)).encode() + b"200," + damage + b",\n" + csv_content(tweets(100)).encode()[13:]
    path = written(tmp_path / "tweets.csv", content)
    whole, table = reading.read(path, strict=True), streamed.inspect(path)
    assert frame(table).equals(whole.frame)
    assert str(whole.report) == table.assumptions
    assert table.doubtful == whole.report.doubtful
