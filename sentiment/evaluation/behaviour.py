"""Behavioural tests: what a model answers to tweets that were each written to test one thing.

Three kinds of tests, as in CheckList: an *invariance* test changes what must not matter, a *direction* test changes a
tweet so that it becomes more or less negative, and a *minimum functionality* test asks what every model should know.

Source: Ribeiro, Wu, Guestrin and Singh, Beyond accuracy: behavioral testing of NLP models with CheckList, ACL 2020.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from sentiment.inference.probabilities import logit

Kind = Literal["invariance", "direction", "minimum functionality"]
Case = tuple[str, ...]

# The largest change of the probability by what should not matter but is read as words: a name, a first mention, a typo.
MAX_CHANGE = 0.2
# The same where the model replaces what is changed, so that nothing is left to read: rounding alone may differ.
REPLACED = 1e-6
ABOUT_AN_AIRLINE = ("{} The crew was rude.", "{} lost my bag", "Thank you {} for the lovely flight")
NAMES = ("Air Paradis", "Lufthansa", "Delta", "Air France")
MENTIONS = ("@AirParadis", "@united", "@a_b_1")
LINKS = ("https://t.co/abc", "www.example.org/a?b=c", "http://t.co/xyz")
PLAIN = {
    "negative": (
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
    ),
    "positive": (
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
    ),
}
# Pairs of tweets, the more negative one first.
NEGATED_PRAISE = (
    ("The crew was not friendly.", "The crew was friendly."),
    ("I do not love this airline.", "I love this airline."),
    ("I don't like this airline.", "I like this airline."),
    ("This flight is not good.", "This flight is good."),
    ("The food isn't great.", "The food is great."),
    ("I can't recommend this airline.", "I can recommend this airline."),
)
NEGATED_COMPLAINTS = (
    ("This flight is bad.", "This flight is not bad."),
    ("The crew was rude.", "The crew was not rude."),
    ("The seats are terrible.", "The seats aren't terrible."),
    ("We were late.", "We were never late."),
)
INTENSIFIED = (
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
)
# Shorter words keep their meaning visible: a typo in one changes it into another word.
MISTYPED_FROM = 4


@dataclass(frozen=True, kw_only=True)
class BehaviouralTest:
    """One question to a model.

    Attributes:
        name: what is asked; also part of the name of a metric.
        kind: the kind of test, which decides what passes:
            invariance: all tweets of a case get the same answer, and probabilities that differ by less than `expected`;
            direction: the first tweet of a case is more negative than the second;
            minimum functionality: the first tweet of a case is called `expected`.
        cases: the tweets of each case.
        expected: the change that is allowed, or the right answer; None for a direction.
    """

    name: str
    kind: Kind
    cases: Sequence[Case]
    expected: float | str | None


def filled(words: Sequence[str]) -> list[Case]:
    """Return one case per sentence about an airline: the sentence with each of these words."""
    return [tuple(sentence.format(word).strip() for word in words) for sentence in ABOUT_AN_AIRLINE]


def mistyped(sentence: str) -> list[Case]:
    """Return one case per longer word of a sentence: the sentence, and the same with two neighbouring letters swapped.

    The letters are the second and the third of the word: `rude` gives `rdue`. CheckList swaps random ones.
    """
    words = sentence.split()
    return [
        (sentence, " ".join([*words[:place], word[0] + word[2] + word[1] + word[3:], *words[place + 1 :]]))
        for place, word in enumerate(words)
        if len(word.strip(".,!?")) >= MISTYPED_FROM and word[1] != word[2]
    ]


TESTS = (
    BehaviouralTest(name="another mention", kind="invariance", cases=filled(MENTIONS), expected=REPLACED),
    BehaviouralTest(name="another link", kind="invariance", cases=filled(LINKS), expected=REPLACED),
    BehaviouralTest(
        name="with or without a mention or link",
        kind="invariance",
        cases=filled(("", MENTIONS[0], LINKS[0])),
        expected=MAX_CHANGE,
    ),
    BehaviouralTest(name="another airline", kind="invariance", cases=filled(NAMES), expected=MAX_CHANGE),
    BehaviouralTest(
        name="a typo",
        kind="invariance",
        cases=[case for sentences in PLAIN.values() for sentence in sentences for case in mistyped(sentence)],
        expected=MAX_CHANGE,
    ),
    BehaviouralTest(name="negation", kind="direction", cases=NEGATED_PRAISE + NEGATED_COMPLAINTS, expected=None),
    BehaviouralTest(name="intensifier", kind="direction", cases=INTENSIFIED, expected=None),
    BehaviouralTest(
        name="negated praise is negative", kind="minimum functionality", cases=NEGATED_PRAISE, expected="negative"
    ),
    *(
        BehaviouralTest(
            name=f"plain {sentiment} sentences",
            kind="minimum functionality",
            cases=[(sentence,) for sentence in sentences],
            expected=sentiment,
        )
        for sentiment, sentences in PLAIN.items()
    ),
)


def texts() -> list[str]:
    """Return the distinct tweets of all tests."""
    return list(dict.fromkeys(text for test in TESTS for case in test.cases for text in case))


def cases(answers: pd.DataFrame) -> pd.DataFrame:
    """Return the result of each case.

    Args:
        answers: a model's answers to `texts()`, in this order: columns `negative_probability` and `sentiment`.

    Returns:
        Columns `test`, `kind`, `tweets` (joined by ` / `), `passed` (bool), and `effect`: for an invariance, the
        largest change of the probability; for a direction, by how much the first tweet is more negative than the
        second, in log-odds; otherwise the probability given to the right answer.
    """
    by_text = answers.set_axis(texts())
    rows = []
    for test in TESTS:
        examine = EXAMINE[test.kind]
        for case in test.cases:
            passed, effect = examine(by_text.loc[list(case)], test.expected)
            row = {"test": test.name, "kind": test.kind, "tweets": " / ".join(case), "passed": passed, "effect": effect}
            rows.append(row)
    return pd.DataFrame(rows)


def examine_invariance(answers: pd.DataFrame, allowed: float | str | None) -> tuple[bool, float]:
    """Return whether the answers to variants of a tweet agree, and the largest change of the probability."""
    change = float(np.ptp(answers["negative_probability"]))
    return answers["sentiment"].nunique() == 1 and change < float(allowed or 0), change


def examine_direction(answers: pd.DataFrame, _: float | str | None) -> tuple[bool, float]:
    """Return whether the first tweet is more negative than the second, and by how much, in log-odds."""
    more, less = logit(answers["negative_probability"].to_numpy())
    return bool(more > less), float(more - less)


def examine_answer(answers: pd.DataFrame, right: float | str | None) -> tuple[bool, float]:
    """Return whether the first tweet is called what it is, and the probability of the right answer."""
    probability = float(answers["negative_probability"].iloc[0])
    return bool(answers["sentiment"].iloc[0] == right), probability if right == "negative" else 1 - probability


EXAMINE: dict[Kind, Callable[[pd.DataFrame, float | str | None], tuple[bool, float]]] = {
    "invariance": examine_invariance,
    "direction": examine_direction,
    "minimum functionality": examine_answer,
}


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row per test: `test`, `kind`, `cases`, `passed` (number), `share` (passed / cases), `failed_example`.

    The example is the failed case with the largest change, the furthest in the wrong direction, or the lowest
    probability of the right answer; empty if all cases passed.
    """
    rows = []
    for test in TESTS:
        of_test = results[results["test"] == test.name]
        failed = of_test[~of_test["passed"]].sort_values("effect", ascending=test.kind != "invariance")
        rows.append(
            {
                "test": test.name,
                "kind": test.kind,
                "cases": len(of_test),
                "passed": int(of_test["passed"].sum()),
                "share": float(of_test["passed"].mean()),
                "failed_example": "" if failed.empty else str(failed["tweets"].iloc[0]),
            }
        )
    return pd.DataFrame(rows)
