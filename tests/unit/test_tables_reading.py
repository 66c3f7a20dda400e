"""`tables.reading`: tables from any program are read unchanged, or refused with a reason."""

import csv
import gzip
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tables.errors import TableError
from tables.reading import Table, read
from tables.report import Seen

TEXTS = ["Late, again; why?", 'He said "no"', "déçu 😠 |", "two\nlines", "", " spaces ", "NA", "nan", "007", "@x\thttp"]
ROWS = pd.DataFrame(
    {"text": TEXTS, "time": [f"2015-02-{day:02d} 10:00" for day in range(1, 11)], "likes": list("0123456789")}
)


def rows(content: str | bytes, **settings: object) -> list[list[str]]:
    """Return header and rows."""
    frame = table(content, **settings).frame
    return [list(frame.columns), *frame.to_numpy().tolist()]


def table(content: str | bytes, **settings: object) -> Table:
    return read(content.encode() if isinstance(content, str) else content, **settings)  # type: ignore[arg-type]


def refused(content: str | bytes, **settings: object) -> TableError:
    with pytest.raises(TableError) as error:
        table(content, **settings)
    return error.value


def csv_text(frame: pd.DataFrame, **settings: object) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, **settings)  # type: ignore[arg-type]
    writer.writerow(frame.columns)
    writer.writerows(frame.to_numpy().tolist())
    return text.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("strict", [True, False])
def test_tables_are_read_with_any_delimiter_and_encoding(delimiter: str, encoding: str, strict: bool) -> None:
    content = csv_text(ROWS, delimiter=delimiter).encode(encoding)
    for compressed in (content, gzip.compress(content, mtime=0)):
        parsed = table(compressed, strict=strict)
        assert parsed.frame.equals(ROWS)
        assert (parsed.report.delimiter, parsed.report.quoted, parsed.report.rows) == (delimiter, True, 10)


CHARACTERS = st.characters(
    exclude_categories=["Cs", "Cc", "Cn"], include_characters="\n\r\t", exclude_characters="\ufeff"
)
NAMES = st.text(st.characters(categories=["L"], max_codepoint=0x24F), min_size=1, max_size=8)


@st.composite
def frames(draw: st.DrawFn, characters: st.SearchStrategy[str] = CHARACTERS) -> pd.DataFrame:
    names = draw(st.lists(NAMES, min_size=2, max_size=4, unique_by=lambda name: name.casefold()))
    row = st.lists(st.text(characters, max_size=12), min_size=len(names), max_size=len(names))
    row = row.filter(lambda cells: any(cell.strip() for cell in cells))  # blank rows are dropped
    return pd.DataFrame(draw(st.lists(row, min_size=1, max_size=6)), columns=names, dtype=object)


@given(
    frames(),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
)
@example(pd.DataFrame([[";\n", ""]], columns=["A", "B"]), ";", "\n", "utf-8", True)  # also two rows of marks
def test_any_fully_quoted_table_is_read_unchanged(
    frame: pd.DataFrame, delimiter: str, line_end: str, encoding: str, strict: bool
) -> None:
    text = csv_text(frame, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    parsed = table(text.encode(encoding), strict=strict)
    assert parsed.frame.equals(frame)
    assert parsed.report.damaged == 0


@given(frames(), st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]))
def test_any_csv_table_is_read_unchanged_or_refused(frame: pd.DataFrame, delimiter: str, line_end: str) -> None:
    assume(line_end == "\r\n" or not frame.map(lambda cell: "\r" in cell).to_numpy().any())  # Python does not quote it
    text = csv_text(frame, delimiter=delimiter, lineterminator=line_end)
    try:
        parsed = table(text, strict=True, delimiter=delimiter)
    except TableError as error:
        assert error.code in ("ambiguous_quotes", "broken_quotes", "preamble")
        return
    assert parsed.frame.equals(frame)


@given(frames(st.characters(categories=["L", "N", "P", "S"])))
def test_no_row_of_an_unquoted_table_is_lost(frame: pd.DataFrame) -> None:
    text = "\n".join("\t".join(row) for row in [list(frame.columns), *frame.to_numpy().tolist()])
    parsed = table(text, delimiter="\t")
    assert len(parsed.frame) == len(frame)
    assert list(parsed.frame.columns) == list(frame.columns)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_refused(content: bytes, strict: bool) -> None:
    try:
        parsed = read(content, strict=strict)
    except TableError:
        return
    assert not parsed.frame.empty


