"""`sentiment.inference.text`: cleaning and tokenizing tweets."""

import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hydra import compose, initialize
from hydra.utils import instantiate
from hypothesis import example, given
from hypothesis import strategies as st
from nltk.tokenize.casual import TweetTokenizer

from sentiment.inference import characters
from sentiment.inference.characters import normalize
from sentiment.inference.text import CONTRACTED_NOT, Cleaner, Tokenizer, read_text, spell_out_not

OPTIONS = sorted((Path(__file__).parents[2] / "conf/preprocess").glob("*.yaml"))
CLEANER = Cleaner(links="http", mentions="@user", emoji=True, max_repeats=3)
PLAIN = Tokenizer(cleaner=CLEANER, lowercase=True, negation=True, words="plain")


@pytest.mark.parametrize(
    ("tweet", "cleaned"),
    [
        ("Tom &amp; Jerry &lt;3", "Tom & Jerry <3"),
        ("see http://t.co/x1 or www.example.com/a?b", "see http or http"),
        ("@AirParadis thanks, mail me@example.com", "@user thanks, mail me@example.com"),
        ("sooooooo late!!!!!!", "sooo late!!!"),
        ("good", "good"),
        ("angry \U0001f620 \U0001f44d\U0001f3fd", "angry angry_face thumbs_up"),
        ("can\u2019t \u201cwait\u201d", 'can\'t "wait"'),
        ("  a \n\t b  ", "a b"),
        ("", ""),
    ],
)
def test_the_cleaner_rewrites_a_tweet(tweet: str, cleaned: str) -> None:
    assert CLEANER(tweet) == cleaned


TYPED_APOSTROPHES = r"""
&#39; &#039; &#x27; &apos; &rsquo; &#8217; &#146; &amp;#39; \&#039; \u0026#39;
\u2019 \u0092 \u0027 \x27 \x92 \xe2\x80\x99 \' \\u2019 \\'
"""


@pytest.mark.parametrize(
    "apostrophe",
    [
        *"\u0060\u00b4\u2018\u2019\u201a\u201b\u02b9\u02bb\u02bc\u02bd\u02ca\u02cb\u2032\u2035\u055a\u05f3\ua78c\uff07",
        *"\uff40\u275c\x92",
        *TYPED_APOSTROPHES.split(),
        *("\u00e2\u20ac\u2122", "\u00e2\x80\x99", "\ufffd", "\u2019\u200b", "\u00ad\u2019"),
    ],
)
def test_a_negation_is_recognised_with_any_apostrophe(apostrophe: str) -> None:
    assert PLAIN(f"I don{apostrophe}t, CAN{apostrophe}T fly") == ["i", "do", "not", ",", "can", "not", "fly"]


@pytest.mark.parametrize(
    ("tweet", "meant"),
    [
        ("it\u00b4s \u201cok\u201d, rock \u2018n\u2019 roll", "it's \"ok\", rock 'n' roll"),
        (r"two\nlines\r\nand\ttabs", "two lines and tabs"),
        (r"two\u000alines\x00", "two lines"),
        (
            r"so sad \ud83d\ude22 caf\u00e9 \U0001f622 caf\xc3\xa9 caf\xe9",
            "so sad \U0001f622 caf\u00e9 \U0001f622 caf\u00e9 caf\u00e9",
        ),
        (r"half of one \ud83d", "half of one \ufffd"),
        (r"\o/ :\ \m/ 5\40 \unicorn \U0011abcd \x4", r"\o/ :\ \m/ 5\40 \unicorn \U0011abcd \x4"),
        ("cafe\u0301", "caf\u00e9"),
        ("\ufeffla\u200bte\u200e can\u00adcelled a\u200db", "late cancelled ab"),
        (
            "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2639\ufe0f",
            "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2639\ufe0f",
        ),
        ("Tom &amp;amp; Jerry", "Tom & Jerry"),
        (
            "&amp;not you &copy 2009 &amp;copy 2009 &noted; &amp;noted;",
            "&not you \u00a9 2009 &copy 2009 \u00aced; &noted;",
        ),
        ("`quoted` `` :`( 2`3", "`quoted` `` :`( 2`3"),
        ("caf\ufffds r\ufffdve", "caf\ufffds r\ufffdve"),
    ],
)
def test_a_text_is_normalised_to_what_was_meant(tweet: str, meant: str) -> None:
    assert replace(CLEANER, emoji=False)(tweet) == meant


def test_nested_entities_do_not_slow_decoding() -> None:
    text = "&" + "amp;" * 100_000
    assert normalize(text) == "&" + "amp;" * 99_998


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters="\\&`")))
def test_plain_ascii_is_unchanged(text: str) -> None:
    assert normalize(text) is text


@pytest.mark.parametrize(("kind", "straight"), [(characters.SINGLE, "'"), (characters.DOUBLE, '"')])
def test_quotation_marks_become_ascii(kind: str, straight: str) -> None:
    assert {normalize(mark) for mark in kind} == {straight}


