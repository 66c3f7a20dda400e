"""`sentiment.data.keys`: duplicates and near-duplicates."""

import html

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sentiment.data.keys import hash_of, near_key, text_key


@pytest.mark.parametrize(
    "variant",
    ["tom & jerry", "Tom &amp; JERRY", " tom  &amp;amp;\n&nbsp;jerry ", "TOM &#38; jerry", "tom &AMP; jerry\u3000"],
)
def test_key_ignores_case_spaces_and_entities(variant: str) -> None:
    assert text_key(variant) == "tom & jerry"


@pytest.mark.parametrize(
    "variant",
    [
        "cafe\u0301 don\u2019t \u2639\ufe0f",
        "caf\u00e9 don't \u2639",
        "caf\u00e9 don\u2019t \u2639\ufe0f\u200b",
        "\u200ecaf\u00e9 don\u00b4t \u2639",
        "\ufeffCAF\u00c9 do\u00adn`t \u2639\ufe0e",
        "cafe&#769; don&rsquo;t &#9785;",
    ],
)
def test_key_is_the_same_for_texts_that_look_the_same(variant: str) -> None:
    assert text_key(variant) == "caf\u00e9 don't \u2639"


def test_different_texts_have_different_keys() -> None:
    texts = [
        "tom & jerry",
        "tom and jerry",
        "tom&jerry",
        "tom & jerry!",
        "@tom & jerry",
        "tom & j\u00e9rry",
        "tom ` jerry",
    ]
    assert len({text_key(text) for text in texts}) == len(texts)


def test_key_is_idempotent_for_every_character() -> None:
    for code in range(0x20000):
        key = text_key(chr(code))
        assert text_key(key) == key


@given(st.text(max_size=30))
def test_key_is_idempotent(text: str) -> None:
    assert text_key(text_key(text)) == text_key(text)
    assert text_key(html.escape(text)) == text_key(text)


@pytest.mark.parametrize(
    "variant",
    [
        "@someone I dont care, \u00abcaf\u00e9\u00bb!!! http://t.co/x1",
        "i don't care cafe\u0301",
        "I don\u2019t \u200bcare\u2026 CAF\u00c9 www.example.com",
        r"I don\u2019t care caf\u00e9",
        "&quot;I don&#39;t care&quot; #caf&eacute;",
        "@a @b i-don\u00b4t care (\uff43af\u00e9) :)",
    ],
)
def test_near_key_ignores_mentions_links_and_punctuation(variant: str) -> None:
    assert near_key(variant) == "i dont care caf\u00e9"


def test_near_key_depends_on_words_digits_and_emoji() -> None:
    texts = ["late again", "late", "again late", "late again 2", "late again \U0001f620", "l\u00e2te again"]
    assert len({near_key(text) for text in texts}) == len(texts)


@given(st.text(max_size=30))
@example("\\N")  # `\\n` is an escape
@example("\\U0001F600")
def test_duplicates_are_near_duplicates(text: str) -> None:
    for same in (text.swapcase(), f" {text}\u200b", text.replace("'", "\u2019")):
        if text_key(same) == text_key(text):
            assert near_key(same) == near_key(text)


def test_hashes_are_stable() -> None:
    assert hash_of(pd.Series(["late", ""])).tolist() == [13945258056716969149, 1760245841805064774]
