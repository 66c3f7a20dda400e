"""The synthetic tweets: reproducible, as varied and noisy as real ones, and no easier to classify."""

import re

import pandas as pd
import pytest

from sentiment.data.datasets import sample
from sentiment.inference.errors import SettingsError


@pytest.fixture(scope="module")
def tweets() -> pd.DataFrame:
    return sample.load(rows=4000, seed=7)


def share(tweets: pd.DataFrame, pattern: str) -> float:
    return float(tweets["text"].str.contains(pattern, regex=True).mean())


def test_a_row_has_a_text_a_label_and_a_user(tweets: pd.DataFrame) -> None:
    assert list(tweets.columns) == ["text", "label", "user"]
    assert tweets.index.equals(pd.RangeIndex(4000))
    assert all(isinstance(value, str) and value for value in tweets.to_numpy().ravel())
    assert set(tweets["label"]) == {"negative", "positive"}
    assert tweets["user"].str.fullmatch(r"user\d{4,}").all()


def test_the_same_seed_gives_the_same_tweets(tweets: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(tweets, sample.load(rows=4000, seed=7))


def test_another_seed_gives_different_tweets(tweets: pd.DataFrame) -> None:
    other_texts = set(sample.load(rows=4000, seed=8)["text"])
    assert tweets["text"].isin(other_texts).mean() < 0.05


@pytest.mark.parametrize("rows", [1, 2, 99, 350])
def test_any_number_of_rows_can_be_requested(rows: int) -> None:
    assert len(sample.load(rows=rows, seed=0)) == rows


@pytest.mark.parametrize("rows", [0, -3])
def test_fewer_than_one_row_is_refused(rows: int) -> None:
    with pytest.raises(SettingsError, match=f"data.rows={rows}: must be 1 or more"):
        sample.load(rows=rows, seed=0)


def test_about_half_of_the_tweets_are_negative(tweets: pd.DataFrame) -> None:
    assert 0.45 < (tweets["label"] == "negative").mean() < 0.55


def test_every_slot_of_the_grammar_is_filled(tweets: pd.DataFrame) -> None:
    assert share(tweets, r"[{}]") == 0


def test_sentences_are_joined_naturally(tweets: pd.DataFrame) -> None:
    assert share(tweets, r"\?[.,]|  |(?i:\ba an? )|^\s|\s$") == 0


def test_every_phrase_list_is_used_and_every_name_defined() -> None:
    kinds, phrases = sample._read()
    named = {name for lines in phrases.values() for line in lines for name in re.findall(r"\{(\w+)\}", line)}
    drawn = {f"{stem}_{mood}" for stem in [*kinds, "more"] for mood in ("up", "down")}
    drawn |= {"emoji_up", "emoji_down", "emoji_any", "tag", "greeting", "rival"}
    assert named | drawn == set(phrases)


@pytest.mark.parametrize(
    ("phenomenon", "pattern", "least"),
    [
        ("negation", r"(?i)\b(?:not|never|no|nothing|can't|didn't|hardly|without)\b", 0.08),
        ("contrast", r"(?i)\b(?:but|although|even if|even though|still|yet)\b", 0.04),
        ("rivals", r"SkyNorth|BlueJetta|EuroHopla", 0.02),
        ("questions", r"\?", 0.05),
        ("stretched words", r"ooo|yyy|eee|lll|www", 0.01),
        ("shouting", r"(?:\b[A-Z']{2,}\b\W+){4}", 0.03),
        ("abbreviations", r"\b(?:thx|pls|gr8|nvr|abt|u|ur)\b", 0.02),
        ("emoji", r"[\U0001F300-\U0001FAFF]", 0.1),
        ("emoticons", r":-?[()]", 0.01),
        ("hashtags", r"#\w+", 0.1),
        ("links", r"http://t\.co/\w{8}\b", 0.05),
        ("mentions", r"@AirParadis\b", 0.7),
        ("HTML entities", r"&(?:amp|lt|gt);", 0.03),
    ],
)
def test_hard_phenomena_occur(tweets: pd.DataFrame, phenomenon: str, pattern: str, least: float) -> None:
    assert share(tweets, pattern) > least, phenomenon


def test_typos_make_words_that_no_phrase_has(tweets: pd.DataFrame) -> None:
    _, phrases = sample._read()
    vocabulary = set(re.findall(r"[a-z]+", " ".join(line for lines in phrases.values() for line in lines).lower()))
    words_only = tweets["text"].str.replace(r"(?:@|#|http)\S+", "", regex=True).str.lower()
    unknown = {word for text in words_only for word in re.findall(r"[a-z]{4,}", text)} - vocabulary
    assert len(unknown) > 300


def test_words_of_praise_are_sometimes_sarcastic(tweets: pd.DataFrame) -> None:
    praise = tweets[tweets["text"].str.contains(r"(?i)love how|best airline ever|well done on|so happy", regex=True)]
    assert 0.15 < (praise["label"] == "negative").mean() < 0.85


def test_texts_are_mostly_unique(tweets: pd.DataFrame) -> None:
    exact = tweets["text"].duplicated().sum()
    ignoring_case = tweets["text"].str.lower().duplicated().sum()
    assert 15 <= exact < ignoring_case <= 100


def test_a_few_texts_have_both_labels(tweets: pd.DataFrame) -> None:
    disputed = (tweets.groupby("text")["label"].nunique() > 1).sum()
    assert 10 <= disputed <= 30


def test_tweets_per_author_have_a_heavy_tail(tweets: pd.DataFrame) -> None:
    counts = tweets["user"].value_counts()
    assert 1300 < len(counts) < 2000
    assert counts.iloc[0] >= 15
    assert counts.median() <= 2


def test_prolific_authors_write_both_classes(tweets: pd.DataFrame) -> None:
    authors = tweets.groupby("user")["label"].agg(["size", "nunique"])
    assert (authors.loc[authors["size"] >= 10, "nunique"] == 2).all()


@pytest.mark.parametrize("pattern", [r"http://", r"@AirParadis$", r"#\w", r"&amp;", r"AP\d", r"!", r"^[^a-z]*[a-z]"])
def test_form_does_not_reveal_the_label(tweets: pd.DataFrame, pattern: str) -> None:
    negative = tweets["label"] == "negative"
    has = tweets["text"].str.contains(pattern, regex=True)
    error = (0.25 / has.sum()) ** 0.5
    assert abs(negative[has].mean() - negative.mean()) < 4 * error


def test_length_does_not_reveal_the_label(tweets: pd.DataFrame) -> None:
    length = tweets["text"].str.len()
    negative = tweets["label"] == "negative"
    assert abs(length[negative].mean() - length[~negative].mean()) < 0.1 * length.std()
    assert length.max() <= 280
