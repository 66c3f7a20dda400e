"""The report on a model that was evaluated on labelled tweets: Markdown, HTML, plots, and a table for the terminal."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from sentiment.evaluation.bootstrap import Interval
from sentiment.evaluation.calibration import CalibrationChoice
from sentiment.evaluation.metrics import Cost, Predictions
from sentiment.evaluation.slices import ALL, FEW
from sentiment.inference.arrays import Labels
from sentiment.inference.probabilities import Reliability
from sentiment.reports import plots, slices
from sentiment.reports.model_card import METRICS, formatted, reliable_table, shares
from sentiment.reports.pages import page
from sentiment.reports.slices import NONE
from sentiment.reports.templates import render

# The metrics shown on the terminal.
TERMINAL = ("roc_auc", "average_precision", "accuracy", "f1", "expected_cost", "log_loss", "calibration_error")
# The largest difference between the mean probability and the share of negative tweets that the report calls right.
CLOSE = 0.01


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A model's results on labelled tweets.

    Attributes:
        title: what the model is called.
        uri: the URI of the model.
        candidate: its name in the comparison of candidates.
        data: the name of the data set, and of its file if it has one.
        created: the date, as displayed.
        counts: what became of the rows of the table, `sentiment.data.unseen.Unseen.counts`.
        include_seen: whether the rows that the model has learned from are included.
        authors: the number of known authors, which the bootstrap resamples; None if it resamples tweets.
        negative_share: the share of negative tweets.
        mean_probability: the mean probability.
        metrics: all metrics with their intervals.
        threshold: the lowest probability that counts as negative.
        answers: `sentiment.reports.model_card.count_answers`.
        cost: the costs of wrong answers.
        uncertain_share: the share of uncertain answers.
        reliability: the bounds of reliable answers, with their promise.
        reliable: whether the promise is kept, `sentiment.evaluation.abstention.judge`.
        calibration_method: the method of the model's own calibration, or `none`.
        recalibration: the comparison of ways to calibrate the probabilities once more, on these tweets.
        slices: `sentiment.evaluation.slices.measure`.
        behaviour: `sentiment.evaluation.behaviour.table`.
        most_wrong: the tweets whose probability differs most from their label: `text`, `negative` and `probability`;
            empty if texts are left out.
    """

    title: str
    uri: str
    candidate: str
    data: str
    created: str
    counts: Mapping[str, int]
    include_seen: bool
    authors: int | None
    negative_share: float
    mean_probability: float
    metrics: Mapping[str, Interval]
    threshold: float
    answers: Mapping[str, int]
    cost: Cost
    uncertain_share: float
    reliability: Reliability
    reliable: pd.DataFrame
    calibration_method: str
    recalibration: CalibrationChoice
    slices: pd.DataFrame
    behaviour: pd.DataFrame
    most_wrong: pd.DataFrame


def write(evaluation: Evaluation, negative: Labels, predictions: Predictions, folder: Path) -> None:
    """Write `report.md`, `report.html` (one file with its plots) and the plots to a folder, which is created."""
    folder.mkdir()
    figures = {
        "roc": plots.roc_curve(negative, predictions, evaluation.threshold),
        "precision_recall": plots.precision_recall(negative, predictions, evaluation.threshold),
        "confusion": plots.confusion(negative, predictions, evaluation.threshold),
        "calibration": plots.calibration(negative, predictions.probability, uncalibrated=predictions.probability),
        "slices": slices.plot(evaluation.slices, f"AUC on kinds of tweets, {evaluation.data}"),
    }
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png")
    text = markdown(evaluation)
    (folder / "report.md").write_text(text, encoding="utf-8")
    (folder / "report.html").write_text(page(text, folder), encoding="utf-8")


def markdown(evaluation: Evaluation) -> str:
    """Return the report in Markdown; its plots are files in the same folder."""
    return render(
        "evaluation_report",
        evaluation=evaluation,
        answers=shares(evaluation.answers),
        metrics=[
            {"metric": metric, "heading": heading, "value": formatted(metric, evaluation.metrics[metric])}
            for metric, (heading, _) in METRICS.items()
        ],
        confidence=100 * evaluation.metrics["roc_auc"].confidence,
        calibration=calibration_verdict(evaluation),
        recalibration=evaluation.recalibration.table[
            ["method", "slope", "intercept", "log_loss", "gain", "standard_error", "calibration_error"]
        ].map(lambda value: f"{value:.4f}" if isinstance(value, float) else value),
        slices=slices.formatted(evaluation.slices),
        weak=weak_slices(evaluation.slices),
        few=FEW,
        reliable=promise_table(evaluation.reliability, evaluation.reliable),
        behaviour=behaviour_table(evaluation.behaviour),
        most_wrong=most_wrong_table(evaluation.most_wrong),
    )


