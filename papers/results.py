"""The results of finished runs (docs/results.json), by name. A missing one is an error that says how to get it."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import NormalDist
from typing import Any

from papers.errors import PaperError

# The stages of a plan that compare models of an approach, all trained on the same tweets.
APPROACHES = {
    "simple": ("baselines", "simple"),
    "advanced": ("preprocessing", "embedding", "network", "advanced"),
    "bert": ("bert",),
}


@dataclass(frozen=True)
class Figures(Mapping[str, Any]):
    """Figures by name.

    Attributes:
        figures: the values.
        described: what they describe.
        command: the command that produces them.
    """

    figures: Mapping[str, Any]
    described: str
    command: str

    def __getitem__(self, name: str) -> Any:
        """Return a figure.

        Raises:
            PaperError: it is missing.
        """
        if name not in self.figures:
            raise PaperError(f"{self.described}: {name} is missing. To produce it: {self.command}")
        return self.figures[name]

    def __contains__(self, name: object) -> bool:
        """Return whether the figure exists."""
        return name in self.figures

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.figures)

    def __len__(self) -> int:
        """Return the number of figures."""
        return len(self.figures)


@dataclass(frozen=True)
class Result:
    """A finished run of `main`.

    Attributes:
        record: its entry in docs/results.json.
        command: how to produce it and add it to the results.
    """

    record: Mapping[str, Any]
    command: str

    @property
    def title(self) -> str:
        """The title of the run."""
        return str(self.record["title"])

    @property
    def anchor(self) -> str:
        """The anchor of its section in docs/results.md, as GitHub makes them."""
        return "".join(sign for sign in self.title.lower() if sign.isalnum() or sign in " -_").replace(" ", "-")

    @property
    def run(self) -> str | None:
        """The id of the run; results that were written before ids were kept have none."""
        run: str | None = self.record.get("run")
        return run

    @property
    def data(self) -> Mapping[str, Any]:
        """The description of its data."""
        return Figures(self.record["data"], f"The data of {self.title!r}", self.command)

    @property
    def own_rows(self) -> int:
        """The number of training tweets of the main data, without those of other tables."""
        others = (int(table["rows_added"]) for table in (self.record["data"].get("extra_training") or {}).values())
        return int(self.data["splits"]["train"]["rows"]) - sum(others)

    @property
    def settings(self) -> Mapping[str, float]:
        """Its settings of the selection, as far as they are numbers; the cost of a missed tweet, for example."""
        numbers = {name: float(text) for name, text in self.record["settings"].items() if text[:1].isdigit()}
        return Figures(numbers, f"The settings of {self.title!r}", self.command)

    @property
    def metrics(self) -> Mapping[str, float]:
        """The metrics of the selection: test split, leads, faithfulness."""
        return Figures(self.record["metrics"], f"The metrics of {self.title!r}", self.command)

    @property
    def minutes(self) -> float:
        """The duration of all steps."""
        return float(self.record["seconds"]) / 60

    @property
    def curves(self) -> Mapping[str, list[float]]:
        """The ROC curves, by candidate: recall at equidistant false alarm rates; empty in results without them."""
        curves: Mapping[str, list[float]] = self.record.get("curves", {})
        return curves

    @cached_property
    def stages(self) -> Mapping[str, list[Mapping[str, Any]]]:
        """The candidates of each stage, best first, by the name of the stage."""
        return {
            name.partition(" ")[2]: [
                Figures(row, f"Candidate {row['name']!r} of {self.title!r}", self.command) for row in rows
            ]
            for name, rows in self.record["stages"].items()
        }

    @property
    def selected(self) -> Mapping[str, Any]:
        """The winner."""
        return next(row for rows in self.stages.values() for row in rows if row["name"] == self.record["selected"])

    def best(self, approach: str) -> Mapping[str, Any]:
        """Return the candidate of an approach (a key of APPROACHES) with the highest AUC.

        Raises:
            PaperError: the run has no such stage.
        """
        rows = [row for stage in APPROACHES[approach] for row in self.stages.get(stage, ())]
        if not rows:
            raise PaperError(f"{self.title!r} has no candidate of approach {approach}. To produce one: {self.command}")
        return max(rows, key=lambda row: float(row["roc_auc"]))

    def called(self, stage: str, words: str) -> Mapping[str, Any]:
        """Return the candidate of a stage with this name, or else the best one whose name contains these words.

        Commas in names are ignored.

        Raises:
            PaperError: there is none.
        """
        rows = {row["name"].replace(",", ""): row for row in reversed(self.stages.get(stage, ()))}
        containing = (row for name, row in reversed(rows.items()) if f" {words} " in f" {name} ")
        found: Mapping[str, Any] | None = rows.get(words) or next(containing, None)
        if found is None:
            raise PaperError(f"{self.title!r} has no candidate {words!r} in stage {stage!r}. To add it: {self.command}")
        return found

    def has(self, stage: str, words: str = "") -> bool:
        """Return whether a stage exists, with a candidate whose name contains these words."""
        return any(f" {words} " in f" {row['name'].replace(',', '')} " for row in self.stages.get(stage, ())) or (
            not words and stage in self.stages
        )

    def interval(self, area: float, split: str = "validation") -> tuple[float, float]:
        """Return the confidence interval of an AUC on a split, at the level of the selection."""
        counts = self.data["splits"][split]
        error = standard_error(area, counts["negative"], counts["rows"] - counts["negative"])
        width = NormalDist().inv_cdf(0.5 + self.settings["select.confidence"] / 2) * error
        return area - width, min(1.0, area + width)

    def overlap(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
        """Return whether the intervals of the AUC of two candidates on validation overlap."""
        (low, high), (other_low, other_high) = (self.interval(float(row["roc_auc"])) for row in (first, second))
        return low <= other_high and other_low <= high


def standard_error(area: float, negative: int, other: int) -> float:
    """Return the standard error of an AUC measured on this many negative and other tweets.

    Source: Hanley and McNeil, The meaning and use of the area under a receiver operating characteristic curve, 1982.
    """
    both_negative, both_other = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (negative - 1) * (both_negative - area**2) + (other - 1) * (both_other - area**2)
    return math.sqrt(variance / (negative * other))


def read(file: Path, runs: Mapping[str, Mapping[str, str]]) -> dict[str, Result]:
    """Return the results that papers use, by the names they give them (`runs` of constants.yaml).

    Raises:
        PaperError: one is missing from the file.
    """
    records = {record["title"]: record for record in json.loads(file.read_text(encoding="utf-8"))}
    results = {}
    for name, run in runs.items():
        title, document = run["title"], f'python -m steps document "{run["title"]}=RUN_ID"'
        command = f"{run['command']}, then {document}"
        if title not in records:
            raise PaperError(f"{file.name} has no results of {title!r} (called {name}). To produce them: {command}")
        results[name] = Result(records[title], command)
    return results
