"""Tables that people bring along: whatever wrote them, they are read as they were, or refused with a sentence."""

import io
from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.tables import TableError, from_lines, guess, read, times, to_csv

TEXTS = ["Late, again; why?", 'He said "no"', "déçu 😠 |", "two\nlines", "", " spaces ", "NA", "nan", "007", "@x\thttp"]
ROWS = pd.DataFrame(
    {"text": TEXTS, "time": [f"2015-02-{day:02d} 10:00" for day in range(1, 11)], "likes": list("0123456789")}
)
# All but what CSV cannot hold: surrogates, NUL, and a carriage return, which pandas does not quote.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")
NAMES = st.text(st.characters(categories=["L"], max_codepoint=0x24F), min_size=1, max_size=8)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    names = draw(st.lists(NAMES, min_size=2, max_size=4, unique_by=lambda name: name.casefold()))
    row = st.lists(st.text(CHARACTERS, max_size=12), min_size=len(names), max_size=len(names))
    return pd.DataFrame(draw(st.lists(row, min_size=1, max_size=6)), columns=names, dtype=str)


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


@given(frames(), st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["utf-8", "utf-8-sig"]))
def test_any_table_comes_back_as_it_was_written(frame: pd.DataFrame, sep: str, line_end: str, encoding: str) -> None:
    content = frame.to_csv(index=False, sep=sep, lineterminator=line_end).encode(encoding)
    found, told = read(content)
    same(found, frame)
    assert told == "UTF-8"


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_is_read_whatever_separates_its_columns(sep: str, encoding: str) -> None:
    found, told = read(ROWS.to_csv(index=False, sep=sep).encode(encoding))
    same(found, ROWS)
    assert told == "UTF-8"


def test_a_table_of_windows_is_read_and_told_so() -> None:
    found, told = read("texte;heure\r\nDéçu… «\xa0retard\xa0» 5\xa0€;10:00\r\n".encode("cp1252"))
    assert told == "Windows-1252"
    assert found.to_dict("records") == [{"texte": "Déçu… «\xa0retard\xa0» 5\xa0€", "heure": "10:00"}]


def test_bytes_that_windows_does_not_know_do_not_stop_a_table() -> None:
    found, told = read(b"text\nd\xe9\x81\n")
    assert (found["text"][0], told) == ("dé\ufffd", "Windows-1252")


def test_lines_within_quotes_belong_to_one_tweet() -> None:
    found, _ = read(b'text,time\n"late\nagain,\n\nand ""rude""",10:00\nfine,11:00\n')
    assert list(found["text"]) == ['late\nagain,\n\nand "rude"', "fine"]


def test_what_looks_like_missing_or_like_a_number_stays_the_text_that_it_is() -> None:
    found, _ = read(b"text,likes\nNA,1.0\nnull,007\nTrue,\n")
    assert found.to_numpy().tolist() == [["NA", "1.0"], ["null", "007"], ["True", ""]]


def test_a_row_that_is_too_short_is_filled_with_empty_texts() -> None:
    found, _ = read(b"text,time,user\nlate\n")
    assert found.to_numpy().tolist() == [["late", "", ""]]


@pytest.mark.parametrize("content", [b"text,time\nlate,10:00,more\n", b"text,time\na,b\nlate,10:00,more\n"])
def test_a_row_that_is_longer_than_the_header_is_refused_not_shifted(content: bytes) -> None:
    with pytest.raises(TableError, match="no_table"):
        read(content)


def test_a_delimiter_at_the_end_of_each_row_does_not_shift_the_columns() -> None:
    found, _ = read(b"text;time\nlate;10:00;\nfine;11:00;\n")
    assert found.to_dict("list") == {"text": ["late", "fine"], "time": ["10:00", "11:00"]}


def test_a_list_of_tweets_under_a_header_is_read_whole_whatever_they_hold() -> None:
    found, _ = read("text\nLate, again; why | how?\nDéçu\n".encode())
    assert found.to_numpy().tolist() == [["Late, again; why | how?"], ["Déçu"]]
    found, _ = read(b'text\n"Late, ""again"""\n')
    assert found.to_numpy().tolist() == [['Late, "again"']]


def test_a_comma_in_the_tweets_does_not_make_columns_of_a_table_with_semicolons() -> None:
    found, _ = read(b"text;time\nlate, again, and again;10:00\n")
    assert list(found.columns) == ["text", "time"]
    assert found["text"][0] == "late, again, and again"


def test_an_apostrophe_is_no_quote() -> None:
    found, _ = read(b"text,time\nI can't,10:00\n'late',11:00\n")
    assert list(found["text"]) == ["I can't", "'late'"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "watch.no_table"),
        (b"\xef\xbb\xbf", "watch.no_table"),
        (b"  \n\n", "watch.no_table"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00", "watch.no_table"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00", "watch.no_table"),
        ("text,time\nlate,10:00\n".encode("utf-16"), "watch.no_table"),
        (b'text,time\n"late,10:00\n', "watch.no_table"),
        (b"text,time\n", "watch.empty_table"),
        (b"text,time", "watch.empty_table"),
        (b"text,time\n\n\n", "watch.empty_table"),
    ],
)
def test_what_is_no_table_of_tweets_is_refused_with_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(TableError) as refused:
        read(content)
    assert str(refused.value) == sentence


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_refused(content: bytes) -> None:
    try:
        found, _ = read(content)
    except TableError:
        return
    assert not found.empty


