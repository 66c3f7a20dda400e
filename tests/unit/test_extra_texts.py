"""`sentiment.data.extra_texts`: reading unlabelled texts without those of the splits."""

from pathlib import Path

import pandas as pd
import pytest

from sentiment.data import extra_texts
from sentiment.data.extra_texts import ExtraTextsError
from sentiment.inference.text import Cleaner, Tokenizer
from sentiment.training import gensim_vectors
from sentiment.training.embedding import Corpus, EmbeddingError

TOKENIZER = Tokenizer(
    cleaner=Cleaner(links="http", mentions="@user", emoji=True, max_repeats=3),
    lowercase=True,
    negation=False,
    words="stem",
)
CORPUS = Corpus(
    tokens=[["the", "train"]],
    texts=["The train", "Tom &amp; Jerry are late", "a  test"],  # one each from train, validation and test
    tokenizer=TOKENIZER,
)
TEXTS = ["Flights cancelled", "TOM & JERRY  are late", "the Train", "A test ", "tom &amp;amp; jerry are late", " "]


@pytest.fixture(params=[".csv", ".tsv", ".parquet", ".xlsx", ".txt"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"texts{request.param}"
    frame = pd.DataFrame({"n": range(len(TEXTS)), "tweet": TEXTS})
    if path.suffix in {".csv", ".tsv"}:
        frame.to_csv(path, sep="\t" if path.suffix == ".tsv" else ",", index=False)
    elif path.suffix == ".xlsx":
        frame.to_excel(path, index=False)
    elif path.suffix == ".parquet":
        pd.concat([frame, pd.DataFrame({"n": [9], "tweet": [None]})]).to_parquet(path)
    else:
        path.write_text("\n".join(TEXTS), encoding="utf-8")
    return path


def test_texts_of_any_split_are_dropped_and_the_rest_tokenized(file: Path) -> None:
    assert gensim_vectors.sentences(CORPUS, str(file), "tweet", 1) == [["the", "train"], ["flight", "cancel"]]


def test_only_train_is_used_without_extra_texts() -> None:
    assert gensim_vectors.sentences(CORPUS, None, "tweet", 1) == [["the", "train"]]


def test_too_few_words_are_refused() -> None:
    with pytest.raises(EmbeddingError, match="No word occurs 2 times"):
        gensim_vectors.sentences(CORPUS, None, "tweet", 2)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.csv \(embed\.extra_texts\)"):
        extra_texts.read(str(tmp_path / "absent.csv"), "tweet", "embed")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"n,text\n1,hi\n", r"no column 'tweet'; its columns are n, text\. Setting: embed\.extra_column\."),
        ("a.csv", b"", r"\(embed\.extra_texts\): The file is empty"),
        ("a.csv", b"tweet\n", "has a header, but no rows"),
        ("a.csv", b"tweet,n\na,1\nb\nc,2\n", "row on line 3 has 1 field, but the header has 2"),
        ("a.csv", b'tweet,n\n"a, b",1\n"c ""d""",2\n"e,3\n', "Line 4, field 1: a quotation mark opens"),
        ("a.txt", b" \n\n", "contains no text"),
        ("a.txt", b"%PDF-1.7", "not a table, but a PDF"),
        ("a.parquet", b"PAR1 cut off", "truncated or corrupt"),
        ("a.docx", b"hi", "unknown file ending"),
    ],
)
def test_an_invalid_file_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ExtraTextsError, match=message):
        extra_texts.read(str(tmp_path / name), "tweet", "embed")


def test_a_column_of_numbers_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"tweet": [1, 2]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ExtraTextsError, match=r"Column 'tweet' contains something other than text"):
        extra_texts.read(str(tmp_path / "a.parquet"), "tweet", "embed")


@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_a_corrupt_byte_is_reported_and_does_not_change_the_encoding(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / name).write_bytes("tweet\ndéçu 😠\nété \xf0\n".encode().replace(b"\xc3\xb0", b"\xf0"))
    texts = extra_texts.read(str(tmp_path / name), "tweet", "distill")
    assert texts[-2:] == ["déçu 😠", "été \ufffd"]
    assert f"{name}: rows: {len(texts)}; encoding UTF-8 (detected)" in caplog.text
    assert "damaged characters replaced: 1" in caplog.text
