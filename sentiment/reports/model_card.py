"""The model card: what a served model is for, how good it is, where it fails, and how it was made.

Source: Mitchell et al., Model cards for model reporting, FAT* 2019; headings as on the Hugging Face hub where they fit.
"""

import math
from collections.abc import Mapping, Sequence
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
from sentiment.reports.pages import cell, grid

LICENCE = "Apache-2.0"
# Files beside the card that it shows, each a PNG of that name.
PLOTS = ("calibration", "slices", "quality_against_time")
# Metric: how it is headed, how its values are written, and what it says.
METRICS = {
    "roc_auc": ("AUC", "{:.3f}", "how often a negative tweet ranks above a positive one"),
    "average_precision": ("average precision", "{:.3f}", "share of alarms that are right, over all thresholds"),
    "accuracy": ("accuracy", "{:.3f}", "share of tweets called rightly"),
    "accuracy_at_half": ("accuracy at 0.5", "{:.3f}", "the same at a threshold of 0.5"),
    "f1": ("F1", "{:.3f}", "balance of tweets found and false alarms"),
    "expected_cost": ("cost", "{:.0f}", "of wrong answers in 1,000 tweets; 0 is best"),
    "log_loss": ("log loss", "{:.3f}", "surprise at the truth; 0 is best"),
    "brier": ("Brier", "{:.3f}", "squared error of probabilities; 0 is best"),
    "calibration_error": ("calibration error", "{:.3f}", "how far probabilities are off; 0 is best"),
}
COMPARED = ("name", "roc_auc", "accuracy", "f1", "expected_cost", "predict_milliseconds", "megabytes")
SYNTHETIC = (
    "> **Synthetic data.** A program made the tweets that this model was trained and measured on; nobody wrote them. "
    "The figures below show that the chain works, and say nothing about real tweets."
)
USES = """\
Watch the tweets that name a company, and see early that many of them turn negative: the probability of each tweet feeds
a count, an alert or a list that people read. The tweets that the model marks as uncertain are for people to decide."""
OUT_OF_SCOPE = """\
- To judge a person, or to decide anything about one.
- To answer anybody without a human who reads the answer.
- To tell how customers feel in general: those who tweet are not all.
- To find emergencies or threats: nobody has taught the model what they are.
- Other languages, other kinds of text, other subjects: nobody has measured it there. Measure before use."""
LIMITS = (
    "The reading of text is made for English.",
    "There are two answers only: a neutral tweet is called negative or positive like any other.",
    "A tweet is read alone. Irony and sarcasm, a picture, or what it answers to are easily missed.",
    "People write about other things from month to month. Let people label some new tweets from time to time, compare, "
    "and train again.",
    "In the data, {share:.0f} % of the tweets are negative. Where that share is another one, so are accuracy, F1 and "
    "cost, and probabilities are off.",
    "The data name no groups of people: nobody has measured whether the model treats them, or their dialects, alike.",
    "Intervals say what the choice of tweets may have changed, and nothing about other times, subjects or sources.",
)


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
        calibration_method: `none`, or how probabilities were put right.
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
    blocks = [
        f"# {card.name}, version {card.version}: model card",
        *([SYNTHETIC] if card.data["synthetic"] else []),
        in_plain_words(card.answers),
        at_a_glance(card),
        "## Uses",
        USES,
        "Not for:",
        OUT_OF_SCOPE,
        "```python\nimport mlflow\n\n"
        f'model = mlflow.pyfunc.load_model("models:/{card.name}/{card.version}")\n'
        'model.predict(["@AirParadis two hours late, thanks for nothing"])\n```',
        "## How good it is",
        quality(card),
        "### On kinds of tweets",
        "A model that is good on the whole may be poor where it matters. Validation tweets; those of a kind with fewer "
        f"than {FEW} are marked: there the interval says more than the figure.",
        "![AUC on kinds of tweets](slices.png)",
        grid(slices.written(card.slices)),
        "### Against the other candidates",
        candidates(card),
        "![Quality against time to predict](quality_against_time.png)",
        "### The gate",
        "What a model must bring to become the champion:",
        verdict.markdown(card.verdict),
        "## How it decides",
        decision(card),
        calibration(card),
        "![Calibration](calibration.png)",
        "## Limits",
        limits(card),
        "## Data",
        data(card),
        "## How it was trained",
        f"Family: {cell(card.family)}. Candidate: {cell(card.candidate)}. Settings of the steps that made it:",
        pairs(card.training, "setting"),
        "## How to make it again",
        f"Code at git commit `{card.commit}`, licence {LICENCE}. Data: the digest above.",
        "\n".join(["```sh", *card.commands, "```"]),
        pairs(card.runs, "step", "run"),
        "Packages that the served form needs:",
        pairs(card.versions, "package", "version"),
    ]
    return "\n\n".join(blocks) + "\n"


def in_plain_words(answers: Mapping[str, int]) -> str:
    """Return for everybody what the model does, and how well: in tweets out of 100."""
    found, missed, alarms, left_alone = (answers[key] for key in ("found", "missed", "false_alarms", "left_alone"))
    promise = (
        "This model reads a tweet and says how probable it is that the tweet is **negative**: that somebody complains, "
        f"is angry or let down. On {found + missed + alarms + left_alone:,} tweets that it had never seen, it found "
        f"**{100 * found / (found + missed):.0f} of 100** negative tweets"
    )
    if found + alarms == 0:
        return f"{promise}: it called none negative."
    return f"{promise}, and of 100 tweets that it called negative **{100 * found / (found + alarms):.0f}** were."


