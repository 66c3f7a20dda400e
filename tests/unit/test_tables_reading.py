"""`tables.reading`: whatever wrote a table, it is read as it was, or refused with a sentence."""

import csv
import gzip
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import assume, given
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


def written(frame: pd.DataFrame, **settings: object) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, **settings)  # type: ignore[arg-type]
    writer.writerow(frame.columns)
    writer.writerows(frame.to_numpy().tolist())
    return text.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("strict", [True, False])
def test_a_table_is_read_whatever_separates_its_columns_and_encodes_it(
    delimiter: str, encoding: str, strict: bool
) -> None:
    content = written(ROWS, delimiter=delimiter).encode(encoding)
    for compressed in (content, gzip.compress(content, mtime=0)):
        found = table(compressed, strict=strict)
        assert found.frame.equals(ROWS)
        assert (found.report.delimiter, found.report.quoted, found.report.rows) == (delimiter, True, 10)


CHARACTERS = st.characters(
    exclude_categories=["Cs", "Cc", "Cn"], include_characters="\n\r\t", exclude_characters="\ufeff"
)
NAMES = st.text(st.characters(categories=["L"], max_codepoint=0x24F), min_size=1, max_size=8)


@st.composite
def frames(draw: st.DrawFn, characters: st.SearchStrategy[str] = CHARACTERS) -> pd.DataFrame:
    names = draw(st.lists(NAMES, min_size=2, max_size=4, unique_by=lambda name: name.casefold()))
    row = st.lists(st.text(characters, max_size=12), min_size=len(names), max_size=len(names))
    row = row.filter(lambda cells: any(cell.strip() for cell in cells))  # rows that hold nothing are left out
    return pd.DataFrame(draw(st.lists(row, min_size=1, max_size=6)), columns=names, dtype=object)


@given(
    frames(),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
)
def test_any_table_with_all_fields_in_quotation_marks_comes_back_as_it_was(
    frame: pd.DataFrame, delimiter: str, line_end: str, encoding: str, strict: bool
) -> None:
    text = written(frame, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    found = table(text.encode(encoding), strict=strict)
    assert found.frame.equals(frame)
    assert found.report.damaged == 0


@given(frames(), st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]))
def test_any_table_of_csv_comes_back_as_it_was_or_is_refused(
    frame: pd.DataFrame, delimiter: str, line_end: str
) -> None:
    assume(line_end == "\r\n" or not frame.map(lambda cell: "\r" in cell).to_numpy().any())  # Python does not quote it
    text = written(frame, delimiter=delimiter, lineterminator=line_end)
    try:
        found = table(text, strict=True, delimiter=delimiter)
    except TableError as error:
        assert error.code in ("ambiguous_quotes", "broken_quotes", "preamble")
        return
    assert found.frame.equals(frame)


@given(frames(st.characters(categories=["L", "N", "P", "S"])))
def test_no_row_of_a_table_without_quoting_is_swallowed(frame: pd.DataFrame) -> None:
    text = "\n".join("\t".join(row) for row in [list(frame.columns), *frame.to_numpy().tolist()])
    found = table(text, delimiter="\t")
    assert len(found.frame) == len(frame)
    assert list(found.frame.columns) == list(frame.columns)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_table_or_refused(content: bytes, strict: bool) -> None:
    try:
        found = read(content, strict=strict)
    except TableError:
        return
    assert not found.frame.empty


@given(st.text(st.sampled_from('ab,;"\n\t \r\\1=s'), max_size=60), st.booleans())
def test_any_text_that_resembles_a_table_is_one_or_refused(text: str, strict: bool) -> None:
    try:
        found = table(text, strict=strict)
    except TableError:
        return
    assert not found.frame.empty
    assert found.frame.columns.is_unique


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
def test_the_line_that_names_the_delimiter_for_excel_is_used_and_skipped(hint: str) -> None:
    found = table(hint + "text;date\nlate, very;1\nfine, wow;2\n", strict=True)
    assert found.frame.to_numpy().tolist() == [["late, very", "1"], ["fine, wow", "2"]]
    assert (found.report.delimiter, found.report.delimiter_source, found.report.header_row) == (";", "sep line", 2)


@pytest.mark.parametrize("delimiter", ["~", "tab", "\\t", "\t", ";"])
def test_a_delimiter_that_is_given_wins(delimiter: str) -> None:
    character = "\t" if delimiter != "~" and delimiter != ";" else delimiter
    found = table(f"sep=,\na,b{character}c\n1,2{character}3\n", delimiter=delimiter, strict=True)
    assert found.frame.to_dict("list") == {"a,b": ["1,2"], "c": ["3"]}
    assert found.report.delimiter_source == "given"
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
def test_delimiters_at_the_end_shift_nothing_and_make_no_column(content: str, strict: bool) -> None:
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
    found = table(preamble + 'id,text,label\n1,late,bad\n2,fine,good\n3,"late, very",bad\n', strict=strict)
    assert found.frame.to_dict("list") == {
        "id": ["1", "2", "3"],
        "text": ["late", "fine", "late, very"],
        "label": ["bad", "good", "bad"],
    }
    assert found.report.skipped == skipped
    assert found.report.header_row == preamble.count("\n") + 1