def calibration_verdict(evaluation: Evaluation) -> dict[str, str | float | bool]:
    """Return whether the probabilities are still right, as far as these tweets can tell, and how they are wrong.

    They are wrong if another calibration lowers the cross-validated log loss by more than chance
    (`sentiment.evaluation.calibration.choose`).
    """
    choice = evaluation.recalibration
    methods = {row["method"]: row for row in choice.table.to_dict("records")}
    difference = evaluation.mean_probability - evaluation.negative_share
    return {
        "right": choice.method == "none",
        "method": choice.method,
        "gain": float(methods[choice.method]["gain"]),
        "standard_error": float(methods[choice.method]["standard_error"]),
        "side": "right on average" if abs(difference) < CLOSE else "too high" if difference > 0 else "too low",
    }


def weak_slices(table: pd.DataFrame) -> list[str]:
    """Return the slices whose AUC is below that of all tweets even at its upper bound, the lowest first."""
    overall = table.loc[table["slice"] == ALL, "roc_auc"].item()
    weak = table[(table["roc_auc_high"] < overall) & ~table["few"]].sort_values("roc_auc")
    return [f"{name} ({area:.3f})" for name, area in zip(weak["slice"], weak["roc_auc"], strict=True)]


def promise_table(reliability: Reliability, judged: pd.DataFrame) -> pd.DataFrame:
    """Return how the promise about reliable answers is kept, with formatted values."""
    shown = reliable_table(reliability, judged)
    shown["error"] = [percent(row["error"], row["error_low"], row["error_high"]) for row in judged.to_dict("records")]
    shown["error at the limit"] = [
        NONE if row["promised"] else percent(row["judged"], row["judged_low"], row["judged_high"])
        for row in judged.to_dict("records")
    ]
    return shown.assign(promise=judged["verdict"])


def promise_kept(row: Mapping[Hashable, Any]) -> str:
    """Return whether the promise is kept for one kind of answer, a row of `sentiment.evaluation.abstention.judge`."""
    if not row["reliable"]:
        return str(row["verdict"])
    wrong = f"{row['verdict']}, {percent(row['judged'], row['judged_low'], row['judged_high'])} wrong"
    if row["promised"]:
        return wrong
    return f"{wrong} at the limit of the promise ({100 * row['error']:.1f} % on these tweets, which are beyond it)"


def percent(value: float, low: float, high: float) -> str:
    """Format a share and its interval in per cent."""
    return NONE if math.isnan(value) else f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def behaviour_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the results of the behavioural tests with formatted values."""
    return pd.DataFrame(
        {
            "test": table["test"],
            "kind": table["kind"],
            "passed": [f"{row['passed']} of {row['cases']}" for row in table.to_dict("records")],
            "share": (100 * table["share"]).map("{:.0f} %".format),
            "worst failure": table["failed_example"].where(table["failed_example"] != "", NONE),
        }
    )


def most_wrong_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the most wrong answers with formatted values."""
    return pd.DataFrame(
        {
            "probability": table["probability"].map("{:.3f}".format),
            "label": table["negative"].map({1: "negative", 0: "not negative"}),
            "tweet": table["text"],
        }
    )


def terminal(evaluation: Evaluation) -> tuple[Table, list[str]]:
    """Return the metrics as a table for a terminal, and the other results as lines in rich's markup."""
    counts = evaluation.counts
    title = f"{evaluation.title} on {evaluation.data}: {counts['evaluated']:,} tweets"
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("metric", "value"):
        table.add_column(heading, no_wrap=True)
    for metric in TERMINAL:
        table.add_row(METRICS[metric][0], formatted(metric, evaluation.metrics[metric]))
    calibration = calibration_verdict(evaluation)
    right = "still good" if calibration["right"] else f"off on these tweets (probabilities {calibration['side']})"
    promise = [f"{row['answer']}: {promise_kept(row)}" for row in evaluation.reliable.to_dict("records")]
    behaviour = evaluation.behaviour
    failed = behaviour[behaviour["share"] < 1].sort_values("share")
    weakest = ", ".join(f"{row['test']} {row['passed']}/{row['cases']}" for row in failed.to_dict("records"))
    seen = f"{counts['seen']:,} learned from ({'included' if evaluation.include_seen else 'excluded'})"
    return table, [
        f"[bold]Tweets[/bold]: {100 * evaluation.negative_share:.1f} % negative; {seen}; "
        f"{counts['duplicates']:,} duplicates, {counts['contradictions']:,} with both labels (all kept)",
        f"[bold]Calibration[/bold]: {right}",
        f"[bold]Promise of reliable answers[/bold]: {'; '.join(promise)}",
        f"[bold]Weak[/bold]: {escape('; '.join(weak_slices(evaluation.slices)) or 'no kind of tweet')}",
        f"[bold]Behaviour[/bold]: {behaviour['passed'].sum()} of {behaviour['cases'].sum()} cases passed"
        + (f"; failures: {escape(weakest)}" if weakest else ""),
    ]
