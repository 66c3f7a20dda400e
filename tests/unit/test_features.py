"""Features of tweets: what is kept of them in place of their text."""

import pytest

from sentiment.evaluation import features
from sentiment.evaluation.features import FEATURES
from telemetry.events import keep


def test_a_tweet_is_described_by_numbers_and_traits() -> None:
    tweet = "@ana the Flugzeug is NEVER on time!! #late http://t.co/x1 :("
    row = features.describe([tweet], {"the", "is", "never", "on", "time"}).iloc[0]
    assert list(row.index) == list(FEATURES)
    assert row["length"] == len(tweet)
    assert row["unknown_words"] == pytest.approx(2 / 7)
    assert 0.5 < row["english_words"] < 1
    assert row[["mention", "link", "hashtag", "emoji", "negation", "question", "capitals"]].all()


def test_a_plain_tweet_has_no_traits() -> None:
    row = features.describe(["the plane is on time"], {"the", "plane", "is", "on", "time"}).iloc[0]
    assert row["unknown_words"] == 0
    assert row["english_words"] == 1
    assert not row[["mention", "link", "hashtag", "emoji", "negation", "question", "capitals"]].any()


def test_french_tweets_have_few_english_words() -> None:
    french = ["Deux heures de retard et personne pour nous expliquer", "Bagage perdu, aucune nouvelle depuis hier"]
    english = ["Two hours late and nobody tells us why", "Lost my bag, no news since yesterday"]
    assert (
        features.describe(french, set())["english_words"].max()
        < features.describe(english, set())["english_words"].min()
    )


def test_a_masked_tweet_has_the_traits_of_the_tweet() -> None:
    tweet = "@AirParadis lost my bag, see https://t.co/abc and www.example.org"
    masked = keep(tweet, "masked")
    assert masked is not None
    known = features.vocabulary([tweet] * 3)
    described = features.describe([tweet, masked], set(known)).drop(columns="length")
    assert described.iloc[0].tolist() == described.iloc[1].tolist()


def test_tweets_without_words_are_described_too() -> None:
    table = features.describe(["@ana", "", "http://t.co/x", "123"], {"late"})
    assert not table.isna().any(axis=None)
    assert table["unknown_words"].tolist() == [0, 0, 0, 0]


def test_no_tweets_have_no_features() -> None:
    assert list(features.describe([], set())) == list(FEATURES)


def test_the_vocabulary_leaves_out_what_few_people_write() -> None:
    tweets = ["@ana late late Zoe", "LATE again", "late flight", "the flight", "a flight http://t.co/flight"]
    assert features.vocabulary(tweets) == ["flight", "late"]


def test_words_that_training_did_not_know_are_listed_by_frequency() -> None:
    table = features.frequent_words(["strike today", "strike now", "late today"], least=2, most=5, known={"today"})
    assert table.to_dict("records") == [{"word": "strike", "tweets": 2}]
