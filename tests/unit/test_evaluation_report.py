"""`sentiment.reports.evaluation`: the report and the terminal say what an evaluation found, in words and numbers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sentiment.evaluation import abstention, behaviour, slices
from sentiment.evaluation.bootstrap import Interval
from sentiment.evaluation.calibration import choose
from sentiment.evaluation.metrics import HIGHER_IS_BETTER, Cost, Predictions
from sentiment.inference.probabilities import Reliability
from sentiment.reports import evaluation as report
from sentiment.reports.evaluation import Evaluation
from sentiment.reports.model_card import METRICS, count_answers, formatted

ROWS = 600
RANDOM = np.random.default_rng(0)
PROBABILITY = RANDOM.uniform(0.02, 0.98, ROWS)
# Labels for which these probabilities are right.
NEGATIVE = (RANDOM.random(ROWS) < PROBABILITY).astype(np.int8)
TEXTS = [f"@air flight {row} was {'late!' if row % 2 else 'fine'}" for row in range(ROWS)]
PREDICTIONS = Predictions.at(PROBABILITY, 0.4)
COST = Cost(missed_negative=2.0, false_alarm=1.0, review=0.5)
RELIABILITY = Reliability(negative_from=0.9, positive_to=0.1, max_error=0.05, confidence=0.9, negative_share=(0.2, 0.5))
CALLED_BAD = ("rude", "lost", "bad", "late", "hate", "cancelled", "terrible", "never", "worst", "hold", "n't", "not")


def behaved() -> pd.DataFrame:
    texts = behaviour.texts()
    negative = np.array([any(word in text.lower() for word in CALLED_BAD) for text in texts])
    sentiment = np.where(negative, "negative", "positive")
    return behaviour.table(
        behaviour.cases(pd.DataFrame({"negative_probability": 0.1 + 0.8 * negative, "sentiment": sentiment}))
    )


BEHAVIOUR = behaved()


def reliable(wrong: int, answered: int, negative_share: float) -> pd.DataFrame:
    rows = [{"answer": name, "tweets": 300, "reliable": answered, "wrong": wrong} for name in ("negative", "positive")]
    counts = pd.DataFrame(rows)
    counts["error"] = counts["wrong"] / counts["reliable"]
    return abstention.judge(counts, RELIABILITY, negative_share, 0.95)


def evaluation(**changes: Any) -> Evaluation:
    default = Evaluation(
        title="tweet_sentiment version 3",
        uri="models:/tweet_sentiment/3",
        candidate="bilstm|x",
        data="csv (airlines.csv)",
        created="12 May 2026",
        counts={
            "read": 1_700,
            "empty": 11,
            "ignored": 1_012,
            "not_drawn": 0,
            "seen": 77,
            "evaluated": ROWS,
            "duplicates": 14,
            "contradictions": 15,
        },
        include_seen=False,
        authors=1_234,
        negative_share=float(NEGATIVE.mean()),
        mean_probability=float(PROBABILITY.mean()),
        metrics={
            metric: Interval(estimate=0.8 + place / 100, low=0.7, high=0.9, confidence=0.95)
            for place, metric in enumerate(HIGHER_IS_BETTER)
        },
        threshold=0.4,
        answers=count_answers(NEGATIVE, PREDICTIONS.called),
        cost=COST,
        uncertain_share=0.22,
        reliability=RELIABILITY,
        reliable=reliable(1, 200, 0.4),
        calibration_method="platt",
        recalibration=choose(NEGATIVE, PROBABILITY, folds=3, seed=0),
        slices=slices.table(TEXTS, NEGATIVE, PREDICTIONS, cost=COST, confidence=0.95),
        behaviour=BEHAVIOUR,
        most_wrong=pd.DataFrame({"text": ["so|so @user"], "negative": [1], "probability": [0.0312]}),
    )
    return replace(default, **changes)


def printed(result: Evaluation) -> str:
    return "\n".join(report.terminal(result)[1])


def test_every_row_of_the_table_is_accounted_for() -> None:
    text = report.markdown(evaluation())
    for line in (
        "| read | 1,700 |",
        "| dropped: ignored label | 1,012 |",
        "| texts that the model has learned from: excluded | 77 |",
        "| evaluated | 600 |",
        "| of these, repeat an earlier text | 14 |",
    ):
        assert line in text
    assert "the results are too good" not in text


def test_learned_texts_that_are_included_are_a_warning() -> None:
    text = report.markdown(evaluation(include_seen=True))
    assert "| texts that the model has learned from: included | 77 |" in text
    assert "> The model has learned from 77 of these texts, so the results are too good." in text


def test_every_metric_is_shown_with_its_interval_and_explained() -> None:
    result = evaluation()
    lines = report.markdown(result).splitlines()
    for metric, (heading, _) in METRICS.items():
        (line,) = [
            line for line in lines if line.startswith(f"| {heading} | {formatted(metric, result.metrics[metric])} |")
        ]
        assert len(line.split("|")[3].strip()) > 10


@pytest.mark.parametrize(("authors", "words"), [(1_234, "bootstrap of 1,234 authors"), (None, "bootstrap of tweets")])
def test_the_report_says_what_was_resampled(authors: int | None, words: str) -> None:
    assert words in report.markdown(evaluation(authors=authors))


def test_probabilities_that_are_right_are_called_right() -> None:
    result = evaluation()
    assert "The probabilities are **well calibrated**" in report.markdown(result)
    assert "still good" in printed(result)


@pytest.mark.parametrize(("shift", "side"), [(0.4, "too low"), (-0.4, "too high")])
def test_probabilities_that_are_wrong_are_called_too_high_or_too_low(shift: float, side: str) -> None:
    negative = (RANDOM.random(ROWS) < PROBABILITY + shift).astype(np.int8)
    share, choice = float(negative.mean()), choose(negative, PROBABILITY, folds=3, seed=0)
    result = evaluation(negative_share=share, recalibration=choice)
    text = report.markdown(result)
    assert "The probabilities are **not well calibrated on these tweets**" in text
    assert f"probabilities are {side}." in text
    assert f"off on these tweets (probabilities {side})" in printed(result)


@pytest.mark.parametrize(("wrong", "verdict"), [(1, "kept"), (40, "broken"), (10, "undecided")])
def test_the_promise_is_shown_with_its_interval_and_verdict(wrong: int, verdict: str) -> None:
    result = evaluation(reliable=reliable(wrong, 200, 0.4))
    share = report.percent(*result.reliable.loc[0, ["error", "error_low", "error_high"]])
    assert f"| negative | from 0.900 | 200 of 300 | {wrong} | {share} | – | {verdict} |" in report.markdown(result)
    assert f"negative: {verdict}, {share} wrong" in printed(result)


def test_beyond_the_limits_of_the_promise_the_error_at_the_limit_is_shown() -> None:
    judged = reliable(10, 200, 0.7)
    share = report.percent(*judged.loc[1, ["judged", "judged_low", "judged_high"]])
    (line,) = [
        line for line in report.markdown(evaluation(reliable=judged)).splitlines() if line.startswith("| positive | to")
    ]
    assert f"| {share} |" in line
    assert f"{share} wrong at the limit of the promise (5.0 % on these tweets, which are beyond it)" in printed(
        evaluation(reliable=judged)
    )


def test_without_reliable_answers_no_share_is_shown() -> None:
    result = evaluation(reliable=reliable(0, 0, 0.4))
    assert "nan" not in report.markdown(result)
    assert "negative: no reliable answers; positive: no reliable answers" in printed(result)


def test_weak_spots_are_named() -> None:
    table = evaluation().slices.assign(few=False)
    table.loc[table["slice"] == "with ? or !", ["roc_auc", "roc_auc_high"]] = 0.512, 0.6
    result = evaluation(slices=table)
    assert report.weak_slices(table) == ["with ? or ! (0.512)"]
    assert "all tweets): with ? or ! (0.512)." in report.markdown(result)
    assert "with ? or ! (0.512)" in printed(result)
    few = table.assign(few=True)
    assert report.weak_slices(few) == []
    assert "No kind of tweet is a weak spot" in report.markdown(evaluation(slices=few))


def test_every_behavioural_test_is_shown_with_its_worst_failure() -> None:
    text = report.markdown(evaluation())
    for row in BEHAVIOUR.to_dict("records"):
        assert (
            f"| {row['test']} | {row['kind']} | {row['passed']} of {row['cases']} | {100 * row['share']:.0f} % |"
            in text
        )
    assert "| intensifier | direction | 0 of 10 | 0 % | The flight was so late! / The flight was late. |" in text
    assert "intensifier 0/10" in printed(evaluation())


def test_the_most_wrong_answers_cannot_break_the_table() -> None:
    assert "| 0.031 | negative | so\\|so @user |" in report.markdown(evaluation())


def test_left_out_texts_are_mentioned() -> None:
    assert "Texts were left out" in report.markdown(evaluation(most_wrong=evaluation().most_wrong.head(0)))


@pytest.mark.slow
def test_the_files_of_the_report_are_written(tmp_path: Path) -> None:
    report.write(evaluation(), NEGATIVE, PREDICTIONS, tmp_path / "report")
    plots = {"roc.png", "precision_recall.png", "confusion.png", "calibration.png", "slices.png"}
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.md", "report.html", *plots}
    html = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert html.count("data:image/png;base64,") == len(plots)
    assert "![" not in html