@given(st.text(st.sampled_from('ab,;"\n\t \r\\1=s'), max_size=60), st.booleans())
def test_any_text_like_a_table_is_read_or_refused(text: str, strict: bool) -> None:
    try:
        parsed = table(text, strict=strict)
    except TableError:
        return
    assert not parsed.frame.empty
    assert parsed.frame.columns.is_unique


# --- delimiters


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text;time\nlate, again, and again;10:00\n", ["text", "time", "late, again, and again", "10:00"]),
        ("text;time\nlate, ok;10\nfine, wow;11\n", ["text", "time", "late, ok", "10", "fine, wow", "11"]),
        ("a,b;time\nx;10\ny;11\n", ["a,b", "time", "x", "10", "y", "11"]),
        ("text\nLate, again; why | how?\nDéçu\n", ["text", "Late, again; why | how?", "Déçu"]),
        ("avis\nLate, again\nOn time, wow\nFine, ok\n", ["avis", "Late, again", "On time, wow", "Fine, ok"]),
        ("id,text\n1,a; b; c\n2,d; e; f\n3,g; h; i\n", ["id", "text", "1", "a; b; c", "2", "d; e; f", "3", "g; h; i"]),
        ('text\n"Late, ""again"""\n', ["text", 'Late, "again"']),
        ("text,time\nI can't,10\n'late',11\n", ["text", "time", "I can't", "10", "'late'", "11"]),
        ("date;price\n2026-01-01;1,5\n2026-01-02;2,5\n", ["date", "price", "2026-01-01", "1,5", "2026-01-02", "2,5"]),
        (
            'id, text, label\n1, late, bad\n2, "a, b", c\n',
            ["id", "text", "label", "1", "late", "bad", "2", "a, b", "c"],
        ),
        ("text\tdate\rlate\t1\rfine\t2\r", ["text", "date", "late", "1", "fine", "2"]),
        ("text,date\r\r\nlate,1\r\r\nfine,2\r\r\n", ["text", "date", "late", "1", "fine", "2"]),
        ("text,date\nla\rte,1\n", ["text", "date", "la\rte", "1"]),
        ("text,date\nla\u2028te\x85,1\n", ["text", "date", "la\u2028te\x85", "1"]),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_the_delimiter_is_the_one_that_fits_all_rows(content: str, expected: list[str], strict: bool) -> None:
    assert sum(rows(content, strict=strict), []) == expected


@pytest.mark.parametrize("hint", ["sep=;\r\n", "SEP=;\n", '"sep=;"\n', "\ufeffsep=;\r\n", "sep=;;;\n"])
def test_excels_sep_line_is_used_and_skipped(hint: str) -> None:
    parsed = table(hint + "text;date\nlate, very;1\nfine, wow;2\n", strict=True)
    assert parsed.frame.to_numpy().tolist() == [["late, very", "1"], ["fine, wow", "2"]]
    assert (parsed.report.delimiter, parsed.report.delimiter_source, parsed.report.header_row) == (";", "sep line", 2)


@pytest.mark.parametrize("delimiter", ["~", "tab", "\\t", "\t", ";"])
def test_a_given_delimiter_overrides_detection(delimiter: str) -> None:
    character = "\t" if delimiter != "~" and delimiter != ";" else delimiter
    parsed = table(f"sep=,\na,b{character}c\n1,2{character}3\n", delimiter=delimiter, strict=True)
    assert parsed.frame.to_dict("list") == {"a,b": ["1,2"], "c": ["3"]}
    assert parsed.report.delimiter_source == "given"
    assert refused("a,b\n", delimiter="::").code == "bad_delimiter"