@pytest.mark.parametrize(
    "preamble", ["Source:,Twitter\nDate:,2026-02-01\n", "Author\n", "Export,Twitter\n\n", "Tweets, of May, in French\n"]
)
def test_a_preamble_as_wide_as_the_table_or_with_known_names_is_none_the_less_one(preamble: str) -> None:
    content = preamble + "text,label\nlate again,bad\nfine,good\nnever,bad\n"
    assert rows(content, strict=True)[0] == ["text", "label"]


@pytest.mark.parametrize("content", ["A,AA\nLINK,HEURE\n", "A,B\ntext,x\n1,2\n", "text,label\ntext,label\nx,y\n"])
def test_a_row_of_values_that_are_names_is_no_header(content: str) -> None:
    assert ",".join(rows(content, strict=True)[0]) == content.partition("\n")[0]


def test_a_header_with_names_that_nobody_knows_is_found_above_numbers() -> None:
    content = "Export\nfoo,bar,baz\n1,x,2\n2,y,3\n3,z,4\n"
    assert rows(content, strict=True)[0] == ["foo", "bar", "baz"]


def test_a_header_that_is_only_likely_is_taken_or_refused() -> None:
    content = "Export,of bob\n\nfoo,bar,baz\nx,y,z\nu,v,w\n"
    assert rows(content) == [["foo", "bar", "baz"], ["x", "y", "z"], ["u", "v", "w"]]
    error = refused(content, strict=True)
    assert (error.code, error.values["row"], error.values["found"]) == ("preamble", 1, 3)


def test_values_that_are_names_of_columns_make_no_header() -> None:
    content = "kind,value\ntext,message\nlate,again\n"
    assert rows(content, strict=True)[0] == ["kind", "value"]


def test_names_are_trimmed_and_those_that_are_missing_or_doubled_are_made_up() -> None:
    found = table(",text, text ,text (2),\n0,a,b,c,d\n")
    assert list(found.frame.columns) == ["column 1", "text", "text (3)", "text (2)", "column 5"]
    assert found.report.renamed == ("column 1", "text (3)", "column 5")
    error = refused("text,label,text\na,b,c\n", strict=True)
    assert (error.code, error.values) == ("duplicate_column", {"row": 1, "column": 3, "found": "text"})


def test_a_file_may_have_no_header() -> None:
    found = table('"0","1","late, very"\n"4","2","fine"\n', header=False, strict=True)
    assert found.frame.to_numpy().tolist() == [["0", "1", "late, very"], ["4", "2", "fine"]]
    assert (found.report.header_row, found.report.rows) == (None, 2)
    error = refused("a,b\nc,d\ne,f,g\n", header=False, strict=True)
    assert str(error).startswith("The row on line 3 has 3 fields, but most rows have 2. ")


# --- rows


def test_rows_that_hold_nothing_are_left_out_and_counted() -> None:
    found = table("text,label\n\nlate,bad\n  \n,\n,good\n\n", strict=True)
    assert found.frame.to_numpy().tolist() == [["late", "bad"], ["", "good"]]
    assert found.report.blank == 4


def test_a_row_that_is_too_long_is_refused_or_left_out() -> None:
    content = "text,label\nlate,bad\nlate, very,bad\nfine,good\n"
    error = refused(content, strict=True)
    assert (error.code, error.values) == ("long_row", {"row": 3, "found": 3, "expected": 2})
    assert str(error).startswith("The row on line 3 has 3 fields, but the header has 2. ")
    found = table(content)
    assert found.frame["text"].tolist() == ["late", "fine"]
    assert found.report.long == Seen(1, 3)
    assert refused("text,label\na,b,c\n").code == "long_row"


def test_a_row_that_is_too_short_is_refused_or_filled_up() -> None:
    content = 'text,label\n"two\nlines",bad\nlate\nfine,good\n'
    error = refused(content, strict=True)
    assert (error.code, error.values) == ("short_row", {"row": 4, "found": 1, "expected": 2})
    found = table(content)
    assert found.frame.to_numpy().tolist() == [["two\nlines", "bad"], ["late", ""], ["fine", "good"]]
    assert (found.report.short, found.report.spanning) == (Seen(1, 4), Seen(1, 2))


