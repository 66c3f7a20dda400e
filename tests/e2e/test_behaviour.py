"""The champion behaves as a reader expects: to what does not matter, to what does, and on plain sentences.

Source: Ribeiro et al., Beyond accuracy: behavioral testing of NLP models with CheckList, ACL 2020.
"""

from collections.abc import Callable, Iterable

import pandas as pd
import pytest

from tests.e2e.commands import Chain, load

pytestmark = pytest.mark.slow
Predict = Callable[[Iterable[str]], pd.DataFrame]
ABOUT_AN_AIRLINE = ["{} The crew was rude.", "{} lost my bag", "Thank you {} for the lovely flight"]
# By how much the probability may move with the name of an airline, which a model reads as any other word.
NAMES_MOVE = 0.2
PLAIN = {
    "negative": [
        "The crew was rude.",
        "You lost my bag, awful service.",
        "This flight is bad.",
        "Two hours late and nobody tells us anything.",
        "I hate this airline.",
    ],
    "positive": [
        "The crew was very friendly.",
        "Thank you for the lovely flight.",
        "This flight is good.",
        "Smooth flight and on time.",
        "I love this airline.",
    ],
}


@pytest.fixture(scope="module")
def predict(chain: Chain) -> Predict:
    """Return the champion's answers to tweets: one row a tweet."""
    champion = load(chain, "models:/tweet_sentiment@champion")
    return lambda texts: champion.predict(list(texts))


@pytest.mark.parametrize("tweet", ABOUT_AN_AIRLINE)
@pytest.mark.parametrize(
    "alternatives",
    [["@AirParadis", "@united", "@a_b_1"], ["https://t.co/abc", "www.example.org/a?b=c", "http://t.co/xyz"]],
    ids=["mention", "link"],
)
def test_who_is_mentioned_and_what_is_linked_changes_nothing(
    predict: Predict, tweet: str, alternatives: list[str]
) -> None:
    answers = predict(tweet.format(alternative) for alternative in alternatives)
    assert answers["negative_probability"].max() - answers["negative_probability"].min() < 1e-6


@pytest.mark.parametrize("tweet", ABOUT_AN_AIRLINE)
def test_the_name_of_the_airline_changes_no_sentiment(predict: Predict, tweet: str) -> None:
    answers = predict(tweet.format(name) for name in ("Air Paradis", "Lufthansa", "Delta", "Air France"))
    assert answers["sentiment"].nunique() == 1
    assert answers["negative_probability"].max() - answers["negative_probability"].min() < NAMES_MOVE


@pytest.mark.parametrize(
    ("more_negative", "less_negative"),
    [
        ("The crew was not friendly.", "The crew was friendly."),
        ("I do not love this airline.", "I love this airline."),
        ("I don't like this airline.", "I like this airline."),
        ("This flight is not good.", "This flight is good."),
        ("This flight is bad.", "This flight is not bad."),
    ],
)
def test_a_negation_turns_the_sentiment(predict: Predict, more_negative: str, less_negative: str) -> None:
    more, less = predict([more_negative, less_negative])["negative_probability"]
    assert more > less


@pytest.mark.parametrize(
    ("stronger", "plain", "negative"),
    [
        ("The flight was so late!", "The flight was late.", True),
        ("This is a really bad airline.", "This is a bad airline.", True),
        ("The crew was very friendly.", "The crew was friendly.", False),
        ("I really love this airline.", "I love this airline.", False),
    ],
)
def test_an_intensifier_strengthens_the_sentiment(predict: Predict, stronger: str, plain: str, negative: bool) -> None:
    strong, weak = predict([stronger, plain])["negative_probability"]
    assert (strong > weak - 0.02) if negative else (strong < weak + 0.02)


@pytest.mark.parametrize(("sentiment", "text"), [(sentiment, text) for sentiment in PLAIN for text in PLAIN[sentiment]])
def test_a_plain_sentence_is_classified_correctly(predict: Predict, sentiment: str, text: str) -> None:
    (answer,) = predict([text])["sentiment"]
    assert answer == sentiment
