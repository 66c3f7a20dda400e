"""The report that explains a model: the words that decide over many tweets and in single ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from sentiment.evaluation.faithfulness import Faithfulness
from sentiment.reports import examples
from sentiment.reports.canvas import COLOURS, blank
from sentiment.reports.examples import Example
from sentiment.reports.pages import page
from sentiment.reports.templates import render

# Words of each direction in the tables and the plot, and coefficients of each.
MOST_WORDS, MOST_FEATURES = 15, 15


@dataclass(frozen=True, kw_only=True)
class ModelExplanation:
    """The explanation of a model.

    Attributes:
        title: what the model is called.
        uri: its URI.
        candidate: its name in the comparison of candidates.
        data: the name of the data set, and of its file if it has one.
        created: the date, as displayed.
        tweets: the number of tweets of the data set.
        explained: the number of tweets among them whose words were counted.
        min_tweets: the least number of tweets of a word in the tables.
        words: `sentiment.evaluation.importance.of_words`.
        features: `sentiment.evaluation.importance.of_features`; None unless the model is linear.
        faithfulness: how far explanations of single answers may be trusted.
        examples: explanations of single answers.
    """

    title: str
    uri: str
    candidate: str
    data: str
    created: str
    tweets: int
    explained: int
    min_tweets: int
    words: pd.DataFrame
    features: pd.DataFrame | None
    faithfulness: Faithfulness
    examples: Sequence[Example]


def write(explained: ModelExplanation, folder: Path) -> None:
    """Write `report.md`, `report.html` (one file with its plot) and the plot to a folder, which is created."""
    folder.mkdir()
    if not explained.words.empty:
        plot(explained).savefig(folder / "words.png")
    text = markdown(explained)
    (folder / "report.md").write_text(text, encoding="utf-8")
    (folder / "report.html").write_text(examples.highlight(page(text, folder)), encoding="utf-8")


def markdown(explained: ModelExplanation) -> str:
    """Return the report in Markdown; its plot is a file in the same folder."""
    towards, away = strongest(explained.words)
    features = explained.features
    return render(
        "explanation_report",
        explained=explained,
        towards=words_table(towards),
        away=words_table(away),
        features=None if features is None else features_table(features),
        least_share=examples.LEAST_SHARE,
        examples=[
            {
                "kind": example.kind,
                "sentiment": example.sentiment,
                "percent": 100 * example.negative_probability,
                "text": examples.marked(example),
                "words": examples.weights_table(example),
            }
            for example in explained.examples
        ],
        faithfulness=explained.faithfulness,
    )


def strongest(words: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the words that push most towards negative, and those that push most away from it, the strongest first."""
    return words[words["total"] > 0].head(MOST_WORDS), words[words["total"] < 0].tail(MOST_WORDS)[::-1]


def words_table(words: pd.DataFrame) -> pd.DataFrame:
    """Return the importance of words with formatted values."""
    return pd.DataFrame(
        {
            "word": words["word"],
            "tweets": words["tweets"],
            "turns 50 % into": words["mean"].map(effect),
            "log-odds": words["mean"].map("{:+.2f}".format) + words["deviation"].map(" (\u00b1 {:.2f})".format),
        }
    )


def effect(log_odds: float) -> str:
    """Return the probability of an undecided tweet (50 %) after one more contribution."""
    return f"{100 / (1 + math.exp(-log_odds)):.0f} %"


def features_table(features: pd.DataFrame) -> pd.DataFrame:
    """Return the largest and the smallest coefficients of a linear model, with formatted values."""
    ends = (
        features
        if len(features) <= 2 * MOST_FEATURES
        else pd.concat([features.head(MOST_FEATURES), features.tail(MOST_FEATURES)])
    )
    return ends.assign(coefficient=ends["coefficient"].map("{:+.3f}".format))


def plot(explained: ModelExplanation) -> Figure:
    """Plot the contributions of the words that push most in each direction, per 100 tweets, with their numbers."""
    towards, away = strongest(explained.words)
    shown = pd.concat([towards, away[::-1]])
    figure, axes = blank("Words that decide", width=7.2, height=1.2 + 0.26 * len(shown))
    places = np.arange(len(shown))
    colours = np.where(shown["total"] > 0, COLOURS[1], COLOURS[0])
    axes.barh(places, 100 * shown["total"] / explained.explained, color=colours)
    labels = zip(shown["word"], shown["tweets"], strict=True)
    axes.set_yticks(places, [f"{word.replace('$', chr(92) + '$')}, {tweets:,}" for word, tweets in labels])
    axes.invert_yaxis()
    axes.axvline(0, color="0.6", linewidth=1)
    axes.set_xlabel("away from negative (left), towards negative (right): log-odds per 100 tweets")
    return figure


def terminal(explained: ModelExplanation) -> tuple[Table, list[str]]:
    """Return the strongest words as a table for a terminal, and the other results as lines in rich's markup."""
    title = f"{explained.title} on {explained.data}: {explained.explained:,} of {explained.tweets:,} tweets"
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("towards negative", "tweets", "away from negative", "tweets"):
        table.add_column(heading, no_wrap=True, justify="right" if heading == "tweets" else "left")
    columns = [
        [(escape(word), f"{tweets:,}") for word, tweets in zip(words["word"], words["tweets"], strict=True)]
        for words in strongest(explained.words)
    ]
    for row in range(max(map(len, columns))):
        table.add_row(*(text for column in columns for text in (column[row] if row < len(column) else ("", ""))))
    lines = [f"[bold]{example.kind.capitalize()}[/bold]: {examples.plain(example)}" for example in explained.examples]
    return table, [*lines, f"[bold]Trust[/bold]: {summary(explained.faithfulness)}"]


def summary(faithfulness: Faithfulness) -> str:
    """Return how far explanations may be trusted, in a line."""
    if faithfulness.tweets == 0:
        return f"not measured: no tweet has 2 to {faithfulness.max_words} words"
    return (
        f"on {faithfulness.tweets} short tweets, correlation with exact Shapley values {faithfulness.pearson:.3f} "
        f"({faithfulness.pearson_of_tweet:.3f} within a tweet), "
        f"comprehensiveness {faithfulness.comprehensiveness:.2f}, sufficiency {faithfulness.sufficiency:.2f}, "
        f"right sign in mosaics {100 * faithfulness.mosaic_mass:.0f} %"
    )
