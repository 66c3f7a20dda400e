"""The model card: the uses of a served model, its quality, its limits, and how it was made.

Source: Mitchell et al., Model cards for model reporting, FAT* 2019; headings as on the Hugging Face hub if they fit.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment.evaluation.bootstrap import Interval
from sentiment.evaluation.faithfulness import Faithfulness
from sentiment.evaluation.metrics import Cost
from sentiment.evaluation.slices import FEW
from sentiment.evaluation.verdict import Verdict
from sentiment.inference.arrays import Labels
from sentiment.inference.probabilities import Reliability
from sentiment.reports import comparison, slices, verdict
from sentiment.reports.pages import grid
from sentiment.reports.templates import render

LICENCE = "Apache-2.0"
# The plots in the card, each the name of a PNG file in the same folder.
PLOTS = ("calibration", "slices", "quality_against_time")
# For each metric: its heading, and the format of its values. The template explains what it means.
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
COMPARED_COLUMNS = ("name", "roc_auc", "accuracy", "f1", "expected_cost", "predict_milliseconds", "megabytes")


@dataclass(frozen=True, kw_only=True)
class Card:
    """The content of the card of one version of a registered model.

    Attributes:
        name: the name of the registered model.
        version: its version.
        created: the date, as displayed.
        candidate: the name of the winner in the comparison.
        family: its family of models.
        languages: the codes of the languages that it reads (ISO 639-1).
        training: the settings of the steps that made it, nested or not.
        data: the split step's description of the data: `data` (name), `digest`, `splits` (rows and
            negative rows of each) and more.
        data_limits: the limitations of the data, one sentence each.
        validation: metrics on the validation split.
        test: metrics on the test split, which was used once, for this model.
        gap: the difference between the two, in words.
        answers: the result of `count_answers` on the test split.
        cost: the costs of wrong answers.
        threshold: the lowest probability that counts as negative.
        uncertain: the lowest and the highest uncertain probability; None if no answer is uncertain.
        uncertain_share: the share of uncertain validation tweets, 0 to 1.
        reliability: the bounds of reliable answers.
        reliable: how the promise about them is kept on the test split, `sentiment.evaluation.abstention.table`.
        auc_without_near_duplicates: the validation AUC without near-duplicates of training tweets; None if unknown.
        calibration_method: `none`, or the method of calibration.
        calibration: the comparison of methods, `sentiment.evaluation.calibration.CalibrationChoice.table`.
        slices: the slices of the validation split, `sentiment.evaluation.slices.table`.
        faithfulness: how far explanations of single answers may be trusted, measured on validation tweets; None if the
            model explains as another version of the project does.
        verdict: the verdict of the gate.
        metric: the metric that candidates are ranked by.
        targets: the model's metrics on each target, without intervals.
        ranked_on: the tweets that the candidates are ranked on, in words.
        candidates: the comparison, best first, with the columns of `sentiment.reports.comparison.COLUMNS`.
        leads: the winner's lead over each other candidate in that metric, by the candidate's name.
        megabytes: the size of the served form, in units of 10**6 bytes.
        milliseconds: the time to predict a tweet.
        commit: the git commit of the code.
        commands: the commands that reproduce it.
        runs: the run of each step, by the step's name.
        versions: the versions of the packages that the served form needs.
    """

    name: str
    version: str
    created: str
    candidate: str
    family: str
    languages: Sequence[str]
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
    reliability: Reliability
    reliable: pd.DataFrame
    auc_without_near_duplicates: float | None
    calibration_method: str
    calibration: pd.DataFrame
    slices: pd.DataFrame
    faithfulness: Faithfulness | None
    verdict: Verdict
    metric: str
    targets: Mapping[str, Mapping[str, float]]
    ranked_on: str
    candidates: pd.DataFrame
    leads: Mapping[str, Interval]
    megabytes: float
    milliseconds: float
    commit: str
    commands: Sequence[str]
    runs: Mapping[str, str]
    versions: Mapping[str, str]


def count_answers(negative: Labels, predicted: NDArray[np.bool_]) -> dict[str, int]:
    """Return the number of `found`, `missed`, `false_alarms` and `left_alone` tweets; arguments have shape (n,)."""
    return {
        "found": int(np.sum((negative == 1) & predicted)),
        "missed": int(np.sum((negative == 1) & ~predicted)),
        "false_alarms": int(np.sum((negative == 0) & predicted)),
        "left_alone": int(np.sum((negative == 0) & ~predicted)),
    }


def markdown(card: Card) -> str:
    """Return the card in Markdown; its `PLOTS` are files in the same folder."""
    splits = card.data["splits"]
    metrics = [
        {
            "metric": metric,
            "heading": heading,
            "validation": formatted(metric, card.validation[metric]),
            "test": formatted(metric, card.test[metric]),
        }
        for metric, (heading, _) in METRICS.items()
    ]
    return render(
        "model_card",
        card=card,
        answers=shares(card.answers),
        ranked_by={"metric": card.metric, "heading": METRICS[card.metric][0]},
        test_value=formatted(card.metric, card.test[card.metric]),
        confidence=100 * card.test[card.metric].confidence,
        metrics=metrics,
        targets=targets_table(card),
        few=FEW,
        slices=slices.formatted(card.slices),
        candidates=comparison_table(card),
        faithfulness=card.faithfulness,
        verdict=verdict.markdown(card.verdict),
        calibration_error=formatted("calibration_error", card.test["calibration_error"]),
        calibration=card.calibration[["method", "log_loss", "calibration_error"]].map(
            lambda value: f"{value:.4f}" if isinstance(value, float) else value
        ),
        negative_share=100 * share_of_negative(splits.values()),
        reliable=reliable_table(card.reliability, card.reliable),
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
    """Return the counts, their sum, and in per cent the recall and the precision of the predicted negatives.

    The precision is None if no tweet is predicted negative.
    """
    called = answers["found"] + answers["false_alarms"]
    return {
        **answers,
        "tweets": sum(answers.values()),
        "recall": 100 * answers["found"] / (answers["found"] + answers["missed"]),
        "precision": 100 * answers["found"] / called if called else None,
    }


def targets_table(card: Card) -> pd.DataFrame:
    """Return the metrics on each target, a column each; empty without targets."""
    if not card.targets:
        return pd.DataFrame()
    return pd.DataFrame(
        [
            {"metric": heading, **{name: form.format(scores[metric]) for name, scores in card.targets.items()}}
            for metric, (heading, form) in METRICS.items()
        ]
    )


def comparison_table(card: Card) -> pd.DataFrame:
    """Return the comparison with the winner's lead over each other candidate."""
    columns = comparison.with_targets(card.candidates, COMPARED_COLUMNS, ["roc_auc"])
    table = comparison.formatted(card.candidates, columns)
    table[f"lead in {METRICS[card.metric][0]}"] = [
        with_bounds(card.leads[name], "{:+.4f}") if name in card.leads else slices.NONE
        for name in card.candidates["name"]
    ]
    return table


