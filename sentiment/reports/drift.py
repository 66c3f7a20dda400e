"""The report on a watched model: have its tweets changed, and is it worse? Markdown, HTML, evidently's report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from monitoring.drift import Limits
from monitoring.performance import Quality, Worse
from sentiment.evaluation.features import FEATURES
from sentiment.reports import evidently_report
from sentiment.reports.pages import page
from sentiment.reports.templates import render

PROBABILITY = "probability"
NAMES = {**FEATURES, PROBABILITY: "predicted probability of negative"}
# The features that are averages of a number; the others are shares of tweets or of words, shown in per cent.
NUMBERS = ("length", PROBABILITY)
METRIC_NAMES = {"roc_auc": "AUC", "accuracy": "accuracy"}


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What became of a model's tweets and quality.

    Attributes:
        title: what the model is called.
        uri: its URI.
        tweets: what the current tweets are called.
        created: the time, as displayed.
        total: the number of current tweets.
        compared: the number of those in the sample that was compared.
        seen: the number of those that the model has learned from.
        reference: the number of tweets in the reference.
        features: `monitoring.drift.compare`.
        unmeasured: the features that too few current tweets have.
        new_words: `word` and `tweets`: frequent words that the model did not know.
        limits: when a feature counts as drifted.
        by_labels: the quality by labels; empty without labels.
        estimated: the quality estimated without labels; empty if there are too few probabilities.
        doubt: why no estimate can be trusted; empty if one can.
        qualities: what the verdict is based on: by labels, otherwise the trusted estimates; empty if there is nothing.
        worse: whether the model is worse, by labels or by a trusted estimate.
        max_drop: the drop of a metric that matters.
        confidence: the confidence level of the intervals, 0 to 1.
    """

    title: str
    uri: str
    tweets: str
    created: str
    total: int
    compared: int
    seen: int
    reference: int
    features: pd.DataFrame
    unmeasured: Sequence[str]
    new_words: pd.DataFrame
    limits: Limits
    by_labels: Sequence[Quality]
    estimated: Sequence[Quality]
    doubt: str
    qualities: Sequence[Quality]
    worse: Worse
    max_drop: float
    confidence: float

    @property
    def changed(self) -> bool:
        """Whether the tweets have changed: at least one feature has drifted."""
        return bool(self.features["drifted"].any())


def write(watched: Watched, reference: pd.DataFrame, current: pd.DataFrame, folder: Path) -> None:
    """Write `report.md`, `report.html` and evidently's report (`evidently.html`) to a folder, which is created.

    Args:
        watched: the results.
        reference: the features of the reference, columns FEATURES, `probability` and `negative`.
        current: those of the current tweets.
        folder: the folder.
    """
    folder.mkdir()
    text = markdown(watched)
    (folder / "report.md").write_text(text, encoding="utf-8")
    (folder / "report.html").write_text(page(text, folder), encoding="utf-8")
    names = {name: NAMES[name] for name in watched.features["feature"]} | {"negative": "label"}
    evidently_report.write(
        reference, current, names=names, min_psi=watched.limits.min_psi, file=folder / "evidently.html"
    )


def markdown(watched: Watched) -> str:
    """Return the report in Markdown."""
    return render(
        "drift_report",
        watched=watched,
        input_sentence=input_sentence(watched),
        quality_sentence=quality_sentence(watched),
        features=features_table(watched.features),
        unmeasured=[NAMES[name] for name in watched.unmeasured],
        qualities=quality_table(watched),
        words=watched.new_words,
    )


def sentence(watched: Watched) -> str:
    """Return both verdicts in words."""
    return f"{input_sentence(watched)} {quality_sentence(watched)}"


def input_sentence(watched: Watched) -> str:
    """Return in words whether the tweets have changed."""
    drifted = watched.features[watched.features["drifted"]].sort_values("psi", ascending=False)
    if drifted.empty:
        return f"The tweets have not changed ({watched.tweets}, {watched.compared:,} compared)."
    changes = "; ".join(
        f"{NAMES[row['feature']]} {shown(row['feature'], row['reference_mean'])} to "
        f"{shown(row['feature'], row['current_mean'])}"
        for row in drifted.to_dict("records")
    )
    return f"The tweets have changed ({watched.tweets}, {watched.compared:,} compared): {changes}."


def quality_sentence(watched: Watched) -> str:
    """Return in words whether the model is worse."""
    how = "By the labels" if watched.by_labels else "As far as can be estimated without labels"
    figures = "; ".join(
        f"{METRIC_NAMES[each.metric]} {each.value:.3f} ({each.low:.3f} to {each.high:.3f}), was {each.reference:.3f}"
        for each in watched.qualities
    )
    if watched.worse == "yes":
        return f"{how}, {watched.title} is worse: {figures}."
    if watched.worse == "no":
        return f"{how}, {watched.title} is not worse: {figures}."
    if watched.qualities:
        return f"These tweets are too few to tell whether {watched.title} is worse: {figures}."
    return f"Whether {watched.title} is worse cannot be told: {watched.doubt}."


def shown(feature: str, mean: float) -> str:
    """Format the mean of a feature."""
    if feature not in NUMBERS:
        return f"{100 * mean:.1f} %"
    return f"{mean:.2f}" if feature == PROBABILITY else f"{mean:.0f}"


def features_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison of features with formatted values, the largest change first."""
    rows = table.sort_values("psi", ascending=False).to_dict("records")
    return pd.DataFrame(
        {
            "feature": [NAMES[row["feature"]] for row in rows],
            "tweets": [f"{row['tweets']:,}" for row in rows],
            "reference": [shown(row["feature"], row["reference_mean"]) for row in rows],
            "current": [shown(row["feature"], row["current_mean"]) for row in rows],
            "PSI": [f"{row['psi']:.3f}" for row in rows],
            "by chance": [f"{row['noise']:.3f}" for row in rows],
            "p": [f"{row['p_adjusted']:.4f}" for row in rows],
            "verdict": ["changed" if row["drifted"] else "" for row in rows],
        }
    )


def quality_table(watched: Watched) -> pd.DataFrame:
    """Return the quality, measured and estimated, with formatted values."""
    rows = [("measured by labels", each) for each in watched.by_labels]
    rows += [("estimated without labels", each) for each in watched.estimated]
    return pd.DataFrame(
        {
            "metric": [METRIC_NAMES[each.metric] for _, each in rows],
            "how": [how for how, _ in rows],
            "now": [f"{each.value:.3f} ({each.low:.3f} to {each.high:.3f})" for _, each in rows],
            "reference": [f"{each.reference:.3f}" for _, each in rows],
            "difference": [
                f"{each.difference:+.3f} ({each.difference_low:+.3f} to {each.difference_high:+.3f})"
                for _, each in rows
            ],
            "labels would show": [f"± {each.margin:.3f}" if each.margin else "" for _, each in rows],
            "deviation on the reference": [f"{each.deviation:+.3f}" for _, each in rows],
        }
    )


def terminal(watched: Watched) -> tuple[Table, list[str]]:
    """Return the comparison of features as a table for a terminal, and the verdicts as lines in rich's markup."""
    title = f"{watched.title}, {watched.tweets}: {watched.compared:,} tweets"
    shown_table = features_table(watched.features)[["feature", "reference", "current", "PSI", "verdict"]]
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in shown_table:
        table.add_column(str(heading), no_wrap=True)
    for row in shown_table.itertuples(index=False):
        table.add_row(*row)
    return table, [
        f"[bold]Have the tweets changed?[/bold] {escape(input_sentence(watched))}",
        f"[bold]Is the model worse?[/bold] {escape(quality_sentence(watched))}",
    ]