def test_emoji_are_kept_if_set() -> None:
    assert replace(CLEANER, emoji=False)("late \U0001f620") == "late \U0001f620"


@pytest.mark.parametrize(
    ("tweet", "tokens"),
    [
        ("I don't, didnt, can't, won't, ain't", "i do not , did not , can not , will not , is not"),
        ("You CANNOT board", "you can not board"),
        ("LATE :D :-( #fail @AirParadis", "late :D :-( #fail @user"),
        ("paint the want ad", "paint the want ad"),
    ],
)
def test_the_tokenizer_splits_a_tweet(tweet: str, tokens: str) -> None:
    assert PLAIN(tweet) == tokens.split()


def test_case_is_kept_if_set() -> None:
    assert replace(PLAIN, lowercase=False)("So LATE") == ["So", "LATE"]


def test_lemmatising_gives_dictionary_forms() -> None:
    assert replace(PLAIN, words="lemma")("flights were better") == ["flight", "be", "good"]


def test_lemmatising_keeps_negations() -> None:
    assert "not" in replace(PLAIN, words="lemma")("they don't care")


def test_stemming_merges_forms_of_a_word() -> None:
    assert set(replace(PLAIN, words="stem")("cancelled cancelling cancels")) == {"cancel"}


@pytest.mark.parametrize("words", ["plain", "lemma", "stem"])
def test_tokens_are_lower_case_after_any_reduction(words: str) -> None:
    tokens = replace(PLAIN, words=words)("I said IT's LATE")
    assert tokens == [token.lower() for token in tokens]


@pytest.mark.parametrize("words", ["plain", "lemma", "stem"])
def test_symbols_are_never_reduced(words: str) -> None:
    symbols = [":(", "#delays", "@user", "747s", "!"]
    assert replace(PLAIN, words=words)(" ".join(symbols)) == symbols


@given(st.text())
def test_any_text_gives_tokens_without_spaces(text: str) -> None:
    assert all(token and not token.isspace() for token in PLAIN(text))


@given(st.text(alphabet="ab no't.,!?()+-:;D3019/\\&#@<>=_*\u00e9\U0001f620\u2019"))
def test_tokens_are_those_of_nltk_on_the_whole_text(text: str) -> None:
    spelled_out = CONTRACTED_NOT.sub(spell_out_not, CLEANER(text))
    assert PLAIN(text) == TweetTokenizer(preserve_case=False).tokenize(spelled_out)


def test_only_words_longer_than_a_tweet_are_cut_which_would_take_long() -> None:
    assert PLAIN("abcd" * 70 + " late") == ["abcd" * 70, "late"]
    assert PLAIN("abcd" * 71 + " late") == ["abcd" * 70, "abcd", "late"]


@given(st.text())
def test_links_and_mentions_are_replaced_after_any_text(text: str) -> None:
    tweet = f"{text} @someone http://t.co/1"
    assert CLEANER(tweet).endswith("@user http")


PARTS_OF_LINKS_AND_MENTIONS = ["@", "anna", "www.", "HTTP://", "x.org", " "]
HIDDEN_PARTS = ["&#64;", "\\u0040", "\u200b", "\ufe0f", "\U0001f44d\U0001f3fd"]
UNESCAPED = st.characters(exclude_characters="&\\")


@given(st.lists(st.sampled_from([*PARTS_OF_LINKS_AND_MENTIONS, *HIDDEN_PARTS]) | st.text(max_size=2)).map("".join))
@example("@\ufe0fanna www\U0001f3fd.x.org")
@example("@anna, @bo: www.x.org HTTPS://x.org/@anna")
def test_a_clean_text_contains_no_link_or_mention(text: str) -> None:
    clean = CLEANER(text)
    assert set(re.findall(r"(?<!\w)@\w+", clean)) <= {"@user"}
    assert not re.search(r"(https?://|www\.)\S", clean, re.IGNORECASE)


@given(st.lists(st.sampled_from(PARTS_OF_LINKS_AND_MENTIONS) | st.text(UNESCAPED, max_size=2)).map("".join))
def test_cleaning_a_clean_text_changes_nothing(text: str) -> None:
    clean = CLEANER(text)
    assert CLEANER(clean) == clean


@pytest.mark.parametrize("text", [CLEANER, PLAIN, replace(PLAIN, words="stem")])
def test_a_cleaner_or_tokenizer_is_rebuilt_from_its_description(text: Cleaner | Tokenizer) -> None:
    assert read_text(asdict(text)) == text


@pytest.mark.parametrize("option", OPTIONS, ids=lambda path: path.stem)
def test_every_preprocess_option_builds_a_working_tokenizer(option: Path) -> None:
    with initialize(version_base="1.3", config_path="../../conf"):
        tokenizer = instantiate(compose("config", overrides=[f"preprocess={option.stem}"]).preprocess.tokenizer)
    assert isinstance(tokenizer, Tokenizer)
    assert tokenizer("@AirParadis didn't call") == [
        "@user",
        "do" if option.stem == "lemmatize" else "did",
        "not",
        "call",
    ]