def test_columns_of_the_same_name_are_told_apart() -> None:
    found, _ = read(b"text,text,time\nlate,again,10:00\n")
    assert len(set(found.columns)) == 3
    assert guess(list(found.columns), "text") == "text"
    assert found["text"][0] == "late"


def test_a_column_without_a_name_gets_one() -> None:
    found, _ = read(b",text\n0,late\n")
    assert found.columns[1] == "text"
    assert len(found.columns) == 2
    assert found.columns[0]


def test_a_column_may_be_called_none() -> None:
    found, _ = read(b"none,None,aucune\nlate,10:00,anna\n")
    assert list(found.columns) == ["none", "None", "aucune"]
    assert guess(list(found.columns), "time") is None


@pytest.mark.parametrize(
    ("columns", "text", "time", "author"),
    [
        (["tweet_id", "airline_sentiment", "name", "text", "tweet_created"], "text", "tweet_created", "name"),
        (["Texte", "Heure", "Auteur"], "Texte", "Heure", "Auteur"),
        ([" Text ", "DATE"], " Text ", "DATE", None),
        (["content", "text"], "text", None, None),
        (["a", "b"], None, None, None),
        ([], None, None, None),
    ],
)
def test_columns_are_guessed_by_their_names(
    columns: list[str], text: str | None, time: str | None, author: str | None
) -> None:
    assert (guess(columns, "text"), guess(columns, "time"), guess(columns, "author")) == (text, time, author)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2015-02-24 11:35:52 -0800", datetime(2015, 2, 24, 19, 35, 52, tzinfo=UTC)),
        ("2015-02-24T11:35:52Z", datetime(2015, 2, 24, 11, 35, 52, tzinfo=UTC)),
        ("2015-02-24T11:35:52.123+01:00", datetime(2015, 2, 24, 10, 35, 52, 123000, tzinfo=UTC)),
        ("2015-02-24 11:35", datetime(2015, 2, 24, 11, 35, tzinfo=UTC)),
        ("2015-02-24", datetime(2015, 2, 24, tzinfo=UTC)),
        ("Tue Feb 24 11:35:52 +0000 2015", datetime(2015, 2, 24, 11, 35, 52, tzinfo=UTC)),
        ("Feb 24, 2015 11:35 PM", datetime(2015, 2, 24, 23, 35, tzinfo=UTC)),
        ("24/02/2015 11:35", datetime(2015, 2, 24, 11, 35, tzinfo=UTC)),
        ("2/24/15 11:35", datetime(2015, 2, 24, 11, 35, tzinfo=UTC)),
        ("", None),
        ("yesterday evening", None),
        ("2015-02-30", None),
        ("9999-99-99", None),
        ("late", None),
        ("0000-00-00 00:00:00", None),
    ],
)
def test_times_are_read_in_utc_as_many_write_them(written: str, expected: datetime | None) -> None:
    found = times(pd.Series([written]))
    assert str(found.dtype) == "datetime64[ns, UTC]"
    assert pd.isna(found[0]) if expected is None else found[0] == expected


def test_a_column_may_mix_ways_of_writing_times() -> None:
    written = ["2015-02-24 11:35:52 -0800", "2015-02-24T11:35:52Z", "?", "24 Feb 2015"]
    found = times(pd.Series(written, index=[3, 5, 7, 9]))
    assert found.notna().tolist() == [True, True, False, True]
    assert list(found.index) == [3, 5, 7, 9]


@pytest.mark.parametrize(
    ("written", "days"),
    [
        (["03/02/2015 10:00", "20/02/2015 11:00"], ["2015-02-03", "2015-02-20"]),
        (["02/03/2015 10:00", "02/20/2015 11:00"], ["2015-02-03", "2015-02-20"]),
    ],
)
def test_a_column_writes_all_its_days_in_one_order(written: list[str], days: list[str]) -> None:
    assert times(pd.Series(written)).dt.strftime("%Y-%m-%d").tolist() == days


def test_pasted_tweets_stand_one_a_line() -> None:
    assert list(from_lines(" late \r\n\n\t\nagain, and; again\n\n")["text"]) == ["late", "again, and; again"]
    assert list(from_lines("  \n \n").columns) == ["text"]
    assert from_lines("  \n \n").empty


@given(st.lists(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1), max_size=5))
def test_as_many_tweets_are_pasted_as_there_are_lines(lines: list[str]) -> None:
    assert list(from_lines("\n".join(lines))["text"]) == lines


def test_a_scored_table_is_read_again() -> None:
    """What the page offers for download is a table for it."""
    written = io.StringIO()
    ROWS.assign(sentiment="negative").to_csv(written, index=False)
    found, _ = read(written.getvalue().encode("utf-8-sig"))
    same(found[list(ROWS.columns)], ROWS)


def test_a_downloaded_table_holds_no_formulas_and_keeps_mentions() -> None:
    texts = ["=HYPERLINK(1)", "+33", "-- late", "@SUM(1)", "@united late", "fine = late"]
    written = to_csv(pd.DataFrame({"text": texts, "share": [0.5] * 6}))
    assert written.startswith(b"\xef\xbb\xbf")
    again = pd.read_csv(io.BytesIO(written))
    assert list(again["text"]) == ["'=HYPERLINK(1)", "'+33", "'-- late", "'@SUM(1)", "@united late", "fine = late"]
    assert list(again["share"]) == [0.5] * 6
