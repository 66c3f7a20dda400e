"""`sentiment.reports.explanation`: people who know no machine learning can read which words decide."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sentiment.evaluation.faithfulness import Faithfulness
from sentiment.evaluation.importance import WORD_COLUMNS
from sentiment.reports import examples
from sentiment.reports import explanation as report
from sentiment.reports.examples import Example
from sentiment.reports.explanation import ModelExplanation

FAITHFULNESS = Faithfulness(
    tweets=60,
    max_words=10,
    pearson=0.9942,
    pearson_of_tweet=0.9905,
    error=0.1342,
    comprehensiveness=0.9241,
    sufficiency=0.008,
    mosaics=20,
    mosaic_mass=0.9062,
)
UNMEASURED = Faithfulness(
    tweets=0,
    max_words=10,
    pearson=math.nan,
    pearson_of_tweet=math.nan,
    error=math.nan,
    comprehensiveness=math.nan,
    sufficiency=math.nan,
    mosaics=0,
    mosaic_mass=math.nan,
)
COMPLAINT = Example(
    kind="clearly negative",
    sentiment="negative",
    negative_probability=0.93,
    words=[("@user", -0.1), ("late|", 2.0), ("but", 0.2), ("*lovely*", -1.0), ("<b>", 0.0)],
)
WORDS = pd.DataFrame(
    [
        ("late", 43, 45, 2.197, 0.5, 98.9),
        ("$late|", 7, 7, 0.5, 0.1, 3.5),
        ("you", 90, 99, -0.05, 0.9, -4.95),
        ("thanks", 30, 31, -2.0, 0.4, -62.0),
    ],
    columns=WORD_COLUMNS,
)
FEATURES = pd.DataFrame(
    [(f"feature {place}", "words", 9, 1 - place / 10) for place in range(40)],
    columns=["feature", "kind", "tweets", "coefficient"],
)


def explained(**changes: Any) -> ModelExplanation:
    default = ModelExplanation(
        title="tweet_sentiment version 3",
        uri="models:/tweet_sentiment/3",
        candidate="bilstm|x",
        data="csv (airlines.csv)",
        created="12 May 2026",
        tweets=4_200,
        explained=500,
        min_tweets=5,
        words=WORDS,
        features=None,
        faithfulness=FAITHFULNESS,
        examples=[COMPLAINT],
    )
    return replace(default, **changes)


def printed(result: ModelExplanation) -> str:
    return "\n".join(report.terminal(result)[1])


def test_words_are_listed_by_direction_the_strongest_first_with_what_they_make_of_an_undecided_tweet() -> None:
    towards, away = report.markdown(explained()).split("Away from negative:")
    assert "| late | 43 | 90 % | +2.20 (± 0.50) |" in towards
    assert "| $late\\| | 7 | 62 % | +0.50 (± 0.10) |" in towards
    assert away.index("| thanks | 30 | 12 % |") < away.index("| you | 90 | 49 % |")
    assert "From 500 of 4,200 tweets" in towards


def test_decisive_words_of_a_tweet_are_marked_by_symbol_and_listed_by_weight() -> None:
    text = report.markdown(explained())
    assert "### Clearly negative: 93 % negative, called negative" in text
    assert "> “@user **▼\u00a0late\\|** but **▲\u00a0\\*lovely\\*** \\<b>”" in text
    assert "| late\\| | towards negative | 61 % |" in text
    assert "| \\*lovely\\* | away from negative | 30 % |" in text


def test_the_html_highlights_decisive_words_and_runs_no_html_of_tweets(tmp_path: Path) -> None:
    report.write(explained(), tmp_path / "report")
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.md", "report.html", "words.png"}
    html = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert '<mark class="negative">▼&nbsp;late|</mark>' in html
    assert '<mark class="positive">▲&nbsp;*lovely*</mark>' in html
    assert "&lt;b&gt;" in html
    assert html.count("data:image/png;base64,") == 1


def test_a_tweet_that_looks_like_markdown_stays_a_paragraph(tmp_path: Path) -> None:
    heading = replace(COMPLAINT, words=[("#", 0.0), ("late", 2.0)])
    report.write(explained(examples=[heading]), tmp_path / "report")
    html = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert '<p>“# <mark class="negative">▼&nbsp;late</mark>”</p>' in html


def test_a_tweet_in_which_nothing_pushes_has_no_marks() -> None:
    flat = replace(COMPLAINT, words=[("so", 0.0), ("what", 0.0)])
    assert examples.marked(flat) == "so what"
    assert examples.weights_table(flat)["weight"].tolist() == ["–", "–"]
    assert "no words" in printed(explained(examples=[replace(COMPLAINT, words=[])]))


def test_all_contributions_of_single_tweets_are_in_one_table() -> None:
    table = examples.contributions_table([COMPLAINT, COMPLAINT])
    assert len(table) == 2 * len(COMPLAINT.words)
    assert table["tweet"].tolist() == [1] * 5 + [2] * 5
    assert table.loc[1, ["place", "word", "contribution"]].tolist() == [2, "late|", 2.0]


def test_the_report_says_how_far_to_trust_it() -> None:
    text = report.markdown(explained())
    assert "On 60 short tweets (2 to 10 words)" in text
    for value in ("0.994", "0.991", "0.134", "0.924", "0.008", "0.906"):
        assert f"| {value} |" in text
    assert "correlation with exact Shapley values 0.994 (0.991 within a tweet)" in printed(explained())


def test_without_short_tweets_the_report_says_that_trust_was_not_measured() -> None:
    result = explained(faithfulness=UNMEASURED)
    assert "Not measured: no tweet has 2 to 10 words." in report.markdown(result)
    assert "not measured: no tweet has 2 to 10 words" in printed(result)


def test_undefined_figures_are_dashes() -> None:
    assert "| mosaics | – |" in report.markdown(explained(faithfulness=replace(FAITHFULNESS, mosaic_mass=math.nan)))


def test_only_a_linear_model_has_coefficients_of_which_both_ends_are_shown() -> None:
    assert "## Coefficients" not in report.markdown(explained())
    text = report.markdown(explained(features=FEATURES))
    assert "## Coefficients" in text
    assert "| feature 0 | words | 9 | +1.000 |" in text
    assert "| feature 39 | words | 9 | -2.900 |" in text
    assert "feature 20 " not in text


@pytest.mark.parametrize("words", [WORDS.head(0), WORDS.head(2), WORDS.tail(2)])
def test_a_report_needs_words_of_neither_direction(words: pd.DataFrame, tmp_path: Path) -> None:
    report.write(explained(words=words, examples=[]), tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert ("No word occurs in 5 or more" in text) == words.empty
    assert "None was asked for" in text
    report.terminal(explained(words=words))