def reliable_table(reliability: Reliability, counts: pd.DataFrame) -> pd.DataFrame:
    """Return the probabilities of reliable answers, how many there are, and how many of them are wrong."""
    bounds = {
        "negative": "never" if reliability.negative_from is None else f"from {reliability.negative_from:.3f}",
        "positive": "never" if reliability.positive_to is None else f"to {reliability.positive_to:.3f}",
    }
    return pd.DataFrame(
        {
            "answer": counts["answer"],
            "probability": counts["answer"].map(bounds),
            "reliable": [f"{row.reliable:,} of {row.tweets:,}" for row in counts.itertuples()],
            "wrong": counts["wrong"].astype(str),
            "error": counts["error"].map(lambda error: slices.NONE if math.isnan(error) else f"{100 * error:.1f} %"),
        }
    )


def share_of_negative(splits: Collection[Mapping[str, int]]) -> float:
    """Return the share of negative tweets over all splits."""
    return sum(split["negative"] for split in splits) / sum(split["rows"] for split in splits)


def splits_table(splits: Mapping[str, Mapping[str, int]]) -> pd.DataFrame:
    """Return the number of rows of each split, and of negative ones."""
    rows = [
        (name, split["rows"], split["negative"], f"{100 * split['negative'] / split['rows']:.1f} %")
        for name, split in splits.items()
    ]
    return pd.DataFrame(rows, columns=["split", "tweets", "negative", "share"])


def pairs(settings: Mapping[str, Any], key: str, value: str = "value") -> str:
    """Return settings as a two-column table; nested ones get dotted names."""
    flat = pd.json_normalize(dict(settings)).iloc[0].items()
    return grid(pd.DataFrame([(name, str(content)) for name, content in flat], columns=[key, value]))


def formatted(metric: str, interval: Interval) -> str:
    """Return a metric followed by its interval, if it has one."""
    _, form = METRICS[metric]
    return form.format(interval.estimate) if math.isnan(interval.low) else with_bounds(interval, form)


def with_bounds(interval: Interval, form: str) -> str:
    """Return a metric followed by its interval, with no-break spaces."""
    estimate, low, high = (form.format(value) for value in (interval.estimate, interval.low, interval.high))
    return f"{estimate} ({low} to {high})".replace(" ", "\u00a0")
