"""The model card: what a served model is for, how good it is, where it fails, and how it was made.

Source: Mitchell et al., Model cards for model reporting, FAT* 2019; headings as on the Hugging Face hub where they fit.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment.evaluation.bootstrap import Interval
from sentiment.evaluation.gate import Verdict
from sentiment.evaluation.metrics import Cost
from sentiment.evaluation.slices import FEW
from sentiment.inference.arrays import Labels
from sentiment.reports import comparison, slices, verdict
from sentiment.reports.pages import grid
from sentiment.reports.templates import render

LICENCE = "Apache-2.0"
# Files beside the card that it shows, each a PNG of that name.
PLOTS = ("calibration", "slices", "quality_against_time")
# Metric: how it is headed, and how its values are written. What it says stands in the template.
METRICS = {
    "roc_auc": ("AUC", "{:.3f}"),
    "average_precision": ("average precision", "{:.3f}"),
    "accuracy": ("accuracy", "{:.3f}"),
    "accuracy_at_half": ("accuracy at 0.5", "{:.3f}"),
    "f1": ("F1", "{:.3f}"),
    "expected_cost": ("cost", "{:.0f}"),
    "log_loss": ("log loss", "{:.3f}"),
    "brier": ("Brier", "{:.3f}"),
    "calibration_error": ("calibration error", "{:.3f}"),
}
COMPARED = ("name", "roc_auc", "accuracy", "f1", "expected_cost", "predict_milliseconds", "megabytes")


@dataclass(frozen=True, kw_only=True)
class Card:
    """What the card of one version of a registered model tells.

    Attributes:
        name: of the registered model.
        version: of it.
        created: the date, as it is to be read.
        candidate: the name of the winner in the comparison.
        family: of models.
        training: settings of the steps that made it, nested or not.
        data: what the split step says of the data: `data` (name), `digest`, `synthetic`, `splits` (rows and negative
            ones of each) and whatever else it tells.
        data_limits: what a reader must know about where the data come from, a sentence each.
        validation: metrics on the validation split.
        test: metrics on the test split, which was looked at once, for this model.
        gap: what the difference between the two says, in words.
        answers: on the test split, as `count_answers` counts them.
        cost: what wrong answers cost.
        threshold: the probability from which on a tweet counts as negative.
        uncertain: lowest and highest probability at which a human should look; None for never.
        uncertain_share: of the validation tweets, 0 to 1.
        auc_without_near_duplicates: on validation, of the tweets that no training tweet nearly repeats; None if that
            is unknown.
        calibration_method: `none`, or how probabilities were calibrated.
        calibration: the methods that were compared, `sentiment.evaluation.calibration.Chosen.table`.
        slices: of the validation split, `sentiment.evaluation.slices.table`.
        verdict: of the gate.
        metric: by which candidates are ranked.
        candidates: the comparison, the best first, with the columns of `sentiment.reports.comparison.COLUMNS`.
        leads: of the winner over each other candidate, by its name, in that metric.
        megabytes: size of the served form, 10**6 bytes each.
        milliseconds: to predict a tweet.
        commit: of the code, in git.
        commands: those that make it again.
        runs: the run of each step, by the step's name.
        versions: of the packages that the served form needs.
    """

    name: str
    version: str
    created: str
    candidate: str
    family: str
    training: Mapping[str, Any]
    data: Mapping[str, Any]
    data_limits: Sequence[str]
    validation: Mapping[str, Interval]
    test: Mapping[str, Interval]
    gap: str
    answers: Mapping[str, int]
    cost: Cost
    threshold: float
    uncertain: tuple[float, float] | None
    uncertain_share: float
    auc_without_near_duplicates: float | None
    calibration_method: str
    calibration: pd.DataFrame
    slices: pd.DataFrame
    verdict: Verdict
    metric: str
    candidates: pd.DataFrame
    leads: Mapping[str, Interval]
    megabytes: float
    milliseconds: float
    commit: str
    commands: Sequence[str]
    runs: Mapping[str, str]
    versions: Mapping[str, str]


def count_answers(negative: Labels, predicted: NDArray[np.bool_]) -> dict[str, int]:
    """Return how many tweets were `found`, `missed`, `false_alarms` and `left_alone`; both arguments of shape (n,)."""
    return {
        "found": int(np.sum((negative == 1) & predicted)),
        "missed": int(np.sum((negative == 1) & ~predicted)),
        "false_alarms": int(np.sum((negative == 0) & predicted)),
        "left_alone": int(np.sum((negative == 0) & ~predicted)),
    }


def markdown(card: Card) -> str:
    """Return the card in Markdown; the plots that it shows, `PLOTS`, are files beside it."""
    splits = card.data["splits"]
    figures = [
        {
            "metric": metric,
            "head": head,
            "validation": written(metric, card.validation[metric]),
            "test": written(metric, card.test[metric]),
        }
        for metric, (head, _) in METRICS.items()
    ]
    return render(
        "model_card",
        card=card,
        answers=shares(card.answers),
        ranked_by={"metric": card.metric, "head": METRICS[card.metric][0]},
        test_figure=written(card.metric, card.test[card.metric]),
        confidence=100 * card.test[card.metric].confidence,
        figures=figures,
        few=FEW,
        slices=slices.written(card.slices),
        candidates=compared(card),
        verdict=verdict.markdown(card.verdict),
        calibration_error=written("calibration_error", card.test["calibration_error"]),
        calibration=card.calibration[["method", "log_loss", "calibration_error"]].map(
            lambda value: f"{value:.4f}" if isinstance(value, float) else value
        ),
        negative_share=100 * share_of_negative(splits.values()),
        splits=splits_table(splits),
        near_duplicates=card.data.get("near_duplicates"),
        unknown_groups=card.data.get("unknown_groups"),
        facts=pairs({key: value for key, value in card.data.items() if key != "splits"}, "fact"),
        training=pairs(card.training, "setting"),
        licence=LICENCE,
        runs=pairs(card.runs, "step", "run"),
        versions=pairs(card.versions, "package", "version"),
    )


def shares(answers: Mapping[str, int]) -> dict[str, float | int | None]:
    """Return the answers, their number, and in per cent how many negative tweets were found and how many calls right.

    The latter is None where no tweet was called negative.
    """
    called = answers["found"] + answers["false_alarms"]
    return {
        **answers,
        "tweets": sum(answers.values()),
        "recall": 100 * answers["found"] / (answers["found"] + answers["missed"]),
        "precision": 100 * answers["found"] / called if called else None,
    }


def compared(card: Card) -> pd.DataFrame:
    """Return the comparison, with the winner's lead over each other candidate."""
    table = comparison.written(card.candidates, COMPARED)
    table[f"lead in {METRICS[card.metric][0]}"] = [
        with_bounds(card.leads[name], "{:+.4f}") if name in card.leads else slices.NONE
        for name in card.candidates["name"]
    ]
    return table


