"""`tables.parts`: tables are written in parts, and joined without a loss."""

import datetime
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tables import parts, reading, streamed, streamed_records

TEXTS = ['Late, "again"', "=1+1", "two\nlines", "é 😠", "", None]
SCHEMA = pa.schema(
    [
        pa.field("text", pa.string()),
        pa.field("likes", pa.int64()),
        pa.field("share", pa.float64()),
        pa.field("when", pa.timestamp("us")),
        pa.field("who", pa.string(), metadata=streamed_records.AS_JSON),
    ]
)
WHEN = datetime.datetime(2015, 2, 16, 23, 48)
ROWS = [
    {"text": text, "likes": number, "share": number / 7, "when": WHEN, "who": '{"name": "é"}'}
    for number, text in enumerate(TEXTS)
]


def joined(output: Path, sizes: tuple[int, ...] = (2, 3, 1)) -> Path:
    """Write the rows in parts of these sizes, and join them."""
    form = parts.form_of(output, ";")
    files, start = [], 0
    for size in sizes:
        files.append(output.with_name(f"{start}.part"))
        parts.write_part(pa.Table.from_pylist(ROWS[start : start + size], schema=SCHEMA), files[-1], form)
        start += size
    parts.join(files, SCHEMA, output, form)
    return output


@pytest.mark.parametrize(("name", "delimiter"), [("scored.csv", ";"), ("scored.tsv", "\t"), ("scored.csv.gz", ";")])
def test_the_reader_restores_a_joined_text_file(tmp_path: Path, name: str, delimiter: str) -> None:
    table = reading.read(joined(tmp_path / name), strict=True)
    assert table.report.delimiter == delimiter
    assert table.frame["text"].tolist() == [text or "" for text in TEXTS]
    assert [float(share) for share in table.frame["share"]] == [row["share"] for row in ROWS]
    assert table.frame["when"].unique().tolist() == ["2015-02-16T23:48:00"]
    assert table.frame["who"].unique().tolist() == ['{"name": "é"}']


def test_formulas_are_guarded_in_text_files(tmp_path: Path) -> None:
    content = joined(tmp_path / "scored.csv").read_text(encoding="utf-8")
    assert '"=1+1"' not in content
    assert "=1+1" in content


@pytest.mark.parametrize("name", ["scored.jsonl", "scored.ndjson.gz"])
def test_ndjson_has_nested_values_again(tmp_path: Path, name: str) -> None:
    content = joined(tmp_path / name).read_bytes()
    lines = (gzip.decompress(content) if name.endswith("gz") else content).decode().splitlines()
    expected = [{**row, "when": WHEN.isoformat(), "who": {"name": "é"}} for row in ROWS]
    assert [json.loads(line) for line in lines] == expected


def test_numbers_that_json_does_not_have_are_null(tmp_path: Path) -> None:
    table = pa.table({"share": [float("nan"), float("inf"), 0.5]})
    parts.write_part(table, tmp_path / "part", parts.form_of(Path("scored.jsonl"), ","))
    lines = (tmp_path / "part").read_text(encoding="utf-8").splitlines()
    assert lines == ['{"share": null}', '{"share": null}', '{"share": 0.5}']


def test_parquet_keeps_types_and_is_not_split_into_small_groups(tmp_path: Path) -> None:
    path = joined(tmp_path / "scored.parquet")
    assert parquet.read_table(path).to_pylist() == ROWS
    assert parquet.ParquetFile(path).num_row_groups == 1
    assert streamed.inspect(path).schema.equals(SCHEMA)


@pytest.mark.parametrize("name", ["scored.csv", "scored.csv.gz", "scored.jsonl", "scored.parquet"])
def test_joining_again_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    first = joined(tmp_path / name).read_bytes()
    assert joined(tmp_path / name).read_bytes() == first


def test_parquet_keeps_categories_of_several_parts(tmp_path: Path) -> None:
    tables = [pa.table({"kind": pa.array(kinds).dictionary_encode()}) for kinds in (["a", "b"], ["c", "a"])]
    form, files = parts.form_of(tmp_path / "scored.parquet", ","), [tmp_path / "0", tmp_path / "1"]
    for table, file in zip(tables, files, strict=True):
        parts.write_part(table, file, form)
    parts.join(files, tables[0].schema, tmp_path / "scored.parquet", form)
    joined_table = parquet.read_table(tmp_path / "scored.parquet")
    assert joined_table["kind"].to_pylist() == ["a", "b", "c", "a"]
    assert pa.types.is_dictionary(joined_table.schema.field("kind").type)