@pytest.mark.parametrize("width", [2, 3])
def test_a_row_that_the_end_of_the_file_cuts_off_is_filled_up_and_reported(width: int) -> None:
    end = ",1" * (width - 1)
    content = f"text{',likes' * (width > 1)}{',shares' * (width > 2)}\ndéçu 😠{end}\nfâché 😠{end}\nlate ".encode()
    for strict in (True, False):
        found = table(content + "😠".encode()[:3], strict=strict)
        assert found.frame["text"].tolist() == ["déçu 😠", "fâché 😠", "late \ufffd"]
        assert found.frame.iloc[-1].tolist()[1:] == [""] * (width - 1)
        assert (found.report.encoding, found.report.damaged, found.report.short) == ("utf-8", 1, Seen(1, 4))


@pytest.mark.parametrize("content", ["text,label\nlate,bad\nfine\n", "text,label\nlate,bad\nfine\nso so,g"])
def test_a_short_row_that_has_a_line_end_was_not_cut_off(content: str) -> None:
    error = refused(content, strict=True)
    assert (error.code, error.values["row"]) == ("short_row", 3)


# --- quotation marks


def test_lines_within_quotation_marks_belong_to_one_row() -> None:
    content = 'text,time\n"late\nagain,\n\nand ""rude""",10:00\nfine,11:00\n'
    for strict in (True, False):
        found = table(content, strict=strict)
        assert found.frame["text"].tolist() == ['late\nagain,\n\nand "rude"', "fine"]
        assert (found.report.quoted, found.report.spanning) == (True, Seen(1, 2))


TYPED = ['"late at the desk', "fine", "lovely crew", 'thanks"', 'he said "no" to me', "ok", '"wow" they said', "bye"]


@pytest.mark.parametrize("delimiter", ["\t", ",", ";", "|"])
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("text_first", [True, False])
def test_marks_that_people_type_swallow_no_rows(delimiter: str, strict: bool, text_first: bool) -> None:
    pairs = [(text, f"2026-03-0{day} 10:00") for day, text in enumerate(TYPED, start=1)]
    content = "\n".join(delimiter.join(pair if text_first else pair[::-1]) for pair in [("text", "date"), *pairs])
    found = table(content + "\n", strict=strict)
    assert found.frame["text"].tolist() == TYPED
    assert found.report.quoted is False
    assert found.report.typed_quotes.first == 2


def test_a_mark_that_opens_a_field_and_closes_lines_below_is_typed_where_each_line_is_a_row() -> None:
    content = "text,label\n" + "late,bad\nfine,good\n" * 4 + '"late,bad\nfine,good\nvery late",bad\n'
    for strict in (True, False):
        found = table(content, strict=strict)
        assert found.frame["text"].tolist()[-3:] == ['"late', "fine", 'very late"']
        assert found.report.typed_quotes == Seen(1, 10)


def test_lines_that_resemble_no_rows_belong_to_one_field() -> None:
    content = "text,label\n" + "late,bad\nfine,good\n" * 4 + '"Late, again\nnever",bad\n'
    for strict in (True, False):
        assert table(content, strict=strict).frame["text"].tolist()[-1] == "Late, again\nnever"


def test_where_nothing_tells_strict_callers_are_refused_with_row_and_column() -> None:
    content = 'text,user\nhello,anna\n"late,bob\nfine",carl\n'
    error = refused(content, strict=True)
    assert (error.code, error.values["row"], error.values["column"]) == ("ambiguous_quotes", 3, 1)
    assert len(table(content).frame) == 3
    assert table(content, quoted=True, strict=True).frame["text"].tolist() == ["hello", "late,bob\nfine"]
    assert table(content, quoted=False, strict=True).frame["text"].tolist() == ["hello", '"late', 'fine"']


def test_a_typed_mark_in_a_file_that_is_quoted_is_refused_or_reported() -> None:
    quoted = 'text,label\n"late, very",bad\n"fine, ""wow""",good\nlate,bad\nfine,good\n'
    content = quoted + '"late,bad\nfine,good\nvery late",bad\n'
    error = refused(content, strict=True)
    assert (error.code, error.values["row"]) == ("ambiguous_quotes", 6)
    found = table(content)
    assert found.frame["text"].tolist() == ["late, very", 'fine, "wow"', "late", "fine", '"late', "fine", 'very late"']
    assert (found.report.quoted, found.report.typed_quotes) == (True, Seen(1, 6))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('"never closed,bad', '"never closed'),
        ('"he said "no" to me",bad', 'he said "no" to me'),
        ('"so" late,bad', '"so" late'),
    ],
)
def test_marks_that_break_the_rules_in_a_file_that_is_quoted_are_refused_or_read_by_line(line: str, text: str) -> None:
    content = f'text,label\n"late, very",bad\n"fine, ""wow""",good\n{line}\nfine,good\n"ok, then",good\n'
    error = refused(content, strict=True)
    assert (error.code, error.values["row"], error.values["column"]) == ("broken_quotes", 4, 1)
    found = table(content)
    assert found.frame["text"].tolist() == ["late, very", 'fine, "wow"', text, "fine", "ok, then"]
    assert found.report.typed_quotes == Seen(1, 4)


