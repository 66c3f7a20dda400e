"""What the page draws of the answer of `GET /monitoring`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd

from ui.proportions import interval
from ui.stream import LENGTHS

# Periods of the report in seconds, as pandas offset aliases.
WIDTHS = {seconds: width for width, seconds in LENGTHS.items()}
# An upload that somebody analyzes on the page says nothing about the tweets that the model meets in production.
NOT_PRODUCTION = "batch"


class Share(NamedTuple):
    """A share and its 95% interval.

    Attributes:
        total: number of all.
        hits: how many have the property.
        low: lower end of the interval of the share.
        high: its upper end.
    """

    total: int
    hits: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.hits / self.total


def production(report: Mapping[str, Any]) -> Share | None:
    """Return the share of negative predictions outside uploads; None without predictions."""
    rows = [row for row in report["predictions"] if row["source"] != NOT_PRODUCTION]
    count, negative = sum(row["count"] for row in rows), sum(row["negative"] for row in rows)
    return Share(count, negative, *interval(negative, count)) if count else None


def production_by_period(report: Mapping[str, Any]) -> pd.DataFrame:
    """Return the counts of predictions outside uploads: columns `tweets` and `negative`, by start of the period."""
    return by_period((row for row in report["predictions"] if row["source"] != NOT_PRODUCTION), "negative")


def feedback_by_period(report: Mapping[str, Any]) -> pd.DataFrame:
    """Return the counts of feedback: columns `tweets` and `negative` (mispredictions), by start of the period."""
    return by_period(report["feedback"], "mistakes")


def by_period(rows: Iterable[Mapping[str, Any]], hits: str) -> pd.DataFrame:
    """Add up the rows of a period: columns `tweets` and `negative` (the field `hits`), by start in UTC."""
    frame = pd.DataFrame(
        [(moment(row["start"]).replace(tzinfo=None), row["count"], row[hits]) for row in rows],
        columns=["start", "tweets", "negative"],
    )
    return frame.groupby("start").sum()


def width(report: Mapping[str, Any]) -> str:
    """Return the period of the report's counts as a pandas offset alias."""
    return WIDTHS[report["period_seconds"]]


def first_use(report: Mapping[str, Any], version: str) -> datetime | None:
    """Return the time of the first prediction of a version in the report."""
    first = [row["first"] for row in report["versions"] if row["model_version"] == version]
    return moment(first[0]) if first else None


def source_rows(report: Mapping[str, Any]) -> Sequence[tuple[str, Share]]:
    """Return the share of negative predictions of each source, uploads last."""
    rows = sorted(report["sources"], key=lambda row: (row["source"] == NOT_PRODUCTION, row["source"]))
    return [(row["source"], Share(row["count"], row["negative"], row["low"], row["high"])) for row in rows]


def moment(text: str) -> datetime:
    """Return a time in ISO 8601."""
    return datetime.fromisoformat(text)