def share_of_negative(splits: Collection[Mapping[str, int]]) -> float:
    """Return the share of negative tweets in all splits."""
    return sum(split["negative"] for split in splits) / sum(split["rows"] for split in splits)


def splits_table(splits: Mapping[str, Mapping[str, int]]) -> pd.DataFrame:
    """Return the rows and classes of each split."""
    rows = [
        (name, split["rows"], split["negative"], f"{100 * split['negative'] / split['rows']:.1f} %")
        for name, split in splits.items()
    ]
    return pd.DataFrame(rows, columns=["split", "tweets", "negative", "share"])


def pairs(settings: Mapping[str, Any], key: str, value: str = "value") -> str:
    """Return settings as a table of two columns; nested ones get dotted names."""
    flat = pd.json_normalize(dict(settings)).iloc[0].items()
    return grid(pd.DataFrame([(name, str(content)) for name, content in flat], columns=[key, value]))


def written(metric: str, figure: Interval) -> str:
    """Return a metric with its interval behind it, where it has one."""
    _, form = METRICS[metric]
    return form.format(figure.estimate) if math.isnan(figure.low) else with_bounds(figure, form)


def with_bounds(figure: Interval, form: str) -> str:
    """Return a figure with its interval behind it, in spaces at which no line is broken."""
    estimate, low, high = (form.format(value) for value in (figure.estimate, figure.low, figure.high))
    return f"{estimate} ({low} to {high})".replace(" ", "\u00a0")