def test_a_mark_that_the_end_of_the_file_leaves_open_says_that_the_file_may_be_cut_short() -> None:
    error = refused('text,label\n"late, very",bad\n"fine, ""wow""",good\n"late, ve', strict=True)
    assert (error.code, error.values["row"], error.values["column"]) == ("broken_quotes", 4, 1)
    assert "the file may be truncated" in str(error)


def test_marks_within_fields_may_be_escaped_with_a_backslash() -> None:
    content = 'text,label\n"he said \\"no\\", twice",bad\n"fine, wow",good\n'
    assert table(content, strict=True).frame["text"].tolist() == ['he said "no", twice', "fine, wow"]


def test_a_text_that_is_all_in_marks_keeps_them_where_marks_enclose_nothing() -> None:
    content = 'text\tdate\n"great flight"\t1\nhe said "no"\t2\n5" late\t3\n'
    assert table(content, strict=True).frame["text"].tolist() == ['"great flight"', 'he said "no"', '5" late']


def test_a_table_of_one_column_may_hold_texts_of_several_lines() -> None:
    assert table('text\n"late\nagain"\nfine\n').frame["text"].tolist() == ["late\nagain", "fine"]
    assert refused('text\n"late\nagain"\nfine\n', strict=True).code == "ambiguous_quotes"
    assert table('text\n"late\nagain"\n"he said ""no"""\n', strict=True).frame["text"].tolist() == [
        "late\nagain",
        'he said "no"',
    ]


# --- values, kinds of files


def test_every_value_stays_the_text_that_it_is() -> None:
    assert rows("text,likes\nNA,1.0\nnull,007\nTrue,\n") == [
        ["text", "likes"],
        ["NA", "1.0"],
        ["null", "007"],
        ["True", ""],
    ]


def test_a_damaged_character_is_counted_and_an_encoding_is_reported() -> None:
    cut = table("text,date\ndéçu 😠,1\nfâché,2\n".encode() + b"d\xc3,3\n", strict=True)
    assert cut.frame["text"].tolist() == ["déçu 😠", "fâché", "d\ufffd"]
    assert (cut.report.encoding, cut.report.damaged) == ("utf-8", 1)
    windows = table("texte;heure\r\nDéçu… «\xa05\xa0€\xa0»;10:00\r\n".encode("cp1252"))
    assert windows.frame["texte"].tolist() == ["Déçu… «\xa05\xa0€\xa0»"]
    assert (windows.report.encoding, windows.report.encoding_source) == ("cp1252", "assumed")


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a", None], "n": [1, 2], "when": pd.to_datetime(["2026-01-01", None])})
    frame.to_parquet(tmp_path / "table.parquet")
    found = read(tmp_path / "table.parquet", strict=True)
    pd.testing.assert_frame_equal(found.frame, frame)
    assert (found.report.kind, found.report.rows) == ("parquet", 2)


def test_the_rows_of_parquet_are_numbered_from_0_and_their_names_are_a_column() -> None:
    for index, columns in (([3, 3], ["text"]), (pd.Index([7, 8], name="id"), ["id", "text"])):
        content = io.BytesIO()
        pd.DataFrame({"text": ["a", "b"]}, index=index).to_parquet(content)
        found = read(content.getvalue()).frame
        assert (list(found.index), list(found.columns)) == ([0, 1], columns)


def test_what_holds_more_than_it_may_is_refused_before_it_is_read() -> None:
    alike = pd.DataFrame({"text": ["late"] * 1_000})
    packed = io.BytesIO()
    alike.to_parquet(packed)
    content = alike.to_csv(index=False).encode()
    for large in (content, gzip.compress(content, mtime=0), packed.getvalue()):
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
def test_what_is_no_table_is_refused(name: str, content: bytes, code: str, strict: bool) -> None:
    error = refused(content, name=name, strict=strict)
    assert error.code == code
    assert str(error)


def test_undecodable_bytes_are_refused_with_the_line_only_where_strict() -> None:
    content = "text\nfine\ndéçu\n".encode("cp1252")
    error = refused(content, encoding="utf-8", strict=True)
    assert (error.code, error.values["row"]) == ("undecodable", 3)
    assert table(content, encoding="utf-8").report.damaged == 2
    assert refused(content, encoding="klingon").code == "unknown_encoding"
    assert table(content, encoding="ansi", strict=True).frame["text"].tolist() == ["fine", "déçu"]
