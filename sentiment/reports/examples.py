"""Single tweets with the words that decide their answers: for reports and for a terminal."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from rich.markup import escape

from sentiment.reports.pages import cell
from sentiment.reports.slices import NONE

# Words in the table of a tweet.
MOST_WORDS = 5
# A word of a tweet is marked if its contribution is at least this share of the strongest one.
LEAST_SHARE = 0.25
NEGATIVE, POSITIVE = "\u25bc", "\u25b2"
MARK = re.compile(f"<strong>({NEGATIVE}|{POSITIVE})\u00a0(.*?)</strong>")
CLASSES = {NEGATIVE: "negative", POSITIVE: "positive"}
STYLE = """<style>
mark { padding: .1rem .25rem; border-radius: .25rem; color: inherit }
mark.negative { background: #f3c6ab; border-bottom: 2px solid #D55E00 }
mark.positive { background: #b3d4e8; border-bottom: 2px dashed #0072B2 }
</style>"""


@dataclass(frozen=True, kw_only=True)
class Example:
    """The explanation of a single answer.

    Attributes:
        kind: why it is shown.
        sentiment: the answer.
        negative_probability: its probability.
        words: the words as displayed, each with its contribution in log-odds.
    """

    kind: str
    sentiment: str
    negative_probability: float
    words: Sequence[tuple[str, float]]


def marked(example: Example) -> str:
    """Return a tweet in Markdown with its decisive words in bold, each after a symbol of its direction."""
    most = max((abs(contribution) for _, contribution in example.words), default=0.0)
    return " ".join(
        f"**{NEGATIVE if contribution > 0 else POSITIVE}\u00a0{cell(word)}**"
        if most > 0 and abs(contribution) >= LEAST_SHARE * most
        else cell(word)
        for word, contribution in example.words
    )


def weights_table(example: Example) -> pd.DataFrame:
    """Return the strongest words of a tweet: the direction of each, and its share of all contributions."""
    total = math.fsum(abs(contribution) for _, contribution in example.words)
    ranked = sorted(example.words, key=lambda word: -abs(word[1]))[:MOST_WORDS]
    return pd.DataFrame(
        [
            (
                word,
                "towards negative" if contribution > 0 else "away from negative",
                f"{100 * abs(contribution) / total:.0f} %" if total > 0 else NONE,
            )
            for word, contribution in ranked
        ],
        columns=["word", "pushes", "weight"],
    )


def contributions_table(examples: Sequence[Example]) -> pd.DataFrame:
    """Return the contributions of all words of single tweets: one row for each word."""
    rows = [
        (number, example.kind, example.sentiment, example.negative_probability, place, word, contribution)
        for number, example in enumerate(examples, start=1)
        for place, (word, contribution) in enumerate(example.words, start=1)
    ]
    columns = ["tweet", "kind", "sentiment", "negative_probability", "place", "word", "contribution"]
    return pd.DataFrame(rows, columns=columns)


def plain(example: Example) -> str:
    """Return an answer and its strongest words as a line in rich's markup."""
    words = weights_table(example)
    parts = zip(words["word"], words["pushes"], words["weight"], strict=True)
    listed = ", ".join(
        f"{NEGATIVE if 'towards' in pushes else POSITIVE} {word} {weight}" for word, pushes, weight in parts
    )
    return escape(f"{example.sentiment} ({100 * example.negative_probability:.0f} % negative): {listed or 'no words'}")


def highlight(page: str) -> str:
    """Return an HTML page in which the decisive words that `marked` put in bold are highlighted."""
    body = MARK.sub(lambda found: f'<mark class="{CLASSES[found[1]]}">{found[1]}&nbsp;{found[2]}</mark>', page)
    return body.replace("</head>", f"{STYLE}\n</head>", 1)