@pytest.mark.parametrize(
    "content",
    [
        "id;label;text;\n1;bad;late;\n2;good;fine;\n",
        "id;label;text\n1;bad;late;\n2;good;fine;\n",
        "id;label;text;\n1;bad;late\n2;good;fine\n",
        "id;label;text\n1;bad;late;\n2;good;fine\n",
        "id;label;text;;;\n1;bad;late;;;\n2;good;fine;;;\n",
        "id;label;text;;;\n1;bad;late\n2;good;fine;\n",
        "id;label;text\n1;bad;late;;\n2;good;fine;;\n;;;;\n",
        "id,label,text,\n1,bad,late,\n2,good,fine,\n",
        "id\tlabel\ttext\t\n1\tbad\tlate\t\n2\tgood\tfine\t\n",
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_trailing_delimiters_neither_shift_values_nor_add_columns(content: str, strict: bool) -> None:
    assert rows(content, strict=strict) == [["id", "label", "text"], ["1", "bad", "late"], ["2", "good", "fine"]]


# --- headers


@pytest.mark.parametrize(
    ("preamble", "skipped"),
    [
        ("Report:,Air Paradis\nFrom:,2026-02-01\n\n", 2),
        ("Air Paradis\n", 1),
        ("Air Paradis,,\n,,\n", 1),
        ("# made on 1 February 2026, by bob\n", 1),
        ("Export, of tweets, by bob, and anna\n\n", 1),
        ("\n\n", 0),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_lines_above_the_header_are_skipped_and_counted(preamble: str, skipped: int, strict: bool) -> None:
    parsed = table(preamble + 'id,text,label\n1,late,bad\n2,fine,good\n3,"late, very",bad\n', strict=strict)
    assert parsed.frame.to_dict("list") == {
        "id": ["1", "2", "3"],
        "text": ["late", "fine", "late, very"],
        "label": ["bad", "good", "bad"],
    }
    assert parsed.report.skipped == skipped
    assert parsed.report.header_row == preamble.count("\n") + 1


@pytest.mark.parametrize(
    "preamble", ["Source:,Twitter\nDate:,2026-02-01\n", "Author\n", "Export,Twitter\n\n", "Tweets, of May, in French\n"]
)
def test_a_wide_preamble_or_one_with_known_names_is_skipped(preamble: str) -> None:
    content = preamble + "text,label\nlate again,bad\nfine,good\nnever,bad\n"
    assert rows(content, strict=True)[0] == ["text", "label"]


@pytest.mark.parametrize("content", ["A,AA\nLINK,HEURE\n", "A,B\ntext,x\n1,2\n", "text,label\ntext,label\nx,y\n"])
def test_a_data_row_of_known_names_is_not_the_header(content: str) -> None:
    assert ",".join(rows(content, strict=True)[0]) == content.partition("\n")[0]


def test_a_header_of_unknown_names_is_found_above_numbers() -> None:
    content = "Export\nfoo,bar,baz\n1,x,2\n2,y,3\n3,z,4\n"
    assert rows(content, strict=True)[0] == ["foo", "bar", "baz"]


def test_an_uncertain_header_is_used_or_refused_if_strict() -> None:
    content = "Export,of bob\n\nfoo,bar,baz\nx,y,z\nu,v,w\n"
    assert rows(content) == [["foo", "bar", "baz"], ["x", "y", "z"], ["u", "v", "w"]]
    error = refused(content, strict=True)
    assert (error.code, error.values["row"], error.values["found"]) == ("preamble", 1, 3)


def test_values_that_are_column_names_are_not_the_header() -> None:
    content = "kind,value\ntext,message\nlate,again\n"
    assert rows(content, strict=True)[0] == ["kind", "value"]


def test_names_are_trimmed_and_missing_or_duplicate_ones_replaced() -> None:
    parsed = table(",text, text ,text (2),\n0,a,b,c,d\n")
    assert list(parsed.frame.columns) == ["column 1", "text", "text (3)", "text (2)", "column 5"]
    assert parsed.report.renamed == ("column 1", "text (3)", "column 5")
    error = refused("text,label,text\na,b,c\n", strict=True)
    assert (error.code, error.values) == ("duplicate_column", {"row": 1, "column": 3, "found": "text"})


def test_a_file_without_a_header_can_be_read() -> None:
    parsed = table('"0","1","late, very"\n"4","2","fine"\n', header=False, strict=True)
    assert parsed.frame.to_numpy().tolist() == [["0", "1", "late, very"], ["4", "2", "fine"]]
    assert (parsed.report.header_row, parsed.report.rows) == (None, 2)
    error = refused("a,b\nc,d\ne,f,g\n", header=False, strict=True)
    assert str(error).startswith("The row on line 3 has 3 fields, but most rows have 2. ")


# --- rows


def test_blank_rows_are_dropped_and_counted() -> None:
    parsed = table("text,label\n\nlate,bad\n  \n,\n,good\n\n", strict=True)
    assert parsed.frame.to_numpy().tolist() == [["late", "bad"], ["", "good"]]
    assert parsed.report.blank == 4


def test_a_long_row_is_dropped_or_refused_if_strict() -> None:
    content = "text,label\nlate,bad\nlate, very,bad\nfine,good\n"
    error = refused(content, strict=True)
    assert (error.code, error.values) == ("long_row", {"row": 3, "found": 3, "expected": 2})
    assert str(error).startswith("The row on line 3 has 3 fields, but the header has 2. ")
    parsed = table(content)
    assert parsed.frame["text"].tolist() == ["late", "fine"]
    assert parsed.report.long == Seen(1, 3)
    assert refused("text,label\na,b,c\n").code == "long_row"


def test_a_short_row_is_filled_or_refused_if_strict() -> None:
    content = 'text,label\n"two\nlines",bad\nlate\nfine,good\n'
    error = refused(content, strict=True)
    assert (error.code, error.values) == ("short_row", {"row": 4, "found": 1, "expected": 2})
    parsed = table(content)
    assert parsed.frame.to_numpy().tolist() == [["two\nlines", "bad"], ["late", ""], ["fine", "good"]]
    assert (parsed.report.short, parsed.report.spanning) == (Seen(1, 4), Seen(1, 2))


@pytest.mark.parametrize("width", [2, 3])
def test_a_row_cut_off_by_the_end_of_the_file_is_filled_and_reported(width: int) -> None:
    end = ",1" * (width - 1)
    content = f"text{',likes' * (width > 1)}{',shares' * (width > 2)}\ndéçu 😠{end}\nfâché 😠{end}\nlate ".encode()
    for strict in (True, False):
        parsed = table(content + "😠".encode()[:3], strict=strict)
        assert parsed.frame["text"].tolist() == ["déçu 😠", "fâché 😠", "late \ufffd"]
        assert parsed.frame.iloc[-1].tolist()[1:] == [""] * (width - 1)
        assert (parsed.report.encoding, parsed.report.damaged, parsed.report.short) == ("utf-8", 1, Seen(1, 4))


@pytest.mark.parametrize("content", ["text,label\nlate,bad\nfine\n", "text,label\nlate,bad\nfine\nso so,g"])
def test_a_short_row_with_a_line_end_is_not_a_cut_off_row(content: str) -> None:
    error = refused(content, strict=True)
    assert (error.code, error.values["row"]) == ("short_row", 3)


# --- quotation marks


def test_quoted_lines_belong_to_one_row() -> None:
    content = 'text,time\n"late\nagain,\n\nand ""rude""",10:00\nfine,11:00\n'
    for strict in (True, False):
        parsed = table(content, strict=strict)
        assert parsed.frame["text"].tolist() == ['late\nagain,\n\nand "rude"', "fine"]
        assert (parsed.report.quoted, parsed.report.spanning) == (True, Seen(1, 2))


TEXTS_WITH_MARKS = [
    '"late at the desk',
    "fine",
    "lovely crew",
    'thanks"',
    'he said "no" to me',
    "ok",
    '"wow" they said',
    "bye",
]


@pytest.mark.parametrize("delimiter", ["\t", ",", ";", "|"])
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("text_first", [True, False])
def test_quotation_marks_within_texts_do_not_merge_rows(delimiter: str, strict: bool, text_first: bool) -> None:
    pairs = [(text, f"2026-03-0{day} 10:00") for day, text in enumerate(TEXTS_WITH_MARKS, start=1)]
    content = "\n".join(delimiter.join(pair if text_first else pair[::-1]) for pair in [("text", "date"), *pairs])
    parsed = table(content + "\n", strict=strict)
    assert parsed.frame["text"].tolist() == TEXTS_WITH_MARKS
    assert parsed.report.quoted is False
    assert parsed.report.typed_quotes.first == 2


def test_a_mark_closed_lines_below_is_text_if_each_line_is_a_row() -> None:
    content = "text,label\n" + "late,bad\nfine,good\n" * 4 + '"late,bad\nfine,good\nvery late",bad\n'
    for strict in (True, False):
        parsed = table(content, strict=strict)
        assert parsed.frame["text"].tolist()[-3:] == ['"late', "fine", 'very late"']
        assert parsed.report.typed_quotes == Seen(1, 10)


def test_quoted_lines_unlike_rows_belong_to_one_field() -> None:
    content = "text,label\n" + "late,bad\nfine,good\n" * 4 + '"Late, again\nnever",bad\n'
    for strict in (True, False):
        assert table(content, strict=strict).frame["text"].tolist()[-1] == "Late, again\nnever"


def test_ambiguous_quotes_are_refused_with_row_and_column_if_strict() -> None:
    content = 'text,user\nhello,anna\n"late,bob\nfine",carl\n'
    error = refused(content, strict=True)
    assert (error.code, error.values["row"], error.values["column"]) == ("ambiguous_quotes", 3, 1)
    assert len(table(content).frame) == 3
    assert table(content, quoted=True, strict=True).frame["text"].tolist() == ["hello", "late,bob\nfine"]
    assert table(content, quoted=False, strict=True).frame["text"].tolist() == ["hello", '"late', 'fine"']


def test_a_stray_mark_in_a_quoted_file_is_reported_or_refused() -> None:
    quoted = 'text,label\n"late, very",bad\n"fine, ""wow""",good\nlate,bad\nfine,good\n'
    content = quoted + '"late,bad\nfine,good\nvery late",bad\n'
    error = refused(content, strict=True)
    assert (error.code, error.values["row"]) == ("ambiguous_quotes", 6)
    parsed = table(content)
    assert parsed.frame["text"].tolist() == ["late, very", 'fine, "wow"', "late", "fine", '"late', "fine", 'very late"']
    assert (parsed.report.quoted, parsed.report.typed_quotes) == (True, Seen(1, 6))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('"never closed,bad', '"never closed'),
        ('"he said "no" to me",bad', 'he said "no" to me'),
        ('"so" late,bad', '"so" late'),
    ],
)
def test_broken_quotes_are_read_by_line_or_refused_if_strict(line: str, text: str) -> None:
    content = f'text,label\n"late, very",bad\n"fine, ""wow""",good\n{line}\nfine,good\n"ok, then",good\n'
    error = refused(content, strict=True)
    assert (error.code, error.values["row"], error.values["column"]) == ("broken_quotes", 4, 1)
    parsed = table(content)
    assert parsed.frame["text"].tolist() == ["late, very", 'fine, "wow"', text, "fine", "ok, then"]
    assert parsed.report.typed_quotes == Seen(1, 4)


def test_a_mark_left_open_suggests_a_truncated_file() -> None:
    error = refused('text,label\n"late, very",bad\n"fine, ""wow""",good\n"late, ve', strict=True)
    assert (error.code, error.values["row"], error.values["column"]) == ("broken_quotes", 4, 1)
    assert "the file may be truncated" in str(error)


def test_marks_within_fields_can_be_escaped_with_a_backslash() -> None:
    content = 'text,label\n"he said \\"no\\", twice",bad\n"fine, wow",good\n'
    assert table(content, strict=True).frame["text"].tolist() == ['he said "no", twice', "fine, wow"]


def test_a_text_in_marks_keeps_them_if_the_file_is_not_quoted() -> None:
    content = 'text\tdate\n"great flight"\t1\nhe said "no"\t2\n5" late\t3\n'
    assert table(content, strict=True).frame["text"].tolist() == ['"great flight"', 'he said "no"', '5" late']


def test_a_one_column_table_can_contain_texts_of_several_lines() -> None:
    assert table('text\n"late\nagain"\nfine\n').frame["text"].tolist() == ["late\nagain", "fine"]
    assert refused('text\n"late\nagain"\nfine\n', strict=True).code == "ambiguous_quotes"
    assert table('text\n"late\nagain"\n"he said ""no"""\n', strict=True).frame["text"].tolist() == [
        "late\nagain",
        'he said "no"',
    ]


# --- values and file formats


def test_every_value_is_kept_as_text() -> None:
    assert rows("text,likes\nNA,1.0\nnull,007\nTrue,\n") == [
        ["text", "likes"],
        ["NA", "1.0"],
        ["null", "007"],
        ["True", ""],
    ]


def test_damaged_characters_and_the_encoding_are_reported() -> None:
    cut = table("text,date\ndéçu 😠,1\nfâché,2\n".encode() + b"d\xc3,3\n", strict=True)
    assert cut.frame["text"].tolist() == ["déçu 😠", "fâché", "d\ufffd"]
    assert (cut.report.encoding, cut.report.damaged) == ("utf-8", 1)
    windows = table("texte;heure\r\nDéçu… «\xa05\xa0€\xa0»;10:00\r\n".encode("cp1252"))
    assert windows.frame["texte"].tolist() == ["Déçu… «\xa05\xa0€\xa0»"]
    assert (windows.report.encoding, windows.report.encoding_source) == ("cp1252", "assumed")


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a", None], "n": [1, 2], "when": pd.to_datetime(["2026-01-01", None])})
    frame.to_parquet(tmp_path / "table.parquet")
    parsed = read(tmp_path / "table.parquet", strict=True)
    pd.testing.assert_frame_equal(parsed.frame, frame)
    assert (parsed.report.kind, parsed.report.rows) == ("parquet", 2)


def test_a_named_parquet_index_becomes_a_column() -> None:
    for index, columns in (([3, 3], ["text"]), (pd.Index([7, 8], name="id"), ["id", "text"])):
        content = io.BytesIO()
        pd.DataFrame({"text": ["a", "b"]}, index=index).to_parquet(content)
        parsed = read(content.getvalue()).frame
        assert (list(parsed.index), list(parsed.columns)) == ([0, 1], columns)


def test_a_table_above_the_size_limit_is_refused() -> None:
    repetitive = pd.DataFrame({"text": ["late"] * 1_000})
    parquet = io.BytesIO()
    repetitive.to_parquet(parquet)
    content = repetitive.to_csv(index=False).encode()
    for large in (content, gzip.compress(content, mtime=0), parquet.getvalue()):
        error = refused(large, most_bytes=4_000)
        assert (error.code, error.values) == ("too_large", {"expected": 4_000})
        assert len(read(large, most_bytes=9_000).frame) == 1_000


def test_a_path_with_spaces_and_parentheses_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tweets (1), été.CSV"
    path.write_text("text,label\nlate,bad\n", encoding="utf-8")
    assert len(read(path, strict=True).frame) == 1
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "absent.csv")


PARQUET = io.BytesIO()
ROWS.to_parquet(PARQUET)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("", b"", "empty_file"),
        ("a.csv", b"\xef\xbb\xbf", "empty_file"),
        ("a.csv", b"  \n\n", "empty_file"),
        ("a.csv", b",,\n,,\n", "empty_file"),
        ("a.csv", b"text,time\n", "empty_table"),
        ("a.csv", b"text,time\n\n\n", "empty_table"),
        ("a.csv", b"text", "empty_table"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0", "not_text"),
        ("a.csv", b"PK\x03\x04\x14\0\x06\0\x08\0", "damaged"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old_excel"),
        ("a.csv", b"\xef\xbb\xbf<!DOCTYPE html>\n<html><table>", "html"),
        ("a.xls", b"\n<html xmlns:x=''><table>", "html"),
        ("a.csv", b'{"text": "late"}\n', "json"),
        ("a.csv", b'[{"text": "late"}]\n', "json"),
        ("a.csv.gz", gzip.compress(b"text,time\n" * 99, mtime=0)[:20], "damaged"),
        ("a.parquet", b"PAR1 cut off", "damaged"),
        ("a.parquet", PARQUET.getvalue()[:-20], "damaged"),
        ("a.parquet", b"", "damaged"),
        ("a.docx", b"text", "unknown_ending"),
        ("a", b"text", "unknown_ending"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_content_that_is_not_a_table_is_refused(name: str, content: bytes, code: str, strict: bool) -> None:
    error = refused(content, name=name, strict=strict)
    assert error.code == code
    assert str(error)


def test_undecodable_bytes_are_refused_with_the_line_only_if_strict() -> None:
    content = "text\nfine\ndéçu\n".encode("cp1252")
    error = refused(content, encoding="utf-8", strict=True)
    assert (error.code, error.values["row"]) == ("undecodable", 3)
    assert table(content, encoding="utf-8").report.damaged == 2
    assert refused(content, encoding="klingon").code == "unknown_encoding"
    assert table(content, encoding="ansi", strict=True).frame["text"].tolist() == ["fine", "déçu"]
