"""`sentiment.data.datasets.sentiment140` on files in the published layout."""

import csv
import functools
import hashlib
import io
import threading
import zipfile
from collections.abc import Sequence
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest

from sentiment.data.datasets import sentiment140
from sentiment.data.errors import DataError

ROWS = [
    ["0", "1", "Mon Apr 06 22:19:45 PDT 2009", "NO_QUERY", "ana", "NA, the caf\u00e9 is closed ;D"],
    ["4", "2", "Mon Apr 06 22:20:00 PDT 2009", "NO_QUERY", "null", 'she said ""yes"" &amp; left '],
]


def csv_text(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()


def load(path: Path | None) -> pd.DataFrame:
    return sentiment140.load(
        path=None if path is None else str(path),
        cache="unused",
        url="http://127.0.0.1:9/x.zip",
        size=None,
        sha256=None,
        section="data",
    )


def archive(folder: Path, name: str = sentiment140.TRAINING) -> Path:
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("testdata.manual.2009.06.14.csv", csv_text([["2", "3", "", "", "bo", "so so"]]))
        file.writestr(name, csv_text(ROWS).encode("latin-1"))
    return path


@pytest.mark.parametrize(("encoding", "encoding_name"), [("utf-8", "UTF-8"), ("latin-1", "Windows-1252")])
def test_reads_both_encodings(
    tmp_path: Path, encoding: str, encoding_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tweets.csv"
    path.write_bytes(csv_text(ROWS).encode(encoding))
    with caplog.at_level("INFO"):
        table = load(path)
    assert table.columns.tolist() == ["target", "user", "text"]
    assert table.to_numpy().tolist() == [[row[0], row[4], row[5]] for row in ROWS]
    assert f"tweets.csv: rows: 2; encoding {encoding_name} (" in caplog.text
    assert table.attrs["reading"] in caplog.text


def test_a_damaged_byte_does_not_change_the_encoding(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "tweets.csv"
    path.write_bytes(
        csv_text([*ROWS, ["4", "3", "", "", "bo", "d\u00e9j\u00e0 \u2620!"]]).encode().replace(b"\xa0!", b"!")
    )
    assert load(path)["text"].tolist() == [*(row[5] for row in ROWS), "d\u00e9j\u00e0 \ufffd!"]
    assert "damaged characters replaced: 1" in caplog.text


def test_reads_a_local_archive(tmp_path: Path) -> None:
    assert load(archive(tmp_path))["text"].tolist() == [row[5] for row in ROWS]


def test_downloads_the_archive_once(tmp_path: Path) -> None:
    content = archive(tmp_path).read_bytes()
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        settings = {
            "path": None,
            "cache": str(tmp_path / "cache"),
            "url": f"http://127.0.0.1:{server.server_address[1]}/archive.zip",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "section": "data",
        }
        downloaded = sentiment140.load(**settings)
        server.shutdown()
        thread.join()
    assert len(downloaded) == 2
    assert sentiment140.load(**settings).equals(downloaded)


def test_an_archive_without_the_training_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"lacks training.*contains: testdata.*, other\.csv"):
        load(archive(tmp_path, "other.csv"))


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="truncated or corrupt"):
        load(path)
    position = content.rfind(b"training", 0, content.rfind(b"PK\x01\x02")) + len(sentiment140.TRAINING) + 20
    path.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
    with pytest.raises(DataError, match="truncated or corrupt"):
        load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b'"0","a","b"\n', "has 3 columns. Sentiment140 has 6, without a header: target"),
        (b'"0","1","d","f","u","t"\n"0","1","d","f","u","t","more"\n', "line 2 has 7 fields, but most rows have 6"),
        (b'"0","1","d","f","u","t"\n"0","1","d","f","u","broken of', "Line 2, field 6: .* the file may be truncated"),
        (b'"0","1","d","f"\n"0","1","d","f","u","t"\n"0","1","d","f","u","t"\n', "line 1 has 4 fields, but most rows"),
    ],
)
def test_another_layout_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "tweets.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.csv \(data\.path\)"):
        load(tmp_path / "absent.csv")
