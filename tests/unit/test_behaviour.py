"""`sentiment.evaluation.behaviour`: each kind of test passes and fails as it should, on models of a few lines."""

from collections.abc import Callable

import pandas as pd
import pytest

from sentiment.evaluation import behaviour
from sentiment.inference.text import Cleaner

CLEAN = Cleaner(links="http", mentions="@user", emoji=False, max_repeats=3)
BAD = ("rude", "lost", "bad", "late", "hate", "cancelled", "terrible", "never", "worst", "hold", "awful")
STRONGER = ("so ", "really", "absolutely", "such ")
NEGATIONS = ("not ", "n't", "never")


def results(probability_of: Callable[[str], float]) -> pd.DataFrame:
    """Return the table of the tests of a model with threshold 0.5, by test."""
    return behaviour.table(behaviour.cases(answers(probability_of))).set_index("test")


def answers(probability_of: Callable[[str], float]) -> pd.DataFrame:
    probability = pd.Series([probability_of(text) for text in behaviour.texts()])
    sentiment = (probability >= 0.5).map({True: "negative", False: "positive"})
    return pd.DataFrame({"negative_probability": probability, "sentiment": sentiment})


def reader(tweet: str) -> float:
    """Read words, their negation and their strength; typos and names do not matter."""
    text = CLEAN(tweet).lower()
    bad = next((sign for sign in (1,) for word in BAD if word in text), -1)
    if "never late" in text or any(negation in text for negation in NEGATIONS[:2]):
        bad = -bad * 0.5
    return 0.5 + bad * (0.4 if any(word in text for word in STRONGER) else 0.3)


def test_a_model_that_reads_passes_negations_intensifiers_and_plain_sentences() -> None:
    table = results(reader)
    passed = ["another mention", "another link", "another airline", "negation", "intensifier"]
    passed += ["negated praise is negative", "plain negative sentences", "plain positive sentences"]
    assert table.loc[passed, "share"].to_dict() == dict.fromkeys(passed, 1.0)
    assert table.loc[passed, "failed_example"].eq("").all()


def test_a_constant_answer_passes_every_invariance_and_no_direction() -> None:
    table = results(lambda _: 0.9)
    assert table.loc[table["kind"] == "invariance", "share"].eq(1.0).all()
    assert table.loc[table["kind"] == "direction", "share"].eq(0.0).all()
    assert table.loc["plain negative sentences", "share"] == 1.0
    assert table.loc["plain positive sentences", "share"] == 0.0


def test_a_model_that_reads_names_fails_the_invariances() -> None:
    table = results(lambda text: 0.9 if "united" in text or "Delta" in text else 0.4)
    assert table.loc["another mention", "share"] == 0.0
    assert table.loc["another airline", "share"] == 0.0
    assert "Delta" in table.loc["another airline", "failed_example"]
    assert table.loc["another link", "share"] == 1.0


def test_a_change_within_the_same_sentiment_fails_if_it_is_large() -> None:
    table = results(lambda text: 0.8 if "Delta" in text else 0.55)
    assert table.loc["another airline", "share"] == 0.0
    table = results(lambda text: 0.7 if "Delta" in text else 0.55)
    assert table.loc["another airline", "share"] == 1.0


def test_the_example_is_the_worst_failure() -> None:
    table = results(lambda text: {"I love this airline.": 0.99}.get(text, 0.6))
    assert table.loc["plain positive sentences", "failed_example"] == "I love this airline."


def test_effects_are_changes_shifts_in_log_odds_and_probabilities_of_the_right_answer() -> None:
    cases = behaviour.cases(answers(lambda text: 0.75 if "not friendly" in text else 0.25)).set_index("tweets")
    shift = cases.loc["The crew was not friendly. / The crew was friendly."]
    assert shift[shift["kind"] == "direction"]["effect"].tolist() == pytest.approx([2.1972246])
    plain = cases[cases["test"] == "plain positive sentences"]
    assert plain["effect"].tolist() == pytest.approx([0.75] * 10)


def test_a_typo_swaps_two_letters_of_one_longer_word() -> None:
    assert behaviour.mistyped("The crew was rude.") == [
        ("The crew was rude.", "The cerw was rude."),
        ("The crew was rude.", "The crew was rdue."),
    ]
    assert behaviour.mistyped("Good bag, too") == []


def test_every_text_is_asked_once_and_names_of_tests_are_unique() -> None:
    texts = behaviour.texts()
    assert len(texts) == len(set(texts))
    names = [test.name for test in behaviour.TESTS]
    assert len(names) == len(set(names))
