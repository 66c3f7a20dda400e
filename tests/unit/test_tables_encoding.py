"""`tables.encoding`: decoding a file from any program."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.encoding import decode, label
from tables.errors import TableError

FRENCH = "texte;date\nDéçu, équipage fâché à Orly 😠;1\nOù est ma valise ? Ça suffit, très déçu;2\n"
WINDOWS = FRENCH.replace("😠", "« 5 € »")


@pytest.mark.parametrize(
    ("codec", "encoding", "source"),
    [
        ("utf-8", "utf-8", "content"),
        ("utf-8-sig", "utf-8", "mark"),
        ("utf-16", "utf-16", "mark"),
        ("utf-16-le", "utf-16-le", "content"),
        ("utf-16-be", "utf-16-be", "content"),
        ("utf-32", "utf-32", "mark"),
    ],
)
def test_unicode_is_detected_with_and_without_a_byte_order_mark(codec: str, encoding: str, source: str) -> None:
    assert decode(FRENCH.encode(codec)) == (FRENCH, encoding, source, 0)


@pytest.mark.parametrize("encoding", ["cp1252", "mac-roman"])
def test_windows_and_old_mac_encodings_keep_their_letters(encoding: str) -> None:
    assert decode(WINDOWS.encode(encoding)) == (WINDOWS, encoding, "assumed", 0)


def test_the_dos_encoding_keeps_its_letters() -> None:
    text = WINDOWS.replace("€", "e")
    assert decode(text.encode("cp850")) == (text, "cp850", "assumed", 0)


def test_one_accent_is_enough_for_windows_1252() -> None:
    assert decode(b"text\nd\xe9\n") == ("text\ndé\n", "cp1252", "assumed", 0)


@pytest.mark.parametrize(
    ("cut", "damaged"),
    [("😠".encode()[:3], 1), ("é".encode()[:1], 1), (b"\xff", 1), ("😠".encode()[:2] + b" " + "é".encode()[1:], 2)],
)
def test_a_few_damaged_bytes_do_not_change_the_encoding(cut: bytes, damaged: int) -> None:
    decoded = decode(FRENCH.encode() + cut + b"\n")
    assert (decoded.encoding, decoded.damaged) == ("utf-8", damaged)
    assert decoded.text.startswith(FRENCH)
    assert decoded.text.count("\ufffd") == damaged


def test_a_truncated_character_is_utf8_even_if_it_is_the_only_one() -> None:
    assert decode(b"text\nlate \xf0\x9f\x98\n") == ("text\nlate \ufffd\n", "utf-8", "content", 1)


def test_existing_replacement_characters_are_not_counted() -> None:
    assert decode("déçu \ufffd".encode()).damaged == 0


def test_nul_characters_are_damage_except_at_the_end() -> None:
    assert decode(b"text\nla\0te\n\0\0\0\0\0\0") == ("text\nla\ufffdte\n", "utf-8", "content", 1)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("ansi", "cp1252"),
        ("ANSI", "cp1252"),
        ("Windows-1252", "cp1252"),
        ("win_1252", "cp1252"),
        ("utf8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("utf-8", "utf-8-sig"),
        ("utf-8-bom", "utf-8-sig"),
        ("UTF-8 with BOM", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("latin1", "latin-1"),
        ("ISO-8859-1", "latin-1"),
        ("iso_8859_15", "iso-8859-15"),
        ("mac roman", "mac-roman"),
        ("utf-16", "utf-16"),
        ("unicode", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("cp1251", "cp1251"),
    ],
)
def test_common_names_of_an_encoding_are_accepted(name: str, codec: str) -> None:
    text = "текст\n" if codec == "cp1251" else "text\n" if "16" in codec else "dçé\n"
    decoded = decode(text.encode(codec), name, strict=True)
    assert (decoded.text, decoded.source) == (text, "given")


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "utf-9", "cp125", "", " ", "\0", "\udc80"])
def test_an_unknown_encoding_is_refused_with_alternatives(name: str) -> None:
    if not name:
        assert decode(b"a", name).encoding == "utf-8"
        return
    with pytest.raises(TableError) as refused:
        decode(b"text", name)
    assert refused.value.code == "unknown_encoding"
    assert repr(name) in str(refused.value)
    assert "cp1252" in str(refused.value)


def test_bytes_outside_the_given_encoding_are_refused_with_the_line() -> None:
    with pytest.raises(TableError, match=r"^Line 3 contains bytes that are not UTF-8") as refused:
        decode(b"text\nfine\nd\xe9\xe7u\n", "utf-8", strict=True)
    assert (refused.value.code, refused.value.values["row"]) == ("undecodable", 3)
    assert decode(b"text\nfine\nd\xe9\xe7u\n", "utf-8").damaged == 2
    unpickled = pickle.loads(pickle.dumps(refused.value))
    assert (str(unpickled), unpickled.code, unpickled.values) == (
        str(refused.value),
        refused.value.code,
        refused.value.values,
    )


def test_encodings_have_familiar_labels() -> None:
    assert [label(name) for name in ("utf-8", "cp1252", "utf-16", "mac-roman")] == [
        "UTF-8",
        "Windows-1252",
        "UTF-16",
        "Mac Roman",
    ]


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"%PDF-1.7\n", bytes(range(256)) * 4, b"\1\2\3\4\5text"]
)
def test_binary_content_is_refused(content: bytes) -> None:
    with pytest.raises(TableError) as refused:
        decode(content)
    assert refused.value.code == "not_text"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff\x1a", exclude_categories=["Cc"])))
def test_any_unicode_text_is_decoded_unchanged(text: str) -> None:
    assert decode(text.encode()).text == text
    assert decode(text.encode("utf-8-sig")).text == text
    assert decode(text.encode("utf-16")).text == text


@given(st.binary(max_size=200), st.sampled_from([None, "ansi", "utf-8", "utf-16", "latin-1"]))
def test_any_bytes_are_decoded_or_refused(content: bytes, encoding: str | None) -> None:
    try:
        decoded = decode(content, encoding)
    except TableError:
        return
    assert "\0" not in decoded.text