def at_a_glance(card: Card) -> str:
    """Return the facts that are asked for first, as a table."""
    head, _, meaning = METRICS[card.metric]
    facts = {
        "model": f"{card.candidate} ({card.family}), of {card.created}",
        "data": f"{card.data['data']}, {card.data['splits']['train']['rows']:,} tweets to learn from",
        f"{head} on test": f"{written(card.metric, card.test[card.metric])}: {meaning}",
        "size and speed": f"{card.megabytes:.1f} MB, {card.milliseconds:.2g} ms a tweet",
        "gate": card.verdict.summary,
    }
    return pairs(facts, "at a glance", "")


def quality(card: Card) -> str:
    """Return the metrics on both splits, and the kinds of answers on test."""
    rows = [
        (head, written(metric, card.validation[metric]), written(metric, card.test[metric]), meaning)
        for metric, (head, _, meaning) in METRICS.items()
    ]
    known, confidence = card.answers, 100 * card.test[card.metric].confidence
    outcome = pd.DataFrame(
        [
            ("negative", f"{known['found']:,} found", f"{known['missed']:,} missed"),
            ("positive", f"{known['false_alarms']:,} false alarms", f"{known['left_alone']:,} left alone"),
        ],
        columns=["test tweets that are", "called negative", "called positive"],
    )
    return "\n\n".join(
        [
            "Choices were made on the validation split. The test split was looked at once, for this model: its AUC is "
            f"{cell(card.gap)}. In brackets the interval that holds the true figure {confidence:g} times in 100 "
            "(bootstrap over tweets). Accuracy, F1 and cost are taken at the threshold.",
            grid(pd.DataFrame(rows, columns=["metric", "validation", "test", "what it says"])),
            grid(outcome),
        ]
    )


def candidates(card: Card) -> str:
    """Return the comparison, with the winner's lead over each other candidate."""
    table = comparison.written(card.candidates, COMPARED)
    head = METRICS[card.metric][0]
    table[f"lead in {head}"] = [
        with_bounds(card.leads[name], "{:+.4f}") if name in card.leads else slices.NONE
        for name in card.candidates["name"]
    ]
    note = (
        f"On the same validation tweets, best {head} first. The lead is that of **{cell(card.candidate)}**, above 0 "
        "where it is better; where its interval holds 0, chance alone may explain it. Cost of 1,000 tweets; ms to "
        "predict a tweet."
    )
    return f"{note}\n\n{grid(table)}"


def decision(card: Card) -> str:
    """Return from which probability on a tweet counts as negative, and which tweets people should look at."""
    cost = card.cost
    threshold = (
        f"A tweet counts as negative from a probability of **{card.threshold:.2f}** on. A missed negative tweet is "
        f"taken to cost {cost.missed_negative:g}, a false alarm {cost.false_alarm:g}, a human's look {cost.review:g} "
        "(section `cost` of the configuration): this is the threshold that costs least on validation."
    )
    if card.uncertain is None:
        return f"{threshold} At these costs a look never pays, so no tweet is marked as uncertain."
    low, high = card.uncertain
    return (
        f"{threshold}\n\nFrom **{low:.2f} to {high:.2f}** a look costs less than a guess: these tweets are marked as "
        f"uncertain, {100 * card.uncertain_share:.0f} of 100 validation tweets, and people should read them."
    )


def calibration(card: Card) -> str:
    """Return whether probabilities were put right, and how right they are."""
    error = written("calibration_error", card.test["calibration_error"])
    how = {"none": "were left as the model gives them"}.get(
        card.calibration_method, f"were put right on validation ({card.calibration_method})"
    )
    losses = card.calibration[["method", "log_loss", "calibration_error"]].map(
        lambda value: f"{value:.4f}" if isinstance(value, float) else value
    )
    return (
        f"Of the tweets with a probability of 0.8, about 8 in 10 should be negative. Probabilities {how}; on test they "
        f"are off by {error} on average. What was compared, by cross-validation:\n\n{grid(losses)}"
    )


def limits(card: Card) -> str:
    """Return what a user must know, as a list: what holds for all such models, and what the data bring with them."""
    splits = card.data["splits"].values()
    share = 100 * sum(split["negative"] for split in splits) / sum(split["rows"] for split in splits)
    return "\n".join(f"- {limit}" for limit in [*card.data_limits, *(limit.format(share=share) for limit in LIMITS)])


def data(card: Card) -> str:
    """Return what the model has learned from and was measured on."""
    described = dict(card.data)
    rows = [
        (name, split["rows"], split["negative"], f"{100 * split['negative'] / split['rows']:.1f} %")
        for name, split in described.pop("splits").items()
    ]
    table = pd.DataFrame(rows, columns=["split", "tweets", "negative", "share"])
    return f"{grid(table)}\n\nHow they were made:\n\n{pairs(described, 'fact')}"


def pairs(settings: Mapping[str, Any], key: str, value: str = "value") -> str:
    """Return settings as a table of two columns; nested ones get dotted names."""
    flat = pd.json_normalize(dict(settings)).iloc[0].items()
    return grid(pd.DataFrame([(name, str(content)) for name, content in flat], columns=[key, value]))


def written(metric: str, figure: Interval) -> str:
    """Return a metric with its interval behind it, where it has one."""
    _, form, _ = METRICS[metric]
    return form.format(figure.estimate) if math.isnan(figure.low) else with_bounds(figure, form)


def with_bounds(figure: Interval, form: str) -> str:
    """Return a figure with its interval behind it, in spaces at which no line is broken."""
    estimate, low, high = (form.format(value) for value in (figure.estimate, figure.low, figure.high))
    return f"{estimate} ({low} to {high})".replace(" ", "\u00a0")
