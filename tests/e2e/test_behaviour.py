"""The champion's behaviour: invariance, direction, and minimum functionality on plain sentences.

Source: Ribeiro et al., Beyond accuracy: behavioral testing of NLP models with CheckList, ACL 2020.
"""

from collections.abc import Callable, Iterable

import pandas as pd
import pytest

from sentiment.inference.arrays import Probabilities
from sentiment.inference.probabilities import logit
from tests.e2e.commands import Chain, load

pytestmark = pytest.mark.slow
Predict = Callable[[Iterable[str]], pd.DataFrame]
ABOUT_AN_AIRLINE = ["{} The crew was rude.", "{} lost my bag", "Thank you {} for the lovely flight"]
# Largest change of the probability by a name, a mention or a link: a model reads them as ordinary words.
MAX_CHANGE = 0.2
# Lowest share of correct answers, and of pairs in the right order.
MIN_CORRECT = 0.8
PLAIN = {
    "negative": [
        "The crew was rude.",
        "You lost my bag, awful service.",
        "This flight is bad.",
        "Two hours late and nobody tells us anything.",
        "I hate this airline.",
        "My flight was cancelled again.",
        "The seats are dirty and the food is terrible.",
        "I will never fly with you again.",
        "Worst customer service ever.",
        "I have been on hold for an hour.",
    ],
    "positive": [
        "The crew was friendly.",
        "Thank you for the lovely flight.",
        "This flight is good.",
        "Smooth flight and on time.",
        "I love this airline.",
        "Great service, thanks!",
        "The seats are comfortable and the food is delicious.",
        "I will always fly with you.",
        "Best customer service ever.",
        "You found my bag, thank you so much.",
    ],
}
# Pairs of tweets, the more negative one first.
NEGATED_PRAISE = [
    ("The crew was not friendly.", "The crew was friendly."),
    ("I do not love this airline.", "I love this airline."),
    ("I don't like this airline.", "I like this airline."),
    ("This flight is not good.", "This flight is good."),
    ("The food isn't great.", "The food is great."),
    ("I can't recommend this airline.", "I can recommend this airline."),
]
NEGATED_COMPLAINTS = [
    ("This flight is bad.", "This flight is not bad."),
    ("The crew was rude.", "The crew was not rude."),
    ("The seats are terrible.", "The seats aren't terrible."),
    ("We were late.", "We were never late."),
]
INTENSIFIED = [
    ("The flight was so late!", "The flight was late."),
    ("This is a really bad airline.", "This is a bad airline."),
    ("The food is absolutely terrible.", "The food is terrible."),
    ("I really hate this airline.", "I hate this airline."),
    ("Such awful service!", "Awful service."),
    ("The crew was friendly.", "The crew was so friendly!"),
    ("I love this airline.", "I really love this airline."),
    ("Lovely flight.", "Such a lovely flight!"),
    ("The food is great.", "The food is absolutely great."),
    ("Thank you.", "Thank you so much!"),
]


@pytest.fixture(scope="module")
def predict(chain: Chain) -> Predict:
    """Return the champion's predict function: one row per tweet."""
    champion = load(chain, "models:/tweet_sentiment@champion")
    return lambda texts: champion.predict(list(texts))


@pytest.mark.parametrize("tweet", ABOUT_AN_AIRLINE)
@pytest.mark.parametrize(
    "alternatives",
    [["@AirParadis", "@united", "@a_b_1"], ["https://t.co/abc", "www.example.org/a?b=c", "http://t.co/xyz"]],
    ids=["mention", "link"],
)
def test_mentions_and_links_do_not_affect_the_answer(predict: Predict, tweet: str, alternatives: list[str]) -> None:
    answers = predict(tweet.format(alternative) for alternative in alternatives)
    assert answers["negative_probability"].max() - answers["negative_probability"].min() < 1e-6


@pytest.mark.parametrize("tweet", ABOUT_AN_AIRLINE)
def test_the_name_of_the_airline_does_not_change_the_sentiment(predict: Predict, tweet: str) -> None:
    answers = predict(tweet.format(name) for name in ("Air Paradis", "Lufthansa", "Delta", "Air France"))
    assert answers["sentiment"].nunique() == 1
    assert answers["negative_probability"].max() - answers["negative_probability"].min() < MAX_CHANGE


@pytest.mark.parametrize("tweet", ABOUT_AN_AIRLINE)
def test_a_mention_or_a_link_does_not_change_the_sentiment(predict: Predict, tweet: str) -> None:
    answers = predict(tweet.format(word).strip() for word in ("", "@AirParadis", "https://t.co/abc"))
    assert answers["sentiment"].nunique() == 1
    assert answers["negative_probability"].max() - answers["negative_probability"].min() < MAX_CHANGE


def test_negated_praise_is_negative(predict: Predict) -> None:
    assert (predict(more for more, _ in NEGATED_PRAISE)["sentiment"] == "negative").mean() >= MIN_CORRECT


def test_a_negation_moves_the_probability_in_the_other_direction(predict: Predict) -> None:
    assert (shifts(predict, NEGATED_PRAISE + NEGATED_COMPLAINTS) > 0).mean() >= MIN_CORRECT


def test_intensifiers_strengthen_the_sentiment(predict: Predict) -> None:
    assert shifts(predict, INTENSIFIED).mean() > 0


@pytest.mark.parametrize("sentiment", ["negative", "positive"])
def test_plain_sentences_are_classified_correctly(predict: Predict, sentiment: str) -> None:
    assert (predict(PLAIN[sentiment])["sentiment"] == sentiment).mean() >= MIN_CORRECT


def shifts(predict: Predict, pairs: list[tuple[str, str]]) -> Probabilities:
    """Return by how much the first tweet of each pair is more negative than the second, in log-odds, shape (n,)."""
    more, less = (logit(predict(column)["negative_probability"].to_numpy()) for column in zip(*pairs, strict=True))
    return more - less
